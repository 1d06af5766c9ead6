"""points.csv, bd.csv, findings.csv, tools.csv, multibranch.csv, validity.csv, interop.csv, timings.csv.

UTF-8, line feeds, quoted where needed, missing values as empty cells."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ctc.records import Campaign
from ctc.report.interop_table import cell_columns, cell_rows
from ctc.report.multi_branch import BRANCH_COLUMNS, branch_rows, published_branch_cells
from ctc.report.operating_points import TOOL_COLUMNS, published_cells, published_rows, tool_rows
from ctc.report.tables import (
    BD_COLUMNS,
    FINDING_COLUMNS,
    VALIDITY_COLUMNS,
    Cell,
    bd_rows,
    cell_text,
    finding_rows,
    point_columns,
    point_rows,
    validity_rows,
)
from ctc.report.timing_table import SAMPLE_COLUMNS, sample_rows

Table = tuple[tuple[str, ...], Iterable[tuple[Cell, ...]]]


@dataclass(frozen=True)
class CsvReport:
    """One table as comma-separated values; numbers with at most ten significant digits, infinity as "inf"."""

    name: str
    file_name: str
    table: Callable[[Campaign], Table]

    def render(self, campaign: Campaign) -> bytes:
        return csv_text(*self.table(campaign))


def csv_text(header: tuple[str, ...], rows: Iterable[tuple[Cell, ...]]) -> bytes:
    """A table as the files have it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([cell_text(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def _points(campaign: Campaign) -> Table:
    return point_columns(campaign), (row.cells for row in point_rows(campaign))


def _bd(campaign: Campaign) -> Table:
    return BD_COLUMNS, bd_rows(campaign)


def _findings(campaign: Campaign) -> Table:
    return FINDING_COLUMNS, finding_rows(campaign)


def _tools(campaign: Campaign) -> Table:
    published = published_rows(campaign, branches=False)
    others = [published_cells(table.name, row) for table, rows in published for row in rows]
    return TOOL_COLUMNS, [*(row.cells for row in tool_rows(campaign)), *others]


def _branches(campaign: Campaign) -> Table:
    published = published_rows(campaign, branches=True)
    others = [published_branch_cells(table.name, row) for table, rows in published for row in rows]
    return BRANCH_COLUMNS, [*(row.cells for row in branch_rows(campaign)), *others]


def _validity(campaign: Campaign) -> Table:
    return VALIDITY_COLUMNS, validity_rows(campaign)


def _interop(campaign: Campaign) -> Table:
    return cell_columns(campaign.interop), cell_rows(campaign.interop)


def _timings(campaign: Campaign) -> Table:
    return SAMPLE_COLUMNS, sample_rows(campaign.timing)


REPORTS = (
    CsvReport("points", "points.csv", _points),
    CsvReport("bd", "bd.csv", _bd),
    CsvReport("findings", "findings.csv", _findings),
    CsvReport("tools", "tools.csv", _tools),
    CsvReport("multibranch", "multibranch.csv", _branches),
    CsvReport("validity", "validity.csv", _validity),
    CsvReport("interop", "interop.csv", _interop),
    CsvReport("timings", "timings.csv", _timings),
)
