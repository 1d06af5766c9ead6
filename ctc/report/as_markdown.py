"""table.md: the tables in the layout of the verification model's result tables. A bold BD-rate may be relied on; of the others a footnote
says why not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ctc.records import AVG, AVG_METRICS, Campaign, CountedCodec, Interop, PublishedRow
from ctc.report.complexity import SIDES, counted_notes, counted_over, side_rows
from ctc.report.grounds import grounds_text
from ctc.report.hdr_table import hdr_cells, hdr_rows
from ctc.report.interop_table import matrix, notes, title
from ctc.report.multi_branch import branch_rows
from ctc.report.operating_points import ToolRow, published_rows, tool_rows
from ctc.report.overview import BdCell, CodecLine, codec_lines, metric_label, plural, status_of, status_text
from ctc.report.timing_table import timing_rows
from ctc.report.timing_wording import TIMING_HEADER, timing_notes, timing_texts
from ctc.report.tool_wording import (
    BRANCH_HEADER,
    TOOL_HEADER,
    branch_texts,
    published_branch_texts,
    published_notes,
    published_texts,
    reason_lines,
    tool_caveats,
    tool_texts,
)
from ctc.report.wording import (
    PARITY_HEADER,
    bd_text,
    caveats,
    fraction,
    interval_text,
    parity_row,
    percent,
    percentage_points,
    rate_range,
    seconds,
    timing_caveats,
    tries,
    yes_no,
)


@dataclass(frozen=True)
class MarkdownReport:
    name: str = "markdown"
    file_name: str = "table.md"

    def render(self, campaign: Campaign) -> bytes:
        status, lines, footnotes = status_of(campaign), codec_lines(campaign), Footnotes()
        parts = [
            f"# BD-rate, set {escape(campaign.dataset)}",
            f"**{status.headline}**: {status_text(status)}.",
            f"Anchor: {escape(campaign.anchor)}. Rates: {rate_range(campaign)}. Negative saves rate. "
            f"{plural(len(campaign.pictures), 'picture')}, started {escape(campaign.started)}. "
            "Bold: every condition holds for every point behind it; see validity.csv.",
            _table(campaign, lines, footnotes),
            _hdr(campaign, lines, footnotes),
            _list((*caveats(campaign), *timing_caveats(campaign))),
            "\n".join(_unavailable(campaign, lines)),
            _tools(campaign, footnotes),
            _branches(campaign, footnotes),
            footnotes.text,
            _timing(campaign),
            _findings(campaign),
            *map(_complexity, campaign.counted),
            *map(_interop, campaign.interop),
            _parity(campaign),
        ]
        return ("\n\n".join(part for part in parts if part) + "\n").encode()


@dataclass
class Footnotes:
    """Texts with numbers, in order of appearance, each once."""

    numbers: dict[str, int] = field(default_factory=dict)

    def mark(self, text: str) -> str:
        return f"[^{self.numbers.setdefault(text, len(self.numbers) + 1)}]"

    @property
    def text(self) -> str:
        return "\n".join(f"[^{number}]: Not bold: {escape(text)}." for text, number in self.numbers.items())


def _grid(header: Sequence[str], rows: Iterable[Sequence[str]], names: int = 1) -> str:
    """A table of cells that are escaped already; the first columns are names, the others numbers."""
    rules = [*["---"] * names, *["---:"] * (len(header) - names)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, rules, *rows))


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {escape(line)}" for line in lines)


def _escaped(cells: Iterable[str]) -> list[str]:
    return [escape(cell) for cell in cells]


def _bd(cell: BdCell, footnotes: Footnotes) -> str:
    text = escape(bd_text(cell))
    if cell.value_percent is None:
        return text
    return f"**{text}**" if cell.sound else f"{text} {footnotes.mark(grounds_text(cell.grounds))}"


def _table(campaign: Campaign, lines: Sequence[CodecLine], footnotes: Footnotes) -> str:
    labels = [metric_label(campaign, metric) for metric in AVG_METRICS]
    after = ["monotonic", "max bit deviation", "mean tries/point", "encode s", "decode s"]
    header = _escaped(["codec", AVG, "95 % interval", *labels, *after])
    return _grid(header, [_row(line, footnotes) for line in lines])


def _row(line: CodecLine, footnotes: Footnotes) -> list[str]:
    name = f"{line.codec} *" if line.note else line.codec
    cells = ["anchor"] + [""] * (1 + len(line.metrics))
    if not line.is_anchor:
        cells = [_bd(line.average, footnotes), escape(interval_text(line.average)), *(_bd(cell, footnotes) for cell in line.metrics)]
    measured = [yes_no(line.monotone), fraction(line.largest_deviation), tries(line.tries_per_point)]
    return [escape(name), *cells, *_escaped([*measured, seconds(line.encode_s), seconds(line.decode_s)])]


def _hdr(campaign: Campaign, lines: Sequence[CodecLine], footnotes: Footnotes) -> str:
    """The metrics for HDR pictures, where there are any."""
    rows = hdr_rows(campaign, lines, lambda cell: _bd(cell, footnotes))
    return _grid(_escaped(rows[0]), [[escape(codec), *cells] for codec, *cells in rows[1:]]) if rows else ""


def _unavailable(campaign: Campaign, lines: Sequence[CodecLine]) -> list[str]:
    """Why a cell says N/A, one line each."""
    return [
        f"- N/A, {escape(line.codec)}, {escape(AVG if cell.metric == AVG else metric_label(campaign, cell.metric))}: {escape(cell.reason)}."
        for line in lines
        if not line.is_anchor
        for cell in (line.average, *line.metrics, *hdr_cells(campaign, line))
        if cell.value_percent is None
    ]


def _tools(campaign: Campaign, footnotes: Footnotes) -> str:
    """Operating points and tools, where there are learned codecs or published rows."""
    rows, published = tool_rows(campaign), published_rows(campaign, branches=False)
    if not (rows or published):
        return ""
    labels = [metric_label(campaign, metric) for metric in AVG_METRICS]
    header = _escaped(["operating point", "configuration", AVG, "difference", *labels, *TOOL_HEADER])
    lines = []
    for row in rows:
        average, *metrics = _rates(row, footnotes)
        named = _escaped((row.model.operating_point, row.configuration))
        lines.append([*named, average, escape(percentage_points(row.difference.value_percent)), *metrics, *_escaped(tool_texts(row))])
    for table, others in published:
        for other in others:
            average, *metrics = _published_rates(other)
            named = [_italic(f"published, {table.name}: {other.operating_point}"), _italic(other.test)]
            lines.append([*named, average, "–", *metrics, *_escaped(published_texts(other))])
    told = [*tool_caveats(campaign, rows), *(note for table, others in published for note in published_notes(table, others))]
    return f"## Operating points and tools\n\n{_grid(header, lines, 2)}\n\n{_list(told)}"


def _branches(campaign: Campaign, footnotes: Footnotes) -> str:
    """Encoders and decoders, where several decoders share bitstreams or such rows were published."""
    rows, published = branch_rows(campaign), published_rows(campaign, branches=True)
    if not (rows or published):
        return ""
    labels = [metric_label(campaign, metric) for metric in AVG_METRICS]
    header = _escaped(["encoder", "decoder", "configuration", AVG, *labels, *BRANCH_HEADER])
    lines = []
    for each in rows:
        named = _escaped((each.encoder, f"{each.row.model.operating_point}Dec", each.row.configuration))
        lines.append([*named, *_rates(each.row, footnotes), *_escaped(branch_texts(each.row))])
    for table, others in published:
        for other in others:
            named = [_italic(text) for text in (f"published, {table.name}: {other.encoder}", f"{other.operating_point}Dec", other.test)]
            lines.append([*named, *_published_rates(other), *_escaped(published_branch_texts(other))])
    told = ["Decoders in rows of one encoder decode the same bitstreams, as their hashes say."] if rows else []
    told += [note for table, others in published for note in published_notes(table, others)]
    told += reason_lines(each.row for each in rows) if not tool_rows(campaign) else []
    return f"## Encoders and decoders\n\n{_grid(header, lines, 3)}\n\n{_list(told)}"


def _rates(row: ToolRow, footnotes: Footnotes) -> list[str]:
    if row.line.is_anchor:
        return ["anchor", *[""] * len(row.line.metrics)]
    return [_bd(cell, footnotes) for cell in (row.line.average, *row.line.metrics)]


def _published_rates(row: PublishedRow) -> list[str]:
    return _escaped(percent(value) for _, value in row.rates_percent)


def _italic(text: str) -> str:
    return f"*{escape(text)}*"


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


def _complexity(counted: CountedCodec) -> str:
    """What decoder and encoder compute, part by part, by three ways of counting."""
    tables = []
    for side in SIDES:
        head, *rows = (_escaped(row) for row in side_rows(side, counted.counts))
        tables.append(_grid(head, rows))
    heading = f"## Complexity, {escape(counted.codec)}, kMAC/px over {counted_over(counted.counts)}"
    return "\n\n".join([heading, *tables, _list(counted_notes(counted))])


def _interop(interop: Interop) -> str:
    """What the codec's devices make of each other's bitstreams."""
    head, *others = (_escaped(row) for row in matrix(interop))
    table = _grid(head, others, len(head))
    return "\n\n".join([f"## Interoperability, {escape(title(interop))}", table, _list(notes(interop))])


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
