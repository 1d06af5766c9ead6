"""The command as a person gives it: dry run, a campaign, the same command again."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from ctc.errors import OutOfSpace
from ctc.records import Campaign, Timing
from tests.conftest import Ctc

QUICK = (
    "--codecs",
    "jpeg",
    "--anchor",
    "jpeg",
    "--metrics",
    "psnr_y",
    "--rates",
    "1,2",
    "--limit",
    "1",
    "--out",
    "out",
    "--cache",
    "store",
)


def test_reports_are_there_before_the_campaign_and_after_it(
    ctc: Ctc, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import run_ctc

    found = []

    def full(campaign: Campaign, *_: object) -> Timing:
        found.append(campaign)
        raise OutOfSpace("the disk is full")

    monkeypatch.setattr(run_ctc, "measure", full)
    ended = ctc("run", "--set", pictures, *QUICK, "--timing")
    assert (ended.status, ended.err.strip().splitlines()[-1]) == (1, "ctc: the disk is full")
    told = json.loads((tmp_path / "out" / "run.json").read_text())
    assert (told["timing"], (tmp_path / "out" / "report.html").is_file()) == (None, True)
    timing = Timing("m", "2026-01-01T00:00:00+00:00", False, 1, 7, 5, 1, (1,), (1.0, 2.0), ())
    monkeypatch.setattr(run_ctc, "measure", lambda *_: timing)
    assert ctc("run", "--set", pictures, *QUICK, "--timing").status == 0
    assert json.loads((tmp_path / "out" / "run.json").read_text())["timing"]["seed"] == 7


@pytest.mark.parametrize(("rates", "shown"), [("", '""'), ("a,b", "a,b"), ("99", "99")])
def test_rates_that_are_none_are_told_with_their_own_option(ctc: Ctc, pictures: Path, rates: str, shown: str) -> None:
    ended = ctc("run", "--set", pictures, *QUICK, "--timing", "--timing-rates", rates)
    assert ended.status == 2
    assert f"--timing-rates {shown}: rates " in ended.err


def test_the_dry_run_is_of_the_pictures_asked_for(ctc: Ctc, pictures: Path) -> None:
    both = ("run", "--set", pictures, *QUICK, "--limit", "2", "--timing", "--timing-rates", "2", "--dry-run")
    told = [ctc(*both, *more).out for more in ((), ("--timing-images", "chelsea.*"))]
    counts = [re.findall(r"timing: (\d+) .* at (\d+) points of (\d+) picture", out) for out in told]
    # Five and one of both sides of each picture at one rate, and of the smallest picture.
    assert counts == [[("36", "2", "2")], [("24", "1", "1")]]


@pytest.mark.slow
def test_a_campaign_then_another_then_the_last_one_again(ctc: Ctc, pictures: Path, tmp_path: Path) -> None:
    coming = ctc("run", "--set", pictures, *QUICK, "--timing", "--timing-rates", "2", "--dry-run")
    assert coming.status == 0
    # Five and one of both sides of one picture at one rate, and of the smallest picture.
    assert "timing: 24 executions, one at a time on processor" in coming.out
    timed = [ctc("run", "--set", pictures, *QUICK, "--timing", "--timing-rates", "2", *more) for more in ((), (), ("--timing-reuse",))]
    assert [ended.status for ended in timed] == [0, 0, 0]
    assert [next(line for line in ended.out.splitlines() if "Campaign" in line).strip()[:17] for ended in timed] == [
        "Campaign 1, begun",
        "Campaign 2, begun",
        "Campaign 2, begun",
    ]
    told = json.loads((tmp_path / "out" / "run.json").read_text())["timing"]
    assert (told["round"], told["samples_each"], told["failed"], len(told["cpus"])) == (2, 5, [], 1)
    samples = pd.read_csv(tmp_path / "out" / "timings.csv")
    times = samples[samples.stage == "time"]
    assert len(times) == 20
    assert set(times.same_output) == {"yes"}
    assert sorted(times.order) == list(range(20))
