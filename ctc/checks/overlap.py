"""Whether the curves behind a BD-rate have enough of their quality range in common."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence

from ctc.records import ALL, AVG, BdRate, Campaign, Finding

MINIMUM_OVERLAP = 0.75
"""Below it the `bjontegaard` package warns too: most of one curve was not compared with the other."""


def curve_overlap(campaign: Campaign) -> tuple[Finding, ...]:
    """Warnings for BD-rates that are N/A and for those whose curves share less than 75 % of their quality range.

    One finding per codec, picture and cause, which names the metrics; one per codec (picture "ALL") where the cause is the same
    everywhere. Averages follow from the metrics; only that of a whole codec is reported where it is N/A.
    """
    by_codec: dict[str, list[BdRate]] = defaultdict(list)
    for row in campaign.bd:
        by_codec[row.codec].append(row)
    return tuple(finding for codec, rows in by_codec.items() for finding in _codec_overlap(codec, rows))


def _codec_overlap(codec: str, rows: Sequence[BdRate]) -> Iterator[Finding]:
    single = [row for row in rows if row.picture != ALL and row.metric != AVG]
    missing = [row for row in single if row.value_percent is None]
    reasons = {row.reason for row in missing}
    if single and len(missing) == len(single) and len(reasons) == 1:
        yield Finding("curve_overlap", "warning", codec, ALL, None, f"BD-rates are N/A: {missing[0].reason}")
        return
    common = _common_reasons(single)
    for reason, metrics in common.items():
        yield Finding("curve_overlap", "warning", codec, ALL, None, f"BD-rate of {', '.join(metrics)} is N/A: {reason}")
    told = {metric for metrics in common.values() for metric in metrics}
    single = [row for row in single if row.metric not in told]
    for picture in dict.fromkeys(row.picture for row in single):
        yield from _picture_overlap(codec, picture, [row for row in single if row.picture == picture])
    average = next((row for row in rows if (row.metric, row.picture) == (AVG, ALL)), None)
    if average is not None and average.value_percent is None:
        yield Finding("curve_overlap", "warning", codec, ALL, None, f"AVG is N/A: {average.reason}")


def _common_reasons(rows: Sequence[BdRate]) -> dict[str, list[str]]:
    """The metrics that are N/A for one reason on all of several pictures, by the reason."""
    by_metric: dict[str, list[BdRate]] = defaultdict(list)
    for row in rows:
        by_metric[row.metric].append(row)
    found: dict[str, list[str]] = defaultdict(list)
    for metric, of_metric in by_metric.items():
        reasons = {row.reason for row in of_metric if row.value_percent is None}
        if len(of_metric) > 1 and len(reasons) == 1 and all(row.value_percent is None for row in of_metric):
            found[reasons.pop()].append(metric)
    return found


def _picture_overlap(codec: str, picture: str, rows: Sequence[BdRate]) -> Iterator[Finding]:
    by_reason: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row.value_percent is None:
            by_reason[row.reason].append(row.metric)
    for reason, without in by_reason.items():
        yield Finding("curve_overlap", "warning", codec, picture, None, f"BD-rate of {', '.join(without)} is N/A: {reason}")
    narrow = [(row.overlap, row.metric) for row in rows if row.overlap is not None and row.overlap < MINIMUM_OVERLAP]
    if narrow:
        # Rounded down, so that no overlap below the limit is shown as the limit.
        percents = dict.fromkeys(str(math.floor(100 * overlap)) for overlap, _ in (min(narrow), max(narrow)))
        metrics = ", ".join(metric for _, metric in narrow)
        message = f"common quality interval covers only {' to '.join(percents)} % of both curves' range in {metrics}"
        yield Finding("curve_overlap", "warning", codec, picture, None, message)
