"""tables.tex: the tables for a paper, as a document that compiles and of which each table can be taken by itself; needs booktabs.

A bold BD-rate may be relied on; of the others a note below the table says why not."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ctc.records import AVG, AVG_METRICS, Campaign, PublishedRow
from ctc.report import interop_table
from ctc.report.complexity import SIDES, counted_notes, counted_over, side_rows
from ctc.report.grounds import grounds_text
from ctc.report.multi_branch import branch_rows
from ctc.report.operating_points import ToolRow, published_rows, tool_rows
from ctc.report.overview import BdCell, CodecLine, codec_lines, metric_label, status_of, status_text
from ctc.report.tool_wording import (
    BRANCH_HEADER,
    TOOL_HEADER,
    branch_texts,
    published_branch_texts,
    published_notes,
    published_texts,
    tool_caveats,
    tool_texts,
)
from ctc.report.wording import bd_text, caveats, fraction, percent, percentage_points, rate_range, seconds, timing_caveats, yes_no

PREAMBLE = r"""\documentclass[10pt]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{textcomp}
\usepackage{booktabs}
\usepackage{graphicx}
\usepackage[a4paper,landscape,margin=15mm]{geometry}
\begin{document}
"""
SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}", "`": r"\textasciigrave{}", "-": r"{-}",
    "\u2212": "$-$", "×": r"$\times$", "±": r"$\pm$", "∞": r"$\infty$", "–": r"\textendash{}", "—": r"\textemdash{}", "…": r"\ldots{}",
    "→": r"$\rightarrow$", "µ": r"\textmu{}", "°": r"\textdegree{}", "²": r"\texttwosuperior{}", "³": r"\textthreesuperior{}",
}  # fmt: skip
"""Hyphens stand in braces so that two of them make no dash."""


@dataclass(frozen=True)
class LatexReport:
    name: str = "latex"
    file_name: str = "tables.tex"

    def render(self, campaign: Campaign) -> bytes:
        status = status_of(campaign)
        head = f"{status.headline}: {status_text(status)}. Set {campaign.dataset}, anchor {campaign.anchor}, {rate_range(campaign)}."
        tables = [_overview(campaign), _tools(campaign), _branches(campaign), *_complexity(campaign), *_interop(campaign)]
        body = "\n\n".join(filter(None, [f"\\noindent {escape(head)}", *tables]))
        return f"{PREAMBLE}{body}\n\n\\end{{document}}\n".encode()


class Notes:
    """Notes below one table, each once, marked by letters in order of appearance."""

    def __init__(self) -> None:
        self.marks: dict[str, str] = {}

    def mark(self, text: str) -> str:
        return rf"\textsuperscript{{{self.marks.setdefault(text, _letters(len(self.marks)))}}}"

    @property
    def lines(self) -> list[str]:
        return [rf"\textsuperscript{{{mark}}} {escape(text)}." for text, mark in self.marks.items()]


def _letters(number: int) -> str:
    """a, b, …, z, aa, ab, …"""
    return (_letters(number // 26 - 1) if number >= 26 else "") + chr(ord("a") + number % 26)


def _table(caption: str, header: Sequence[str], groups: Iterable[Sequence[Sequence[str]]], below: Iterable[str], names: int = 1) -> str:
    """Cells are escaped already. A rule stands between groups; the first columns are names, the others numbers."""
    rules = "\n\\midrule\n".join("\n".join(f"{' & '.join(row)} \\\\" for row in rows) for rows in groups if rows)
    return "\n".join(
        [
            r"\begin{table}[!htbp]",
            r"\centering",
            rf"\caption{{{escape(caption)}}}",
            r"\resizebox{\ifdim\width>\textwidth\textwidth\else\width\fi}{!}{%",
            rf"\begin{{tabular}}{{{'l' * names}{'r' * (len(header) - names)}}}",
            r"\toprule",
            f"{' & '.join(map(escape, header))} \\\\",
            r"\midrule",
            rules,
            r"\bottomrule",
            r"\end{tabular}}",
            r"\end{table}",
            # Outside of the float, which must fit on a page.
            r"{\footnotesize\raggedright",
            *(rf"\noindent {line}\par" for line in below),
            r"}",
            r"\clearpage",
        ]
    )


def _overview(campaign: Campaign) -> str:
    labels = [metric_label(campaign, metric) for metric in AVG_METRICS]
    header = ["codec", AVG, *labels, "monotonic", "max bit deviation", "encode s", "decode s"]
    notes, rows = Notes(), []
    for line in codec_lines(campaign):
        measured = (yes_no(line.monotone), fraction(line.largest_deviation), seconds(line.encode_s), seconds(line.decode_s))
        rows.append([escape(line.codec), *_rates(line, notes), *map(escape, measured)])
    if not rows:
        return ""
    told = map(escape, (*caveats(campaign), *timing_caveats(campaign)))
    return _table(f"BD-rates against {campaign.anchor}, set {campaign.dataset}", header, [rows], [*notes.lines, *told])


def _tools(campaign: Campaign) -> str:
    rows, published = tool_rows(campaign), published_rows(campaign, branches=False)
    if not (rows or published):
        return ""
    labels = [metric_label(campaign, metric) for metric in AVG_METRICS]
    header = ["operating point", "configuration", AVG, "difference", *labels, *TOOL_HEADER]
    notes, ours = Notes(), []
    for row in rows:
        average, *metrics = _rates(row.line, notes)
        named = map(escape, (row.model.operating_point, row.configuration))
        difference = escape(percentage_points(row.difference.value_percent))
        ours.append([*named, average, difference, *metrics, *map(escape, tool_texts(row))])
    groups = [ours]
    for table, others in published:
        groups.append([_published_tool_row(table.name, other) for other in others])
    told = [*tool_caveats(campaign, rows), *(note for table, others in published for note in published_notes(table, others))]
    return _table("Operating points and tools", header, groups, [*notes.lines, *map(escape, told)], 2)


def _published_tool_row(table: str, row: PublishedRow) -> list[str]:
    average, *metrics = (percent(value) for _, value in row.rates_percent)
    named = [_italic(f"published, {table}: {row.operating_point}"), _italic(row.test)]
    return [*named, *map(escape, (average, "–", *metrics, *published_texts(row)))]


def _branches(campaign: Campaign) -> str:
    rows, published = branch_rows(campaign), published_rows(campaign, branches=True)
    if not (rows or published):
        return ""
    header = ["encoder", "decoder", "configuration", AVG, *(metric_label(campaign, metric) for metric in AVG_METRICS), *BRANCH_HEADER]
    notes = Notes()
    groups = [[_branch_row(each.encoder, each.row, notes) for each in rows]]
    for table, others in published:
        named = ((f"published, {table.name}: {row.encoder}", f"{row.operating_point}Dec", row.test) for row in others)
        values = ([percent(value) for _, value in row.rates_percent] + list(published_branch_texts(row)) for row in others)
        groups.append([[*map(_italic, names), *map(escape, texts)] for names, texts in zip(named, values, strict=True)])
    told = [escape(note) for table, others in published for note in published_notes(table, others)]
    return _table("Encoders and decoders", header, groups, [*notes.lines, *told], 3)


def _branch_row(encoder: str, row: ToolRow, notes: Notes) -> list[str]:
    named = map(escape, (encoder, f"{row.model.operating_point}Dec", row.configuration))
    return [*named, *_rates(row.line, notes), *map(escape, branch_texts(row))]


def _complexity(campaign: Campaign) -> list[str]:
    tables = []
    for counted in campaign.counted:
        for side in SIDES:
            head, *rows = side_rows(side, counted.counts)
            caption = f"Complexity of {counted.codec}, {side}, kMAC/px over {counted_over(counted.counts)}"
            below = map(escape, counted_notes(counted) if side == SIDES[-1] else ())
            tables.append(_table(caption, head, [[list(map(escape, row)) for row in rows]], below))
    return tables


def _interop(campaign: Campaign) -> list[str]:
    """What the codecs' devices make of each other's bitstreams."""
    tables = []
    for interop in campaign.interop:
        head, *rows = interop_table.matrix(interop)
        below = map(escape, interop_table.notes(interop))
        cells = [list(map(escape, row)) for row in rows]
        tables.append(_table(f"Interoperability, {interop_table.title(interop)}", head, [cells], below, len(head)))
    return tables


def _rates(line: CodecLine, notes: Notes) -> list[str]:
    if line.is_anchor:
        return ["anchor", *[""] * len(line.metrics)]
    return [_bd(cell, notes) for cell in (line.average, *line.metrics)]


def _bd(cell: BdCell, notes: Notes) -> str:
    text = escape(bd_text(cell))
    if cell.value_percent is None:
        return text + notes.mark(f"N/A: {cell.reason}")
    return rf"\textbf{{{text}}}" if cell.sound else text + notes.mark(f"Not bold: {grounds_text(cell.grounds)}")


def _italic(text: str) -> str:
    return rf"\textit{{{escape(text)}}}"


def escape(text: str) -> str:
    """The text on one line, with nothing in it that TeX would take for its own. What its fonts do not have is named by its code."""
    return "".join(map(_character, unicodedata.normalize("NFC", " ".join(text.split()))))


def _character(character: str) -> str:
    if character in SPECIAL:
        return SPECIAL[character]
    if character == " " or (character.isascii() and character.isprintable()):
        return character
    # Of what lies beyond ASCII, the letters that every installation of T1 fonts has.
    if re.fullmatch(r"[À-ÖØ-öø-ÿ]", character):
        return character
    return f"[U+{ord(character):04X}]"


REPORTS = (LatexReport(),)
