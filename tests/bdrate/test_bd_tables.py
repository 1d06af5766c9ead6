"""The BD-rate rows of a campaign."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from ctc.bdrate.tables import bd_rates, ordered_metrics
from ctc.records import AVG_METRICS, METRIC_ORDER, BdRate, Campaign, Failed
from tests.campaigns import changed, failed, find, made, metric_info, unreachable, with_value


def row(rows: tuple[BdRate, ...], codec: str, metric: str, picture: str) -> BdRate:
    (found,) = (each for each in rows if (each.codec, each.metric, each.picture) == (codec, metric, picture))
    return found


def broken(whole: Campaign, codec: str, picture: str, *metrics: str) -> Campaign:
    """The metrics lose their value at 0.25 bpp."""
    point = find(whole, codec, picture, 0.25)
    other = point
    for metric in metrics:
        other = with_value(other, metric, None, "too small a picture")
    return changed(whole, point, other)


def uneven(pictures: int = 3) -> Campaign:
    """Codec "test" saves another share of the rate in each picture: p0 10 %, p1 20 %, ..."""
    whole = made({"anchor": 1.0, "test": 1.0}, pictures=pictures)
    points = []
    for point in whole.scored:
        job = point.coded.job
        if job.codec == "test":
            share = 0.9 - 0.1 * int(job.picture.name[1:])
            base = find(whole, "anchor", job.picture.name, job.target_bpp)
            point = replace(point, scores=base.scores, coded=replace(point.coded, bpp=share * base.coded.bpp))
        points.append(point)
    return replace(whole, scored=tuple(points))


def test_efficiency_is_the_bd_rate() -> None:
    rows = bd_rates(made({"anchor": 1.0, "better": 1.25, "worse": 0.8}))
    assert {each.codec for each in rows} == {"better", "worse"}
    for each in rows:
        assert each.value_percent == pytest.approx(-20.0 if each.codec == "better" else 25.0)
        assert each.anchor == "anchor"
        assert each.reason == ""


def test_order_of_rows() -> None:
    whole = made({"worse": 0.8, "anchor": 1.0, "better": 1.25}, pictures=2, metrics=("zeta", *reversed(METRIC_ORDER), "beta"))
    assert [info.name for info in ordered_metrics(whole)] == [*METRIC_ORDER, "beta", "zeta"]
    assert [(each.codec, each.metric, each.picture) for each in bd_rates(whole)] == [
        (codec, metric, picture)
        for codec in ("worse", "better")
        for metric in (*METRIC_ORDER, "beta", "zeta", "AVG")
        for picture in ("p0", "p1", "ALL")
    ]


def test_all_is_the_mean_over_pictures_with_an_interval() -> None:
    rows = bd_rates(uneven())
    assert [row(rows, "test", "vif", f"p{n}").value_percent for n in range(3)] == pytest.approx([-10.0, -20.0, -30.0])
    for metric in ("vif", "psnr_y", "AVG"):
        mean = row(rows, "test", metric, "ALL")
        assert mean.value_percent == pytest.approx(-20.0)
        assert (mean.low_percent, mean.high_percent) == pytest.approx((-30.0, -10.0))
        assert (mean.pictures, mean.pictures_missing) == (3, 0)
        assert row(rows, "test", metric, "p0").low_percent is None


def test_average_is_the_mean_of_the_seven_and_of_no_other() -> None:
    whole = made({"anchor": 1.0, "test": 1.0}, pictures=2)
    rows = bd_rates(whole)
    assert row(rows, "test", "AVG", "p0").value_percent == pytest.approx(0.0, abs=1e-9)
    without_psnr = replace(whole, metrics=tuple(info for info in whole.metrics if info.name in AVG_METRICS))
    assert row(bd_rates(without_psnr), "test", "AVG", "ALL") == row(rows, "test", "AVG", "ALL")
    # Halving the anchor's rate for one metric only: quality values of the test stand for half the efficiency there.
    halved = tuple(
        with_value(point, "vif", value - 0.04 * (1 + 0.1 * int(point.coded.job.picture.name[1:]) + 0.05 * METRIC_ORDER.index("vif")))
        if point.coded.job.codec == "test" and (value := point.value("vif")) is not None
        else point
        for point in whole.scored
    )
    rows = bd_rates(replace(whole, scored=halved))
    assert row(rows, "test", "vif", "p1").value_percent == pytest.approx(100.0)
    assert row(rows, "test", "AVG", "p1").value_percent == pytest.approx(100.0 / 7)
    assert row(rows, "test", "AVG", "ALL").value_percent == pytest.approx(100.0 / 7)


def test_interval_of_the_average_is_of_the_seven_too() -> None:
    whole = uneven()
    point = find(whole, "test", "p0", 0.75)
    value = point.value("psnr_y")
    assert value is not None
    better = changed(whole, point, with_value(point, "psnr_y", value + 0.1))
    assert row(bd_rates(better), "test", "psnr_y", "ALL") != row(bd_rates(whole), "test", "psnr_y", "ALL")
    assert row(bd_rates(better), "test", "AVG", "ALL") == row(bd_rates(whole), "test", "AVG", "ALL")


def test_average_overlap_is_the_smallest_of_the_seven() -> None:
    rows = bd_rates(made({"anchor": 1.0, "test": 1.25}))
    for picture in ("p0", "p1", "p2", "ALL"):
        seven = [row(rows, "test", metric, picture).overlap for metric in AVG_METRICS]
        assert row(rows, "test", "AVG", picture).overlap == min(overlap for overlap in seven if overlap is not None)
    assert row(rows, "test", "vif", "ALL").overlap == min(row(rows, "test", "vif", f"p{n}").overlap or 0.0 for n in range(3))


def test_a_picture_without_value_is_counted_and_left_out() -> None:
    rows = bd_rates(broken(uneven(), "test", "p1", "vif"))
    single = row(rows, "test", "vif", "p1")
    assert (single.value_percent, single.overlap, single.pictures) == (None, None, 0)
    assert single.reason == "test: no value at 0.25 bpp: too small a picture"
    average = row(rows, "test", "AVG", "p1")
    assert average.value_percent is None
    assert average.reason == "N/A in vif: test: no value at 0.25 bpp: too small a picture"
    mean = row(rows, "test", "vif", "ALL")
    assert mean.value_percent == pytest.approx(-20.0)
    assert (mean.pictures, mean.pictures_missing) == (2, 1)
    assert row(rows, "test", "fsim", "ALL").pictures_missing == 0
    overall = row(rows, "test", "AVG", "ALL")
    assert overall.value_percent == pytest.approx(-20.0)
    assert (overall.pictures, overall.pictures_missing) == (2, 1)


def test_the_mean_leaves_out_and_does_not_fill_in() -> None:
    rows = bd_rates(broken(uneven(), "test", "p2", "vif"))
    assert row(rows, "test", "vif", "ALL").value_percent == pytest.approx(-15.0)
    assert row(rows, "test", "AVG", "ALL").value_percent == pytest.approx((6 * -20.0 - 15.0) / 7)


def test_a_broken_anchor_is_named() -> None:
    rows = bd_rates(broken(uneven(), "anchor", "p0", "vif"))
    assert row(rows, "test", "vif", "p0").reason == "anchor: no value at 0.25 bpp: too small a picture"
    both = bd_rates(broken(broken(uneven(), "anchor", "p0", "vif"), "test", "p0", "vif"))
    assert row(both, "test", "vif", "p0").reason.count("too small a picture") == 2


def test_one_picture_has_no_interval() -> None:
    mean = row(bd_rates(uneven(pictures=1)), "test", "vif", "ALL")
    assert mean.value_percent == pytest.approx(-10.0)
    assert (mean.low_percent, mean.high_percent) == (None, None)
    left = row(bd_rates(broken(uneven(pictures=2), "test", "p1", "vif")), "test", "vif", "ALL")
    assert (left.low_percent, left.high_percent, left.pictures) == (None, None, 1)


def test_all_is_missing_where_every_picture_is() -> None:
    whole = uneven(pictures=2)
    rows = bd_rates(broken(broken(whole, "test", "p0", "vif"), "test", "p1", "vif"))
    mean = row(rows, "test", "vif", "ALL")
    assert (mean.value_percent, mean.pictures, mean.pictures_missing) == (None, 0, 2)
    assert "too small a picture" in mean.reason
    overall = row(rows, "test", "AVG", "ALL")
    assert (overall.value_percent, overall.low_percent) == (None, None)
    assert overall.reason.startswith("N/A in vif: ")
    assert row(rows, "test", "fsim", "ALL").value_percent == pytest.approx(-15.0)


def test_no_average_where_no_picture_has_all_seven() -> None:
    rows = bd_rates(broken(broken(uneven(pictures=2), "test", "p0", "vif"), "test", "p1", "fsim"))
    overall = row(rows, "test", "AVG", "ALL")
    assert (overall.value_percent, overall.overlap, overall.low_percent, overall.pictures, overall.pictures_missing) == (
        None,
        None,
        None,
        0,
        2,
    )
    assert overall.reason == "no picture has a value in all seven metrics"


def test_average_needs_all_seven_metrics() -> None:
    rows = bd_rates(made({"anchor": 1.0, "test": 1.25}, metrics=[name for name in METRIC_ORDER if name not in ("vmaf", "nlpd")]))
    for picture in ("p0", "ALL"):
        average = row(rows, "test", "AVG", picture)
        assert average.value_percent is None
        assert average.reason == "not computed: nlpd, vmaf"
    assert row(rows, "test", "vif", "ALL").value_percent == pytest.approx(-20.0)


def test_without_anchor_every_row_says_so() -> None:
    rows = bd_rates(replace(made({"jpeg": 1.0, "test": 1.25}), anchor="vvc-vtm"))
    assert len(rows) == 2 * (len(METRIC_ORDER) + 1) * 4
    assert all(each.value_percent is None and "the anchor vvc-vtm is not in the campaign" in each.reason for each in rows)


def test_unreachable_and_failed_points_leave_the_curve() -> None:
    whole = uneven()
    low, high = find(whole, "test", "p0", 0.06), find(whole, "test", "p0", 0.75)
    four = replace(changed(whole, low), unreachable=(unreachable(low),))
    single = row(bd_rates(four), "test", "vif", "p0")
    assert single.value_percent == pytest.approx(-10.0)
    assert single.overlap is not None
    assert single.overlap < 0.9
    three = replace(changed(four, high), failed=(failed(high),))
    assert "missing at 0.06 (unreachable), 0.75 (failed) bpp" in row(bd_rates(three), "test", "vif", "p0").reason


def test_a_picture_that_could_not_be_read_is_missing_from_every_mean() -> None:
    rows = bd_rates(replace(uneven(), failed=(Failed("torn.png", "", None, "read", "truncated"),)))
    assert {each.pictures_missing for each in rows if each.picture == "ALL"} == {1}
    assert "torn.png" not in {each.picture for each in rows}


def test_no_pictures_no_numbers() -> None:
    whole = made({"anchor": 1.0, "test": 1.25}, pictures=1)
    rows = bd_rates(replace(whole, pictures=(), scored=()))
    assert all(each.picture == "ALL" and each.value_percent is None and each.reason for each in rows)
    assert len(rows) == len(METRIC_ORDER) + 1


def test_lower_is_better_is_asked_of_the_metric_not_of_its_name() -> None:
    whole = made({"anchor": 1.0, "test": 1.25}, metrics=("nlpd",))
    wrong = replace(whole, metrics=(replace(metric_info("nlpd"), higher_is_better=True),))
    assert row(bd_rates(whole), "test", "nlpd", "ALL").value_percent == pytest.approx(-20.0)
    assert "quality does not rise" in row(bd_rates(wrong), "test", "nlpd", "p0").reason


def test_fifty_pictures_all_metrics_six_codecs_are_quick() -> None:
    whole = made({"anchor": 1.0, "a": 1.1, "b": 1.2, "c": 0.9, "d": 0.8, "e": 0.7}, pictures=50)
    start = time.process_time()
    rows = bd_rates(whole)
    assert time.process_time() - start < 6.0  # takes 1.6 s; the rest is for slower machines
    assert len(rows) == 5 * (len(METRIC_ORDER) + 1) * 51
    assert np.isfinite([each.value_percent for each in rows if each.value_percent is not None]).all()
