"""report.xlsx: the tables as a workbook. Text is always written as text, so that no name becomes a formula or a link."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any

from ctc.records import AVG, Campaign
from ctc.report import interop_table
from ctc.report.as_json import provenance
from ctc.report.operating_points import TOOL_COLUMNS, tool_rows
from ctc.report.overview import codec_lines, metric_label, status_of
from ctc.report.tables import BD_COLUMNS, FINDING_COLUMNS, Cell, bd_rows, finding_rows, number_text, point_columns, point_rows
from ctc.report.timing_table import CELL_COLUMNS, CODEC_COLUMNS, cell_rows, timing_rows
from ctc.report.timing_wording import timing_notes
from ctc.report.wording import caveats, timing_caveats

_FORMATS = {
    "bd_rate_percent": "+0.00;-0.00;0.00",
    "overlap": "0.00",
    "target_bpp": "0.00##",
    "bpp": "0.0000",
    "bytes": "#,##0",
    "deviation": "+0.0%;-0.0%;0.0%",
    "max_bit_deviation": "+0.0%;-0.0%;0.0%",
    "encode_s": "0.000",
    "decode_s": "0.000",
    "encode_peak_bytes": "#,##0",
    "decode_peak_bytes": "#,##0",
    "setting": "0.######",
}
_TOOL_COUNTS = ("parameters", "model_bytes")
_TOOL_RATIOS = ("decoder_kmac_per_pixel_max", "decoder_kmac_per_pixel_avg", "decode_time_ratio")
PARITY_COLUMNS = ("metric", "golden pairs", "missed", "largest difference", "tolerance", "reason")
_METRIC_FORMAT = "0.000000"
_SIGNED = "+0.0;-0.0;0.0"
_SAVES, _COSTS = "#CFE3F5", "#FBE0C6"
"""Blue and orange: the pair that most colour-blind readers tell apart; the sign says the same."""


@dataclass(frozen=True)
class XlsxReport:
    name: str = "xlsx"
    file_name: str = "report.xlsx"

    def render(self, campaign: Campaign) -> bytes:
        import xlsxwriter

        out = io.BytesIO()
        workbook = xlsxwriter.Workbook(out, {"in_memory": True})
        # The creation time is part of the file: the campaign's, so that the same campaign gives the same bytes.
        workbook.set_properties({"title": f"BD-rate, set {campaign.dataset}", "created": _naive_utc(campaign.started)})
        book = _Book(workbook)
        _summary(book, campaign)
        _tools(book, campaign)
        bd = book.sheet("BD-rate", BD_COLUMNS, bd_rows(campaign), _FORMATS)
        book.colour(bd, 1, BD_COLUMNS.index("bd_rate_percent"), len(campaign.bd))
        columns = point_columns(campaign)
        formats = dict.fromkeys(columns, _METRIC_FORMAT) | _FORMATS | {"tries": "0"}
        book.sheet("Points", columns, [row.cells for row in point_rows(campaign)], formats, frozen_columns=3)
        book.sheet("Findings", FINDING_COLUMNS, finding_rows(campaign), _FORMATS)
        _timing(book, campaign)
        _interop(book, campaign)
        book.sheet("Parity", PARITY_COLUMNS, [astuple(parity) for parity in campaign.parity], {})
        book.sheet("Provenance", ("what", "value"), _flat(provenance(campaign)), {})
        workbook.close()
        return out.getvalue()


class _Book:
    """Writes sheets of one look: bold frozen header with filters, columns as wide as their content."""

    def __init__(self, workbook: Any) -> None:
        self._workbook = workbook
        self._head = workbook.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top", "bg_color": "#E8ECEF"})
        self._bold = workbook.add_format({"bold": True})
        self._saves = workbook.add_format({"bg_color": _SAVES})
        self._costs = workbook.add_format({"bg_color": _COSTS})
        self._numbers: dict[str, Any] = {}

    def sheet(
        self,
        name: str,
        columns: Sequence[str],
        rows: Iterable[Sequence[Cell]],
        formats: dict[str, str],
        above: Sequence[str] = (),
        frozen_columns: int = 1,
    ) -> Any:
        """A sheet with lines of text `above` its table; returns the worksheet."""
        sheet, filled = self._workbook.add_worksheet(name), list(rows)
        for line, text in enumerate(above):
            sheet.write_string(line, 0, text, self._bold if line == 0 else None)
        top = len(above) + (1 if above else 0)
        for column, title in enumerate(columns):
            sheet.write_string(top, column, title, self._head)
            sheet.set_column(column, column, _width(title, [row[column] for row in filled]))
        for line, row in enumerate(filled, start=top + 1):
            for column, cell in enumerate(row):
                self._write(sheet, line, column, cell, formats.get(columns[column], "General"))
        sheet.freeze_panes(top + 1, frozen_columns)
        sheet.autofilter(top, 0, top + len(filled), len(columns) - 1)
        return sheet

    def colour(self, sheet: Any, line: int, column: int, lines: int, columns: int = 1) -> None:
        """Tints the numbers of a range by their sign; text and empty cells stay plain."""
        if not lines:
            return
        first = f"{_column_letters(column)}{line + 1}"
        for sign, look in (("<", self._saves), (">", self._costs)):
            rule = {"type": "formula", "criteria": f"=AND(ISNUMBER({first}),{first}{sign}0)", "format": look}
            sheet.conditional_format(line, column, line + lines - 1, column + columns - 1, rule)

    def _write(self, sheet: Any, line: int, column: int, cell: Cell, number_format: str) -> None:
        if cell is None or cell == "":
            return
        if isinstance(cell, str):
            sheet.write_string(line, column, cell)
        elif math.isfinite(cell):
            sheet.write_number(line, column, cell, self._number(number_format))
        else:
            sheet.write_string(line, column, number_text(cell))

    def _number(self, number_format: str) -> Any:
        if number_format not in self._numbers:
            self._numbers[number_format] = self._workbook.add_format({"num_format": number_format})
        return self._numbers[number_format]


def _summary(book: _Book, campaign: Campaign) -> None:
    lines, status = codec_lines(campaign), status_of(campaign)
    bd_columns = [AVG, *(metric_label(campaign, cell.metric) for cell in lines[0].metrics)] if lines else [AVG]
    titled = [f"{column} BD-rate %" for column in bd_columns]
    counts = ("points ok", "unreachable", "failed", *(("unsupported pictures",) if status.pictures_unsupported else ()))
    columns = (
        "codec",
        *titled,
        "AVG low %",
        "AVG high %",
        "pictures",
        "pictures missing",
        "monotonic",
        "max bit deviation",
        "mean tries/point",
    )
    columns += ("encode s", "decode s", *counts, "note")
    rows: list[tuple[Cell, ...]] = []
    for line in lines:
        shown = [None if line.is_anchor else _bd_cell(cell.value_percent) for cell in (line.average, *line.metrics)]
        average = line.average
        monotone = None if line.monotone is None else "yes" if line.monotone else "no"
        measured = (monotone, line.largest_deviation, line.tries_per_point, line.encode_s, line.decode_s)
        counted = (line.points_ok, line.points_unreachable, line.points_failed, line.pictures_unsupported)[: len(counts)]
        pictures = (None, None) if line.is_anchor else (average.pictures, average.pictures_missing)
        note = "; ".join(part for part in ("anchor" if line.is_anchor else "", line.note) if part)
        rows.append((line.codec, *shown, average.low_percent, average.high_percent, *pictures, *measured, *counted, note))
    formats = dict.fromkeys((*titled, "AVG low %", "AVG high %"), _SIGNED)
    formats |= {"max bit deviation": _FORMATS["deviation"], "mean tries/point": "0.00", "encode s": "0.000", "decode s": "0.000"}
    above = [f"{status.headline}: {status.errors} errors, {status.warnings} warnings", f"Set {campaign.dataset}, anchor {campaign.anchor}"]
    above = [*above, *caveats(campaign), *timing_caveats(campaign)]
    sheet = book.sheet("Summary", columns, rows, formats, above)
    sound = [number for number, line in enumerate(lines) if line.average.sound]
    top = len(above) + 2
    for number in sound:
        book.colour(sheet, top + number, 1, 1, len(titled))


def _tools(book: _Book, campaign: Campaign) -> None:
    """A sheet of operating points and tools, where there are tools."""
    rows = tool_rows(campaign)
    if not rows:
        return
    rates = [column for column in TOOL_COLUMNS if column.endswith("_percent")]
    formats = _FORMATS | dict.fromkeys(rates, _SIGNED) | dict.fromkeys(_TOOL_COUNTS, "#,##0") | dict.fromkeys(_TOOL_RATIOS, "0.000")
    sheet = book.sheet("Tools", TOOL_COLUMNS, [row.cells for row in rows], formats, frozen_columns=3)
    for number, row in enumerate(rows, start=1):
        if row.line.average.sound:
            book.colour(sheet, number, TOOL_COLUMNS.index(rates[0]), 1, len(rates))


def _interop(book: _Book, campaign: Campaign) -> None:
    """A sheet of the devices of codecs, where `ctc interop` was run with some."""
    found = campaign.interop
    if found:
        told = [line for interop in found for line in (interop_table.title(interop), *interop_table.notes(interop))]
        book.sheet("Interop", interop_table.cell_columns(found), interop_table.cell_rows(found), {}, told, frozen_columns=3)


def _timing(book: _Book, campaign: Campaign) -> None:
    """Sheets of codecs and of points, where there was a timing campaign. Every sample is in timings.csv."""
    rows = timing_rows(campaign)
    if campaign.timing is None or not rows:
        return
    ratios = {column: "0.000" for column in CODEC_COLUMNS if "ratio" in column} | {"spread": "0.0%", "probability": "0.0%"}
    columns = (*CODEC_COLUMNS, *CELL_COLUMNS)
    formats = {column: "0.0000" for column in columns if column.endswith("_s")} | ratios
    formats |= {column: "#,##0" for column in columns if column.endswith("_bytes")} | {"target_bpp": _FORMATS["target_bpp"]}
    book.sheet("Timing", CODEC_COLUMNS, [row.cells for row in rows], formats, timing_notes(campaign, rows))
    book.sheet("Timing points", CELL_COLUMNS, cell_rows(campaign.timing), formats, frozen_columns=4)


def _bd_cell(value: float | None) -> Cell:
    return "N/A" if value is None else value


def _width(title: str, cells: Iterable[Cell]) -> int:
    longest = max((len(cell if isinstance(cell, str) else number_text(cell)[:9]) for cell in cells), default=0)
    return min(48, max(9, longest + 2, len(title) // 2 + 4))


def _column_letters(column: int) -> str:
    from xlsxwriter.utility import xl_col_to_name

    return str(xl_col_to_name(column))


def _flat(value: Any, path: str = "") -> list[tuple[Cell, ...]]:
    """Nested content as (path, value) rows, e.g. ("machine.cores", 16)."""
    if isinstance(value, dict):
        return [row for key, item in value.items() for row in _flat(item, f"{path}.{key}" if path else str(key))]
    if isinstance(value, list | tuple):
        return [row for number, item in enumerate(value, start=1) for row in _flat(item, f"{path}[{number}]")]
    shown = str(value).lower() if isinstance(value, bool) else value
    return [(path, "" if shown is None else shown)]


def _naive_utc(text: str) -> datetime:
    """The campaign's time for the workbook's properties, which know no time zone. Raises ValueError where it is not ISO 8601."""
    return datetime.fromisoformat(text).replace(tzinfo=None)


REPORTS = (XlsxReport(),)
