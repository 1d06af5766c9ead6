"""How many executions a timing campaign will be, and about how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ctc import plugins
from ctc.complexity.machine import machine
from ctc.protocols import Staying
from ctc.records import Coded, Cost, Picture
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


def estimate(points: Sequence[Expected], wanted: TimingWanted) -> str:
    """One line. Points that are not made yet count as if they will be reached."""
    points = [point for point in points if point.target_bpp in wanted.target_bpps]
    codecs = dict.fromkeys(point.codec for point in points)
    staying = {codec.loads for codec in map(plugins.codecs().__getitem__, codecs) if isinstance(codec, Staying)}
    cells, times = 2 * (len(points) + len(codecs)) + len(staying), wanted.samples + 1
    seconds = sum(map(_expected_s, points)) + 2 * STARTING_S * len(codecs) + LOADING_S * len(staying)
    cpus = ", ".join(map(str, chosen_processors(wanted.threads)))
    return (
        f"timing: {times * cells} executions, one at a time on processor {cpus}: {wanted.samples} and one to warm up "
        f"of encoder and decoder at {len(points)} points, of the smallest picture with {len(codecs)} codecs, "
        f"of loading {len(staying)} models; about {times * seconds / 60:.1f} minutes"
    )


def _expected_s(point: Expected) -> float:
    """Of encoder and decoder."""
    typical_s = plugins.codec_on(point.codec, point.picture).seconds_per_megapixel * point.picture.pixels / 1e6
    encode_s = _known_s(point.coded.encode if point.coded is not None else None, typical_s)
    return 2 * STARTING_S + encode_s + _known_s(point.coded.decode if point.coded is not None else None, DECODING_SHARE * typical_s)


def _known_s(cost: Cost | None, otherwise_s: float) -> float:
    return cost.wall_s if cost is not None and cost.machine == machine().identity else otherwise_s
