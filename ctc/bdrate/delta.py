"""The Bjontegaard delta rate of two curves.

G. Bjontegaard, "Calculation of average PSNR differences between RD-curves", VCEG-M33, 2001, with the piecewise cubic
interpolation of JVET-T2010 / HSTP-VID-WPOM. Equal quality is compared: ln(rate) is a function of quality, so a saturating
metric bends the curve and not the axis.
"""

from __future__ import annotations

import math

from numpy.typing import ArrayLike

from ctc.bdrate.curves import CurveError, RateCurve, rate_curve

__all__ = ["CurveError", "bd_rate", "delta_rate"]


def bd_rate(anchor_rates: ArrayLike, anchor_quality: ArrayLike, test_rates: ArrayLike, test_quality: ArrayLike) -> tuple[float, float]:
    """BD-rate in per cent (negative: the test saves rate) and overlap, 0 to 1.

    Rates and qualities have shape (points,), four points or more, any order, not necessarily as many in the test as in the
    anchor; quality rises (see `curves.quality_of`). Overlap is the length of the common quality interval over that of the union.
    Raises CurveError with the reason where there is no value.
    """
    return delta_rate(_named("anchor", anchor_rates, anchor_quality), _named("test", test_rates, test_quality))


def delta_rate(anchor: RateCurve, test: RateCurve) -> tuple[float, float]:
    """`bd_rate` of two curves that are already made. Raises CurveError where they have no quality interval in common."""
    low, high = max(anchor.lowest, test.lowest), min(anchor.highest, test.highest)
    if low >= high:
        where = "above the anchor's highest" if test.lowest >= anchor.highest else "below the anchor's lowest"
        raise CurveError(f"no common quality interval: the test lies {where}")
    mean_difference = test.mean_log_rate(low, high) - anchor.mean_log_rate(low, high)
    try:
        percent = 100.0 * math.expm1(mean_difference)
    except OverflowError:
        percent = math.inf
    if not math.isfinite(percent):
        raise CurveError("the rates are too far apart to be compared")
    overlap = (high - low) / (max(anchor.highest, test.highest) - min(anchor.lowest, test.lowest))
    return percent, overlap


def _named(side: str, rates: ArrayLike, quality: ArrayLike) -> RateCurve:
    try:
        return rate_curve(rates, quality)
    except CurveError as error:
        raise CurveError(f"{side}: {error}") from error
