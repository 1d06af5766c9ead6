"""The BD-rate table as plain text, for the end of a run in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from ctc.records import AVG, AVG_METRICS, Campaign
from ctc.report.overview import CodecLine, codec_lines, metric_label, status_of, status_text
from ctc.report.wording import bd_text, codec_caveats, fraction, parity_line, tries, yes_no


def terminal_table(campaign: Campaign) -> str:
    """Status, one line per codec, and the caveats that every table must show."""
    status = status_of(campaign)
    header = ["BD-rate", AVG, *(metric_label(campaign, metric) for metric in AVG_METRICS), "monotone", "max dev.", "tries/pt"]
    lines = codec_lines(campaign)
    rows = [header, *(_row(line) for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    table = [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]) for row in rows
    ]
    notes = [f"  {note}" for note in (*codec_caveats(campaign), *_absent(lines), parity_line(campaign.parity)) if note]
    return "\n".join([f"set {campaign.dataset}: {status.headline.lower()}; {status_text(status)}", "", *table, "", *notes])


def _absent(lines: Sequence[CodecLine]) -> list[str]:
    """Why an average says N/A."""
    return [
        f"{line.codec}: AVG is N/A: {line.average.reason}." for line in lines if not line.is_anchor and line.average.value_percent is None
    ]


def _row(line: CodecLine) -> list[str]:
    cells = ["anchor", *[""] * len(line.metrics)] if line.is_anchor else [bd_text(cell) for cell in (line.average, *line.metrics)]
    return [line.codec, *cells, yes_no(line.monotone), fraction(line.largest_deviation), tries(line.tries_per_point)]
