"""Wrong use is told in one line; processors are really bound."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from ctc.complexity.process import run
from ctc.complexity.resident import Resident
from ctc.errors import UsageError
from ctc.records import Picture
from ctc.timing.wanted import TimingWanted, bound_to, chosen_processors, processors, wanted
from tests.conftest import Ctc

RATES = (0.25, 0.5)
ASK = "import json, os; print(json.dumps(sorted(os.sched_getaffinity(0))))"
STAYS = """
import json, os, sys
print("{}", flush=True)
for line in sys.stdin:
    print(json.dumps({"wall_s": max(os.sched_getaffinity(0)), "cpu_s": len(os.sched_getaffinity(0)), "peak_bytes": 0}), flush=True)
"""


def test_what_is_asked_for() -> None:
    assert wanted(RATES, None, None, None, reuse=False) == TimingWanted(RATES, 5, 1)
    assert wanted(RATES, (0.5,), 9, 1, reuse=True) == TimingWanted((0.5,), 9, 1, reuse=True)
    assert wanted(RATES, None, None, None, reuse=False, images=("a*",)) == TimingWanted(RATES, 5, 1, images=("a*",))


def test_too_little_and_too_much() -> None:
    with pytest.raises(
        UsageError, match=r"4: 5 at least; lowest and highest of 4 hold the median with 87.5 % certainty, of 5 with 93.75 %"
    ):
        wanted(RATES, None, 4, None, reuse=False)
    with pytest.raises(UsageError, match="--timing-samples 0: 5 at least"):
        wanted(RATES, None, 0, None, reuse=False)
    too_many = len(processors()) + 1
    with pytest.raises(UsageError, match=rf"--timing-threads {too_many}: there are {too_many - 1} processors"):
        wanted(RATES, None, None, too_many, reuse=False)
    with pytest.raises(UsageError, match=r"--timing-rates 0.75: not among the rates of the run, 0.25, 0.5"):
        wanted(RATES, (0.75,), None, None, reuse=False)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--timing", "--timing-samples", "4"), "--timing-samples 4: 5 at least"),
        (("--timing", "--timing-threads", "4096"), "--timing-threads 4096: there are"),
        (("--timing", "--timing-rates", "9"), "--timing-rates 9: not among the rates of the run"),
        (("--timing-samples", "9"), "--timing-samples says how --timing is done: give --timing too"),
        (("--timing-reuse",), "--timing-reuse says how --timing is done"),
        (("--timing-images", "coffee"), "--timing-images says how --timing is done: give --timing too"),
        (("--timing", "--timing-images", "sky"), "--timing-images sky: matches no picture of the run of pictures"),
        (("--timing", "--timing-images", "c*", "--timing-images", "sky"), "--timing-images sky: matches no picture of the run"),
        (("--timing", "--timing-images", "sky", "--dry-run"), "--timing-images sky: matches no picture of the run of pictures"),
        (("--images", "coffee", "--timing", "--timing-images", "chelsea"), "--timing-images chelsea: matches no picture of the run"),
    ],
)
def test_wrong_use_is_told_in_one_line(ctc: Ctc, pictures: Path, arguments: tuple[str, ...], told: str) -> None:
    ended = ctc("run", "--set", pictures, "--codecs", "jpeg", "--anchor", "jpeg", *arguments)
    assert ended.status == 2
    assert ended.err.startswith(f"ctc: {told}")
    assert ended.err.count("\n") == 1
    # Before anything is coded: reports are written ahead of a timing campaign.
    assert not list(pictures.parent.glob("results/**/report.html"))


def test_a_program_is_bound() -> None:
    before = processors()
    for cpu in before:
        with bound_to([cpu]):
            assert json.loads(run((sys.executable, "-I", "-S", "-c", ASK)).printed) == [cpu]
    assert json.loads(run((sys.executable, "-I", "-S", "-c", ASK)).printed) == before


def test_a_process_that_stays_is_bound() -> None:
    cpu = chosen_processors(1)[0]
    stays = Resident((sys.executable, "-c", STAYS), {})
    try:
        with bound_to([cpu]):
            assert stays.load(("codec",)).start_s is not None
        cost = stays.run({}, ("codec",))
    finally:
        stays.stop()
    assert (cost.wall_s, cost.cpu_s) == (cpu, 1)


def test_chosen_processors_are_the_last() -> None:
    assert chosen_processors(1) == (max(os.sched_getaffinity(0)),)
    assert chosen_processors(len(processors())) == tuple(processors())


def test_a_picture_is_matched_by_its_name_in_the_set() -> None:
    """Where the set's files are links, the path is that of what they lead to."""
    linked = Picture("made", "kodim01", "/store/kodim02.png", 8, 8, 8, "RGB", "")
    for pattern, taken in (("kodim01", True), ("kodim01.png", True), ("kodim02", False)):
        assert TimingWanted(RATES, 5, 1, images=(pattern,)).takes(linked, RATES[0]) is taken
