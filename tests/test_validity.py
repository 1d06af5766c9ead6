"""The conditions of each point, and which BD-rates they keep from being stressed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ctc.bdrate.tables import bd_rates
from ctc.records import (
    ALL,
    AVG,
    AVG_METRICS,
    BD_TARGET_BPPS,
    CONDITIONS,
    METRIC_ORDER,
    Absent,
    BdRate,
    Campaign,
    DecoderModel,
    Interop,
    PointValidity,
    Unsupported,
)
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


def said_of(campaign: Campaign, name: str = "test", **facts: Any) -> Campaign:
    """The campaign with other facts of a codec."""
    codecs = tuple(replace(codec, **facts) if codec.name == name else codec for codec in campaign.codecs)
    return replace(campaign, codecs=codecs)


def learned(campaign: Campaign) -> Campaign:
    return said_of(campaign, model=MODEL, learned=True)


def compared(codec: str, *metrics: str) -> Interop:
    """Two devices that differ a little, by these metrics, or by all."""
    return matrix_of(codec, metrics=metrics or METRIC_ORDER)


def with_devices(interop: Interop, *names: str) -> Interop:
    """The matrix of these devices alone, the others not tried."""
    return replace(
        interop,
        devices=tuple(device for device in interop.devices if device.name in names or device.missing),
        points=tuple(point for point in interop.points if point.decoder in names),
        mismatches=tuple(row for row in interop.mismatches if row.decoder in names),
    )


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
    held = judged(replace(learned(whole), interop=(compared("test"),)))
    assert states(of(held))["interop"] == "holds"
    how_much = "tried on 1 picture at 2 rates, cpu and rounds <b>"
    assert reason(of(held), "interop") == f"{how_much}; a picture of this name was among them; cuda not run"
    assert reason(of(held, picture="p1"), "interop") == f"{how_much}; not on this picture; cuda not run"
    assert cell(held, AVG).sound
    broken = judged(replace(learned(whole), interop=(broken_matrix("test"),)))
    assert states(of(broken))["interop"] == "fails"
    assert "luma.scale" in reason(of(broken), "interop")


def test_interoperability_is_between_two_devices(whole: Campaign) -> None:
    alone = with_devices(compared("test"), "cpu")
    campaign = judged(replace(learned(whole), interop=(alone,)))
    assert states(of(campaign))["interop"] == "not run"
    assert reason(of(campaign), "interop") == "tried on one device alone, cpu: nothing was mixed; cuda not run"
    assert not cell(campaign, AVG).sound
    without_gpu = replace(alone, devices=tuple(device for device in alone.devices if not device.missing))
    assert reason(of(judged(replace(learned(whole), interop=(without_gpu,)))), "interop").endswith("cpu: nothing was mixed")
    unlike = replace(alone, streams=tuple(replace(stream, same_as_first=False) for stream in alone.streams))
    assert states(of(judged(replace(learned(whole), interop=(unlike,)))))["interop"] == "fails"


@pytest.mark.parametrize(
    ("encodes_on", "decodes_on", "said"),
    [
        ("cpu", "cpu", ""),
        ("cpu", "rounds <b>", ""),
        ("", "", ""),
        ("cpu", "cuda", "tried without cuda, on which it decodes; cuda not run"),
        ("rounds <b>", "cpu", "tried without rounds <b>, on which it encodes; cuda not run"),
        ("other", "other", "tried without other, on which it encodes and decodes; cuda not run"),
        ("other", "cuda", "tried without other, on which it encodes; tried without cuda, on which it decodes; cuda not run"),
    ],
)
def test_interoperability_is_of_the_devices_that_made_the_points(whole: Campaign, encodes_on: str, decodes_on: str, said: str) -> None:
    # Of the second device of the matrix there is a decoder alone; the third is not there.
    codec = said_of(learned(whole), encodes_on=encodes_on, decodes_on=decodes_on)
    point = of(replace(codec, validity=point_validity(replace(codec, interop=(compared("test"),)))))
    assert states(point)["interop"] == ("not run" if said else "holds")
    assert not said or reason(point, "interop") == said


def test_interoperability_is_of_the_metrics_that_were_compared(whole: Campaign) -> None:
    without = ("psnr_y", AVG_METRICS[0])
    campaign = judged(replace(learned(whole), interop=(compared("test", *(name for name in METRIC_ORDER if name not in without)),)))
    assert states(of(campaign))["interop"] == "not run"
    why = "not compared by `ctc interop`: run it again with --metrics that include it"
    assert reason(of(campaign), "interop").startswith(f"{AVG_METRICS[0]}, psnr_y: {why}; tried on 1 picture")
    metrics = ("psnr_u", "psnr_y", *AVG_METRICS, AVG)
    sound = {metric: cell(campaign, metric).sound for metric in metrics}
    assert sound == {metric: metric not in (*without, AVG) for metric in metrics}
    assert grounds_text(cell(campaign, AVG).grounds) == f"interop not run: {AVG_METRICS[0]}: {why}"
    seven = judged(replace(learned(whole), interop=(compared("test", *AVG_METRICS),)))
    assert (cell(seven, AVG).sound, cell(seven, "psnr_y").sound) == (True, False)


def test_no_metric_can_differ_between_identical_pictures(whole: Campaign) -> None:
    close = compared("test", "psnr_u")
    points = tuple(
        replace(point, largest_difference=0, differing_share=0.0, changes=(("psnr_u", 0.0),)) if point.decoder != "cpu" else point
        for point in close.points
    )
    same = replace(close, points=points, mismatches=tuple(replace(row, value_percent=0.0) for row in close.mismatches))
    campaign = judged(replace(learned(whole), interop=(same,)))
    assert states(of(campaign))["interop"] == "holds"
    assert cell(campaign, AVG).sound
    assert not cell(judged(replace(learned(whole), interop=(close,))), AVG).sound


def test_of_whom_nothing_is_known_it_is_not_said_that_it_is_not_learned(whole: Campaign) -> None:
    unknown = judged(said_of(whole, learned=None))
    assert states(of(unknown))["interop"] == "not run"
    assert reason(of(unknown), "interop").startswith("nothing is known of how it computes; ")
    assert not cell(unknown, AVG).sound
    elsewhere = judged(replace(said_of(whole, learned=True, source="values of a friend"), interop=(compared("test"),)))
    assert (states(of(elsewhere))["interop"], reason(of(elsewhere), "interop")) == ("not run", "its decoder was not run here")
    # Learned, but a program that does not say what its model is.
    program = judged(replace(said_of(whole, learned=True), interop=(compared("test"),)))
    assert states(of(program))["interop"] == "holds"


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


def test_curves_that_cannot_be_compared_do_not_hold(whole: Campaign) -> None:
    changes: tuple[tuple[dict[str, Any], str], ...] = (
        ({"value_percent": None, "reason": "too close"}, "no BD-rate: too close"),
        ({"overlap": None}, "how much of both curves' quality range is common is not known"),
    )
    for change, why in changes:
        rows = tuple(replace(row, **change) if (row.picture, row.metric) == ("p0", "vif") else row for row in whole.bd)
        campaign = replace(whole, bd=rows, validity=point_validity(replace(whole, bd=rows)))
        assert (states(of(campaign))["overlap"], reason(of(campaign), "overlap")) == ("fails", f"vif: {why}")


def without_metric(campaign: Campaign, codec: str, metric: str) -> Campaign:
    points = tuple(with_value(each, metric, None, "not published") if each.place[0] == codec else each for each in campaign.scored)
    return replace(campaign, scored=points)


def test_what_a_source_never_gives_is_not_asked_of_it(whole: Campaign) -> None:
    lacking = without_metric(whole, "anchor", "vif")
    given = tuple(name for name in METRIC_ORDER if name != "vif")
    campaign = judged(said_of(lacking, "anchor", source="published", gives=given))
    assert all(point.valid for point in campaign.validity)
    assert reason(of(campaign, "anchor"), "complete") == "not asked of vif: its source does not give it"
    assert reason(of(campaign), "overlap") == "not asked of vif: the source of one of the curves does not give it"
    assert not cell(campaign, "vif").sound
    assert cell(campaign, "fsim").sound
    # The same gap of a source that gives the metric, of its pictures that are scored here, and of a run here.
    others: tuple[dict[str, Any], ...] = ({"source": "published", "gives": METRIC_ORDER}, {"source": "a folder"}, {})
    for facts in others:
        failing = judged(said_of(lacking, "anchor", **facts))
        assert reason(of(failing, "anchor"), "complete") == "vif: not published"
    nothing = judged(said_of(lacking, "anchor", source="published", gives=()))
    assert states(of(nothing, "anchor"))["complete"] == states(of(nothing))["overlap"] == "does not apply"


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


def test_what_falls_beyond_the_curve_does_not_count() -> None:
    campaign = made({"anchor": 1.0, "test": 1.1}, targets=(0.06, 0.12, 0.25, 0.5, 0.75, 1.0))
    point = find(campaign, "test", "p0", 1.0)
    lower = find(campaign, "test", "p0", 0.75).value("vif")
    campaign = judged(changed(campaign, point, with_value(point, "vif", lower)))
    assert reason(of(campaign, target=1.0), "monotone") == "vif: does not improve from 0.75 to 1 bpp"
    assert {states(of(campaign, target=target))["monotone"] for target in BD_TARGET_BPPS} == {"holds"}
    assert cell(campaign, "vif").sound
    # A point beyond has the whole curve behind it.
    inside = find(campaign, "test", "p0", 0.25)
    campaign = judged(changed(campaign, inside, with_value(inside, "fsim", find(campaign, "test", "p0", 0.12).value("fsim"))))
    assert "fsim: does not improve from 0.12 to 0.25 bpp" in reason(of(campaign, target=1.0), "monotone")


def test_nothing_is_sound_of_which_nothing_is_known(whole: Campaign) -> None:
    assert cell(replace(whole, validity=()), AVG).grounds[0].what == "validity"
    partial = replace(whole, bd=(BdRate("test", "anchor", AVG, ALL, -9.0, 0.9, pictures=2, pictures_missing=1),))
    assert not cell(partial, AVG).sound
