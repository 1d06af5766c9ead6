"""How many executions a timing campaign will be, and about how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ctc import plugins
from ctc.complexity.machine import machine
from ctc.protocols import Staying
from ctc.records import Coded, Cost, Picture
from ctc.records.timing import DECODER, ENCODER, LOADING
from ctc.store import Store
from ctc.timing.gpu import gpu_sides, tries_at_most
from ctc.timing.kept import Kept, first_unfinished, latest_whole
from ctc.timing.measure import conditions_of
from ctc.timing.schedule import Cell, Job, cells, loading, ordered
from ctc.timing.wanted import TimingWanted, chosen_processors

STARTING_S = 0.3
"""Of an execution beside coding: a process, files, colour conversion."""
DECODING_SHARE = 0.3
"""Of the encoder's typical time, where nothing is known of the decoder's."""
LOADING_S = 8.0


@dataclass(frozen=True)
class Expected:
    """A point that will be timed, or, before it is made, perhaps."""

    codec: str
    picture: Picture
    target_bpp: float
    coded: Coded | None


def estimate(points: Sequence[Expected], wanted: TimingWanted, store: Store) -> str:
    """One line: what is left of a campaign that was stopped, or that the last one does, where that was asked for.

    Points that are not made yet count as if they will be reached."""
    points = [point for point in points if wanted.takes(point.picture, point.target_bpp)]
    codecs = dict.fromkeys(point.codec for point in points)
    staying = {codec.loads for codec in map(plugins.codecs().__getitem__, codecs) if isinstance(codec, Staying)}
    number, times = 2 * (len(points) + len(codecs)) + len(staying), wanted.samples + 1
    seconds = times * (sum(map(_expected_s, points)) + 2 * STARTING_S * len(codecs) + LOADING_S * len(staying))
    executions, of_campaign = times * number, ""
    made = [point.coded for point in points if point.coded is not None]
    if len(made) == len(points):
        todo = _todo(made, wanted)
        conditions = conditions_of(wanted, todo)
        known = latest_whole(store, conditions) if wanted.reuse else None
        if known is not None:
            return f"timing: nothing to do: campaign {known.round}, begun {known.started}, is whole and will be shown again"
        kept, _ = first_unfinished(store, conditions)
        if kept is not None:
            done = [(cell, _done(kept, cell, wanted.samples)) for cell in todo]
            of_campaign = f" left of the {executions} of campaign {kept.round}, begun {kept.started}"
            executions -= sum(times for _, times in done)
            seconds -= sum(times * _cell_s(cell) for cell, times in done)
    tries, tries_s = _memory_search(points)
    pictures = len({point.picture.name for point in points})
    cpus = ", ".join(map(str, chosen_processors(wanted.threads)))
    return (
        f"timing: {executions} executions{of_campaign}, one at a time on processor {cpus}: {wanted.samples} and one to warm up "
        f"of encoder and decoder at {len(points)} points of {pictures} picture{'' if pictures == 1 else 's'}, "
        f"of the smallest picture with {len(codecs)} codecs, "
        f"of loading {len(staying)} models{_searching(tries)}; about {(seconds + tries_s) / 60:.1f} minutes"
    )


def _memory_search(points: Sequence[Expected]) -> tuple[int, float]:
    """Tries with less and less memory of a GPU, at most, and their seconds. What a stopped campaign has tried is not kept."""
    largest = {point.codec: point for point in sorted(points, key=lambda point: (point.picture.pixels, point.target_bpp))}
    tries, seconds = 0, 0.0
    for point in largest.values():
        codec = plugins.codec_on(point.codec, point.picture)
        for side in gpu_sides(codec):
            # Each in a process of its own, also of a codec whose process stays elsewhere.
            number, starting_s = tries_at_most(codec), LOADING_S if isinstance(codec, Staying) else 0.0
            tries, seconds = tries + number, seconds + number * (_side_s(point, side) + starting_s)
    return tries, seconds


def _searching(tries: int) -> str:
    return f", and up to {tries} tries for the least memory of the GPU" if tries else ""


def _todo(made: Sequence[Coded], wanted: TimingWanted) -> list[Cell]:
    points = ordered(made)
    return [*cells(points), *loading(points, wanted.threads)]


def _done(kept: Kept, cell: Cell, samples: int) -> int:
    """Executions of the cell that need not be made again: its samples, and the warm-up where all are there, which loading has always."""
    taken = sum(kept.sample(Job(cell, index)) is not None for index in range(samples))
    return taken + (taken == samples and cell.side != LOADING)


def _cell_s(cell: Cell) -> float:
    coded = cell.coded
    if cell.side == LOADING:
        return LOADING_S
    return STARTING_S if cell.smallest else _side_s(Expected(coded.job.codec, coded.job.picture, coded.job.target_bpp, coded), cell.side)


def _expected_s(point: Expected) -> float:
    """Of encoder and decoder."""
    return _side_s(point, ENCODER) + _side_s(point, DECODER)


def _side_s(point: Expected, side: str) -> float:
    typical_s = plugins.codec_on(point.codec, point.picture).seconds_per_megapixel * point.picture.pixels / 1e6
    if side == ENCODER:
        return STARTING_S + _known_s(point.coded.encode if point.coded is not None else None, typical_s)
    return STARTING_S + _known_s(point.coded.decode if point.coded is not None else None, DECODING_SHARE * typical_s)


def _known_s(cost: Cost | None, otherwise_s: float) -> float:
    return cost.wall_s if cost is not None and cost.machine == machine().identity else otherwise_s
