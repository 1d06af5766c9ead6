"""A campaign with codecs whose times are told: what is run, kept, continued, measured anew."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ctc.complexity.machine import machine
from ctc.errors import UsageError
from ctc.records import Campaign, Cost, Timing, TimingFailure, TimingSample
from ctc.records.timing import CODEC, DECODER, ENCODER, FROM_CODEC, LOADING, PICTURE_FILE, SMALLEST, TO_CODEC
from ctc.store import Store
from ctc.timing.estimate import Expected, estimate
from ctc.timing.kept import held
from ctc.timing.measure import measure, processors_of_a_child
from ctc.timing.schedule import Place, cells, timed_points
from ctc.timing.wanted import TimingWanted, bound_to, chosen_processors, processors
from tests.timing.conftest import Register
from tests.timing.told_codecs import MIB, OnAGpu, Stays, Told, campaign_with, steady, told

WANTED = TimingWanted((0.25, 0.5))
POINTS = 2 * 2
"""Of a codec: pictures and rates."""
SAMPLES = 2 * 2 * (POINTS + 1) * 5
"""Of two codecs: both sides of each point and of the smallest picture."""
Measured = Callable[..., Timing]


@pytest.fixture
def measured(tmp_path: Path) -> Measured:
    def again(campaign: Campaign, wanted: TimingWanted = WANTED) -> Timing:
        return measure(campaign, wanted, Store(tmp_path / "store"), 60)

    return again


@pytest.fixture
def two(register: Register, pictures: Path) -> tuple[Campaign, Told, Told]:
    first, second = Told("anchor", steady(1.0)), Told("codec", steady(3.0))
    register(first, second)
    return campaign_with(pictures, first, second), first, second


def test_every_point_is_timed_as_often_as_asked_and_once_more(two: tuple[Campaign, Told, Told], measured: Measured) -> None:
    campaign, first, second = two
    timing = measured(campaign)
    places = Counter((sample.codec, sample.picture, sample.target_bpp, sample.side) for sample in timing.samples)
    assert set(places.values()) == {5}
    assert len(places) == SAMPLES / 5
    assert [sample.order for sample in timing.samples] == list(range(len(timing.samples)))
    assert sorted(sample.index for sample in timing.samples) == sorted(list(range(5)) * len(places))
    # Two pictures at two rates and the smallest one: six times each; and its bitstream, made once more to be decoded.
    for codec in (first, second):
        assert Counter(codec.executions) == {"encoder": 6 * 5 + 1 + 2 * 2, "decoder": 6 * 5}
    assert (timing.failed, timing.round, timing.continued, timing.threads) == ((), 1, False, 1)


def test_stages_are_told_apart_and_outputs_compared(two: tuple[Campaign, Told, Told], measured: Measured) -> None:
    timing = measured(two[0])
    stages = {
        (sample.side, sample.picture == SMALLEST): tuple(stage.stage for stage in sample.stages)
        for sample in timing.samples
    }  # fmt: skip
    assert stages == {
        (ENCODER, False): (PICTURE_FILE, TO_CODEC, CODEC),
        (ENCODER, True): (CODEC,),
        (DECODER, False): (CODEC, FROM_CODEC),
        (DECODER, True): (CODEC,),
    }
    assert all(sample.same_output and sample.whole_process for sample in timing.samples)
    # What the stand-in says, nothing of what the harness took itself.
    assert {round(sample.time_s, 6) for sample in timing.samples if (sample.codec, sample.side) == ("codec", DECODER)} <= {
        3.0, 3.03, 3.06, 3.09, 3.12,
    }  # fmt: skip


def test_a_killed_campaign_goes_on_where_it_was(
    two: tuple[Campaign, Told, Told], measured: Measured, register: Register, tmp_path: Path
) -> None:
    campaign, first, second = two
    register(first, Told("codec", _interrupting(steady(3.0), at=40)))
    with pytest.raises(KeyboardInterrupt):
        measured(campaign)
    register(first, second)
    before, kept = len(first.executions), kept_jobs(tmp_path)
    timing = measured(campaign)
    assert (timing.round, timing.continued, len(timing.samples)) == (1, True, SAMPLES)
    assert 20 < kept.total() < SAMPLES
    # What is missing, a warm-up where something is, and the bitstreams of the smallest picture that are decoded again.
    unfinished = [sample for sample in timing.samples if sample.index == 0 and kept[place_of(sample)] < 5]
    smallest = [sample for sample in unfinished if sample.picture == SMALLEST and sample.side == DECODER]
    assert len(first.executions) - before + len(second.executions) == SAMPLES - kept.total() + len(unfinished) + len(smallest)
    jobs = Counter((sample.codec, sample.picture, sample.target_bpp, sample.side, sample.index) for sample in timing.samples)
    assert set(jobs.values()) == {1}
    assert [sample.order for sample in timing.samples] == list(range(SAMPLES))


def test_the_same_command_measures_anew_after_a_whole_campaign(two: tuple[Campaign, Told, Told], measured: Measured) -> None:
    campaign, first, _ = two
    earlier = measured(campaign)
    number = len(first.executions)
    later = measured(campaign)
    # The bitstreams of the points, which no run had made, are in the store by then.
    assert len(first.executions) == 2 * number - POINTS
    assert (earlier.round, later.round) == (1, 2)
    assert earlier.seed != later.seed
    order = [[(s.codec, s.picture, s.target_bpp, s.side, s.index) for s in timing.samples] for timing in (earlier, later)]
    assert order[0] != order[1]
    assert sorted(order[0], key=str) == sorted(order[1], key=str)


def test_a_whole_campaign_is_shown_again_where_that_is_asked_for(two: tuple[Campaign, Told, Told], measured: Measured) -> None:
    campaign, first, _ = two
    reusing = TimingWanted(WANTED.target_bpps, reuse=True)
    made = measured(campaign, reusing)
    number = len(first.executions)
    assert measured(campaign, reusing) == made
    assert len(first.executions) == number
    other = measured(campaign, TimingWanted((0.25,), reuse=True))
    assert (other.round, len(other.samples)) == (1, 2 * (2 * 2 + 2) * 5)


def test_pictures_are_among_the_conditions(two: tuple[Campaign, Told, Told], measured: Measured) -> None:
    campaign, first, _ = two
    one = replace(WANTED, images=("chel*",), reuse=True)
    whole = measured(campaign, WANTED)
    alone = measured(campaign, one)
    assert (alone.round, alone.pictures, whole.pictures) == (1, ("chelsea",), ("chelsea", "coffee"))
    assert {sample.picture for sample in alone.samples} == {"chelsea", SMALLEST}
    assert len(alone.samples) == 2 * 2 * (2 + 1) * 5
    number = len(first.executions)
    assert measured(campaign, one) == alone
    # Another way to ask for the same pictures; for all of them it is the campaign of all.
    assert measured(campaign, replace(one, images=("chelsea.png", "*sea"))) == alone
    assert measured(campaign, replace(one, images=("c*",))) == whole
    assert len(first.executions) == number


def test_a_stopped_campaign_of_some_pictures_is_not_continued_by_one_of_others(
    two: tuple[Campaign, Told, Told], measured: Measured, register: Register
) -> None:
    campaign, first, second = two
    register(first, Told("codec", _interrupting(steady(3.0), at=20)))
    with pytest.raises(KeyboardInterrupt):
        measured(campaign, replace(WANTED, images=("chelsea",)))
    register(first, second)
    assert not measured(campaign, replace(WANTED, images=("coffee",))).continued
    assert measured(campaign, replace(WANTED, images=("chelsea",))).continued


def test_another_machine_finds_nothing(
    two: tuple[Campaign, Told, Told], measured: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    from ctc.records import Machine
    from ctc.timing import measure as module

    reusing = TimingWanted(WANTED.target_bpps, reuse=True)
    measured(two[0], reusing)
    number = len(two[1].executions)
    monkeypatch.setattr(module, "machine", lambda: Machine("other", "h", "p", 2, 1, "s", "3"))
    assert measured(two[0], reusing).machine == "other"
    assert len(two[1].executions) == 2 * number - POINTS


def test_a_codec_that_breaks_is_told_and_the_others_go_on(register: Register, pictures: Path, measured: Measured) -> None:
    first = Told("anchor", steady(1.0))
    second = Told("codec", steady(3.0), fails=lambda side, execution: side == "decoder" and execution == 20)
    register(first, second)
    timing = measured(campaign_with(pictures, first, second))
    (failed,) = timing.failed
    assert isinstance(failed, TimingFailure)
    assert (failed.codec, failed.side, failed.error) == ("codec", DECODER, "codec broke")
    assert sum(sample.codec == "anchor" for sample in timing.samples) == 50
    assert 40 < sum(sample.codec == "codec" for sample in timing.samples) < 50


def test_another_output_than_the_points_is_marked(register: Register, pictures: Path, measured: Measured) -> None:
    codec = Told("codec", steady(1.0))
    register(codec)
    campaign = campaign_with(pictures, codec)
    wrong = [point for point in campaign.scored if point.coded.job.target_bpp == 0.5]
    for point in wrong:
        object.__setattr__(point.coded, "bitstream_sha256", "another")
    timing = measured(campaign)
    assert {(sample.target_bpp, sample.side) for sample in timing.samples if not sample.same_output} == {(0.5, ENCODER)}


def test_loading_is_timed_first_and_left_at_the_end(register: Register, pictures: Path, measured: Measured) -> None:
    anchor, codec = Told("anchor", steady(1.0)), Stays("codec", steady(1.0))
    register(anchor, codec)
    timing = measured(campaign_with(pictures, anchor, codec))
    assert codec.executions[:6] == ["load"] * 6
    assert codec.executions[-1] == "leave"
    loaded = [sample for sample in timing.samples if sample.side == LOADING]
    assert [(sample.codec, sample.order, sample.time_s) for sample in loaded] == [("a model", order, 2.0) for order in range(5)]


def test_a_campaign_that_was_stopped_while_loading_is_continued(register: Register, pictures: Path, measured: Measured) -> None:
    codec = Stays("codec", lambda *_: _stopped())
    register(codec)
    campaign = campaign_with(pictures, codec)
    with pytest.raises(KeyboardInterrupt):
        measured(campaign)
    codec.cost = steady(1.0)
    assert codec.executions[:7] == ["load"] * 6 + ["encoder"]
    assert measured(campaign).continued


def test_the_order_in_which_codecs_were_asked_for_makes_no_other_campaign(
    two: tuple[Campaign, Told, Told], measured: Measured, pictures: Path
) -> None:
    campaign, first, second = two
    made = measured(campaign)
    other = replace(campaign_with(pictures, second, first), anchor=campaign.anchor)
    assert measured(other, TimingWanted(WANTED.target_bpps, reuse=True)) == made


def test_two_campaigns_of_a_machine_are_not_made_at_once(two: tuple[Campaign, Told, Told], measured: Measured, tmp_path: Path) -> None:
    store, executed = Store(tmp_path / "store"), len(two[1].executions)
    with (
        held(store, machine().identity),
        pytest.raises(UsageError, match=r"another campaign of this machine is under way in the store .*store"),
    ):
        measured(two[0])
    assert len(two[1].executions) == executed
    assert measured(two[0]).round == 1


def test_the_estimate_knows_what_is_left(two: tuple[Campaign, Told, Told], measured: Measured, register: Register, tmp_path: Path) -> None:
    campaign, first, second = two
    store, reusing = Store(tmp_path / "store"), replace(WANTED, reuse=True)
    points = [
        Expected(coded.job.codec, coded.job.picture, coded.job.target_bpp, coded) for coded in (scored.coded for scored in campaign.scored)
    ]
    executions = SAMPLES * 6 // 5
    assert f"timing: {executions} executions, one at a time" in estimate(points, reusing, store)
    register(first, Told("codec", _interrupting(steady(3.0), at=40)))
    with pytest.raises(KeyboardInterrupt):
        measured(campaign)
    register(first, second)
    told = estimate(points, WANTED, store)
    before = len(first.executions)
    smallest = sum(place[1] == SMALLEST and place[3] == DECODER and number < 5 for place, number in all_places(campaign, tmp_path).items())
    made = measured(campaign)
    left = len(first.executions) - before + len(second.executions) - smallest
    assert 0 < left < executions
    assert f"timing: {left} executions left of the {executions} of campaign 1, begun {made.started}, one at a time" in told
    assert f"nothing to do: campaign 1, begun {made.started}, is whole" in estimate(points, reusing, store)
    assert f"timing: {executions} executions, one at a time" in estimate(points, WANTED, store)
    one = estimate(points, replace(reusing, images=("coffee",)), store)
    assert f"timing: {6 * 2 * 2 * 3} executions, one at a time" in one
    assert "at 4 points of 1 picture, of the smallest" in one


def test_the_search_for_the_memory_of_a_gpu_is_in_the_estimate_and_the_progress(
    register: Register, pictures: Path, measured: Measured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bars: list[Bar] = []

    class Bar:
        def __init__(self, _what: str, total: int, _unit: str) -> None:
            self.total, self.done = total, 0
            bars.append(self)

        def advance(self, *, failed: int = 0, made: bool = True) -> None:
            assert made
            assert not failed
            self.done += 1

        def __exit__(self, *error: object) -> None:
            pass

    monkeypatch.setattr("ctc.timing.measure.Progress", Bar)
    codec = OnAGpu("codec", steady(1.0))
    register(codec)
    campaign = campaign_with(pictures, codec)
    points = [Expected(coded.job.codec, coded.job.picture, coded.job.target_bpp, coded) for coded in (s.coded for s in campaign.scored)]
    text, executions = estimate(points, WANTED, Store(tmp_path / "store")), SAMPLES // 2 * 6 // 5
    # All of 256 MiB, then 128, 64, 32 and at the finest 16 MiB from one try to the next.
    assert f"timing: {executions} executions, " in text
    assert "of loading 0 models, and up to 5 tries for the least memory of the GPU; about " in text
    (found,) = measured(campaign).device_memory
    assert (found.needed_bytes, found.side) == (160 * MIB, DECODER)
    assert [(bar.total, bar.done) for bar in bars] == [(executions + 5, executions + 5)]
    minute = replace(told(60.0), machine=machine().identity)
    slow = [replace(point, coded=replace(point.coded, decode=minute)) for point in points if point.coded is not None]
    (minutes,) = re.findall(r"about ([0-9.]+) minutes", estimate(slow, WANTED, Store(tmp_path / "other")))
    assert 6 * POINTS + 5 <= float(minutes) < 6 * POINTS + 6


def test_processors_are_those_that_a_child_sees(two: tuple[Campaign, Told, Told], measured: Measured) -> None:
    before = processors()
    assert measured(two[0]).cpus == chosen_processors(1) == (before[-1],)
    assert processors() == before
    with bound_to(before[:1]):
        assert processors_of_a_child() == (before[0],)
    assert processors_of_a_child() == tuple(before)


def kept_jobs(folder: Path) -> Counter[Place]:
    """Samples in the store of each codec, picture, rate and side."""
    identities = [json.loads(path.read_text())["identity"] for path in folder.glob("store/timing/*/*.json")]
    return Counter(tuple(identity["job"][:4]) for identity in identities if "job" in identity)


def all_places(campaign: Campaign, folder: Path) -> Counter[Place]:
    """The same, with those that have none."""
    kept = kept_jobs(folder)
    return Counter({cell.place: kept[cell.place] for cell in cells(timed_points(campaign, WANTED))})


def place_of(sample: TimingSample) -> Place:
    return sample.codec, sample.picture, sample.target_bpp, sample.side


def _stopped() -> Cost:
    raise KeyboardInterrupt


def _interrupting(cost: Callable[[str, int], Cost], at: int) -> Callable[[str, int], Cost]:
    """Ends like a run that is killed, at the `at`-th execution."""
    count = iter(range(1, 1000))

    def told_or_not(side: str, execution: int) -> Cost:
        if next(count) == at:
            raise KeyboardInterrupt
        return cost(side, execution)

    return told_or_not


def test_the_stand_in_is_a_whole_process() -> None:
    assert told(1.0).read_s is None
