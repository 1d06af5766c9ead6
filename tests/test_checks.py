"""Every check is silent on a sound campaign and speaks, of the right place, on one that was damaged."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from ctc.bdrate.tables import bd_rates
from ctc.checks import (
    CHECKS,
    completeness,
    curve_overlap,
    decoder_repeatability,
    is_monotone,
    largest_deviation,
    metric_parity,
    monotonicity,
    rate_deviation,
    run_checks,
)
from ctc.published.points import load
from ctc.records import METRIC_ORDER, Campaign, Failed, Finding, Parity, Score, Scored, SetState
from tests.campaigns import changed, failed, find, made, official_anchor, unreachable, with_bpp, with_value
from tests.interop.matrices import broken_matrix

Place = tuple[str, str, str, float | None]
"""(severity, codec, picture, target)."""


def places(findings: Sequence[Finding]) -> list[Place]:
    return [(finding.severity, finding.codec, finding.picture, finding.target_bpp) for finding in findings]


def edited(whole: Campaign, codec: str, picture: str, target: float, edit: Callable[[Scored], Scored]) -> Campaign:
    point = find(whole, codec, picture, target)
    return changed(whole, point, edit(point))


@pytest.fixture
def sound() -> Campaign:
    whole = made({"anchor": 1.0, "test": 1.1})
    return replace(whole, bd=bd_rates(whole))


def test_a_sound_campaign_has_no_findings(sound: Campaign) -> None:
    assert run_checks(sound) == ()
    assert len(CHECKS) == 9


def test_run_checks_joins_all(sound: Campaign) -> None:
    whole = edited(sound, "test", "p1", 0.25, lambda point: with_bpp(point, 0.10))
    whole = edited(whole, "anchor", "p0", 0.06, lambda point: replace(point, repeatable=False))
    whole = replace(whole, failed=(Failed("torn.png", "", None, "read", "truncated"),))
    whole = replace(
        whole, bd=bd_rates(whole), anchor_note="stands in", set_state=SetState(4, 3, (), "", ""), parity=(Parity("vif", 9, 2, 1e-3, 7e-5),)
    )
    whole = replace(whole, interop=(broken_matrix("test"),))
    assert {finding.check for finding in run_checks(whole)} == {check.__name__ for check in CHECKS}


def test_metric_parity(sound: Campaign) -> None:
    parities = (
        Parity("vif", 9, 0, 6e-5, 7e-5),
        Parity("fsim", 9, 3, 3e-5, 2e-5),
        Parity("vmaf", 0, 0, None, None, "another JPEG library"),
        Parity("own", 0, 0, None, None, "no official values are at hand"),
    )
    found = metric_parity(replace(sound, parity=parities))
    assert [(finding.severity, finding.message) for finding in found] == [
        ("error", "fsim misses the official values on 3 of 9 golden pairs, by up to 3.0e-05 where 2e-05 is allowed"),
        ("warning", "vmaf was not compared: another JPEG library"),
    ]


def test_eight_bits_are_told(sound: Campaign) -> None:
    (finding,) = run_checks(replace(sound, internal_bits=8))
    assert (finding.severity, finding.message) == ("note", "metrics saw samples of 8 bits; the common test conditions use 10")


class TestRateDeviation:
    @pytest.mark.parametrize(("factor", "said"), [(1.101, "+10.10 %"), (0.899, "-10.10 %")])
    def test_both_directions(self, sound: Campaign, factor: float, said: str) -> None:
        whole = edited(sound, "test", "p2", 0.50, lambda point: with_bpp(point, 0.50 * factor))
        (finding,) = rate_deviation(whole)
        assert places([finding]) == [("warning", "test", "p2", 0.50)]
        assert finding.message.startswith(said)
        assert "10 % are allowed" in finding.message
        assert largest_deviation(whole, "test") == pytest.approx(factor - 1)

    def test_the_tolerance_itself_is_allowed(self, sound: Campaign) -> None:
        at_limit = edited(sound, "test", "p2", 0.25, lambda point: with_bpp(point, 0.275))
        assert find(at_limit, "test", "p2", 0.25).coded.deviation > 0.10  # by rounding
        assert rate_deviation(at_limit) == ()

    def test_tolerance_is_the_campaigns(self, sound: Campaign) -> None:
        found = rate_deviation(replace(sound, rate_tolerance=0.02))
        beyond = [point for point in sound.scored if abs(point.coded.deviation) > 0.02]
        assert len(found) == len(beyond) > 0

    def test_largest_is_by_magnitude_and_keeps_its_sign(self, sound: Campaign) -> None:
        whole = edited(sound, "test", "p0", 0.06, lambda point: with_bpp(point, 0.06 * 1.08))
        whole = edited(whole, "test", "p1", 0.75, lambda point: with_bpp(point, 0.75 * 0.91))
        assert largest_deviation(whole, "test") == pytest.approx(-0.09)
        assert largest_deviation(whole, "anchor") != pytest.approx(-0.09)
        assert largest_deviation(whole, "nobody") is None


class TestMonotonicity:
    def test_falling_bpp_is_an_error(self, sound: Campaign) -> None:
        whole = edited(sound, "test", "p1", 0.25, lambda point: with_bpp(point, 0.05))
        found = [finding for finding in monotonicity(whole) if finding.message.startswith("bpp")]
        assert places(found) == [("error", "test", "p1", 0.25)]
        assert "0.12 to 0.25 bpp" in found[0].message
        assert not is_monotone(whole, "test")
        assert is_monotone(whole, "anchor")

    def test_one_setting_for_two_targets_is_a_warning(self, sound: Campaign) -> None:
        low = find(sound, "test", "p0", 0.06)

        def same(point: Scored) -> Scored:
            coded = replace(low.coded, job=point.coded.job)
            return Scored(coded, low.repeatable, low.scores)

        found = monotonicity(edited(sound, "test", "p0", 0.12, same))
        assert places(found) == [("warning", "test", "p0", 0.12)] * (1 + len(METRIC_ORDER))
        assert found[0].message.startswith("bpp does not rise from 0.06 to 0.12 bpp")
        assert "the same bitstream" in found[0].message

    @pytest.mark.parametrize("metric", ["vif", "nlpd"])
    @pytest.mark.parametrize("step", [0.0, 1.0])
    def test_a_metric_that_stays_or_gets_worse(self, sound: Campaign, metric: str, step: float) -> None:
        before = find(sound, "test", "p1", 0.50).value(metric)
        assert before is not None
        worse = before + step * (1 if metric == "nlpd" else -1)
        whole = edited(sound, "test", "p1", 0.75, lambda point: with_value(point, metric, worse))
        (finding,) = monotonicity(whole)
        assert places([finding]) == [("warning", "test", "p1", 0.75)]
        assert finding.message.startswith(f"{metric} does not improve from 0.5 to 0.75 bpp")
        assert not is_monotone(whole, "test")

    def test_two_bad_pairs_are_one_finding(self, sound: Campaign) -> None:
        whole = edited(sound, "test", "p1", 0.12, lambda point: with_value(point, "vif", -1.0))
        whole = edited(whole, "test", "p1", 0.50, lambda point: with_value(point, "vif", -1.0))
        (finding,) = monotonicity(whole)
        assert finding.target_bpp == 0.12
        assert "0.06 to 0.12 bpp" in finding.message
        assert "0.25 to 0.5 bpp" in finding.message

    def test_better_by_the_metrics_own_direction(self, sound: Campaign) -> None:
        reversed_vif = tuple(replace(info, higher_is_better=info.name != "vif") for info in sound.metrics if info.name != "nlpd")
        found = monotonicity(replace(sound, metrics=reversed_vif))
        assert len(found) == 2 * 3
        assert all(finding.message.startswith("vif") for finding in found)

    def test_neighbours_of_a_missing_point_or_value_are_compared(self, sound: Campaign) -> None:
        assert monotonicity(changed(sound, find(sound, "test", "p1", 0.25))) == ()
        whole = edited(sound, "test", "p1", 0.25, lambda point: with_value(point, "vif", None))
        assert monotonicity(whole) == ()
        whole = edited(whole, "test", "p1", 0.50, lambda point: with_value(point, "vif", -1.0))
        (finding,) = monotonicity(whole)
        assert finding.message.startswith("vif does not improve from 0.12 to 0.5 bpp")

    def test_not_a_number_never_improves(self, sound: Campaign) -> None:
        whole = edited(sound, "test", "p1", 0.75, lambda point: with_value(point, "vif", math.nan))
        assert places(monotonicity(whole)) == [("warning", "test", "p1", 0.75)]

    def test_infinity_is_better_than_any_value_but_not_than_itself(self, sound: Campaign) -> None:
        whole = edited(sound, "test", "p1", 0.75, lambda point: with_value(point, "psnr_y", math.inf))
        assert monotonicity(whole) == ()
        whole = edited(whole, "test", "p1", 0.50, lambda point: with_value(point, "psnr_y", math.inf))
        assert places(monotonicity(whole)) == [("warning", "test", "p1", 0.75)]


class TestCompleteness:
    def test_a_point_without_outcome(self, sound: Campaign) -> None:
        (finding,) = completeness(changed(sound, find(sound, "test", "p1", 0.25)))
        assert places([finding]) == [("error", "test", "p1", 0.25)]
        assert "no result" in finding.message

    def test_two_outcomes_for_one_point(self, sound: Campaign) -> None:
        point = find(sound, "test", "p1", 0.25)
        for whole in (
            changed(sound, point, point, point),
            replace(sound, unreachable=(unreachable(point),)),
            replace(sound, failed=(failed(point),)),
        ):
            doubled = [finding for finding in completeness(whole) if finding.message == "2 results for one point"]
            assert places(doubled) == [("error", "test", "p1", 0.25)]

    def test_a_failure_is_an_error_with_its_reason(self, sound: Campaign) -> None:
        point = find(sound, "test", "p1", 0.25)
        (finding,) = completeness(replace(changed(sound, point), failed=(failed(point, "decode", "exit status 139"),)))
        assert places([finding]) == [("error", "test", "p1", 0.25)]
        assert finding.message == "decode failed: exit status 139"

    @pytest.mark.parametrize(("picture", "codec"), [("p1", "test"), ("", "test"), ("p1", "")])
    def test_a_failure_before_the_target_was_known_stands_for_its_points(self, sound: Campaign, picture: str, codec: str) -> None:
        def struck(point: Scored) -> bool:
            job = point.coded.job
            return codec in ("", job.codec) and picture in ("", job.picture.name)

        left = tuple(point for point in sound.scored if not struck(point))
        assert 5 <= len(sound.scored) - len(left) <= 15
        found = completeness(replace(sound, scored=left, failed=(Failed(picture, codec, None, "rate", "no setting works"),)))
        assert places(found) == [("error", codec, picture, None)]
        assert len(completeness(replace(sound, scored=left))) == len(sound.scored) - len(left)

    def test_an_unreachable_target_is_a_note_with_the_limit(self, sound: Campaign) -> None:
        point = find(sound, "test", "p1", 0.06)
        (finding,) = completeness(replace(changed(sound, point), unreachable=(unreachable(point),)))
        assert places([finding]) == [("note", "test", "p1", 0.06)]
        assert "the smallest setting already takes more" in finding.message
        assert "limit 0.42 bpp" in finding.message

    def test_a_picture_that_could_not_be_read(self, sound: Campaign) -> None:
        (finding,) = completeness(replace(sound, failed=(Failed("torn.png", "", None, "read", "truncated"),)))
        assert places([finding]) == [("error", "", "torn.png", None)]
        assert finding.message == "the picture could not be used: truncated"

    def test_empty_values_of_one_cause_are_one_warning(self, sound: Campaign) -> None:
        whole = sound
        for target in (0.06, 0.25):
            for metric in ("msssim", "iwssim"):
                point = find(whole, "test", "p1", target)
                whole = changed(whole, point, with_value(point, metric, None, "shorter than 176"))
        whole = edited(whole, "test", "p1", 0.12, lambda point: with_value(point, "vmaf", None, "no libvmaf"))
        found = completeness(whole)
        assert places(found) == [("warning", "test", "p1", 0.06), ("warning", "test", "p1", 0.12)]
        assert found[0].message == "no value of msssim, iwssim at 0.06, 0.25 bpp: shorter than 176"
        assert found[1].message == "no value of vmaf at 0.12 bpp: no libvmaf"

    def test_a_score_that_was_never_made_or_is_not_a_number(self, sound: Campaign) -> None:
        def without_vif(point: Scored) -> Scored:
            return replace(point, scores=tuple(score for score in point.scores if score.metric != "vif"))

        (finding,) = completeness(edited(sound, "test", "p1", 0.25, without_vif))
        assert places([finding]) == [("error", "test", "p1", 0.25)]
        assert finding.message == "no value of vif at 0.25 bpp: not scored"
        (finding,) = completeness(edited(sound, "test", "p1", 0.25, lambda point: with_value(point, "vif", math.nan)))
        assert finding.severity == "error"
        assert completeness(edited(sound, "test", "p1", 0.25, lambda point: with_value(point, "psnr_y", math.inf))) == ()

    def test_a_score_without_value_and_without_reason_is_still_told(self, sound: Campaign) -> None:
        def silent(point: Scored) -> Scored:
            return replace(point, scores=(Score("vif", None), *(score for score in point.scores if score.metric != "vif")))

        (finding,) = completeness(edited(sound, "test", "p1", 0.25, silent))
        assert "no reason was given" in finding.message


def test_a_decoder_that_does_not_repeat_itself(sound: Campaign) -> None:
    whole = edited(sound, "test", "p1", 0.25, lambda point: replace(point, repeatable=False))
    assert places(decoder_repeatability(whole)) == [("error", "test", "p1", 0.25)]


class TestCurveOverlap:
    def test_narrow_overlap_is_one_warning_a_picture(self, sound: Campaign) -> None:
        rows = tuple(
            replace(row, overlap={"vif": 0.62, "fsim": 0.7499}[row.metric])
            if row.picture == "p1" and row.metric in ("vif", "fsim")
            else row
            for row in sound.bd
        )
        (finding,) = curve_overlap(replace(sound, bd=rows))
        assert places([finding]) == [("warning", "test", "p1", None)]
        assert finding.message == "common quality interval covers only 62 to 74 % of both curves' range in vif, fsim"

    def test_the_limit_itself_is_enough(self, sound: Campaign) -> None:
        assert curve_overlap(replace(sound, bd=tuple(replace(row, overlap=0.75) for row in sound.bd))) == ()

    def test_codecs_far_apart(self) -> None:
        whole = made({"anchor": 1.0, "far": 2.5})
        found = curve_overlap(replace(whole, bd=bd_rates(whole)))
        assert places(found) == [("warning", "far", f"p{n}", None) for n in range(3)]

    def test_missing_values_are_one_warning_a_picture_and_cause(self, sound: Campaign) -> None:
        whole = sound
        for metric in ("fsim", "psnr_u"):
            point = find(whole, "test", "p1", 0.25)
            whole = changed(whole, point, with_value(point, metric, None, "too small"))
        found = curve_overlap(replace(whole, bd=bd_rates(whole)))
        assert places(found) == [("warning", "test", "p1", None)]
        assert found[0].message == "BD-rate of fsim, psnr_u is N/A: test: no value at 0.25 bpp: too small"

    def test_one_cause_everywhere_is_one_warning_a_codec(self, sound: Campaign) -> None:
        whole = replace(sound, anchor="vvc-vtm")
        found = curve_overlap(replace(whole, bd=bd_rates(whole)))
        assert places(found) == [("warning", "anchor", "ALL", None), ("warning", "test", "ALL", None)]
        assert "the anchor vvc-vtm is not in the campaign" in found[0].message

    def test_an_average_that_alone_is_missing(self) -> None:
        whole = made({"anchor": 1.0, "test": 1.1}, metrics=("vif", "psnr_y"))
        (finding,) = curve_overlap(replace(whole, bd=bd_rates(whole)))
        assert places([finding]) == [("warning", "test", "ALL", None)]
        assert finding.message == "AVG is N/A: not computed: msssim, fsim, nlpd, iwssim, vmaf, psnr_hvs"


class TestOfficialAnchor:
    """The published VVC points: 50 pictures, five rates, eleven metrics."""

    def test_only_two_rates_leave_ten_per_cent(self) -> None:
        whole = official_anchor()
        assert (len(whole.pictures), len(whole.metrics), len(whole.scored)) == (50, 11, 250)
        assert places(run_checks(whole)) == [
            ("warning", "vvc-vtm", "00015_TE_1744x2000_8bit_sRGB", 0.75),
            ("warning", "vvc-vtm", "00017_TE_1280x848_8bit_sRGB", 0.06),
        ]
        assert {finding.check for finding in run_checks(whole)} == {"rate_deviation"}
        assert largest_deviation(whole, "vvc-vtm") == pytest.approx(-0.1315, abs=5e-5)
        assert is_monotone(whole, "vvc-vtm")

    @pytest.mark.parametrize("metric", load("vvc").metrics)
    def test_one_altered_value_is_found(self, metric: str) -> None:
        whole = official_anchor()
        name = whole.pictures[29].name
        low = find(whole, "vvc-vtm", name, 0.25).value(metric)
        (finding,) = monotonicity(edited(whole, "vvc-vtm", name, 0.50, lambda point: with_value(point, metric, low)))
        assert places([finding]) == [("warning", "vvc-vtm", name, 0.50)]
        assert finding.message.startswith(f"{metric} does not improve from 0.25 to 0.5 bpp")

    def test_one_altered_rate_is_found(self) -> None:
        whole = official_anchor()
        name = whole.pictures[0].name
        altered = edited(whole, "vvc-vtm", name, 0.25, lambda point: with_bpp(point, 0.1))
        assert ("warning", "vvc-vtm", name, 0.25) in places(rate_deviation(altered))
        assert places(monotonicity(altered)) == [("error", "vvc-vtm", name, 0.25)]
        assert not is_monotone(altered, "vvc-vtm")


def test_what_is_compared_is_noted(sound: Campaign) -> None:
    codecs = (replace(sound.codecs[0], note="4:2:0"), *sound.codecs[1:])
    noted = replace(sound, codecs=codecs, anchor_note="stands in for vvc-vtm")
    found = [(finding.severity, finding.codec, finding.message) for finding in run_checks(noted)]
    assert found == [("note", sound.anchor, "anchor: stands in for vvc-vtm"), ("note", sound.codecs[0].name, "4:2:0")]
