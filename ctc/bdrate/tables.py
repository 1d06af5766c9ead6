"""The BD-rates of a campaign: per picture and metric, then the mean over pictures, then the average of the seven."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np

from ctc.bdrate.bootstrap import percentile_interval, resampled_means
from ctc.bdrate.curves import CurveError, CurvePoints, RateCurve
from ctc.bdrate.delta import delta_rate
from ctc.records import ALL, AVG, AVG_METRICS, METRIC_ORDER, BdRate, Campaign, MetricInfo

MINIMUM_PICTURES = 2
"""Fewer pictures have no spread from which an interval could be drawn."""

Rows = dict[tuple[str, str], BdRate]
"""The rows of one codec by (metric, picture)."""


def ordered_metrics(campaign: Campaign) -> tuple[MetricInfo, ...]:
    """The campaign's metrics in table order: `METRIC_ORDER`, then by name."""
    place = {name: index for index, name in enumerate(METRIC_ORDER)}
    return tuple(sorted(campaign.metrics, key=lambda info: (place.get(info.name, len(place)), info.name)))


def bd_rates(campaign: Campaign) -> tuple[BdRate, ...]:
    """Rows for every codec but the anchor, every metric and "AVG", every picture and "ALL", in that order of nesting.

    A picture without a value is N/A with its reason, is left out of the mean of ALL and is counted in `pictures_missing`, where
    pictures that could not be read are counted too. AVG of a picture is the mean of its seven BD-rates; AVG of ALL is the mean
    of the seven means. Either is N/A where one of the seven is. In AVG of ALL a picture counts as missing when its own AVG is N/A.
    The interval is a percentile bootstrap over pictures, for rows ALL with two pictures or more.
    """
    metrics = ordered_metrics(campaign)
    curves = _Curves(campaign, metrics)
    unread = {f.picture for f in campaign.failed if not f.codec and f.picture} - {picture.name for picture in campaign.pictures}
    rows: list[BdRate] = []
    for codec in campaign.codecs:
        if codec.name != campaign.anchor:
            rows += _codec_rows(curves, codec.name, len(unread))
    return tuple(rows)


class _Curves:
    """Every curve, or the reason why there is none, made once."""

    def __init__(self, campaign: Campaign, metrics: Sequence[MetricInfo]) -> None:
        self.anchor = campaign.anchor
        self.metrics = tuple(info.name for info in metrics)
        self.pictures = tuple(picture.name for picture in campaign.pictures)
        self.codecs = tuple(codec.name for codec in campaign.codecs)
        self._made: dict[tuple[str, str, str], RateCurve | CurveError] = {}
        points = CurvePoints(campaign)
        for codec, info, picture in product(self.codecs, metrics, self.pictures):
            try:
                self._made[codec, info.name, picture] = points.curve(codec, picture, info)
            except CurveError as error:
                self._made[codec, info.name, picture] = error

    def compare(self, codec: str, metric: str, picture: str) -> tuple[float, float]:
        """BD-rate in per cent and overlap. Raises CurveError that says whose curve is at fault."""
        if self.anchor not in self.codecs:
            raise CurveError(f"the anchor {self.anchor} is not in the campaign")
        anchor, test = self._made[self.anchor, metric, picture], self._made[codec, metric, picture]
        if isinstance(anchor, RateCurve) and isinstance(test, RateCurve):
            return delta_rate(anchor, test)
        faults = ((self.anchor, anchor), (codec, test))
        raise CurveError("; ".join(f"{name}: {fault}" for name, fault in faults if isinstance(fault, CurveError)))


def _codec_rows(curves: _Curves, codec: str, unread: int) -> list[BdRate]:
    cells = product(curves.metrics, curves.pictures)
    rows: Rows = {(metric, picture): _picture_row(curves, codec, metric, picture) for metric, picture in cells}
    for picture in curves.pictures:
        rows[AVG, picture] = _average_row(rows, codec, curves.anchor, picture)
    intervals = _intervals(rows, curves.metrics, curves.pictures)
    for metric in curves.metrics:
        rows[metric, ALL] = _mean_row(rows, codec, curves, metric, unread, intervals.get(metric))
    rows[AVG, ALL] = _overall_row(rows, codec, curves, unread, intervals.get(AVG))
    return [rows[metric, picture] for metric, picture in product((*curves.metrics, AVG), (*curves.pictures, ALL))]


def _picture_row(curves: _Curves, codec: str, metric: str, picture: str) -> BdRate:
    try:
        percent, overlap = curves.compare(codec, metric, picture)
    except CurveError as error:
        return BdRate(codec, curves.anchor, metric, picture, None, None, str(error), pictures=0)
    return BdRate(codec, curves.anchor, metric, picture, percent, overlap)


def _average_row(rows: Rows, codec: str, anchor: str, picture: str) -> BdRate:
    """AVG of one picture, or of ALL before pictures are counted."""
    not_computed = [metric for metric in AVG_METRICS if (metric, picture) not in rows]
    if not_computed:
        reason = f"not computed: {', '.join(not_computed)}"
        return BdRate(codec, anchor, AVG, picture, None, None, reason, pictures=0)
    seven = [rows[metric, picture] for metric in AVG_METRICS]
    without = [row for row in seven if row.value_percent is None]
    if without:
        reason = f"N/A in {', '.join(row.metric for row in without)}: {without[0].reason}"
        return BdRate(codec, anchor, AVG, picture, None, None, reason, pictures=0)
    return BdRate(codec, anchor, AVG, picture, float(np.mean(_values(seven))), _smallest_overlap(seven))


def _mean_row(rows: Rows, codec: str, curves: _Curves, metric: str, unread: int, interval: tuple[float, float] | None) -> BdRate:
    of_pictures = [rows[metric, picture] for picture in curves.pictures]
    values = _values(of_pictures)
    missing = len(of_pictures) - len(values) + unread
    if not values:
        reason = _common_reason(of_pictures)
        return BdRate(codec, curves.anchor, metric, ALL, None, None, reason, pictures=0, pictures_missing=missing)
    low, high = interval or (None, None)
    overlap = _smallest_overlap(of_pictures)
    return BdRate(codec, curves.anchor, metric, ALL, float(np.mean(values)), overlap, "", low, high, len(values), missing)


def _overall_row(rows: Rows, codec: str, curves: _Curves, unread: int, interval: tuple[float, float] | None) -> BdRate:
    mean = _average_row(rows, codec, curves.anchor, ALL)
    whole = len(_values([rows[AVG, picture] for picture in curves.pictures]))
    missing = len(curves.pictures) - whole + unread
    value, overlap, reason = mean.value_percent, mean.overlap, mean.reason
    if value is not None and whole == 0:
        # Seven means over seven different sets of pictures would not be an average of anything.
        value, overlap, reason = None, None, "no picture has a value in all seven metrics"
    low, high = interval if interval and value is not None else (None, None)
    return BdRate(codec, curves.anchor, AVG, ALL, value, overlap, reason, low, high, whole if value is not None else 0, missing)


def _intervals(rows: Rows, metrics: Sequence[str], pictures: Sequence[str]) -> Mapping[str, tuple[float, float]]:
    """95 % intervals of the ALL rows by metric and AVG; without those that have too few pictures."""
    if not (metrics and pictures):
        return {}
    cells = [[rows[metric, picture].value_percent for metric in metrics] for picture in pictures]
    present = np.array([[cell is not None for cell in line] for line in cells])
    values = np.array([[0.0 if cell is None else cell for cell in line] for line in cells])
    enough = present.sum(axis=0) >= MINIMUM_PICTURES
    if not enough.any():
        return {}
    means = resampled_means(values, present)
    columns = {metric: index for index, metric in enumerate(metrics) if enough[index]}
    found = {metric: percentile_interval(means[:, index]) for metric, index in columns.items()}
    if set(AVG_METRICS) <= set(columns):
        found[AVG] = percentile_interval(means[:, [columns[metric] for metric in AVG_METRICS]].mean(axis=1))
    return {metric: interval for metric, interval in found.items() if interval is not None}


def _values(rows: Sequence[BdRate]) -> list[float]:
    return [row.value_percent for row in rows if row.value_percent is not None]


def _smallest_overlap(rows: Sequence[BdRate]) -> float:
    return min(row.overlap for row in rows if row.overlap is not None)


def _common_reason(rows: Sequence[BdRate]) -> str:
    reasons = {row.reason for row in rows}
    if not rows:
        return "no pictures"
    if len(reasons) == 1:
        return rows[0].reason
    return f"none of {len(rows)} pictures has a value; {rows[0].picture}: {rows[0].reason}"
