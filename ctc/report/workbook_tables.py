"""The sheets whose numbers are formulas: every mean, maximum and difference is computed by the workbook from the sheets of single values.

A formula stands only where the value exists; the value that we computed is stored with it, and both are equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ctc.records import AVG, AVG_METRICS, COUNTING_RULES, Campaign
from ctc.records.timing import DECODER, ENCODER
from ctc.report.grounds import grounds_text
from ctc.report.multi_branch import BRANCH_COLUMNS, branch_rows, published_branch_cells
from ctc.report.operating_points import TOOL_COLUMNS, ToolRow, kmac_rows, published_cells, published_rows, tool_rows
from ctc.report.overview import BdCell, CodecLine, bd_cells, codec_lines, metric_label, metrics_outside_average, status_of
from ctc.report.tables import Cell, codec_names, picture_names, point_columns, point_rows
from ctc.report.timing_table import CELL_COLUMNS, cell_rows
from ctc.report.tool_wording import published_notes
from ctc.report.wording import caveats, timing_caveats
from ctc.report.workbook import Book, Formula, Noted, WorkbookCell, cells, column_letters, first_row

BY_PICTURE, KMAC, POINTS, TIMING_POINTS = "BD by picture", "kMAC by picture", "Points", "Timing points"
SIDES = {"encode_s": ENCODER, "decode_s": DECODER}
SIGNED = "+0.0;-0.0;0.0"
DEVIATION = "+0.0%;-0.0%;0.0%"


class Sources:
    """Where the single values of a codec stand in the workbook."""

    def __init__(self, campaign: Campaign) -> None:
        self.campaign = campaign
        self.pictures = picture_names(campaign)
        self.tested = [codec for codec in codec_names(campaign) if codec != campaign.anchor]
        self.metrics = (AVG, *AVG_METRICS, *metrics_outside_average(campaign))
        self.learned = [codec.name for codec in campaign.codecs if codec.model is not None]
        self.counted = [(codec, row) for codec in self.learned for row in kmac_rows(campaign, codec)]
        self.points: dict[str, list[int]] = {}
        for number, row in enumerate(point_rows(campaign), start=1):
            self.points.setdefault(row.codec, []).append(number)
        self.timed: dict[str, list[int]] = {}
        for number, (codec, *_) in enumerate(cell_rows(campaign.timing) if campaign.timing is not None else (), start=1):
            self.timed.setdefault(str(codec), []).append(number)

    def bd(self, codec: str, metric: str) -> str:
        """The BD-rates of its pictures."""
        first = 1 + self.tested.index(codec) * len(self.pictures)
        return cells(BY_PICTURE, 2 + self.metrics.index(metric), first, first + len(self.pictures) - 1)

    def kmac(self, codec: str, rule: str) -> str:
        """The kMAC/px of its decoder."""
        rows = [number for number, (name, _) in enumerate(self.counted, start=1) if name == codec]
        return cells(KMAC, 3 + COUNTING_RULES.index(rule), rows[0], rows[-1])

    def point(self, codec: str, column: str) -> str:
        """A column of its points."""
        rows = self.points[codec]
        return cells(POINTS, point_columns(self.campaign).index(column), rows[0], rows[-1])

    def mean_time(self, codec: str, side: str) -> str:
        """The mean of the medians of its points that count, of the timing campaign."""
        rows = self.timed[codec]
        medians, sides, counted = (
            cells(TIMING_POINTS, CELL_COLUMNS.index(column), rows[0], rows[-1]) for column in ("median_s", "side", "in_means")
        )
        return f'=AVERAGEIFS({medians},{sides},"{side}",{counted},"yes")'


def by_picture(book: Book, sources: Sources) -> None:
    """A row for each codec and picture: its seven BD-rates and, by formula, their mean."""
    campaign = sources.campaign
    labels = [metric_label(campaign, metric) for metric in sources.metrics]
    rows: list[list[WorkbookCell]] = []
    for codec in sources.tested:
        for picture in sources.pictures:
            found = bd_cells(campaign, codec, picture, sources.metrics)
            average = _formula(found[0], _average_of_seven(len(rows) + 1, 3))
            rows.append([codec, picture, average, *(_single(cell) for cell in found[1:])])
    titled = [f"{label} %" for label in labels]
    sheet = book.sheet(BY_PICTURE, ("codec", "picture", *titled), rows, dict.fromkeys(titled, SIGNED), frozen_columns=2)
    book.colour_by_sign(sheet, 1, 2, len(rows), len(titled))


def kmac(book: Book, sources: Sources) -> None:
    """A row for each learned codec, picture and rate that was counted: decoder kMAC/px by each way of counting; nothing without learned
    codecs."""
    if not sources.learned:
        return
    rows = [[codec, row.picture, row.target_bpp, *(row.kmac[rule] for rule in COUNTING_RULES)] for codec, row in sources.counted]
    titled = [f"decoder kMAC/px, {rule}" for rule in COUNTING_RULES]
    book.sheet(KMAC, ("codec", "picture", "counted at about bpp", *titled), rows, dict.fromkeys(titled, "0.000"), frozen_columns=2)


def summary(book: Book, sources: Sources) -> None:
    """One line a codec: the overview."""
    campaign = sources.campaign
    lines, status = codec_lines(campaign), status_of(campaign)
    titled = [f"{column} BD-rate %" for column in (AVG, *(metric_label(campaign, metric) for metric in AVG_METRICS))]
    counts = ("points ok", "unreachable", "failed", *(("unsupported pictures",) if status.pictures_unsupported else ()))
    columns = ("codec", *titled, "AVG low %", "AVG high %", "pictures", "pictures missing", "monotonic", "max bit deviation")
    columns += ("mean tries/point", "encode s", "decode s", *counts, "note")
    above = [f"{status.headline}: {status.errors} errors, {status.warnings} warnings", f"Set {campaign.dataset}, anchor {campaign.anchor}"]
    above += ["Bold: every condition holds for every point behind it; of the others a note says why not, and the sheet Validity where."]
    above = [*above, *caveats(campaign), *timing_caveats(campaign)]
    top = first_row(above)
    rows = [_summary_row(sources, line, top + number, len(counts)) for number, line in enumerate(lines)]
    formats = dict.fromkeys((*titled, "AVG low %", "AVG high %"), SIGNED)
    formats |= {"max bit deviation": DEVIATION, "mean tries/point": "0.00", "encode s": "0.000", "decode s": "0.000"}
    sheet = book.sheet("Summary", columns, rows, formats, above)
    book.colour_by_sign(sheet, top, 1, len(lines), len(titled))
    _mark(book, sheet, columns, top, len(lines), campaign.rate_tolerance)


def _summary_row(sources: Sources, line: CodecLine, row: int, counts: int) -> list[WorkbookCell]:
    average = line.average
    counted = (line.points_ok, line.points_unreachable, line.points_failed, line.pictures_unsupported)[:counts]
    rates: list[WorkbookCell] = [None] * (1 + len(AVG_METRICS))
    if not line.is_anchor:
        rates = [_formula(average, _average_of_seven(row, 2)), *_metric_formulas(sources, line)]
    means = [
        _mean(sources, line.codec, column, value)
        for column, value in (("tries", line.tries_per_point), ("encode_s", line.encode_s), ("decode_s", line.decode_s))
    ]
    pictures = (None, None) if line.is_anchor else (average.pictures, average.pictures_missing)
    note = "; ".join(part for part in ("anchor" if line.is_anchor else "", line.note) if part)
    interval = (average.low_percent, average.high_percent)
    measured = (_yes_no(line.monotone), _deviation(sources, line))
    return [line.codec, *rates, *interval, *pictures, *measured, *means, *counted, note]


def tools(book: Book, sources: Sources) -> None:
    """Configurations in the layout of the verification model, and published ones below; where there are any."""
    rows, published = tool_rows(sources.campaign), published_rows(sources.campaign, branches=False)
    if not (rows or published):
        return
    above = [note for table, others in published for note in published_notes(table, others)]
    above = ["Operating points and tools", *above] if above else []
    top, place = first_row(above), {row.line.codec: number for number, row in enumerate(rows)}
    filled = [_tool_row(sources, row, top + number, _plain(rows, row, place, top)) for number, row in enumerate(rows)]
    others = [list(published_cells(table.name, row)) for table, of_table in published for row in of_table]
    _configurations(book, "Tools", TOOL_COLUMNS, (filled, others), above, sources.campaign)


def _plain(rows: Sequence[ToolRow], row: ToolRow, place: dict[str, int], top: int) -> int | None:
    """Row of the sheet in which the same operating point stands with tools off."""
    plain = next((each for each in rows if each.base == row.base and not each.model.tools), None)
    return None if plain is None else top + place[plain.line.codec]


def _tool_row(sources: Sources, row: ToolRow, number: int, plain: int | None) -> list[WorkbookCell]:
    values: dict[str, WorkbookCell] = dict(zip(TOOL_COLUMNS, row.cells, strict=True))
    line, places = row.line, {name: column_letters(place) for place, name in enumerate(TOOL_COLUMNS)}
    if not line.is_anchor:
        values["avg_percent"] = _formula(line.average, _average_of_seven(number, TOOL_COLUMNS.index(f"{AVG_METRICS[0]}_percent")))
        names = (f"{metric}_percent" for metric in AVG_METRICS)
        values |= dict(zip(names, _metric_formulas(sources, line), strict=True))
    difference = row.difference.value_percent
    if difference is not None and plain is not None:
        text = f"={places['avg_percent']}{number + 1}-{places['avg_percent']}{plain + 1}"
        values["avg_minus_tools_off_percent"] = Formula(text, difference)
    for rule in COUNTING_RULES:
        counted = row.kmac[rule]
        if counted.largest is not None and counted.mean is not None:
            area = sources.kmac(line.codec, rule)
            values[f"decoder_kmac_per_pixel_max_{rule}"] = Formula(f"=MAX({area})", counted.largest)
            values[f"decoder_kmac_per_pixel_avg_{rule}"] = Formula(f"=AVERAGE({area})", counted.mean)
    values["max_bit_deviation"] = _deviation(sources, line)
    values["encode_s"] = _mean(sources, line.codec, "encode_s", line.encode_s)
    return [values[column] for column in TOOL_COLUMNS]


def branches(book: Book, sources: Sources) -> None:
    """Encoders and decoders, and published ones below; where there are any."""
    rows, published = branch_rows(sources.campaign), published_rows(sources.campaign, branches=True)
    if not (rows or published):
        return
    above = [note for table, others in published for note in published_notes(table, others)]
    above = ["Encoders and decoders", *above] if above else []
    top, filled = first_row(above), []
    for number, each in enumerate(rows):
        values: dict[str, WorkbookCell] = dict(zip(BRANCH_COLUMNS, each.cells, strict=True))
        line = each.row.line
        if not line.is_anchor:
            seven = BRANCH_COLUMNS.index(f"{AVG_METRICS[0]}_percent")
            values["avg_percent"] = _formula(line.average, _average_of_seven(top + number, seven))
            values |= dict(zip((f"{metric}_percent" for metric in AVG_METRICS), _metric_formulas(sources, line), strict=True))
        for rule in COUNTING_RULES:
            mean = each.row.kmac[rule].mean
            if mean is not None:
                values[f"decoder_kmac_per_pixel_avg_{rule}"] = Formula(f"=AVERAGE({sources.kmac(line.codec, rule)})", mean)
        values["encode_s"] = _mean(sources, line.codec, "encode_s", line.encode_s)
        filled.append([values[column] for column in BRANCH_COLUMNS])
    others = [list(published_branch_cells(table.name, row)) for table, of_table in published for row in of_table]
    _configurations(book, "Encoders and decoders", BRANCH_COLUMNS, (filled, others), above, sources.campaign)


def _configurations(
    book: Book,
    name: str,
    columns: Sequence[str],
    rows: tuple[list[list[WorkbookCell]], list[list[Cell]]],
    above: Sequence[str],
    campaign: Campaign,
) -> None:
    """A sheet of our configurations and of published ones below them."""
    ours, others = rows
    rates = [column for column in columns if column.endswith("_percent")]
    formats = dict.fromkeys(rates, SIGNED) | dict.fromkeys(("parameters", "model_bytes"), "#,##0")
    formats |= {column: "0.000" for column in columns if column.startswith(("decoder_kmac", "decode_time_ratio", "encode_s"))}
    formats |= {"max_bit_deviation": DEVIATION, "encode_s_points_busy": "0"}
    of_others = frozenset(range(len(ours), len(ours) + len(others)))
    sheet = book.sheet(name, columns, [*ours, *others], formats, above, frozen_columns=3, italic=of_others)
    top, total = first_row(above), len(ours) + len(others)
    book.colour_by_sign(sheet, top, columns.index(rates[0]), total, len(rates))
    _mark(book, sheet, columns, top, total, campaign.rate_tolerance)


def _mark(book: Book, sheet: Any, columns: Sequence[str], top: int, rows: int, tolerance: float) -> None:
    """Deviations beyond the tolerance, and what is not monotone."""
    for column in ("max bit deviation", "max_bit_deviation"):
        if column in columns:
            book.mark_beyond(sheet, top, columns.index(column), rows, tolerance)
    if "monotonic" in columns:
        book.mark_text(sheet, top, columns.index("monotonic"), rows, "no")


def _metric_formulas(sources: Sources, line: CodecLine) -> list[WorkbookCell]:
    return [_formula(cell, f"=AVERAGE({sources.bd(line.codec, cell.metric)})") for cell in line.metrics]


def _average_of_seven(row: int, first: int) -> str:
    return f"=AVERAGE({column_letters(first)}{row + 1}:{column_letters(first + len(AVG_METRICS) - 1)}{row + 1})"


def _formula(cell: BdCell, text: str) -> WorkbookCell:
    if cell.value_percent is None:
        return Noted("N/A", cell.reason)
    return Formula(text, cell.value_percent, cell.sound, "" if cell.sound else f"Not bold: {grounds_text(cell.grounds)}")


def _single(cell: BdCell) -> WorkbookCell:
    return "N/A" if cell.value_percent is None else cell.value_percent


def _mean(sources: Sources, codec: str, column: str, value: float | None) -> WorkbookCell:
    """Times are of the timing campaign where there is one, as the stored value is."""
    if value is None:
        return None
    if sources.campaign.timing is not None and column in SIDES:
        return Formula(sources.mean_time(codec, SIDES[column]), value)
    return Formula(f"=AVERAGE({sources.point(codec, column)})", value)


def _deviation(sources: Sources, line: CodecLine) -> WorkbookCell:
    if line.largest_deviation is None:
        return None
    area = sources.point(line.codec, "deviation")
    return Formula(f"=IF(MAX({area})>=-MIN({area}),MAX({area}),MIN({area}))", line.largest_deviation)


def _yes_no(value: bool | None) -> Cell:
    return None if value is None else "yes" if value else "no"
