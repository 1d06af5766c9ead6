"""What the samples of a campaign say: of every point, and of every codec against the anchor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median

import numpy as np
from numpy.typing import NDArray

from ctc.bdrate.bootstrap import percentile_interval
from ctc.records import CTC_ANCHOR, STAND_IN_ANCHOR, Campaign, Timing, TimingSample, digest
from ctc.records.timing import DECODER, ENCODER, SMALLEST
from ctc.timing.load import is_busy
from ctc.timing.schedule import Place
from ctc.timing.statistics import Spread, outliers, spread

RESAMPLES = 2000
NO_CAMPAIGN = "no timing campaign was made (--timing)"


@dataclass(frozen=True)
class CellTime:
    """What is known of one codec, picture, target rate and side."""

    place: Place
    time: Spread
    """Wall seconds in the sense of the common test conditions, see `TimingSample.time_s`."""
    stages: tuple[tuple[str, float], ...]
    """(stage, median wall seconds), in their order."""
    device: str
    peak_bytes: int
    """The largest."""
    busy: int
    """Samples that were taken while the machine did other work."""
    outliers: int
    other_output: int
    """Samples with another bitstream or reconstruction than the point has."""


@dataclass(frozen=True)
class Ratio:
    """Decoding time over that of another codec: the sum of the medians of all points that both have, over the same of the other."""

    value: float | None
    low: float | None
    """This and `high`: 95 % bootstrap over the samples of each point. It says how well the ratio of these points is known."""
    high: float | None
    points: int
    busy: int
    """Points of which a sample, of either, was taken while the machine did other work."""
    reason: str = ""
    """Why there is no value, or how many points are not in it."""
    to: str = ""
    """The codec to whose decoder the ratio is, see `reference_decoder`."""


@dataclass(frozen=True)
class Seconds:
    """Mean over points of the median wall seconds of each."""

    value: float | None
    low: float | None
    """As of a `Ratio`."""
    high: float | None
    points: int
    busy: int
    reason: str = ""


def cell_times(timing: Timing) -> list[CellTime]:
    """In order of codec, picture, rate, side as they first appear in a list of points: by name."""
    return [_cell_time(place, samples) for place, samples in sorted(_by_place(timing).items(), key=lambda item: _sortable(item[0]))]


def reference_decoder(campaign: Campaign) -> str | None:
    """To whose decoder the ratios are: the anchor's; where that was not made here, whichever was timed of the encoders that stand for it.
    None where none was."""
    anchor, timing = campaign.anchor, campaign.timing
    if any(point.coded.setting is not None for point in campaign.scored if point.coded.job.codec == anchor):
        return anchor
    timed = {sample.codec for sample in timing.samples if sample.target_bpp is not None} if timing is not None else set()
    return next((name for name in (anchor, CTC_ANCHOR, STAND_IN_ANCHOR) if name in timed), None)


def decode_ratio(campaign: Campaign, codec: str, *, less_start: bool = False) -> Ratio:
    """Of the campaign's timing, over the points that the codec and `reference_decoder` share. With `less_start` the time of the smallest
    picture is taken off each time of a codec that is timed as a whole process."""
    timing, reference = campaign.timing, reference_decoder(campaign)
    if timing is None:
        return Ratio(None, None, None, 0, 0, NO_CAMPAIGN)
    if reference is None:
        others = f"neither {CTC_ANCHOR} nor {STAND_IN_ANCHOR} was timed"
        return Ratio(None, None, None, 0, 0, f"anchor {campaign.anchor} was not made here, and {others}: name one with --codecs")
    pair = (codec, reference)
    own, others_own = (_of_side(timing, name, DECODER) for name in pair)
    shared = [place for place in own if place in others_own]
    busy = sum(any(is_busy(sample) for sample in (*own[place], *others_own[place])) for place in shared)
    broken = _left_out(timing, pair, DECODER)
    if not shared:
        missing = [name for name, found in zip(pair, (own, others_own), strict=True) if not found]
        apart = "codec and anchor" if reference == campaign.anchor else f"codec and {reference}"
        why = f"{' and '.join(dict.fromkeys(missing))} was not timed" if missing else f"{apart} share no timed point"
        return Ratio(None, None, None, 0, 0, _joined(why, broken), reference)
    unknown = [name for name in dict.fromkeys(pair) if is_whole_process(timing, name) and start_s(timing, name, DECODER) is None]
    if less_start and unknown:
        why = f"the start of {' and '.join(unknown)} is not known, its smallest picture was not timed"
        return Ratio(None, None, None, len(shared), busy, _joined(why, broken), reference)
    sums = [
        _summed(timing, name, [found[place] for place in shared], less_start=less_start)
        for name, found in zip(pair, (own, others_own), strict=True)
    ]
    if any(total.value <= 0 for total in sums):
        why = "without its start there is no time left to speak of"
        return Ratio(None, None, None, len(shared), busy, _joined(why, broken), reference)
    (total, draws), (other, other_draws) = ((each.value, each.draws) for each in sums)
    # A codec against itself is the same samples twice.
    ratios = draws / other_draws if codec != reference else np.ones(1)
    low, high = percentile_interval(ratios) or (None, None)
    return Ratio(total / other, low, high, len(shared), busy, broken, reference)


def encode_s(campaign: Campaign, codec: str) -> Seconds:
    """Of the campaign's timing, over the codec's points."""
    return _seconds(campaign.timing, codec, ENCODER)


def decode_s(campaign: Campaign, codec: str) -> Seconds:
    """Likewise."""
    return _seconds(campaign.timing, codec, DECODER)


def start_s(timing: Timing, codec: str, side: str) -> Spread | None:
    """Of the smallest picture: what starting takes, where a process is timed as a whole. None where it is not `is_whole`."""
    samples = _starts(timing, codec, side)
    return spread([sample.time_s for sample in samples]) if samples else None


def points_timed(timing: Timing, codec: str) -> int:
    """Points of the codec of which a side was timed."""
    return len({place for side in (ENCODER, DECODER) for place in _of_side(timing, codec, side)})


def busy_points(campaign: Campaign, codec: str) -> int:
    """Points of the codec of which a sample was taken while the machine did other work."""
    timing = campaign.timing
    if timing is None:
        return 0
    sides = [_of_side(timing, codec, side) for side in (ENCODER, DECODER)]
    return len({place for found in sides for place, samples in found.items() if any(map(is_busy, samples))})


def is_whole_process(timing: Timing, codec: str) -> bool:
    """Whether the codec could only be timed from the start of its process to its end."""
    return any(sample.whole_process for sample in timing.samples if sample.codec == codec)


@dataclass(frozen=True)
class _Total:
    """A sum of medians, and the same of each bootstrap draw."""

    value: float
    draws: NDArray[np.float64]


def _seconds(timing: Timing | None, codec: str, side: str) -> Seconds:
    if timing is None:
        return Seconds(None, None, None, 0, 0, NO_CAMPAIGN)
    found, broken = _of_side(timing, codec, side), _left_out(timing, (codec,), side)
    if not found:
        return Seconds(None, None, None, 0, 0, _joined(f"{codec} was not timed", broken))
    total, points = _summed(timing, codec, list(found.values()), less_start=False), len(found)
    low, high = percentile_interval(total.draws / points) or (None, None)
    return Seconds(total.value / points, low, high, points, sum(any(map(is_busy, samples)) for samples in found.values()), broken)


def _summed(timing: Timing, codec: str, points: Sequence[Sequence[TimingSample]], *, less_start: bool) -> _Total:
    """The draws of a codec are the same in all that is asked of it."""
    generator = np.random.default_rng(int(digest([timing.seed, codec])[:8], 16))
    value, draws = _added(generator, points)
    starts = _starts(timing, codec, DECODER)
    if less_start and is_whole_process(timing, codec) and starts:
        start, start_draws = _added(generator, [starts])
        value, draws = value - len(points) * start, draws - len(points) * start_draws
    return _Total(value, draws)


def _added(generator: np.random.Generator, points: Iterable[Sequence[TimingSample]]) -> tuple[float, NDArray[np.float64]]:
    value, draws = 0.0, np.zeros(RESAMPLES)
    for samples in points:
        times = np.array([sample.time_s for sample in samples])
        value += median(times)
        draws += np.median(generator.choice(times, (RESAMPLES, times.size)), axis=1)
    return value, draws


def whole_places(timing: Timing) -> set[Place]:
    """Those of which no execution failed and every sample was taken: medians of fewer are not compared with the others."""
    failed = {(each.codec, each.picture, each.target_bpp, each.side) for each in timing.failed}
    return {place for place, samples in _by_place(timing).items() if len(samples) >= timing.samples_each} - failed


def _left_out(timing: Timing, codecs: Sequence[str], side: str) -> str:
    """How many points are in no median of theirs; empty where all are."""
    failed = {(each.codec, each.picture, each.target_bpp, each.side) for each in timing.failed}
    broken = (failed | _by_place(timing).keys()) - whole_places(timing)
    points = {(picture, target) for codec, picture, target, of in broken if codec in codecs and of == side and target is not None}
    number = "1 point" if len(points) == 1 else f"{len(points)} points"
    return f"{number} left out: an execution of the {side} failed, or samples are missing" if points else ""


def _joined(*reasons: str) -> str:
    return "; ".join(filter(None, reasons))


def _starts(timing: Timing, codec: str, side: str) -> list[TimingSample]:
    place = (codec, SMALLEST, None, side)
    return _by_place(timing)[place] if place in whole_places(timing) else []


def _of_side(timing: Timing, codec: str, side: str) -> dict[tuple[str, float], list[TimingSample]]:
    """By picture and target rate, of those points that are whole."""
    whole, found = whole_places(timing), _by_place(timing)
    of_codec = {place: samples for place, samples in found.items() if (place[0], place[3]) == (codec, side) and place in whole}
    return {(picture, target): samples for (_, picture, target, _), samples in of_codec.items() if target is not None}


def _by_place(timing: Timing) -> dict[Place, list[TimingSample]]:
    found: dict[Place, list[TimingSample]] = {}
    for sample in timing.samples:
        found.setdefault((sample.codec, sample.picture, sample.target_bpp, sample.side), []).append(sample)
    return found


def _sortable(place: Place) -> tuple[str, str, float, str]:
    codec, picture, target, side = place
    return codec, picture, target or 0.0, side


def _cell_time(place: Place, samples: Sequence[TimingSample]) -> CellTime:
    times = [sample.time_s for sample in samples]
    names = dict.fromkeys(stage.stage for sample in samples for stage in sample.stages)
    walls = {name: [stage.wall_s for sample in samples for stage in sample.stages if stage.stage == name] for name in names}
    return CellTime(
        place=place,
        time=spread(times),
        stages=tuple((name, median(values)) for name, values in walls.items()),
        device=samples[0].device,
        peak_bytes=max(sample.peak_bytes for sample in samples),
        busy=sum(map(is_busy, samples)),
        outliers=sum(outliers(times)),
        other_output=sum(not sample.same_output for sample in samples),
    )


def mean_stage_s(cells: Iterable[CellTime], stage: str) -> float | None:
    """Mean over cells of the median of a stage; None where none has it."""
    values = [seconds for cell in cells for name, seconds in cell.stages if name == stage]
    return fmean(values) if values else None
