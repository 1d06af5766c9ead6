"""Which points of a campaign make a curve, and the reasons given where they make none."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from ctc.bdrate.curves import CurveError, CurvePoints, curve_targets, quality_of
from ctc.records import TARGET_BPPS, Campaign, Failed
from tests.campaigns import changed, failed, find, made, metric_info, unreachable, with_bpp, with_value

FIVE = (0.06, 0.12, 0.25, 0.50, 0.75)


def reason_of(campaign: Campaign, metric: str = "vif") -> str:
    with pytest.raises(CurveError) as caught:
        CurvePoints(campaign).curve("test", "p1", metric_info(metric))
    return str(caught.value)


def without(campaign: Campaign, *targets: float) -> Campaign:
    for target in targets:
        campaign = changed(campaign, find(campaign, "test", "p1", target))
    return campaign


@pytest.fixture
def whole() -> Campaign:
    return made({"anchor": 1.0, "test": 1.25}, pictures=2, metrics=("vif", "nlpd"))


def test_curve_is_bpp_over_quality(whole: Campaign) -> None:
    curve = CurvePoints(whole).curve("test", "p1", metric_info("nlpd"))
    points = [find(whole, "test", "p1", target) for target in FIVE]
    assert curve.rates.tolist() == [point.coded.bpp for point in points]
    assert curve.quality.tolist() == [1 - value for point in points if (value := point.value("nlpd")) is not None]


def test_lower_is_better_becomes_one_minus_value() -> None:
    assert quality_of(metric_info("nlpd"), 0.25) == 0.75
    assert quality_of(replace(metric_info("nlpd"), name="dists"), 0.25) == 0.75
    assert quality_of(metric_info("psnr_y"), 30.0) == 30.0


@pytest.mark.parametrize(
    ("targets", "used"),
    [
        (TARGET_BPPS, FIVE),
        (tuple(reversed(FIVE)), FIVE),
        ((0.12, 0.25, 0.50, 0.75, 1.00), (0.12, 0.25, 0.50, 0.75, 1.00)),
        ((0.50, 0.75, 1.00, 1.50, 2.00), (0.50, 0.75, 1.00, 1.50, 2.00)),
        ((0.06, 0.12), (0.06, 0.12)),
    ],
)
def test_targets_of_the_curves(whole: Campaign, targets: tuple[float, ...], used: tuple[float, ...]) -> None:
    assert curve_targets(replace(whole, target_bpps=targets)) == used


def test_points_outside_the_bd_rates_targets_are_not_on_the_curve() -> None:
    whole = made({"anchor": 1.0, "test": 1.25}, pictures=2, metrics=("vif",), targets=TARGET_BPPS)
    assert CurvePoints(whole).curve("test", "p1", metric_info("vif")).rates.size == 5


def test_one_point_may_be_missing(whole: Campaign) -> None:
    assert CurvePoints(without(whole, 0.06)).curve("test", "p1", metric_info("vif")).rates.size == 4


def test_too_few_points_name_the_missing_targets_and_their_fate(whole: Campaign) -> None:
    low, high = find(whole, "test", "p1", 0.06), find(whole, "test", "p1", 0.75)
    campaign = replace(without(whole, 0.06, 0.25, 0.75), unreachable=(unreachable(low),), failed=(failed(high),))
    assert reason_of(campaign) == "2 of 5 points, a curve needs 4; missing at 0.06 (unreachable), 0.25 (no result), 0.75 (failed) bpp"


def test_a_failure_before_the_target_was_known_counts_for_all(whole: Campaign) -> None:
    campaign = replace(without(whole, *FIVE), failed=(Failed("p1", "test", None, "rate", "no setting works"),))
    assert "0.06 (failed), 0.12 (failed), 0.25 (failed), 0.5 (failed), 0.75 (failed)" in reason_of(campaign)


def test_few_targets_are_a_reason_without_missing_ones(whole: Campaign) -> None:
    assert reason_of(replace(whole, target_bpps=(0.06, 0.12, 0.25))) == "3 of 3 points, a curve needs 4"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "no value at 0.25 bpp: too small"),
        (math.inf, "value at 0.25 bpp is infinite"),
        (math.nan, "value at 0.25 bpp is not a number"),
    ],
)
def test_values_that_no_curve_can_have(whole: Campaign, value: float | None, said: str) -> None:
    point = find(whole, "test", "p1", 0.25)
    campaign = changed(whole, point, with_value(point, "vif", value, "too small"))
    assert reason_of(campaign) == said
    assert CurvePoints(campaign).curve("test", "p1", metric_info("nlpd")).rates.size == 5


def test_a_metric_that_was_not_scored(whole: Campaign) -> None:
    assert reason_of(whole, "fsim") == "no value at 0.06 bpp: not scored"


def test_two_targets_served_by_one_setting(whole: Campaign) -> None:
    point = find(whole, "test", "p1", 0.12)
    same = find(whole, "test", "p1", 0.06)
    campaign = changed(whole, point, with_bpp(replace(point, scores=same.scores), same.coded.bpp))
    assert "two points have the same rate" in reason_of(campaign)


def test_quality_that_falls(whole: Campaign) -> None:
    low, high = find(whole, "test", "p1", 0.50), find(whole, "test", "p1", 0.75)
    campaign = changed(whole, high, with_value(high, "nlpd", low.value("nlpd")))
    assert "quality does not rise" in reason_of(campaign, "nlpd")
    assert CurvePoints(campaign).curve("test", "p1", metric_info("vif")).rates.size == 5
