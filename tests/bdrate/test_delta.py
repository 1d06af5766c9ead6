"""BD-rate against the `bjontegaard` package, published vectors and its own invariants."""

from __future__ import annotations

import math
import warnings
from random import Random

import numpy as np
import pytest
from bjontegaard import bd_rate as package_bd_rate
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ctc.bdrate.curves import quality_of
from ctc.bdrate.delta import CurveError, bd_rate
from tests.campaigns import metric_info, official_anchor

Array = NDArray[np.float64]

# Computed from the published anchor points with method pchip of the `bjontegaard` package; the second picture is the test.
VECTOR_METRICS = ("psnr_y", "msssim", "vif", "fsim", "nlpd", "iwssim", "vmaf", "psnr_hvs")
VECTORS = {
    ("00001", "00002"): (-59.569350, 37.075785, -2.663996, -41.800832, -28.864933, 12.009431, -58.986162, -52.502402),
    ("00005", "00007"): (75.989605, 235.969274, 28.081330, -11.744610, 137.333944, 46.584066, 30.316937, 73.312874),
    ("00030", "00043"): (-80.951892, -70.268173, -63.410254, -73.741826, -75.529819, -51.315922, -57.895714, -70.397171),
}
VECTOR_DIGITS = 5e-7

RATES = np.array([0.06, 0.12, 0.25, 0.50, 0.75])
QUALITY = np.array([0.90, 0.94, 0.97, 0.985, 0.991])


@st.composite
def curves(draw: st.DrawFn) -> tuple[Array, Array]:
    """Four to nine points of strictly rising rate and quality."""
    count = draw(st.integers(4, 9))
    steps = st.lists(st.floats(0.02, 1.0), min_size=count, max_size=count)
    quality = draw(st.floats(0.0, 1.0)) + np.cumsum(draw(steps))
    return np.exp(-3.0 + np.cumsum(draw(steps))), quality


def compared(anchor: tuple[Array, Array], test: tuple[Array, Array]) -> float | None:
    """BD-rate, None where the curves do not overlap."""
    try:
        return bd_rate(*anchor, *test)[0]
    except CurveError as error:
        if "no common quality interval" in str(error):
            return None
        raise


def anchor_curve(picture: str, metric: str) -> tuple[list[float], list[float]]:
    points = [point for point in official_anchor().scored if point.coded.job.picture.name.startswith(picture)]
    values = [point.value(metric) for point in points]
    return [point.coded.bpp for point in points], [quality_of(metric_info(metric), value) for value in values if value is not None]


@pytest.mark.parametrize(("anchor", "test"), VECTORS)
def test_published_vectors(anchor: str, test: str) -> None:
    for metric, expected in zip(VECTOR_METRICS, VECTORS[anchor, test], strict=True):
        percent, _ = bd_rate(*anchor_curve(anchor, metric), *anchor_curve(test, metric))
        assert percent == pytest.approx(expected, abs=VECTOR_DIGITS), metric


def test_ten_per_cent_less_rate_on_the_anchor() -> None:
    for metric in VECTOR_METRICS:
        rates, quality = anchor_curve("00030", metric)
        assert bd_rate(rates, quality, [0.9 * rate for rate in rates], quality) == pytest.approx((-10.0, 1.0), abs=1e-10)


@given(curves(), curves())
def test_equals_the_package(anchor: tuple[Array, Array], test: tuple[Array, Array]) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Curves do not overlap")
        expected = package_bd_rate(*anchor, *test, method="pchip", require_matching_points=False, min_overlap=0)
    found = compared(anchor, test)
    assert (found is None) == math.isnan(expected)
    if found is not None:
        assert found == pytest.approx(expected, rel=1e-8, abs=1e-8)


@given(curves(), st.floats(0.1, 10.0))
def test_scaled_rates_are_the_bd_rate(curve: tuple[Array, Array], scale: float) -> None:
    rates, quality = curve
    percent, overlap = bd_rate(rates, quality, scale * rates, quality)
    assert percent == pytest.approx(100 * (scale - 1), rel=1e-9, abs=1e-9)
    assert overlap == 1.0


@given(curves(), curves())
def test_exchanging_anchor_and_test_inverts_the_ratio(one: tuple[Array, Array], other: tuple[Array, Array]) -> None:
    forth, back = compared(one, other), compared(other, one)
    if forth is None or back is None:
        assert forth is back
    else:
        assert (1 + forth / 100) * (1 + back / 100) == pytest.approx(1.0, rel=1e-9)


@given(curves(), curves(), st.floats(0.1, 100.0), st.floats(-10.0, 10.0))
def test_unit_and_offset_of_quality_do_not_matter(one: tuple[Array, Array], other: tuple[Array, Array], unit: float, offset: float) -> None:
    plain = compared(one, other)
    common = min(one[1][-1], other[1][-1]) - max(one[1][0], other[1][0])
    if plain is None or common < 1e-3:  # rounding decides whether a sliver of an interval is left
        return
    assert compared((one[0], unit * one[1] + offset), (other[0], unit * other[1] + offset)) == pytest.approx(plain, rel=1e-7, abs=1e-7)


@given(curves(), st.randoms(use_true_random=False))
def test_order_of_points_does_not_matter(curve: tuple[Array, Array], random: Random) -> None:
    order = list(range(curve[0].size))
    random.shuffle(order)
    other = 0.8 * curve[0], curve[1] + 0.01
    assert bd_rate(curve[0][order], curve[1][order], *other) == bd_rate(*curve, *other)


def test_overlap_is_common_over_union() -> None:
    quality = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    assert bd_rate(RATES, quality, RATES, quality + 1.0)[1] == pytest.approx(3 / 5)
    assert bd_rate(RATES, quality, RATES[:4], quality[:4])[1] == pytest.approx(3 / 4)


def test_numbers_of_points_may_differ() -> None:
    quality = np.log(RATES)
    assert bd_rate(RATES, quality, 0.8 * RATES[1:], quality[1:])[0] == pytest.approx(-20.0)


@pytest.mark.parametrize(
    ("rates", "quality", "reason"),
    [
        (RATES[:3], QUALITY[:3], "test: 3 points, a curve needs 4"),
        (RATES, [0.90, 0.94, 0.93, 0.985, 0.991], "test: quality does not rise from 0.12 to 0.25 bpp"),
        (RATES, [0.90, 0.94, 0.94, 0.985, 0.991], "test: quality does not rise from 0.12 to 0.25 bpp"),
        (RATES, QUALITY[::-1], "test: quality does not rise from 0.06 to 0.12 bpp"),
        ([0.06, 0.12, 0.12, 0.5, 0.75], QUALITY, "test: two points have the same rate of 0.12 bpp"),
        (RATES, [0.90, 0.94, None, 0.985, 0.991], "test: a quality is not a finite number"),
        (RATES, [0.90, 0.94, math.nan, 0.985, 0.991], "test: a quality is not a finite number"),
        (RATES, [0.90, 0.94, 0.97, 0.985, math.inf], "test: a quality is not a finite number"),
        ([0.0, 0.12, 0.25, 0.5, 0.75], QUALITY, "test: a rate is not a positive finite number"),
        ([0.06, 0.12, 0.25, 0.5, math.inf], QUALITY, "test: a rate is not a positive finite number"),
        (RATES, QUALITY[:4], "test: rates and quality must be two lists of one length"),
        (RATES, [0.0, 5e-324, 0.97, 0.985, 0.991], "test: two points are too close in quality to be interpolated"),
        (RATES, QUALITY + 1.0, "no common quality interval: the test lies above the anchor's highest"),
        (RATES, QUALITY - 1.0, "no common quality interval: the test lies below the anchor's lowest"),
    ],
)
def test_broken_curves_give_a_reason_and_no_number(rates: object, quality: object, reason: str) -> None:
    with pytest.raises(CurveError) as caught:
        bd_rate(RATES, QUALITY, rates, quality)  # type: ignore[arg-type]
    assert str(caught.value).startswith(reason)


def test_the_anchor_is_named_where_it_is_at_fault() -> None:
    with pytest.raises(CurveError, match=r"^anchor: 3 points"):
        bd_rate(RATES[:3], QUALITY[:3], RATES, QUALITY)


def test_rates_too_far_apart_are_not_a_number() -> None:
    with pytest.raises(CurveError, match="too far apart"):
        bd_rate(1e-300 * RATES, QUALITY, 1e300 * RATES, QUALITY)


def test_touching_curves_have_no_interval() -> None:
    with pytest.raises(CurveError, match="above the anchor's highest"):
        bd_rate(RATES, np.arange(5.0), RATES, np.arange(4.0, 9.0))
