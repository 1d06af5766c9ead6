"""Fitting the constants of the tools: the closed form against least squares, the search, and a whole file of weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from jpegai_ref import weights
from jpegai_ref.coder import Coder, load
from jpegai_ref.pictures import file_content
from jpegai_ref.tool_constants import Constants
from jpegai_ref.tools import FITTED, Tools
from jpegai_ref.training import fit_lef, fit_lsbs, fit_scaling, fit_search, fit_tools
from jpegai_ref.training.fit_lsbs import BIN, BINS, fitted
from jpegai_ref.training.fit_samples import Sample, coded, cost, samples, with_constants
from jpegai_ref.training.fit_search import search
from numpy.typing import NDArray

from tests.jpegai_ref.sample_pictures import rgb


@pytest.fixture(scope="module")
def found(coder: Coder) -> list[Sample]:
    picture = torch.from_numpy(np.stack(rgb(270, 300).planes))
    return samples(coder, [picture], 2, seed=3)


def moments_of(bins: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """values (3, n): mean, residual, what is lacking."""
    moments = np.zeros((BINS, 3, 3))
    for index, column in zip(bins, values.T, strict=True):
        moments[index] += np.outer(column, column)
    return moments


def test_least_squares_of_three_segments() -> None:
    """Data made with known boundaries and shares give these back; numpy's least squares agree."""
    random = np.random.default_rng(0)
    bins = random.integers(0, BINS, 6000)
    shares = np.array([[-0.05, -0.25], [0.02, -0.1], [0.0, 0.03]])
    segments = (bins >= 8).astype(int) + (bins >= 20)
    mean, residual = random.normal(size=(2, 6000))
    lacking = shares[segments, 0] * mean + shares[segments, 1] * residual + random.normal(size=6000) * 0.03
    thresholds, scales, left = fitted(moments_of(bins, np.stack([mean, residual, lacking])))
    assert thresholds.tolist() == [8 * BIN, 20 * BIN]
    squares = 0.0
    for segment in range(3):
        inside = segments == segment
        matrix = np.stack([mean[inside], residual[inside]], 1)
        solution = np.linalg.lstsq(matrix, lacking[inside], rcond=None)[0]
        assert np.abs(scales[segment] / 8192 - solution).max() < 2e-4
        squares += float(((lacking[inside] - matrix @ solution) ** 2).sum())
    assert left == pytest.approx(squares / float((lacking**2).sum()), rel=1e-3)


def test_where_nothing_is_lacking_nothing_is_scaled() -> None:
    _, scales, left = fitted(np.zeros((BINS, 3, 3)))
    assert not scales.any()
    assert left == 1.0


def test_lsbs_gains_what_was_promised(coder: Coder, found: Sequence[Sample]) -> None:
    """The decoder's own latents are nearer to the unquantised ones by the share that the fit reports."""
    lines: list[str] = []
    tensors = fit_lsbs.fit_lsbs(coder, found, lines.append)
    scaled = with_constants(coder, tensors)
    for model_id, line in ((0, lines[0]), (3, lines[6])):
        errors = []
        for one, tools in ((coder, Tools()), (scaled, Tools(lsbs=True))):
            pairs = [(sample.source.luma.y, coded(one, sample, model_id, tools).quantised.luma) for sample in found]
            errors.append(sum(float((y - y_hat).double().square().sum()) for y, y_hat in pairs))
        promised = float(line.split("luma ")[1].split(" %")[0]) / 100
        assert errors[1] / errors[0] - 1 == pytest.approx(promised, abs=1e-3)
        assert promised < 0


def test_a_search_finds_the_bottom_and_keeps_to_its_bounds() -> None:
    tries: list[list[int]] = []

    def tried(values: Constants) -> float:
        tries.append(values.tolist())
        return float(((values - np.array([13, -300])) ** 2).sum()) / 1e6

    best, change = search(tried, np.array([0, 0], np.int32), (16, 4, 1), (-40, 40))
    assert best.tolist() == [13, -40]
    assert change == pytest.approx(np.expm1(tried(best) - tried(np.zeros(2, np.int32))))
    assert min(min(values) for values in tries) >= -40


def test_lef_is_no_worse_than_none(coder: Coder, found: Sequence[Sample], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit_lef, "GAIN_STEPS", (64,))
    monkeypatch.setattr(fit_search, "ROUNDS", 1)
    lines: list[str] = []
    tensors = fit_lef.fit_lef(coder, found[:1], lines.append)
    assert tensors["tools.lef.gains"].dtype == torch.int32
    assert all(float(line.split("MS-SSIM ")[1].split(" %")[0]) <= 0 for line in lines)
    assert (tensors["tools.lef.gains"] != 1024).any()


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["rvs", "cwg"])
def test_scales_cost_no_more_than_none(coder: Coder, found: Sequence[Sample], tool: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit_scaling, "SCALE_STEPS", (16,))
    monkeypatch.setattr(fit_scaling, "FACTOR_STEPS", (64,))
    fit = {"rvs": fit_scaling.fit_rvs, "cwg": fit_scaling.fit_cwg}[tool]
    tensors = fit(coder, found[:1], lambda _: None)
    scaled = with_constants(coder, tensors)
    costs = [(cost(coder, found[:1], model_id), cost(scaled, found[:1], model_id, Tools.parse(tool))) for model_id in range(4)]
    assert all(after <= before for before, after in costs)
    assert any(after < before for before, after in costs)


def test_a_file_of_weights_gets_constants(
    weights_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fit_scaling, "SCALE_STEPS", ())
    monkeypatch.setattr(fit_scaling, "FACTOR_STEPS", ())
    monkeypatch.setattr(fit_lef, "GAIN_STEPS", ())
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(file_content(".png", rgb(260, 290 + number)))
    arguments = ["--data", str(tmp_path), "--crops", "1", "--threads", "1"]
    names = []
    for source, out in ((weights_path, tmp_path / "one"), (tmp_path / "one", tmp_path / "two")):
        assert fit_tools.main([*arguments, "--weights", str(source), "--out", str(out)]) == 0
        names.append(capsys.readouterr().out.split()[-1])
    assert names[0] == names[1] == weights.read(tmp_path / "two").id != weights.read(weights_path).id
    assert set(load(tmp_path / "one").available()) == set(FITTED)
    assert fit_tools.main([*arguments, "--weights", str(tmp_path / "0.png"), "--out", str(tmp_path / "no")]) == 1
    assert capsys.readouterr().err.startswith("jpegai_ref.training.fit_tools: ")
