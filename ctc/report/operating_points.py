"""The rows of the table of operating points and tools, in the layout of the verification model's result tables.

One row for each learned codec of a campaign in which coding tools are switched on somewhere; without such a codec there is no table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean

from ctc.records import AVG_METRICS, Campaign, Cost, DecoderModel
from ctc.report.overview import CodecLine, codec_lines, plural
from ctc.report.tables import Cell, set_share
from ctc.timing.results import decode_ratio

TOOLS_OFF = "tools off"

TOOL_COLUMNS = (
    "codec", "operating_point", "configuration", "avg_percent", "avg_minus_tools_off_percent",
    *(f"{metric}_percent" for metric in AVG_METRICS),
    "monotonic", "max_bit_deviation", "decoder_kmac_per_pixel_max", "decoder_kmac_per_pixel_avg", "decode_time_ratio", "decode_time_points",
    "decode_time_points_busy", "parameters", "model_bytes", "encode_s", "encode_s_points_busy", "reason",
)  # fmt: skip


@dataclass(frozen=True)
class Difference:
    """AVG of a row less that of its operating point with tools off, in per cent of the anchor's rate; None with the reason. A value with
    a reason is not to be relied on."""

    value_percent: float | None
    reason: str = ""


@dataclass(frozen=True)
class TimeRatio:
    """Decoding time over that of the anchor, both summed over the points that have both."""

    value: float | None
    points: int
    points_busy: int
    """Those of them where either was taken while the machine was not otherwise idle."""
    reason: str = ""


@dataclass(frozen=True)
class ToolRow:
    """A configuration of an operating point."""

    line: CodecLine
    model: DecoderModel
    difference: Difference
    """0 for tools off."""
    kmac_max: float | None
    """kMAC/px of the picture that takes most; None where no complexity was recorded."""
    kmac_mean: float | None
    decoding: TimeRatio
    encode_busy: int
    """Points whose encoding was timed while the machine was not otherwise idle."""
    share: str = ""
    """That the pictures are not the whole set, and how many of it they are."""

    @property
    def configuration(self) -> str:
        """ "tools off", "only RVS", "RVS + CWG"."""
        tools = self.model.tools
        return f"only {tools[0]}" if len(tools) == 1 else " + ".join(tools) or TOOLS_OFF

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the configuration is not valid, and why values are missing, each once."""
        cells = () if self.line.is_anchor else (self.line.average, *self.line.metrics)
        told = [f"not valid: {plural(self.line.errors, 'error')}"] if self.line.errors else []
        told += [f"{cell.metric}: {cell.reason}" for cell in cells if cell.value_percent is None]
        told += [self.difference.reason, self.decoding.reason, "" if self.kmac_max is not None else "no complexity was recorded"]
        told += [] if self.line.encode_s is not None else ["no encoding was timed on this machine"]
        return tuple(dict.fromkeys(filter(None, told)))

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The values in the order of `TOOL_COLUMNS`."""
        line = self.line
        rates = [0.0 if line.is_anchor else cell.value_percent for cell in line.metrics]
        monotone = None if line.monotone is None else "yes" if line.monotone else "no"
        times = (self.decoding.value, self.decoding.points, self.decoding.points_busy)
        costs = (self.kmac_max, self.kmac_mean, *times, self.model.parameters, self.model.bytes, line.encode_s, self.encode_busy)
        named = (line.codec, self.model.operating_point, self.configuration, _average(line), self.difference.value_percent)
        return (*named, *rates, monotone, line.largest_deviation, *costs, "; ".join(filter(None, [*self.reasons, self.share])))


def tool_rows(campaign: Campaign) -> list[ToolRow]:
    """Operating points in the order of the campaign; in each tools off, then single tools, then combinations. Empty without tools."""
    models = {codec.name: codec.model for codec in campaign.codecs if codec.model is not None}
    if not any(model.tools for model in models.values()):
        return []
    lines = {line.codec: line for line in codec_lines(campaign)}
    families = list(dict.fromkeys(map(_family, models)))
    ordered = sorted(models, key=lambda name: (families.index(_family(name)), len(models[name].tools)))
    plain = {_family(name): lines[name] for name in ordered if not models[name].tools}
    return [_row(campaign, lines[name], models[name], plain.get(_family(name))) for name in ordered]


def groups(rows: Iterable[ToolRow]) -> Mapping[tuple[str, str], list[ToolRow]]:
    """The rows of each (operating point, codec without tools), in their order."""
    found: dict[tuple[str, str], list[ToolRow]] = {}
    for row in rows:
        found.setdefault((row.model.operating_point, _family(row.line.codec)), []).append(row)
    return found


def _family(codec: str) -> str:
    """Name of the codec without its switches."""
    return codec.partition("+")[0]


def _row(campaign: Campaign, line: CodecLine, model: DecoderModel, plain: CodecLine | None) -> ToolRow:
    kmac = [complexity.kmac_per_pixel for complexity in campaign.complexity if complexity.codec == line.codec]
    encodings = [scored.coded.encode for scored in campaign.scored if scored.coded.job.codec == line.codec]
    return ToolRow(
        line=line,
        model=model,
        difference=_difference(line, plain),
        kmac_max=max(kmac, default=None),
        kmac_mean=fmean(kmac) if kmac else None,
        decoding=_decoding(campaign, line.codec),
        encode_busy=sum(cost is not None and not cost.machine_idle for cost in encodings),
        share=set_share(campaign),
    )


def _average(line: CodecLine) -> float | None:
    return 0.0 if line.is_anchor else line.average.value_percent


def _difference(line: CodecLine, plain: CodecLine | None) -> Difference:
    if plain is None:
        return Difference(None, f"the operating point was not run with {TOOLS_OFF}")
    value, base = _average(line), _average(plain)
    if value is None or base is None:
        return Difference(None, "one of the two AVG is N/A")
    if line is not plain and any(each.average.pictures_missing for each in (line, plain) if not each.is_anchor):
        return Difference(None, "one of the two AVG is not over all pictures")
    return Difference(value - base, "the difference is to tools off, which is not valid" if plain.errors and line is not plain else "")


def _decoding(campaign: Campaign, codec: str) -> TimeRatio:
    if campaign.timing is not None:
        measured = decode_ratio(campaign, codec)
        return TimeRatio(measured.value, measured.points, measured.busy, measured.reason)
    own, anchors = _decoding_costs(campaign, codec), _decoding_costs(campaign, campaign.anchor)
    pairs = [(cost, anchors[place]) for place, cost in own.items() if place in anchors]
    busy = sum(not (cost.machine_idle and anchor.machine_idle) for cost, anchor in pairs)
    total = sum(anchor.wall_s for _, anchor in pairs)
    if not total:
        return TimeRatio(None, len(pairs), busy, "no decoding of the same point by codec and anchor was timed on this machine")
    return TimeRatio(sum(cost.wall_s for cost, _ in pairs) / total, len(pairs), busy)


def _decoding_costs(campaign: Campaign, codec: str) -> dict[tuple[str, float], Cost]:
    """By picture and target rate."""
    coded = [scored.coded for scored in campaign.scored if scored.coded.job.codec == codec]
    return {(each.job.picture.name, each.job.target_bpp): each.decode for each in coded if each.decode is not None}
