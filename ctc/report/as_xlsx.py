"""report.xlsx: the tables as a workbook that computes its means itself, see `workbook_tables`."""

from __future__ import annotations

import io
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any

from ctc.records import Campaign
from ctc.report import complexity, interop_table
from ctc.report.as_json import provenance
from ctc.report.tables import (
    BD_COLUMNS,
    FINDING_COLUMNS,
    VALIDITY_COLUMNS,
    Cell,
    bd_rows,
    finding_rows,
    point_columns,
    point_rows,
    validity_rows,
)
from ctc.report.timing_table import CELL_COLUMNS, CODEC_COLUMNS, cell_rows, timing_rows
from ctc.report.timing_wording import timing_notes
from ctc.report.workbook import Book
from ctc.report.workbook_tables import POINTS, TIMING_POINTS, Sources, branches, by_picture, kmac, summary, tools

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
PARITY_COLUMNS = ("metric", "golden pairs", "missed", "largest difference", "tolerance", "reason")
_METRIC_FORMAT = "0.000000"


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
        book, sources = Book(workbook), Sources(campaign)
        summary(book, sources)
        tools(book, sources)
        branches(book, sources)
        bd = book.sheet("BD-rate", BD_COLUMNS, bd_rows(campaign), _FORMATS)
        book.colour_by_sign(bd, 1, BD_COLUMNS.index("bd_rate_percent"), len(campaign.bd))
        by_picture(book, sources)
        kmac(book, sources)
        columns = point_columns(campaign)
        formats = dict.fromkeys(columns, _METRIC_FORMAT) | _FORMATS | {"tries": "0"}
        points = book.sheet(POINTS, columns, [row.cells for row in point_rows(campaign)], formats, frozen_columns=3)
        book.mark_beyond(points, 1, columns.index("deviation"), len(point_rows(campaign)), campaign.rate_tolerance)
        book.sheet("Validity", VALIDITY_COLUMNS, validity_rows(campaign), _FORMATS, frozen_columns=3)
        book.sheet("Findings", FINDING_COLUMNS, finding_rows(campaign), _FORMATS)
        _complexity(book, campaign)
        _timing(book, campaign)
        _interop(book, campaign)
        book.sheet("Parity", PARITY_COLUMNS, [astuple(parity) for parity in campaign.parity], {})
        book.sheet("Provenance", ("what", "value"), _flat(provenance(campaign)), {})
        workbook.close()
        return out.getvalue()


def _complexity(book: Book, campaign: Campaign) -> None:
    """A sheet of what was counted, part by part, where something was."""
    if campaign.counted:
        told = [f"{each.codec}: {note}" for each in campaign.counted for note in complexity.counted_notes(each)]
        above = ["kMAC/px by three ways of counting", *told]
        rows = [row for each in campaign.counted for count in each.counts for row in complexity.part_rows(each.codec, count)]
        book.sheet("Complexity", complexity.PART_COLUMNS, rows, dict.fromkeys(complexity.PART_COLUMNS, "0.000"), above, frozen_columns=2)


def _interop(book: Book, campaign: Campaign) -> None:
    """A sheet of the devices of codecs, where `ctc interop` was run with some."""
    found = campaign.interop
    if found:
        told = [line for interop in found for line in (interop_table.title(interop), *interop_table.notes(interop))]
        book.sheet("Interop", interop_table.cell_columns(found), interop_table.cell_rows(found), {}, told, frozen_columns=3)


def _timing(book: Book, campaign: Campaign) -> None:
    """Sheets of codecs and of points, where there was a timing campaign. Every sample is in timings.csv."""
    rows = timing_rows(campaign)
    if campaign.timing is None or not rows:
        return
    ratios = {column: "0.000" for column in CODEC_COLUMNS if "ratio" in column} | {"spread": "0.0%", "probability": "0.0%"}
    columns = (*CODEC_COLUMNS, *CELL_COLUMNS)
    formats = {column: "0.0000" for column in columns if column.endswith("_s")} | ratios
    formats |= {column: "#,##0" for column in columns if column.endswith("_bytes")} | {"target_bpp": _FORMATS["target_bpp"]}
    book.sheet("Timing", CODEC_COLUMNS, [row.cells for row in rows], formats, timing_notes(campaign, rows))
    book.sheet(TIMING_POINTS, CELL_COLUMNS, cell_rows(campaign.timing), formats, frozen_columns=4)


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
