"""The scoring stage: what it refuses, what it computes once, what survives a failure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ctc import plugins
from ctc.anchors.jpeg import Jpeg
from ctc.coding import code_unit
from ctc.errors import ToolFailed, ToolMissing
from ctc.kernels import strips
from ctc.plan import Options, Plan, resolve
from ctc.records import Failed, Scored
from ctc.scoring import ScoringUnit, lost_scoring, recall_scoring, score_unit
from tests.conftest import Ctc


@pytest.fixture
def plan(pictures: Path, tmp_path: Path) -> Plan:
    options = Options(
        str(pictures), tmp_path / "out", tmp_path / "store", codecs=("jpeg", "jpeg-444"), metrics=("psnr_y", "nlpd", "psnr_hvs")
    )
    return resolve(replace(options, anchor="jpeg", target_bpps=(4.0, 8.0)))


@pytest.fixture
def unit(plan: Plan, pictures: Path, tmp_path: Path) -> ScoringUnit:
    from ctc import datasets
    from ctc.store import Store

    dataset = datasets.load(str(pictures), Store(tmp_path / "store"), ("coffee",), None)
    (unit,) = plan.scoring_units([code_unit(each) for each in plan.coding_units(dataset.pictures)])
    return unit


def test_all_that_was_made_of_a_picture_is_one_unit(unit: ScoringUnit) -> None:
    assert [(coded.job.codec, coded.job.target_bpp) for coded in unit.coded] == [
        ("jpeg", 4.0), ("jpeg", 8.0), ("jpeg-444", 4.0), ("jpeg-444", 8.0)
    ]  # fmt: skip
    result = score_unit(unit)
    assert all(isinstance(point, Scored) and point.repeatable for point in result.points)
    assert (result.counts.decodes_run, result.counts.scores_run) == (4, 12)
    again = recall_scoring(unit)
    assert again is not None
    assert again.points == result.points
    assert (again.counts.decodes_run, again.counts.scores_run, again.counts.scores_reused) == (0, 0, 12)


@pytest.mark.parametrize("answer", ["other", ToolMissing("the decoder is gone")])
def test_a_worker_with_another_decoder_makes_nothing(unit: ScoringUnit, monkeypatch: pytest.MonkeyPatch, answer: str | Exception) -> None:
    def version(_self: Jpeg) -> str:
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(Jpeg, "version", version)
    points = score_unit(unit).points
    assert all(isinstance(point, Failed) and point.stage == "worker" for point in points)
    assert not (Path(unit.store) / "repeat").exists()


def test_what_decodes_alike_is_decoded_and_scored_once(unit: ScoringUnit) -> None:
    twice = replace(unit, coded=(unit.coded[0], unit.coded[0]))
    result = score_unit(twice)
    assert result.points[0] == result.points[1]
    assert (result.counts.decodes_run, result.counts.scores_run) == (1, 3)


def test_a_metric_that_fails_on_one_is_a_failure_of_that_one(unit: ScoringUnit, monkeypatch: pytest.MonkeyPatch) -> None:
    nlpd, seen = plugins.metrics()["nlpd"], []

    def against(reference: np.ndarray, peak: int):
        scorer = nlpd.against(reference, peak)

        def score(distorted: np.ndarray) -> float:
            seen.append(1)
            if len(seen) == 2:
                raise ToolFailed("gone wrong")
            return scorer(distorted)

        return score

    monkeypatch.setitem(plugins.metrics().found, "nlpd", replace(nlpd, against=against))
    points = score_unit(unit).points
    assert [isinstance(point, Failed) for point in points] == [False, True, False, False]
    assert isinstance(points[1], Failed)
    assert (points[1].stage, points[1].error) == ("score", "gone wrong")
    monkeypatch.undo()
    again = score_unit(unit)
    assert all(isinstance(point, Scored) for point in again.points)
    # Of the failed point only what was not scored before is made now.
    assert again.counts.scores_run <= 2


def test_a_lost_worker_loses_only_what_was_not_scored(unit: ScoringUnit) -> None:
    score_unit(replace(unit, coded=unit.coded[:1]))
    points = lost_scoring(unit, "out of memory").points
    assert [isinstance(point, Failed) for point in points] == [False, True, True, True]


def test_a_decoder_that_never_repeats_is_scored_and_marked_each_time(unit: ScoringUnit, monkeypatch: pytest.MonkeyPatch) -> None:
    from ctc import bench

    random = np.random.default_rng(0)
    read = bench.pixels.read_decoded
    monkeypatch.setattr(bench.pixels, "read_decoded", lambda *a: read(*a) ^ random.integers(0, 2, dtype=np.uint8, size=read(*a).shape))
    one = replace(unit, coded=unit.coded[:1])
    names = one.scoring.metrics
    for metrics in (names[:1], names):
        (point,) = score_unit(replace(one, scoring=replace(one.scoring, metrics=metrics))).points
        assert isinstance(point, Scored)
        assert not point.repeatable
        assert len(point.scores) == len(metrics)


def test_grid_and_threads(unit: ScoringUnit, monkeypatch: pytest.MonkeyPatch) -> None:
    ten = score_unit(unit)
    eight = score_unit(replace(unit, scoring=replace(unit.scoring, internal_bits=8)))
    assert (eight.counts.decodes_run, eight.counts.scores_run) == (4, 12)
    assert all(
        isinstance(a, Scored) and isinstance(b, Scored) and a.value("nlpd") != b.value("nlpd")
        for a, b in zip(ten.points, eight.points, strict=True)
    )
    entered = []
    real = strips.threads
    monkeypatch.setattr(strips, "threads", lambda count: entered.append(count) or real(count))
    assert score_unit(replace(unit, scoring=replace(unit.scoring, threads=2))).counts.scores_run == 0
    assert entered == [2]


def test_the_options_of_a_run_reach_the_scores(ctc: Ctc, pictures: Path, tmp_path: Path) -> None:
    import json

    quick = ("run", "--set", pictures, "--codecs", "jpeg", "--anchor", "jpeg", "--rates", "1", "--metrics", "nlpd", "--limit", "1")
    tables = []
    for name, more in (("ten", ()), ("eight", ("--internal-bits", "8")), ("threads", ("--metric-threads", "2"))):
        ctc(*quick, *more, "--out", name, "--cache", f"store-{name}")
        tables.append(pd.read_csv(tmp_path / name / "points.csv").nlpd.item())
    assert tables[0] == tables[2] != tables[1]
    assert json.loads((tmp_path / "eight" / "run.json").read_text())["configuration"]["internal_bits"] == 8
    assert "metrics saw samples of 8 bits" in (tmp_path / "eight" / "findings.csv").read_text()
    missing = ctc(*quick, "--metric-device", "cuda", "--out", "gpu")
    assert (missing.status, "no GPU" in missing.err) == (4, True) if not _has_gpu() else missing.status == 0


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def test_few_pictures_are_shared_among_many_workers(plan: Plan, pictures: Path, tmp_path: Path) -> None:
    from ctc import datasets
    from ctc.store import Store

    dataset = datasets.load(str(pictures), Store(tmp_path / "store"), ("coffee",), None)
    coded = [code_unit(each) for each in plan.coding_units(dataset.pictures)]
    units = replace(plan, options=replace(plan.options, workers=3)).scoring_units(coded)
    assert sorted(len(unit.coded) for unit in units) == [1, 1, 2]
    assert {coded for unit in units for coded in unit.coded} == {each for result in coded for each in result.coded}
