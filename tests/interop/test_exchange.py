"""The exchange between devices, with a codec whose devices are known: each is wrong in its own way, or not at all."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from ctc import plugins
from ctc.errors import UsageError
from ctc.interop.candidate import Candidate
from ctc.interop.matrix import Cell, holds, rows
from ctc.interop.stored import from_plain, keep, recall
from ctc.plan import Options, resolve
from ctc.records import ALL, Interop, InteropStream
from ctc.store import Store
from tests.interop.conftest import Exchanged
from tests.interop.matrices import broken_matrix, matrix_of
from tests.interop.stand_in import StandIn


def cell(interop: Interop, encoder: str, decoder: str) -> Cell:
    return next(each for row in rows(interop) for each in row if (each.encoder, each.decoder) == (encoder, decoder))


def test_devices_that_agree_and_one_that_rounds(exchanged: Exchanged) -> None:
    codec = StandIn()
    interop = exchanged(codec)
    assert codec.left == 1
    assert [device.name for device in interop.devices] == ["first", "rounds", "decodes", "gone"]
    same, rounds = cell(interop, "first", "decodes"), cell(interop, "first", "rounds")
    assert (same.state, same.points, same.integers, same.largest_difference, same.largest_mismatch) == ("identical", 8, "identical", 0, 0.0)
    assert (rounds.state, rounds.integers, rounds.largest_difference) == ("close", "identical", 1)
    assert rounds.differing_share == pytest.approx(0.01, rel=0.05)
    assert 0 < abs(dict(rounds.changes)["psnr_y"] or 0) < 0.1
    assert rounds.largest_mismatch is not None
    assert 0 < abs(rounds.largest_mismatch) < 0.5
    assert holds(interop)


def test_a_plan_says_on_which_devices_the_points_are_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = {"stand-in": StandIn(decodes_on="rounds"), "jpeg": plugins.codecs()["jpeg"]}
    monkeypatch.setattr(plugins, "codecs", lambda: plugins.Registry("codec", found, {}))
    options = Options("made", tmp_path, tmp_path, codecs=tuple(found), metrics=("psnr_y",), target_bpps=(0.5,), anchor="jpeg")
    where = {codec.name: (codec.encodes_on, codec.decodes_on) for codec in resolve(options).codecs}
    assert where == {"stand-in": ("first", "rounds"), "jpeg": ("", "")}


def test_each_is_compared_with_the_device_that_encoded(exchanged: Exchanged) -> None:
    """Where the one that rounds has encoded, it is the other that differs."""
    interop = exchanged(StandIn(), "first", "rounds")
    assert [[each.state for each in row] for row in rows(interop)] == [["identical", "close"], ["close", "identical"]]
    there, back = cell(interop, "first", "rounds"), cell(interop, "rounds", "first")
    assert dict(there.changes)["psnr_y"] == pytest.approx(-(dict(back.changes)["psnr_y"] or 0))
    assert all(stream.same_as_first for stream in interop.streams)


def test_where_the_first_device_fails_the_next_one_finds_the_settings(exchanged: Exchanged) -> None:
    interop = exchanged(StandIn(), "dies", "first", "decodes")
    assert [device for device, _ in interop.failed] == ["dies"]
    assert {stream.encoder for stream in interop.streams} == {"first"}
    assert cell(interop, "first", "decodes").state == "identical"
    assert cell(interop, "dies", "first").state == "broken"


def test_a_device_that_is_missing_is_not_run(exchanged: Exchanged) -> None:
    interop = exchanged(StandIn())
    assert {point.decoder for point in interop.points} == {"first", "rounds", "decodes"}
    gone = cell(interop, "first", "gone")
    assert (gone.state, gone.points, gone.reason) == ("not run", 0, "no such device")
    assert [each.state for each in rows(interop)[-1]] == ["not run"] * 4


def test_a_device_with_other_integers_is_caught_by_tensor(exchanged: Exchanged) -> None:
    interop = exchanged(StandIn(), "first", "scales")
    broken = cell(interop, "first", "scales")
    assert broken.state == "broken"
    assert broken.integers.startswith("scale 2 of 6 values differ, first at (0, 1): 2, not 1 (chelsea, 2.5 bpp)")
    assert broken.reason == "stand-in: the symbols end too early"
    assert broken.largest_mismatch is None
    assert not holds(interop)
    # It cannot decode its own: what others make of its bitstreams has nothing to be compared with.
    assert cell(interop, "scales", "first").state == "broken"
    assert interop.failed[0] == ("scales", "cannot decode its own bitstream of chelsea at 2.5 bpp: stand-in: the symbols end too early")


def test_a_picture_that_drifts_is_beyond_the_limit(exchanged: Exchanged) -> None:
    interop = exchanged(StandIn(), "first", "drifts")
    drifts = cell(interop, "first", "drifts")
    assert (drifts.integers, drifts.largest_difference, drifts.state) == ("identical", 8, "off")
    assert drifts.largest_mismatch is not None
    assert drifts.largest_mismatch > 0.5
    assert not holds(interop)


def test_a_device_that_fails_does_not_end_the_others(exchanged: Exchanged) -> None:
    interop = exchanged(StandIn(), "first", "dies", "rounds")
    assert interop.failed == (("dies", "stand-in: it died"),)
    assert [[each.state for each in row] for row in rows(interop)] == [
        ["identical", "broken", "close"],
        ["broken"] * 3,
        ["close", "broken", "identical"],
    ]
    assert cell(interop, "first", "dies").reason == cell(interop, "dies", "first").reason == "stand-in: it died"
    assert not holds(interop)


def test_three_rates_decide_nothing_where_pictures_differ(exchanged: Exchanged) -> None:
    interop = exchanged(StandIn(), "first", "rounds", rates=(2.5, 4.0, 7.0))
    rounds = cell(interop, "first", "rounds")
    assert (rounds.state, rounds.reason) == ("undecided", "BD-rate of psnr_y: 3 points, a curve needs 4")
    assert cell(interop, "first", "first").largest_mismatch == 0.0
    assert not holds(interop)


def test_rates_out_of_reach_are_left_out(exchanged: Exchanged) -> None:
    interop = exchanged(StandIn(), "first", rates=(4.0, 40.0))
    assert {stream.target_bpp for stream in interop.streams} == {4.0}
    assert [text.split(":")[0] for text in interop.unreachable] == ["chelsea at 40 bpp", "coffee at 40 bpp"]


def test_codecs_without_devices_are_repeated(exchanged: Exchanged) -> None:
    interop = exchanged(plugins.codecs()["jpeg"], rates=(1.0,))
    assert not interop.traced
    ((only,),) = rows(interop)
    assert (only.state, only.integers, only.points) == ("identical", "not traced", 2)
    assert [stream.same_as_first for stream in interop.streams] == [True, True]
    assert holds(interop)


def test_names_of_devices() -> None:
    with pytest.raises(UsageError, match="--devices abacus: stand-in has first, rounds, decodes, gone, dies, scales, drifts"):
        Candidate.of(StandIn(), ["first", "abacus"])
    with pytest.raises(UsageError, match="--devices: jpeg has none to choose from"):
        Candidate.of(plugins.codecs()["jpeg"], ["first"])
    with pytest.raises(UsageError, match="none of them can encode here"):
        Candidate.of(StandIn(), ["decodes", "gone"])


def test_the_store_gives_back_what_was_kept(exchanged: Exchanged, tmp_path: Path) -> None:
    interop, store = exchanged(StandIn()), Store(tmp_path / "kept")
    assert recall(store, "stand-in", "1") is None
    keep(store, interop)
    assert recall(store, "stand-in", "1") == interop
    assert recall(store, "stand-in", "2") is None
    assert from_plain(json.loads(json.dumps(asdict(interop)))) == interop


def test_a_part_does_not_take_the_place_of_the_whole(exchanged: Exchanged, tmp_path: Path) -> None:
    store = Store(tmp_path / "kept")
    part, whole, other = (exchanged(StandIn(), *names) for names in (("first",), ("first", "rounds"), ("first", "decodes")))
    assert not keep(store, part)
    assert not keep(store, whole)
    assert keep(store, part) == "a matrix of more devices, pictures, rates or metrics is in the store, and stays"
    assert recall(store, "stand-in", "1") == whole
    assert not keep(store, whole)
    assert not keep(store, other)
    assert recall(store, "stand-in", "1") == other


def test_a_failure_is_not_hidden(tmp_path: Path) -> None:
    whole = matrix_of("stand-in")
    first = replace(whole, points=tuple(point for point in whole.points if point.decoder == "cpu"), devices=whole.devices[:1])
    failing = broken_matrix("stand-in")
    second = replace(whole, points=tuple(point for point in whole.points if point.target_bpp == 0.12))
    assert all(map(holds, (whole, first, second)))
    less_failing = replace(failing, points=failing.points[:-1])
    stays = "a matrix that fails is in the store, and stays until all that it tried is tried again"
    part = "a matrix of more devices, pictures, rates or metrics is in the store, and stays"
    cases = (
        (whole, less_failing, ""),
        (less_failing, first, stays),
        (less_failing, second, stays),
        (less_failing, whole, ""),
        (less_failing, failing, ""),
        (failing, less_failing, stays),
        (whole, second, part),
        (failing, whole, ""),
    )
    for number, (older, newer, why) in enumerate(cases):
        store = Store(tmp_path / f"kept-{number}")
        keep(store, older)
        assert keep(store, newer) == why
        assert recall(store, "stand-in", "1") == (older if why else newer)


def test_a_device_that_cannot_encode_is_tried_again_before_all_is_well(tmp_path: Path) -> None:
    whole = matrix_of("stand-in")
    dies, again = replace(whole, failed=(("dies", "it died"),)), InteropStream("dies", "p0", 0.25, 30.0, 0.25, same_as_first=True)
    store = Store(tmp_path / "kept")
    assert not keep(store, dies)
    assert "stays until all that it tried is tried again" in keep(store, whole)
    assert not keep(store, replace(whole, streams=(*whole.streams, again)))


def test_the_mean_is_over_pictures(exchanged: Exchanged) -> None:
    interop = exchanged(StandIn(), "first", "rounds")
    values = {
        row.picture: row.value_percent
        for row in interop.mismatches
        if (row.decoder, row.encoder, row.metric) == ("rounds", "first", "psnr_y")
    }
    assert set(values) == {"chelsea", "coffee", ALL}
    assert values[ALL] == pytest.approx(((values["chelsea"] or 0) + (values["coffee"] or 0)) / 2)


def test_fewer_metrics_take_the_place_of_no_matrix_of_more(tmp_path: Path) -> None:
    store = Store(tmp_path)
    whole = matrix_of("stand-in")
    assert keep(store, whole) == ""
    assert "or metrics is in the store" in keep(store, matrix_of("stand-in", metrics=("vif",)))
    assert recall(store, "stand-in", whole.version) == whole
    fails = matrix_of("stand-in", 3.0)
    assert not holds(fails)
    assert keep(store, fails) == ""
    assert "a matrix that fails is in the store" in keep(store, matrix_of("stand-in", metrics=("vif",)))
    # Nor is it washed out by another failure elsewhere, which could be mended alone.
    elsewhere = replace(fails, points=tuple(replace(point, picture="p1") for point in fails.points))
    assert "a matrix that fails is in the store" in keep(store, elsewhere)
    assert recall(store, "stand-in", whole.version) == fails
    assert keep(store, whole) == ""
