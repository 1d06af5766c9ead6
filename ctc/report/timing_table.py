"""How a timing campaign reads: a row for each codec, one for each point and side, one for each stage of each sample."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from ctc.records import Campaign, Timing, TimingSample
from ctc.records.timing import DECODER, ENCODER, FROM_CODEC, LOADING, START, TO_CODEC
from ctc.report.overview import plural, rates_text
from ctc.report.tables import Cell, codec_names
from ctc.timing.load import is_busy, ran_s
from ctc.timing.results import (
    CellTime,
    Ratio,
    Seconds,
    cell_times,
    decode_ratio,
    decode_s,
    encode_s,
    is_whole_process,
    mean_stage_s,
    reference_decoder,
    start_s,
    whole_places,
)
from ctc.timing.schedule import Place
from ctc.timing.statistics import outliers

WHOLE_PROCESS, LIBRARY_CALL, STAYS = "whole process", "library call", "process that stays"
TIME = "time"
"""In place of a stage: those that count together, see `TimingSample.time_s`."""
NAMED_PICTURES = 8
"""Of those that were timed, where not all were."""
SAMPLE_COLUMNS = (
    "codec", "picture", "target_bpp", "side", "stage", "in_time", "sample", "order", "wall_s", "cpu_s", "peak_bytes", "device", "threads",
    "cpus", "busy_share", "machine_busy", "outlier", "same_output",
)  # fmt: skip
CELL_COLUMNS = (
    "codec", "picture", "target_bpp", "side", "samples", "median_s", "interquartile_range_s", "low_s", "high_s", "probability",
    "peak_bytes", "outliers", "busy", "other_output", "in_means",
)  # fmt: skip
CODEC_COLUMNS = (
    "codec", "timed_as", "points", "encode_s", "encode_low_s", "encode_high_s", "decode_s", "decode_low_s", "decode_high_s",
    "decode_time_ratio", "decode_time_ratio_low", "decode_time_ratio_high", "decode_time_ratio_less_start",
    "decode_time_ratio_to", "spread", "encoder_start_s",
    "decoder_start_s", "to_codec_s", "from_codec_s", "encoder_peak_bytes", "decoder_peak_bytes", "samples", "outliers", "busy",
    "other_output", "reason",
)  # fmt: skip


@dataclass(frozen=True)
class TimingRow:
    """What the campaign says of a codec."""

    codec: str
    timed_as: str
    """`WHOLE_PROCESS`, `LIBRARY_CALL` or `STAYS`."""
    encode: Seconds
    decode: Seconds
    ratio: Ratio
    less_start: Ratio
    spread: float
    """Interquartile range over median, the median of all points and sides."""
    encoder_start_s: float | None
    """Of a whole process the time of the smallest picture, of a library call that of the process around it; None where it stays."""
    decoder_start_s: float | None
    to_codec_s: float | None
    """Colour conversion and writing of what the codec takes."""
    from_codec_s: float | None
    """Reading and colour conversion of what it gives."""
    encoder_peak_bytes: int
    decoder_peak_bytes: int
    samples: int
    outliers: int
    busy: int
    """Samples."""
    other_output: int

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The values in the order of `CODEC_COLUMNS`."""
        spans = [cell for each in (self.encode, self.decode, self.ratio) for cell in (each.value, each.low, each.high)]
        stages = (self.encoder_start_s, self.decoder_start_s, self.to_codec_s, self.from_codec_s)
        counts = (self.samples, self.outliers, self.busy, self.other_output, "; ".join(self.reasons))
        peaks = (self.encoder_peak_bytes, self.decoder_peak_bytes)
        ratio = (self.less_start.value, self.ratio.to)
        return (self.codec, self.timed_as, self.decode.points, *spans, *ratio, self.spread, *stages, *peaks, *counts)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why values are missing, or are not of all points, each once."""
        found = (each.reason for each in (self.encode, self.decode, self.ratio, self.less_start))
        return tuple(dict.fromkeys(filter(None, found)))


def timing_rows(campaign: Campaign) -> list[TimingRow]:
    """The codec to whose decoder the ratios are first, then the others of which a point is whole, in the campaign's order; empty without a
    campaign."""
    if campaign.timing is None:
        return []
    cells, first = point_cells(campaign.timing), reference_decoder(campaign)
    timed = {place[0] for place in whole_places(campaign.timing) if place[2] is not None}
    names = sorted(codec_names(campaign), key=lambda name: name != first)
    return [_row(campaign, campaign.timing, name, [cell for cell in cells if cell.place[0] == name]) for name in names if name in timed]


def point_cells(timing: Timing) -> list[CellTime]:
    """Those of points, without the smallest pictures and loading."""
    return [cell for cell in cell_times(timing) if cell.place[2] is not None]


def cell_rows(timing: Timing) -> Iterable[tuple[Cell, ...]]:
    """Every cell, in the order of `CELL_COLUMNS`."""
    whole = whole_places(timing)
    for cell in cell_times(timing):
        time = cell.time
        in_means = _yes(cell.place[2] is not None and cell.place in whole)
        marks = (cell.peak_bytes, cell.outliers, cell.busy, cell.other_output, in_means)
        yield (*cell.place, time.samples, time.median, time.interquartile_range, time.low, time.high, time.coverage, *marks)


def sample_rows(timing: Timing | None) -> Iterable[tuple[Cell, ...]]:
    """Every stage of every sample, and their sum, in the order of `SAMPLE_COLUMNS`; samples in the order in which they were taken."""
    if timing is None:
        return
    far = _far(timing)
    cpus = " ".join(map(str, timing.cpus))
    for sample in timing.samples:
        place = _place(sample)
        told = (sample.peak_bytes, sample.device, sample.threads, cpus, _share(sample), _yes(is_busy(sample)))
        total = (TIME, sample.time_s, _known_sum(sample), True)
        counted = sample.counted
        stages = [(stage.stage, stage.wall_s, stage.cpu_s, stage.stage in counted) for stage in sample.stages]
        for name, wall_s, cpu_s, is_counted in (total, *stages):
            head = (*place, name, _yes(is_counted), sample.index, sample.order, wall_s, cpu_s)
            yield (*head, *told, _yes((place, name, sample.index) in far), _yes(sample.same_output))


def what_was_timed(campaign: Campaign, timing: Timing) -> str:
    """ "all 24 pictures", or "3 of 24 pictures: kodim04, kodim08, kodim15; at 0.25 bpp alone", of many the first names only."""
    timed, pictures = timing.pictures, len(campaign.pictures)
    text = plural(pictures, "picture") if pictures == 1 else f"all {pictures} pictures"
    if not _has_all_pictures(campaign, timing):
        names = list(timed[:NAMED_PICTURES])
        names += [f"{len(timed) - len(names)} more"] if len(timed) > len(names) else []
        text = f"{len(timed)} of {plural(pictures, 'picture')}" + (f": {', '.join(names)}" if names else "")
    rates = "" if _has_all_rates(campaign, timing) else f"; at {rates_text(timing.target_bpps)} bpp alone"
    return text + rates


def is_of_all_points(campaign: Campaign, timing: Timing) -> bool:
    """Whether points of each of the campaign's pictures were timed, at all of its rates."""
    return _has_all_pictures(campaign, timing) and _has_all_rates(campaign, timing)


def _has_all_pictures(campaign: Campaign, timing: Timing) -> bool:
    return set(timing.pictures) >= {picture.name for picture in campaign.pictures}


def _has_all_rates(campaign: Campaign, timing: Timing) -> bool:
    return set(timing.target_bpps) >= set(campaign.target_bpps)


def conditions(campaign: Campaign, timing: Timing) -> str:
    """How it was done, and of which pictures, in a line."""
    processors = "processor" if len(timing.cpus) == 1 else "processors"
    continued = ", continued after an interruption" if timing.continued else ""
    return (
        f"Campaign {timing.round}, begun {timing.started}{continued}: one execution at a time, bound to {processors} "
        f"{', '.join(map(str, timing.cpus))}, {timing.threads} thread{'s' if timing.threads > 1 else ''} at most, "
        f"{timing.samples_each} samples each after one that does not count, all shuffled (seed {timing.seed}). "
        f"Timed: {what_was_timed(campaign, timing)}."
    )


def loading_times(timing: Timing) -> list[tuple[str, float, int]]:
    """(what is loaded, median seconds, samples)"""
    found: dict[str, list[float]] = {}
    for sample in timing.samples:
        if sample.side == LOADING:
            found.setdefault(sample.codec, []).append(sample.time_s)
    return [(name, median(times), len(times)) for name, times in found.items()]


def _row(campaign: Campaign, timing: Timing, codec: str, cells: Sequence[CellTime]) -> TimingRow:
    whole, places = is_whole_process(timing, codec), whole_places(timing)
    known = [cell for cell in cells if cell.place in places]
    sides = {side: [cell for cell in known if cell.place[3] == side] for side in (ENCODER, DECODER)}
    starts = {side: _start_s(timing, codec, side, sides[side], whole=whole) for side in sides}
    named = {name for cell in cells for name, _ in cell.stages}
    peaks = {side: max((cell.peak_bytes for cell in found), default=0) for side, found in sides.items()}
    return TimingRow(
        codec=codec,
        timed_as=WHOLE_PROCESS if whole else LIBRARY_CALL if START in named else STAYS,
        encode=encode_s(campaign, codec),
        decode=decode_s(campaign, codec),
        ratio=decode_ratio(campaign, codec),
        less_start=decode_ratio(campaign, codec, less_start=True),
        spread=median(cell.time.interquartile_range / cell.time.median for cell in known),
        encoder_start_s=starts[ENCODER],
        decoder_start_s=starts[DECODER],
        to_codec_s=mean_stage_s(sides[ENCODER], TO_CODEC),
        from_codec_s=mean_stage_s(sides[DECODER], FROM_CODEC),
        encoder_peak_bytes=peaks[ENCODER],
        decoder_peak_bytes=peaks[DECODER],
        samples=sum(cell.time.samples for cell in cells),
        outliers=sum(cell.outliers for cell in cells),
        busy=sum(cell.busy for cell in cells),
        other_output=sum(cell.other_output for cell in cells),
    )


def _start_s(timing: Timing, codec: str, side: str, cells: Sequence[CellTime], *, whole: bool) -> float | None:
    if not whole:
        return mean_stage_s(cells, START)
    found = start_s(timing, codec, side)
    return None if found is None else found.median


def _far(timing: Timing) -> set[tuple[Place, str, int]]:
    """(place, stage, sample) of the outliers."""
    values: dict[tuple[Place, str], list[tuple[int, float]]] = {}
    for sample in timing.samples:
        for name, wall_s in ((TIME, sample.time_s), *((stage.stage, stage.wall_s) for stage in sample.stages)):
            values.setdefault((_place(sample), name), []).append((sample.index, wall_s))
    marked = {key: zip(found, outliers([wall_s for _, wall_s in found]), strict=True) for key, found in values.items()}
    return {(place, name, index) for (place, name), found in marked.items() for (index, _), is_far in found if is_far}


def _place(sample: TimingSample) -> Place:
    return sample.codec, sample.picture, sample.target_bpp, sample.side


def _share(sample: TimingSample) -> float | None:
    """Processors that others kept busy while it ran."""
    return sample.others_s / ran_s(sample) if ran_s(sample) else None


def _known_sum(sample: TimingSample) -> float | None:
    """Processor time of the stages that count, where it is known of all."""
    parts = [stage.cpu_s for stage in sample.stages if stage.stage in sample.counted]
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def _yes(fact: bool) -> str:
    return "yes" if fact else "no"
