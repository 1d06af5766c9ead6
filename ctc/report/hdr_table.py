"""BD-rates of the metrics that are made for HDR pictures, for which the table of the common test conditions has no columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ctc.records import Campaign
from ctc.report.overview import BdCell, CodecLine, metric_label
from ctc.report.wording import bd_text

TITLE = "BD-rate, HDR"


def hdr_metrics(campaign: Campaign) -> tuple[str, ...]:
    """Names of the campaign's metrics that are defined for HDR pictures alone, in the order of the tables."""
    return tuple(metric.name for metric in campaign.metrics if metric.transfer == "pq")


def hdr_cells(campaign: Campaign, line: CodecLine) -> tuple[BdCell, ...]:
    """Those of a line, in the order of `hdr_metrics`."""
    wanted = hdr_metrics(campaign)
    by_metric = {cell.metric: cell for cell in line.others}
    return tuple(by_metric[name] for name in wanted)


def hdr_rows(campaign: Campaign, lines: Sequence[CodecLine], text: Callable[[BdCell], str] = bd_text) -> list[list[str]]:
    """Heading and a row for each codec, with each cell as `text` has it; empty where no such metric was computed."""
    names = hdr_metrics(campaign)
    if not names:
        return []
    rows = [[TITLE, *(metric_label(campaign, name) for name in names)]]
    for line in lines:
        texts = ["anchor", *[""] * (len(names) - 1)] if line.is_anchor else [text(cell) for cell in hdr_cells(campaign, line)]
        rows.append([line.codec, *texts])
    return rows
