"""The BD-rate table as plain text, for the end of a run in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from ctc.records import AVG, AVG_METRICS, Campaign
from ctc.report.hdr_table import hdr_rows
from ctc.report.interop_table import title
from ctc.report.operating_points import tool_rows
from ctc.report.overview import CodecLine, codec_lines, metric_label, status_of, status_text
from ctc.report.tool_wording import counted_at, reason_lines, tool_texts, unlike_times
from ctc.report.wording import bd_text, codec_caveats, fraction, parity_line, percentage_points, tries, yes_no


def terminal_table(campaign: Campaign) -> str:
    """Status, one line per codec, and the caveats that every table must show."""
    status = status_of(campaign)
    header = ["BD-rate", AVG, *(metric_label(campaign, metric) for metric in AVG_METRICS), "monotone", "max dev.", "tries/pt"]
    lines = codec_lines(campaign)
    rows = [header, *(_row(line) for line in lines)]
    hdr = hdr_rows(campaign, lines)
    table, for_hdr, tools = aligned(rows), aligned(hdr) if hdr else [], _tools(campaign)
    told = (*codec_caveats(campaign), *_absent(lines), _bold(lines), *map(title, campaign.interop), parity_line(campaign.parity))
    notes = [f"  {note}" for note in told if note]
    tables = [text for block in (table, for_hdr, tools) if block for text in (*block, "")]
    return "\n".join([f"set {campaign.dataset}: {status.headline.lower()}; {status_text(status)}", "", *tables, *notes])


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """The first column to the left, the others to the right."""
    first, *others = (max(map(len, column)) for column in zip(*rows, strict=True))
    return ["  ".join([row[0].ljust(first), *map(str.rjust, row[1:], others)]).rstrip() for row in rows]


def _tools(campaign: Campaign) -> list[str]:
    """Operating points and tools in brief, where there are tools, with what lacks or is not valid; the BD-rates of each metric are in the
    table above."""
    rows = [("configuration", AVG, "diff.", "kMAC/px mean", "official", "decoding ×", "parameters")]
    configurations = tool_rows(campaign)
    for row in configurations:
        average = "anchor" if row.line.is_anchor else bd_text(row.line.average)
        _, _, _, kmac, _, official, ratio, parameters, *_ = tool_texts(row)
        name, difference = f"{row.model.operating_point} {row.configuration}", percentage_points(row.difference.value_percent)
        rows.append((name, average, difference, kmac, official, ratio, parameters))
    busy = ["* of a machine that did other work"] if any("*" in row[5] for row in rows) else []
    counted = [f"official: counted{at}"] if (at := counted_at(configurations)) else []
    told = [*busy, *counted, *unlike_times(campaign, configurations), *reason_lines(configurations)]
    return [*aligned(rows), *told] if len(rows) > 1 else []


def _absent(lines: Sequence[CodecLine]) -> list[str]:
    """Why an average says N/A."""
    return [
        f"{line.codec}: AVG is N/A: {line.average.reason}." for line in lines if not line.is_anchor and line.average.value_percent is None
    ]


def _bold(lines: Sequence[CodecLine]) -> str:
    """How many BD-rates may be relied on, and of what kind the grounds are where some may not."""
    cells = [cell for line in lines if not line.is_anchor for cell in (line.average, *line.metrics) if cell.value_percent is not None]
    unsound = [cell for cell in cells if not cell.sound]
    if not unsound:
        return ""
    kinds = dict.fromkeys(ground.what for cell in unsound for ground in cell.grounds)
    held = f"{len(cells) - len(unsound)} of {len(cells)} BD-rates hold in every condition"
    return f"{held}; why the others do not ({', '.join(kinds)}) say report.html and validity.csv."


def _row(line: CodecLine) -> list[str]:
    cells = ["anchor", *[""] * len(line.metrics)] if line.is_anchor else [bd_text(cell) for cell in (line.average, *line.metrics)]
    return [line.codec, *cells, yes_no(line.monotone), fraction(line.largest_deviation), tries(line.tries_per_point)]
