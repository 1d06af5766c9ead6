"""Sheets of one look: bold frozen header with filters, columns as wide as their content, and formulas beside the values that they give."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ctc.report.tables import Cell, number_text

SAVES, COSTS, ATTENTION = "#D3EFD6", "#F9D9D6", "#FFE9B8"
"""Green for what saves rate, red for what costs; the sign says the same to who cannot tell them apart."""


@dataclass(frozen=True)
class Formula:
    """A live formula, and its value as we computed it: what a reader that does not calculate shows."""

    text: str
    value: float | int
    bold: bool = False
    note: str = ""


@dataclass(frozen=True)
class Noted:
    """A value that carries a note."""

    value: Cell
    note: str


WorkbookCell = Cell | Formula | Noted


class Book:
    """Writes sheets. Text is always written as text, so that no name becomes a formula or a link."""

    def __init__(self, workbook: Any) -> None:
        self._workbook = workbook
        self._head = workbook.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top", "bg_color": "#E8ECEF"})
        self._title = workbook.add_format({"bold": True})
        self._looks = {colour: workbook.add_format({"bg_color": colour}) for colour in (SAVES, COSTS, ATTENTION)}
        self._numbers: dict[tuple[str, bool, bool], Any] = {}

    def sheet(
        self,
        name: str,
        columns: Sequence[str],
        rows: Iterable[Sequence[WorkbookCell]],
        formats: Mapping[str, str],
        above: Sequence[str] = (),
        frozen_columns: int = 1,
        italic: frozenset[int] = frozenset(),
    ) -> Any:
        """A sheet with lines of text `above` its table; rows whose number is in `italic` are of others. Returns the worksheet."""
        sheet, filled = self._workbook.add_worksheet(name), list(rows)
        for line, text in enumerate(above):
            sheet.write_string(line, 0, text, self._title if line == 0 else None)
        top = first_row(above) - 1
        for column, title in enumerate(columns):
            sheet.write_string(top, column, title, self._head)
            sheet.set_column(column, column, _width(title, [row[column] for row in filled]))
        for number, row in enumerate(filled):
            for column, cell in enumerate(row):
                look = (formats.get(columns[column], "General"), False, number in italic)
                self._write(sheet, (top + 1 + number, column), cell, look)
        sheet.freeze_panes(top + 1, frozen_columns)
        sheet.autofilter(top, 0, top + len(filled), len(columns) - 1)
        return sheet

    def colour_by_sign(self, sheet: Any, line: int, column: int, lines: int, columns: int = 1) -> None:
        """Tints the numbers of a range by their sign; text and empty cells stay plain."""
        first = f"{column_letters(column)}{line + 1}"
        for sign, colour in (("<", SAVES), (">", COSTS)):
            self._tint(sheet, (line, column, lines, columns), f"=AND(ISNUMBER({first}),{first}{sign}0)", colour)

    def mark_beyond(self, sheet: Any, line: int, column: int, lines: int, limit: float) -> None:
        """Tints the numbers of a column whose magnitude is above `limit`."""
        first = f"{column_letters(column)}{line + 1}"
        self._tint(sheet, (line, column, lines, 1), f"=AND(ISNUMBER({first}),ABS({first})>{limit:.12g})", ATTENTION)

    def mark_text(self, sheet: Any, line: int, column: int, lines: int, text: str) -> None:
        """Tints the cells of a column that have this text."""
        first = f"{column_letters(column)}{line + 1}"
        self._tint(sheet, (line, column, lines, 1), f'={first}="{text}"', ATTENTION)

    def _tint(self, sheet: Any, area: tuple[int, int, int, int], criteria: str, colour: str) -> None:
        line, column, lines, columns = area
        if lines:
            rule = {"type": "formula", "criteria": criteria, "format": self._looks[colour]}
            sheet.conditional_format(line, column, line + lines - 1, column + columns - 1, rule)

    def _write(self, sheet: Any, place: tuple[int, int], cell: WorkbookCell, look: tuple[str, bool, bool]) -> None:
        if isinstance(cell, Formula):
            sheet.write_formula(*place, cell.text, self._number(look[0], cell.bold, look[2]), cell.value)
            self._note(sheet, place, cell.note)
        elif isinstance(cell, Noted):
            self._write(sheet, place, cell.value, look)
            self._note(sheet, place, cell.note)
        elif isinstance(cell, str):
            if cell:
                sheet.write_string(*place, cell, self._number("General", False, True) if look[2] else None)
        elif cell is not None and math.isfinite(cell):
            sheet.write_number(*place, cell, self._number(*look))
        elif cell is not None:
            sheet.write_string(*place, number_text(cell))

    def _note(self, sheet: Any, place: tuple[int, int], text: str) -> None:
        if text:
            lines = 2 + len(text) // 45
            sheet.write_comment(*place, text, {"author": "ctc", "x_scale": 2.5, "height": min(400, 16 * lines)})

    def _number(self, number_format: str, bold: bool = False, italic: bool = False) -> Any:
        key = (number_format, bold, italic)
        if key not in self._numbers:
            look = {"num_format": number_format, "bold": bold, "italic": italic}
            self._numbers[key] = self._workbook.add_format(look | ({"font_color": "#5B636B"} if italic else {}))
        return self._numbers[key]


def first_row(above: Sequence[str]) -> int:
    """Number, from 0, of the first row below the header of a sheet with these lines above its table."""
    return len(above) + (2 if above else 1)


def column_letters(column: int) -> str:
    """ "A" for 0."""
    from xlsxwriter.utility import xl_col_to_name

    return str(xl_col_to_name(column))


def cells(sheet: str, column: int, first: int, last: int) -> str:
    """A range of one column of a sheet; rows are numbered from 0."""
    letters = column_letters(column)
    return f"'{sheet}'!${letters}${first + 1}:${letters}${last + 1}"


def _width(title: str, column: Iterable[WorkbookCell]) -> int:
    plain = (cell.value if isinstance(cell, Formula | Noted) else cell for cell in column)
    longest = max((len(cell if isinstance(cell, str) else number_text(cell)[:9]) for cell in plain), default=0)
    return min(48, max(9, longest + 2, len(title) // 2 + 4))
