"""Rate control finds what exhaustive search finds, makes no attempt twice, and says what cannot be reached."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctc.errors import ToolFailed
from ctc.ratecontrol import RateSearch, memory_offset, middle_out
from ctc.records import BD_TARGET_BPPS, Knob

QP = Knob("QP", 0, 51, integer=True, rate_rises=False, start=((0.06, 47), (0.25, 37), (0.75, 28), (2.0, 19)))
QUALITY = Knob("quality", 1, 100, integer=True, rate_rises=True, start=((0.1, 2), (0.5, 30), (2.0, 90)))
RATE = Knob("rate", 0.001, 24, integer=False, rate_rises=True, start=((0.03, 0.03), (2.0, 2.0)))

# bpp of scikit-image's astronaut by libx265 (preset slow, 4:4:4) at QP 16 to 51.
ASTRONAUT = (
    2.2886, 2.0269, 1.8203, 1.6405, 1.4707, 1.3322, 1.2038, 1.0902, 0.9885, 0.8904, 0.8031, 0.7193, 0.6494, 0.5857, 0.527, 0.4716, 0.4188,
    0.3772, 0.338, 0.3024, 0.2721, 0.2392, 0.2145, 0.1888, 0.1692, 0.149, 0.1323, 0.1178, 0.1027, 0.0905, 0.0793, 0.0697, 0.063, 0.0559,
    0.0481, 0.0418,
)  # fmt: skip


class Encoder:
    """A rate function that remembers what it was asked."""

    def __init__(self, bpp: dict[float, float]) -> None:
        self.bpp = bpp
        self.asked: list[float] = []

    def __call__(self, setting: float) -> float:
        self.asked.append(setting)
        return self.bpp[setting]


@st.composite
def monotone_tables(draw: st.DrawFn) -> tuple[Knob, dict[float, float]]:
    """Rates that fall or rise strictly by arbitrary steps, of any level."""
    knob = draw(st.sampled_from([QP, QUALITY]))
    settings_ = [float(s) for s in range(int(knob.lowest), int(knob.highest) + 1)]
    steps = draw(st.lists(st.floats(0.01, 0.4), min_size=len(settings_), max_size=len(settings_)))
    level = draw(st.floats(-6, 1))
    rates = [math.exp(level + sum(steps[:place])) for place in range(len(steps))]
    return knob, dict(zip(settings_, rates if knob.rate_rises else rates[::-1], strict=True))


def test_an_attempt_below_in_tolerance_is_taken_before_one_above_that_is_nearer_in_the_logarithm() -> None:
    # +10.45 % and -9.85 %: the logarithms are 0.0994 and 0.1037.
    rates = {float(qp): 1.4324338635650782 * 1.25 ** (49 - qp) for qp in range(50)} | {50.0: 1.1691184461695043, 51.0: 1.0}
    choice = RateSearch(Encoder(rates), QP, 0.10).find(1.296875)
    assert (choice.setting, choice.reachable, choice.reason) == (50.0, True, "")


@settings(max_examples=300, deadline=None)
@given(monotone_tables(), st.lists(st.floats(0.01, 5), min_size=1, max_size=6, unique=True), st.floats(-1, 1))
def test_finds_what_exhaustive_search_finds(case: tuple[Knob, dict[float, float]], targets: list[float], offset: float) -> None:
    knob, table = case
    encoder = Encoder(table)
    search = RateSearch(encoder, knob, 0.10, offset)
    for target in targets:
        before = len(encoder.asked)
        choice = search.find(target)
        within = [bpp for bpp in table.values() if abs(bpp / target - 1) <= 0.10]
        assert choice.bpp == table[choice.setting]
        assert choice.tries == len(encoder.asked) - before
        if within:
            assert choice.reachable
            assert abs(choice.bpp / target - 1) <= 0.10
        elif min(table.values()) <= target <= max(table.values()):
            nearest = min(table.values(), key=lambda bpp: abs(math.log(bpp / target)))
            assert choice.reachable
            assert choice.bpp == nearest
            assert "within 10 %" in choice.reason
        else:
            limit = max(table.values()) if target > max(table.values()) else min(table.values())
            assert not choice.reachable
            assert choice.bpp == limit
            assert f"{limit:.4g} bpp" in choice.reason
    assert len(encoder.asked) == len(set(encoder.asked))


def test_tries_on_a_real_table() -> None:
    table = {float(16 + place): bpp for place, bpp in enumerate(ASTRONAUT)} | {float(qp): 2.6 * 1.13 ** (15 - qp) for qp in range(16)}
    encoder = Encoder(table)
    search = RateSearch(encoder, QP, 0.10)
    choices = {target: search.find(target) for target in middle_out(BD_TARGET_BPPS)}
    assert sum(choice.tries for choice in choices.values()) == len(encoder.asked) <= 8
    # Every target shares all attempts: asked again, it gets the nearest of them for nothing.
    for target in BD_TARGET_BPPS:
        assert abs(choices[target].bpp / target - 1) <= 0.10
        again = search.find(target)
        assert again.tries == 0
        assert abs(math.log(again.bpp / target)) == min(abs(math.log(table[asked] / target)) for asked in encoder.asked)


@given(st.floats(0.5, 1.5), st.floats(0, 0.02), st.floats(0.03, 2))
def test_continuous_knob(factor: float, header: float, target: float) -> None:
    asked: list[float] = []

    def rate(setting: float) -> float:
        asked.append(setting)
        return factor * setting + header

    choice = RateSearch(rate, RATE, 0.02).find(target)
    assert choice.reachable
    assert len(asked) == len(set(asked)) == choice.tries
    assert abs(choice.bpp / target - 1) <= 0.02
    assert float(f"{choice.setting:.6g}") == choice.setting


@settings(deadline=None)
@given(st.floats(0.03, 2), st.floats(0.05, 20), st.floats(0.3, 0.9))
def test_steps_in_the_rate_are_not_asked_twice(target: float, place: float, below: float) -> None:
    asked: list[float] = []

    def rate(setting: float) -> float:
        asked.append(setting)
        return below * target if setting < place else 2 * target

    choice = RateSearch(rate, RATE, 0.02).find(target)
    assert len(asked) == len(set(asked)) == choice.tries
    assert choice.reachable
    assert "gives a rate within 2 % of the target" in choice.reason


def test_equal_rates_at_the_end_of_the_knob() -> None:
    # JPEG's tables are the same for qualities 1 to 3.
    table = {float(q): 0.11 if q <= 3 else 0.11 * 1.05 ** (q - 3) for q in range(1, 101)}
    choice = RateSearch(Encoder(table), QUALITY, 0.10).find(0.06)
    assert (choice.reachable, choice.setting, choice.bpp) == (False, 1, 0.11)
    assert choice.reason == "the lowest rate, at quality 1, is 0.11 bpp"


def test_rates_that_are_not_monotone_end_the_search() -> None:
    table = {float(qp): 0.5 + 0.3 * math.sin(qp) for qp in range(52)}
    search = RateSearch(Encoder(table), QP, 0.001)
    for target in (0.3, 0.5, 0.9):
        search.find(target)
    assert len(search.attempts) < 52


def test_failures_pass_through_and_are_not_repeated() -> None:
    asked = []

    def broken(setting: float) -> float:
        asked.append(setting)
        raise ToolFailed("the encoder crashed")

    search = RateSearch(broken, QP, 0.10)
    for _ in range(3):
        with pytest.raises(ToolFailed, match="crashed"):
            search.find(0.25)
    assert asked == [37.0]


@pytest.mark.parametrize("rate", [0.0, -1.0, math.inf, math.nan])
def test_impossible_rates_are_failures(rate: float) -> None:
    with pytest.raises(ToolFailed, match="gave a rate of"):
        RateSearch(lambda _: rate, QP, 0.10).find(0.25)


def test_memory_moves_the_start_towards_what_was_seen() -> None:
    twice = [{37.0: 0.5}, {28.0: 1.5, 19.0: 4.0, 51.0: 9.9}]
    assert memory_offset(QP, []) == 0
    assert memory_offset(QP, twice[:1]) == pytest.approx(math.log(2) / 2)
    assert memory_offset(QP, twice) == pytest.approx(math.log(2) * 2 / 3)
    start = RateSearch(Encoder({}), QP, 0.10).first_guess(0.25)
    assert RateSearch(Encoder({}), QP, 0.10, memory_offset(QP, twice)).first_guess(0.25) > start


def test_middle_out() -> None:
    assert middle_out(BD_TARGET_BPPS) == [0.25, 0.5, 0.75, 0.12, 0.06]
    assert middle_out([0.1]) == [0.1]
