"""The command as a person gives it: dry run, a campaign, the same command again."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

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
