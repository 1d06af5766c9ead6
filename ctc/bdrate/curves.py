"""Rate-quality curves: which points lie on one, and why a set of points is no curve."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator

from ctc.records import BD_TARGET_BPPS, Campaign, MetricInfo, Score, Scored

MINIMUM_POINTS = 4
"""Bjontegaard's delta is defined on curves of four points or more (VCEG-M33)."""


class CurveError(ValueError):
    """The points make no curve, or two curves cannot be compared; the text is the reason shown beside N/A."""


@dataclass(frozen=True, eq=False)
class RateCurve:
    """A valid curve: both arrays have shape (points,), are finite and strictly rising."""

    rates: NDArray[np.float64]
    """Bits per pixel, or any other unit that both curves of a comparison share; positive."""
    quality: NDArray[np.float64]
    log_rate: PchipInterpolator
    """Natural logarithm of the rate over quality, piecewise cubic Hermite (Fritsch and Carlson 1980)."""

    @property
    def lowest(self) -> float:
        return float(self.quality[0])

    @property
    def highest(self) -> float:
        return float(self.quality[-1])

    def mean_log_rate(self, low: float, high: float) -> float:
        """Mean of ln(rate) over the quality interval low..high, which must lie on the curve."""
        return float(self.log_rate.integrate(low, high)) / (high - low)


def rate_curve(rates: ArrayLike, quality: ArrayLike) -> RateCurve:
    """The curve through points given in any order, both of shape (points,).

    Raises CurveError for fewer than four points, for missing, infinite or non-positive numbers, and where quality does
    not strictly rise with rate.
    """
    rate = np.asarray(rates, dtype=np.float64)
    value = np.asarray(quality, dtype=np.float64)
    if rate.ndim != 1 or rate.shape != value.shape:
        raise CurveError(f"rates and quality must be two lists of one length, not of shapes {rate.shape} and {value.shape}")
    if rate.size < MINIMUM_POINTS:
        raise CurveError(f"{rate.size} points, a curve needs {MINIMUM_POINTS}")
    if not (np.isfinite(rate).all() and (rate > 0).all()):
        raise CurveError("a rate is not a positive finite number")
    if not np.isfinite(value).all():
        raise CurveError("a quality is not a finite number")
    order = np.argsort(rate, kind="stable")
    rate, value = rate[order], value[order]
    _require_rising(rate, value)
    try:
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            log_rate = PchipInterpolator(value, np.log(rate))
    except ValueError as error:  # slopes beyond the range of a double
        raise CurveError("two points are too close in quality to be interpolated") from error
    return RateCurve(rate, value, log_rate)


def _require_rising(rate: NDArray[np.float64], value: NDArray[np.float64]) -> None:
    for index in range(rate.size - 1):
        here, there = rate[index], rate[index + 1]
        if there <= here:
            raise CurveError(f"two points have the same rate of {here:.4g} bpp")
        if value[index + 1] <= value[index]:
            raise CurveError(f"quality does not rise from {here:.4g} to {there:.4g} bpp")


def quality_of(info: MetricInfo, value: float) -> float:
    """The value as a quality that rises: itself, or 1 - value for every metric where lower is better.

    1 - NLPD is the convention of the common test conditions. A BD-rate does not depend on the offset.
    """
    return value if info.higher_is_better else 1.0 - value


def curve_targets(campaign: Campaign) -> tuple[float, ...]:
    """The target rates whose points make the curves, ascending.

    Where the campaign has all five BD-rate targets of the common test conditions (0.06 to 0.75 bpp), exactly those, so that
    adding 0.03 or 2.00 bpp to a run does not change a number that is compared with published ones. A campaign without all five
    has chosen rates of its own (0.12 to 1.00 bpp of the later verification models, a high-rate study): then all of them.
    """
    wanted = sorted(set(campaign.target_bpps))
    if set(BD_TARGET_BPPS) <= set(wanted):
        return tuple(sorted(BD_TARGET_BPPS))
    return tuple(wanted)


class CurvePoints:
    """The points of a campaign, by codec and picture, from which curves are made."""

    def __init__(self, campaign: Campaign) -> None:
        self.targets = curve_targets(campaign)
        self._scored: dict[tuple[str, str], list[tuple[Scored, Mapping[str, Score]]]] = defaultdict(list)
        self._unreachable = {(u.job.codec, u.job.picture.name, u.job.target_bpp) for u in campaign.unreachable}
        self._absent = {gap.place for gap in campaign.absent}
        self._unsupported = {(u.codec, u.picture): u.reason for u in campaign.unsupported}
        self._failed = {(f.codec, f.picture, f.target_bpp) for f in campaign.failed}
        for scored in sorted(campaign.scored, key=lambda scored: scored.coded.job.target_bpp):
            job = scored.coded.job
            if job.target_bpp in self.targets:
                by_metric = {score.metric: score for score in scored.scores}
                self._scored[job.codec, job.picture.name].append((scored, by_metric))

    def curve(self, codec: str, picture: str, info: MetricInfo) -> RateCurve:
        """Bits per pixel over the quality of one metric.

        A target that is unreachable or failed is not on the curve. Raises CurveError, which names the targets that are missing
        where fewer than four are left, or the target at which the metric has no finite value.
        """
        if (codec, picture) in self._unsupported:
            raise CurveError(f"unsupported: {self._unsupported[codec, picture]}")
        points = self._scored.get((codec, picture), [])
        if len(points) < MINIMUM_POINTS:
            raise CurveError(self._too_few(codec, picture, [scored.coded.job.target_bpp for scored, _ in points]))
        quality = [quality_of(info, _finite(info, scored, scores)) for scored, scores in points]
        return rate_curve([scored.coded.bpp for scored, _ in points], quality)

    def _too_few(self, codec: str, picture: str, present: Sequence[float]) -> str:
        missing = [f"{target:g} ({self._fate(codec, picture, target)})" for target in self.targets if target not in present]
        text = f"{len(present)} of {len(self.targets)} points, a curve needs {MINIMUM_POINTS}"
        return f"{text}; missing at {', '.join(missing)} bpp" if missing else text

    def _fate(self, codec: str, picture: str, target: float) -> str:
        if (codec, picture, target) in self._unreachable:
            return "unreachable"
        if (codec, picture, target) in self._absent:
            return "absent"
        # A failure that struck before the target was known counts for all targets.
        if {(codec, picture, target), (codec, picture, None)} & self._failed:
            return "failed"
        return "no result"


def _finite(info: MetricInfo, scored: Scored, scores: Mapping[str, Score]) -> float:
    target = scored.coded.job.target_bpp
    score = scores.get(info.name)
    if score is None or score.value is None:
        reason = score.reason if score is not None and score.reason else "not scored"
        raise CurveError(f"no value at {target:g} bpp: {reason}")
    if not math.isfinite(score.value):
        raise CurveError(f"value at {target:g} bpp is {'not a number' if math.isnan(score.value) else 'infinite'}")
    return score.value
