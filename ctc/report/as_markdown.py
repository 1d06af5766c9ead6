"""table.md: the BD-rate table in the layout of the verification model's result tables."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ctc.records import AVG, AVG_METRICS, Campaign, Interop
from ctc.report.interop_table import matrix, notes, title
from ctc.report.operating_points import tool_rows
from ctc.report.overview import CodecLine, codec_lines, metric_label, status_of, status_text
from ctc.report.timing_table import timing_rows
from ctc.report.timing_wording import TIMING_HEADER, timing_notes, timing_texts
from ctc.report.wording import (
    PARITY_HEADER,
    TOOL_HEADER,
    bd_text,
    caveats,
    fraction,
    interval_text,
    parity_row,
    percentage_points,
    rate_range,
    seconds,
    timing_caveats,
    tool_caveats,
    tool_texts,
    tries,
    yes_no,
)


@dataclass(frozen=True)
class MarkdownReport:
    name: str = "markdown"
    file_name: str = "table.md"

    def render(self, campaign: Campaign) -> bytes:
        status, lines = status_of(campaign), codec_lines(campaign)
        parts = [
            f"# BD-rate, set {escape(campaign.dataset)}",
            f"**{status.headline}**: {status_text(status)}.",
            f"Anchor: {escape(campaign.anchor)}. Rates: {rate_range(campaign)}. Negative saves rate. "
            f"{len(campaign.pictures)} pictures, started {escape(campaign.started)}.",
            _table(campaign, lines),
            "\n".join(f"- {escape(note)}" for note in (*caveats(campaign), *timing_caveats(campaign))),
            "\n".join(_unavailable(campaign, lines)),
            _tools(campaign),
            _timing(campaign),
            _findings(campaign),
            *map(_interop, campaign.interop),
            _parity(campaign),
        ]
        return ("\n\n".join(part for part in parts if part) + "\n").encode()


def _table(campaign: Campaign, lines: Sequence[CodecLine]) -> str:
    labels = [metric_label(campaign, metric) for metric in AVG_METRICS]
    after = ["monotonic", "max bit deviation", "mean tries/point", "encode s", "decode s"]
    header = ["codec", AVG, "95 % interval", *labels, *after]
    rules = ["---", *["---:"] * (len(header) - 1)]
    rows = [[escape(cell) for cell in row] for row in (header, *(_row(line) for line in lines))]
    return "\n".join(f"| {' | '.join(row)} |" for row in (rows[0], rules, *rows[1:]))


def _row(line: CodecLine) -> list[str]:
    name = f"{line.codec} *" if line.note else line.codec
    cells = ["anchor"] + [""] * (1 + len(line.metrics))
    if not line.is_anchor:
        cells = [bd_text(line.average), interval_text(line.average), *(bd_text(cell) for cell in line.metrics)]
    measured = [yes_no(line.monotone), fraction(line.largest_deviation), tries(line.tries_per_point)]
    return [name, *cells, *measured, seconds(line.encode_s), seconds(line.decode_s)]


def _unavailable(campaign: Campaign, lines: Sequence[CodecLine]) -> list[str]:
    """Why a cell says N/A, one line each."""
    return [
        f"- N/A, {escape(line.codec)}, {escape(AVG if cell.metric == AVG else metric_label(campaign, cell.metric))}: {escape(cell.reason)}."
        for line in lines
        if not line.is_anchor
        for cell in (line.average, *line.metrics)
        if cell.value_percent is None
    ]


def _tools(campaign: Campaign) -> str:
    """Operating points and tools, where there are tools."""
    rows = tool_rows(campaign)
    if not rows:
        return ""
    labels = [metric_label(campaign, metric) for metric in AVG_METRICS]
    lines = [["operating point", "configuration", AVG, "difference", *labels, *TOOL_HEADER]]
    for row in rows:
        cells = [bd_text(cell) for cell in (row.line.average, *row.line.metrics)]
        rates = ["anchor", *[""] * len(labels)] if row.line.is_anchor else cells
        named = (row.model.operating_point, row.configuration)
        lines.append([*named, rates[0], percentage_points(row.difference.value_percent), *rates[1:], *tool_texts(row)])
    rules = ["---", "---", *["---:"] * (len(lines[0]) - 2)]
    shown = [[escape(cell) for cell in line] for line in lines]
    table = "\n".join(f"| {' | '.join(line)} |" for line in (shown[0], rules, *shown[1:]))
    notes = "\n".join(f"- {escape(note)}" for note in tool_caveats(campaign, rows))
    return f"## Operating points and tools\n\n{table}\n\n{notes}"


def _timing(campaign: Campaign) -> str:
    """The timing campaign, where there is one."""
    rows = timing_rows(campaign)
    if not rows:
        return ""
    lines = [["codec", *TIMING_HEADER], *([row.codec, *timing_texts(row)] for row in rows)]
    head, *others = [[escape(cell) for cell in line] for line in lines]
    rules = ["---", "---", *["---:"] * (len(head) - 2)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in (head, rules, *others))
    return "\n\n".join(["## Timing", table, "\n".join(f"- {escape(note)}" for note in timing_notes(campaign, rows))])


def _findings(campaign: Campaign) -> str:
    """Errors and warnings in full: a table must not travel without them."""
    told = [finding for finding in campaign.findings if finding.severity != "note"]
    rows = []
    for finding in sorted(told, key=lambda finding: finding.severity != "error"):
        where = [finding.codec, finding.picture, "" if finding.target_bpp is None else f"{finding.target_bpp:g} bpp"]
        place = ", ".join(escape(part) for part in where if part)
        rows.append(f"- {finding.severity}, {finding.check}{f', {place}' if place else ''}: {escape(finding.message)}")
    return "\n".join(["## Findings", "", *rows]) if rows else ""


def _interop(interop: Interop) -> str:
    """What the codec's devices make of each other's bitstreams."""
    head, *others = [[escape(cell) for cell in row] for row in matrix(interop)]
    table = "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *others))
    return "\n\n".join([f"## Interoperability, {escape(title(interop))}", table, "\n".join(f"- {escape(note)}" for note in notes(interop))])


def _parity(campaign: Campaign) -> str:
    """How near the metrics of this installation come to the official values."""
    if not campaign.parity:
        return ""
    rows = [PARITY_HEADER, ("---", "---:", "---:", "---:", "---"), *map(parity_row, campaign.parity)]
    lines = [f"| {' | '.join(cell if set(cell) <= set('-:') else escape(cell) for cell in row)} |" for row in rows]
    return "\n".join(
        ["## Metrics against the official values", "", "On the golden pairs that ship with ctc, on the 10-bit grid.", "", *lines]
    )


def escape(text: str) -> str:
    """The text on one line, with nothing in it that Markdown or HTML would take for its own."""
    flat = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|])", r"\\\1", flat)


REPORTS = (MarkdownReport(),)
