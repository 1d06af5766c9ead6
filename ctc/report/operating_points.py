"""The rows of the table of operating points and tools, in the layout of the verification model's result tables.

One row for each learned codec of a campaign, which is a configuration: an operating point with its tools off, on, or only one of them.
Published rows of others stand below, and enter none of these numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from ctc.records import AVG, AVG_METRICS, COUNTING_RULES, Campaign, CountingRule, DecoderModel, PublishedRow, PublishedTable
from ctc.report.decode_ratio import TimeRatio, decode_ratio
from ctc.report.overview import CodecLine, codec_lines, plural, rates_text
from ctc.report.tables import Cell, picture_names, set_share
from ctc.timing import results

TOOLS_OFF = "tools off"

TOOL_COLUMNS = (
    "codec", "operating_point", "configuration", "avg_percent", "avg_minus_tools_off_percent",
    *(f"{metric}_percent" for metric in AVG_METRICS),
    "monotonic", "max_bit_deviation", *(f"decoder_kmac_per_pixel_{name}_{rule}" for rule in COUNTING_RULES for name in ("max", "avg")),
    "kmac_counted_at_bpp",
    "decode_time_ratio", "decode_time_points", "decode_time_points_busy", "parameters", "model_bytes", "encode_s", "encode_s_points_busy",
    "published", "reason",
)  # fmt: skip


@dataclass(frozen=True)
class Difference:
    """AVG of a row less that of its operating point with tools off, in per cent of the anchor's rate; None with the reason. A value with
    a reason is not to be relied on."""

    value_percent: float | None
    reason: str = ""


@dataclass(frozen=True)
class Kmac:
    """kMAC/px of a decoder by one way of counting: the most of any picture and rate, and the mean over both. None with the reason."""

    largest: float | None
    mean: float | None
    reason: str = ""


@dataclass(frozen=True)
class KmacRow:
    """kMAC/px of a decoder for one picture."""

    picture: str
    target_bpp: float | None
    """About at which rate it was counted; None where it was not."""
    kmac: Mapping[CountingRule, float | None]


@dataclass(frozen=True)
class ToolRow:
    """A configuration of an operating point."""

    line: CodecLine
    model: DecoderModel
    difference: Difference
    """0 for tools off."""
    kmac: Mapping[CountingRule, Kmac]
    counted_bpps: tuple[float, ...]
    """About at which rates the counts were taken that depend on it."""
    decoding: TimeRatio
    encode_busy: int
    """Points of `line.encode_s` whose encoding was timed while the machine was not otherwise idle."""
    encode_reason: str
    """Why there is no `line.encode_s`."""
    share: str = ""
    """That the pictures are not the whole set, and how many of it they are."""

    @property
    def configuration(self) -> str:
        """ "tools off", "only RVS", "RVS + CWG", "tools off, GPU"."""
        tools = self.model.tools
        named = f"only {tools[0]}" if len(tools) == 1 else " + ".join(tools) or TOOLS_OFF
        return ", ".join(filter(None, [named, self.model.device]))

    @property
    def base(self) -> tuple[str, str]:
        """What it has in common with the same operating point on the same kind of device, tools off."""
        return family(self.line.codec), self.model.device

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the configuration is not valid, and why values are missing, each once."""
        cells = () if self.line.is_anchor else (self.line.average, *self.line.metrics)
        told = [f"not valid: {plural(self.line.errors, 'error')}"] if self.line.errors else []
        told += [f"{cell.metric}: {cell.reason}" for cell in cells if cell.value_percent is None]
        told += [self.difference.reason, self.decoding.reason, *(kmac.reason for kmac in self.kmac.values())]
        told += [] if self.line.encode_s is not None else [self.encode_reason]
        return tuple(dict.fromkeys(filter(None, told)))

    @property
    def counted_at(self) -> str | None:
        """ "0.06, 0.25"; None where nothing was counted."""
        return rates_text(self.counted_bpps) or None

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The values in the order of `TOOL_COLUMNS`."""
        line = self.line
        rates = [0.0 if line.is_anchor else cell.value_percent for cell in line.metrics]
        monotone = None if line.monotone is None else "yes" if line.monotone else "no"
        times = (self.decoding.value, self.decoding.points, self.decoding.points_busy)
        counted = [value for rule in COUNTING_RULES for value in (self.kmac[rule].largest, self.kmac[rule].mean)]
        costs = (*counted, self.counted_at, *times, self.model.parameters, self.model.bytes, line.encode_s, self.encode_busy)
        named = (line.codec, self.model.operating_point, self.configuration, _average(line), self.difference.value_percent)
        return (*named, *rates, monotone, line.largest_deviation, *costs, "", self.remarks)

    @property
    def remarks(self) -> str:
        """All that is said beside the values."""
        return "; ".join(filter(None, [*self.reasons, self.decoding.note, self.share]))


def tool_rows(campaign: Campaign) -> list[ToolRow]:
    """Operating points in the order of the campaign; in each tools off, then one tool, then several. Empty without learned codecs."""
    models = {codec.name: codec.model for codec in campaign.codecs if codec.model is not None}
    lines = {line.codec: line for line in codec_lines(campaign)}
    families = list(dict.fromkeys(map(family, models)))
    ordered = sorted(models, key=lambda name: (families.index(family(name)), len(models[name].tools)))
    plain = {(family(name), models[name].device): lines[name] for name in ordered if not models[name].tools}
    return [_row(campaign, lines[name], models[name], plain) for name in ordered]


def groups(rows: Iterable[ToolRow]) -> Mapping[tuple[str, str], list[ToolRow]]:
    """The rows of each (operating point, codec without tools), in their order."""
    found: dict[tuple[str, str], list[ToolRow]] = {}
    for row in rows:
        found.setdefault((row.model.operating_point, family(row.line.codec)), []).append(row)
    return found


def family(codec: str) -> str:
    """Name of the codec without its switches."""
    return codec.partition("+")[0]


def _row(campaign: Campaign, line: CodecLine, model: DecoderModel, plain: Mapping[tuple[str, str], CodecLine]) -> ToolRow:
    """`plain`: those with tools off, by family and device."""
    return ToolRow(
        line=line,
        model=model,
        difference=_difference(line, model, plain),
        kmac={rule: _kmac(campaign, line.codec, rule) for rule in COUNTING_RULES},
        counted_bpps=counted_rates(campaign, line.codec),
        decoding=decode_ratio(campaign, line.codec),
        encode_busy=_encode_busy(campaign, line.codec),
        encode_reason=_encode_reason(campaign, line.codec),
        share=set_share(campaign),
    )


def _encode_busy(campaign: Campaign, codec: str) -> int:
    if campaign.timing is not None:
        return results.encode_s(campaign, codec).busy
    encodings = (scored.coded.encode for scored in campaign.scored if scored.coded.job.codec == codec)
    return sum(cost is not None and not cost.machine_idle for cost in encodings)


def _encode_reason(campaign: Campaign, codec: str) -> str:
    """Why no time of encoding is known, where none is."""
    return "no encoding was timed on this machine" if campaign.timing is None else results.encode_s(campaign, codec).reason


def _kmac(campaign: Campaign, codec: str, rule: CountingRule) -> Kmac:
    """By formula of every picture; by the other rules where every picture was counted: over pictures and rates, as the verification models'
    tables have it, whose MAX and AVG are over the points."""
    if rule == "formula":
        values = [each.kmac_per_pixel for each in campaign.complexity if each.codec == codec]
        return _largest_and_mean(values, "no complexity was recorded")
    found = {(row.picture, row.target_bpp): value for row in kmac_rows(campaign, codec) if (value := row.kmac[rule]) is not None}
    counted, pictures = len({picture for picture, _ in found}), len(campaign.pictures)
    how = f"of {counted} of {pictures} pictures only" if counted else "of no picture"
    again = f"run `ctc complexity --codecs {codec}` with the same --set and --cache, then this again"
    missing = f"kMAC/px by the official rule were counted {how}: {again}"
    return _largest_and_mean(list(found.values()) if counted == pictures else [], missing)


def kmac_rows(campaign: Campaign, codec: str) -> list[KmacRow]:
    """Of a learned codec, every picture at each of the rates at which it was counted."""
    formula = {each.picture: each.kmac_per_pixel for each in campaign.complexity if each.codec == codec}
    counts = {(count.picture.name, count.target_bpp): count for each in campaign.counted if each.codec == codec for count in each.counts}
    rows = []
    for picture in picture_names(campaign):
        for target in counted_rates(campaign, codec) or (None,):
            count = None if target is None else counts.get((picture, target))
            by_rule: dict[CountingRule, float | None] = {"formula": formula.get(picture)}
            by_rule |= {rule: count.kmac_per_pixel("decoder", rule) if count is not None else None for rule in COUNTING_RULES[1:]}
            rows.append(KmacRow(picture, target, by_rule))
    return rows


def counted_rates(campaign: Campaign, codec: str) -> tuple[float, ...]:
    """About at which bpp the codec's operations were counted; empty where they were not."""
    return tuple(rate for each in campaign.counted if each.codec == codec for rate in each.target_bpps)


def _largest_and_mean(values: Sequence[float], missing: str) -> Kmac:
    return Kmac(max(values), fmean(values)) if values else Kmac(None, None, missing)


def _average(line: CodecLine) -> float | None:
    return 0.0 if line.is_anchor else line.average.value_percent


def _difference(line: CodecLine, model: DecoderModel, plains: Mapping[tuple[str, str], CodecLine]) -> Difference:
    plain = plains.get((family(line.codec), model.device))
    if plain is None:
        elsewhere = any(of_family == family(line.codec) for of_family, _ in plains)
        where = f" on the {model.device or 'CPU'}" if model.device or elsewhere else ""
        return Difference(None, f"the operating point was not run with {TOOLS_OFF}{where}")
    value, base = _average(line), _average(plain)
    if value is None or base is None:
        return Difference(None, "one of the two AVG is N/A")
    if line is not plain and any(each.average.pictures_missing for each in (line, plain) if not each.is_anchor):
        return Difference(None, "one of the two AVG is not over all pictures")
    return Difference(value - base, "the difference is to tools off, which is not valid" if plain.errors and line is not plain else "")


def published_cells(table: str, row: PublishedRow) -> tuple[Cell, ...]:
    """A published row in the order of `TOOL_COLUMNS`; what its layout does not have is empty."""
    monotone = None if row.monotone is None else "yes" if row.monotone else "no"
    rates = (row.rate(metric) for metric in AVG_METRICS)
    counted = (None, None, None, None, row.kmac_max, row.kmac_mean, None)
    costs = (row.time_ratio, None, None, row.parameters, row.model_bytes, None, None)
    named = (None, row.operating_point, row.test, row.rate(AVG), None)
    return (*named, *rates, monotone, row.largest_deviation, *counted, *costs, table, row.remarks)


def published_rows(campaign: Campaign, branches: bool) -> list[tuple[PublishedTable, list[PublishedRow]]]:
    """The tables of others that have such rows: of encoders and decoders, or of configurations alone."""
    found = ((table, [row for row in table.rows if bool(row.encoder) == branches]) for table in campaign.beside)
    return [(table, rows) for table, rows in found if rows]
