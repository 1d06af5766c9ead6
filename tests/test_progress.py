"""How far work is: plain lines in a log, a bar at a terminal."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ctc import datasets, line, progress
from ctc.coding import code_unit, recall_coding
from ctc.line import Line
from ctc.plan import Options, resolve
from ctc.progress import Progress, Steps, shown
from ctc.scoring import recall_scoring, score_unit
from ctc.store import Store


class Clock:
    def __init__(self) -> None:
        self.s = 1000.0

    def __call__(self) -> float:
        return self.s


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[str]]:
    """What came on standard error since the last call, by lines; nothing on standard output."""

    def since() -> list[str]:
        out, err = capsys.readouterr()
        assert not out
        assert "\r" not in err
        return err.splitlines()

    return since


def test_short_work_says_nothing(lines: Callable[[], list[str]]) -> None:
    clock = Clock()
    with Progress("coding", 280, "point", clock=clock) as coding:
        for _ in range(280):
            clock.s += 29 / 280
            coding.advance()
    assert lines() == []


def test_a_line_at_each_tenth_and_never_two_within_30_s(lines: Callable[[], list[str]]) -> None:
    clock = Clock()
    told: list[float] = []
    with Progress("coding", 100, "point", clock=clock) as coding:
        for _ in range(100):
            clock.s += 6
            coding.advance()
            told += [clock.s - 1000] * len(lines())
    # The first after 30 s, which is no tenth.
    assert told == [30, *range(60, 601, 60)]
    clock = Clock()
    with Progress("coding", 100, "point", clock=clock) as coding:
        for _ in range(100):
            clock.s += 1
            coding.advance()
        told = [float(text.split()[1]) for text in lines()]
    assert told == [30, 60, 90]
    assert lines() == ["coding: 100 of 100 points, 2 min in all"]


def test_long_work_is_not_silent_between_tenths(lines: Callable[[], list[str]]) -> None:
    clock = Clock()
    with Progress("timing", 10000, "execution", clock=clock) as timing:
        for _ in range(30):
            clock.s += 100
            timing.advance()
        assert [text.split()[1] for text in lines()] == [str(done) for done in range(1, 30, 3)]


def test_what_a_line_says(lines: Callable[[], list[str]]) -> None:
    clock = Clock()
    with Progress("coding", 280, "point", failed=1, clock=clock) as coding:
        coding.advance(20, made=False)
        clock.s += 150
        coding.advance(100, failed=2)
        # 1.5 s for each of the 100 that were made; 160 are left.
        assert lines() == ["coding: 120 of 280 points, 3 failed, about 4 min left"]
        clock.s += 31
        coding.advance(159)
        assert lines() == ["coding: 279 of 280 points, 3 failed, about 1 s left"]
        clock.s += 5
        coding.advance()
        assert lines() == []
    assert lines() == ["coding: 280 of 280 points, 3 failed, 3 min in all"]
    with Progress("timing", 1, "execution", clock=clock) as one:
        clock.s += 3 * 3600
        one.advance(made=False)
    assert lines() == ["timing: 1 of 1 execution"]


def test_what_is_stopped_tells_how_far_it_came(lines: Callable[[], list[str]]) -> None:
    clock = Clock()

    def stopped() -> None:
        with Progress("coding", 10, "point", clock=clock) as coding:
            clock.s += 3600
            coding.advance()
            clock.s += 20
            coding.advance()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert lines() == ["coding: 1 of 10 points, about 9.0 h left", "coding: 2 of 10 points, 60 min until it ended"]


def test_items_are_counted_when_they_are_done(lines: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(progress, "Progress", lambda *arguments: Progress(*arguments, clock=clock))
    for letter in shown("ab", "letters", "letter"):
        assert lines() == (["letters: 1 of 2 letters, about 40 s left"] if letter == "b" else [])
        clock.s += 40
    assert lines() == ["letters: 2 of 2 letters"]


def test_steps_of_unknown_number(lines: Callable[[], list[str]]) -> None:
    clock = Clock()
    told = Steps(clock)
    for step in range(100):
        told(f"step {step}")
        clock.s += 1
    assert lines() == ["step 30", "step 60", "step 90"]


def test_a_terminal_has_a_bar_and_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, terminal = Clock(), Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with Progress("coding", 280, "point", clock=clock) as coding:
        clock.s += 100
        coding.advance(280, failed=3)
    assert "coding: 100%" in terminal.getvalue()
    assert "280/280" in terminal.getvalue()
    assert "failed=3" in terminal.getvalue()
    assert "of 280" not in terminal.getvalue()
    terminal.seek(0)
    terminal.truncate()
    told = Steps(clock)
    told("one")
    told("two")
    assert terminal.getvalue() == "one\ntwo\n"


def test_a_run_tells_coding_and_scoring(
    lines: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch, pictures: Path, tmp_path: Path
) -> None:
    clock = Clock()
    monkeypatch.setattr(line, "Progress", lambda *arguments, **named: Progress(*arguments, **named, clock=clock))
    only_jpeg: dict[str, Any] = {"codecs": ("jpeg",), "anchor": "jpeg", "target_bpps": (1.0, 2.0), "metrics": ("psnr_y",)}
    options = Options(str(pictures), tmp_path / "out", tmp_path / "store", **only_jpeg)
    plan = resolve(options)
    first, second = ([picture] for picture in datasets.load(options.dataset, Store(options.cache)).pictures)

    def slowly(work: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def after_a_while(unit: Any) -> Any:
            clock.s += 40
            return work(unit)

        return after_a_while

    with Line(options, 2 * 2, 0) as made:
        coded = made.work(recall_coding, slowly(code_unit), plan.coding_units(first))
        coded += made.work(recall_coding, slowly(code_unit), plan.coding_units(second))
        made.work(recall_scoring, slowly(score_unit), plan.scoring_units(coded))
    assert lines() == [
        "coding: 2 of 4 points, about 40 s left",
        "coding: 4 of 4 points",
        "scoring: 2 of 4 points, about 40 s left",
        "scoring: 4 of 4 points",
    ]
    with Line(options, 2 * 2, 0) as again:
        assert len(again.work(recall_coding, slowly(code_unit), plan.coding_units([*first, *second]))) == 2
    assert lines() == []
