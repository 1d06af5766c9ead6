"""The conditions of each point, and which BD-rates they keep from being stressed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from ctc.bdrate.tables import bd_rates
from ctc.records import ALL, AVG, AVG_METRICS, CONDITIONS, Absent, BdRate, Campaign, DecoderModel, PointValidity, Unsupported
from ctc.report.grounds import grounds_text
from ctc.report.overview import BdCell, bd_cells
from ctc.validity import point_validity
from tests.campaigns import changed, failed, find, made, unreachable, with_bpp, with_value
from tests.interop.matrices import broken_matrix, matrix_of

MODEL = DecoderModel("BOP", (), 1, 1, "counted")


def judged(campaign: Campaign) -> Campaign:
    campaign = replace(campaign, bd=bd_rates(campaign))
    return replace(campaign, validity=point_validity(campaign))


@pytest.fixture(scope="module")
def whole() -> Campaign:
    return judged(made({"anchor": 1.0, "test": 1.1}))


def of(campaign: Campaign, codec: str = "test", picture: str = "p0", target: float = 0.25) -> PointValidity:
    (found,) = [each for each in campaign.validity if (each.codec, each.picture, each.target_bpp) == (codec, picture, target)]
    return found


def states(point: PointValidity) -> dict[str, str]:
    return {condition.name: condition.state for condition in point.conditions}


def reason(point: PointValidity, name: str) -> str:
    (condition,) = [condition for condition in point.conditions if condition.name == name]
    return condition.reason


def cell(campaign: Campaign, metric: str, picture: str = ALL) -> BdCell:
    return bd_cells(campaign, "test", picture, (metric,))[0]


def learned(campaign: Campaign) -> Campaign:
    return replace(campaign, codecs=tuple(replace(codec, model=MODEL) if codec.name == "test" else codec for codec in campaign.codecs))


def test_a_campaign_without_fault(whole: Campaign) -> None:
    assert len(whole.validity) == 2 * 3 * 5
    assert all(tuple(condition.name for condition in point.conditions) == CONDITIONS for point in whole.validity)
    assert states(of(whole)) == dict.fromkeys(CONDITIONS, "holds") | {"interop": "does not apply"}
    assert states(of(whole, "anchor"))["overlap"] == "does not apply"
    assert all(point.valid for point in whole.validity)
    assert all(cell(whole, metric).sound for metric in (AVG, *AVG_METRICS))


@pytest.mark.parametrize(("bpp", "state"), [(0.275, "holds"), (0.2751, "fails"), (0.225, "holds"), (0.2249, "fails")])
def test_rate(whole: Campaign, bpp: float, state: str) -> None:
    point = find(whole, "test", "p0", 0.25)
    campaign = judged(changed(whole, point, with_bpp(point, bpp)))
    assert states(of(campaign))["rate"] == state
    assert cell(campaign, AVG).sound is (state == "holds")
    assert states(of(campaign, target=0.5))["rate"] == "holds"
    assert cell(campaign, AVG, "p1").sound


def test_a_metric_that_falls_is_a_fault_of_its_curve_and_metric(whole: Campaign) -> None:
    point = find(whole, "test", "p0", 0.25)
    lower = find(whole, "test", "p0", 0.12).value("psnr_y")
    campaign = judged(changed(whole, point, with_value(point, "psnr_y", lower)))
    assert {states(of(campaign, target=target))["monotone"] for target in whole.target_bpps} == {"fails"}
    assert reason(of(campaign), "monotone") == "psnr_y: does not improve from 0.12 to 0.25 bpp"
    assert (cell(campaign, AVG).sound, cell(campaign, "vif").sound) == (True, True)
    # The curve that does not rise has no BD-rate either: the mean over the other pictures is not over all.
    assert cell(campaign, "psnr_y").grounds[0].what == "not all pictures"


def test_bpp_that_does_not_rise_concerns_every_metric(whole: Campaign) -> None:
    point = find(whole, "anchor", "p0", 0.25)
    with_rates = replace(changed(whole, point, with_bpp(point, find(whole, "anchor", "p0", 0.5).coded.bpp)), bd=whole.bd)
    campaign = replace(with_rates, validity=point_validity(with_rates))
    found = cell(campaign, "vif")
    assert [ground.what for ground in found.grounds] == ["the anchor's monotone fails", "the anchor's rate fails"]
    assert "bpp does not rise from 0.25 to 0.5 bpp" in grounds_text(found.grounds)


def test_a_missing_value(whole: Campaign) -> None:
    point = find(whole, "test", "p0", 0.25)
    campaign = judged(changed(whole, point, with_value(point, "psnr_y", None, "picture too small")))
    assert reason(of(campaign), "complete") == "psnr_y: picture too small"
    assert states(of(campaign, target=0.5))["complete"] == "holds"
    assert (cell(campaign, AVG).sound, cell(campaign, "psnr_y").sound) == (True, False)
    not_a_number = judged(changed(whole, point, with_value(point, "vif", float("nan"))))
    assert states(of(not_a_number))["complete"] == "fails"


@pytest.mark.parametrize(
    ("change", "state", "applies"),
    [
        (lambda point: replace(point, repeatable=False), "fails", True),
        (lambda point: replace(point, repeatable=None), "not run", True),
        (lambda point: replace(point, repeatable=None, coded=replace(point.coded, decoded_sha256="")), "does not apply", False),
    ],
)
def test_repeatable(whole: Campaign, change: Callable[..., object], state: str, applies: bool) -> None:
    point = find(whole, "test", "p0", 0.25)
    campaign = judged(changed(whole, point, change(point)))  # type: ignore[arg-type]
    assert states(of(campaign))["repeatable"] == state
    assert cell(campaign, AVG).sound is not applies


def test_interoperability_is_asked_of_learned_codecs(whole: Campaign) -> None:
    campaign = judged(learned(whole))
    assert states(of(campaign))["interop"] == "not run"
    assert "run `ctc interop --codecs test`" in grounds_text(cell(campaign, AVG).grounds)
    assert cell(campaign, AVG).grounds[0].text.startswith("interop not run: not tried")
    held = judged(replace(learned(whole), interop=(matrix_of("test"),)))
    assert states(of(held))["interop"] == "holds"
    assert reason(of(held), "interop") == "as far as this machine goes: cuda not run"
    assert cell(held, AVG).sound
    broken = judged(replace(learned(whole), interop=(broken_matrix("test"),)))
    assert states(of(broken))["interop"] == "fails"
    assert "luma.scale" in reason(of(broken), "interop")


def test_overlap(whole: Campaign) -> None:
    far = judged(made({"anchor": 1.0, "test": 4.0}))
    assert states(of(far))["overlap"] == "fails"
    assert "quality range is common, 50 % are asked for" in reason(of(far), "overlap")
    rows = tuple(replace(row, overlap=0.4999) if (row.picture, row.metric) == ("p0", "vif") else row for row in whole.bd)
    narrow = replace(whole, bd=rows)
    narrow = replace(narrow, validity=point_validity(narrow))
    assert reason(of(narrow), "overlap").startswith("vif: 49 % of both")
    assert [cell(narrow, metric).sound for metric in ("vif", "fsim", AVG)] == [False, True, False]
    none = replace(whole, bd=())
    assert {state for point in point_validity(none) for name, state in states(point).items() if name == "overlap"} == {
        "not run",
        "does not apply",
    }


def test_what_is_no_point(whole: Campaign) -> None:
    point = find(whole, "test", "p0", 0.25)
    without = changed(whole, point)
    ended = judged(replace(without, unreachable=(unreachable(point),)))
    assert set(states(of(ended)).values()) == {"does not apply"}
    assert reason(of(ended), "rate").startswith("unreachable: ")
    assert cell(ended, AVG).sound
    for campaign, said in (
        (replace(without, failed=(failed(point),)), "encode failed: exit status 3"),
        (replace(without, absent=(Absent("test", "p0", 0.25, "nobody made it"),)), "nobody made it"),
        (without, "no result was recorded"),
    ):
        found = judged(campaign)
        assert states(of(found))["complete"] == "fails"
        assert said in reason(of(found), "complete")
        assert not cell(found, AVG).sound


def test_pictures_that_cannot_be_coded_have_no_points(whole: Campaign) -> None:
    scored = tuple(point for point in whole.scored if point.place[:2] != ("test", "p0"))
    campaign = judged(replace(whole, scored=scored, unsupported=(Unsupported("test", "p0", "it is HDR"),)))
    assert {point.picture for point in campaign.validity if point.codec == "test"} == {"p1", "p2"}
    assert cell(campaign, AVG).grounds[0].text == "not all pictures: mean over 2 of 3"


def test_targets_beyond_the_curve_do_not_count() -> None:
    campaign = made({"anchor": 1.0, "test": 1.1}, targets=(0.03, 0.06, 0.12, 0.25, 0.5, 0.75))
    point = find(campaign, "test", "p0", 0.03)
    campaign = judged(changed(campaign, point, with_bpp(point, 0.05)))
    assert states(of(campaign, target=0.03))["rate"] == "fails"
    assert states(of(campaign, target=0.03))["overlap"] == "does not apply"
    assert cell(campaign, AVG).sound


def test_nothing_is_sound_of_which_nothing_is_known(whole: Campaign) -> None:
    assert cell(replace(whole, validity=()), AVG).grounds[0].what == "validity"
    partial = replace(whole, bd=(BdRate("test", "anchor", AVG, ALL, -9.0, 0.9, pictures=2, pictures_missing=1),))
    assert not cell(partial, AVG).sound
