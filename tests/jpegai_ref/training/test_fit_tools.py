"""Fitting the constants of the tools: the measures, the search, and a whole file of weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest
import torch
from jpegai_ref import weights
from jpegai_ref.coder import Coder, load
from jpegai_ref.latents import CHROMA, LUMA
from jpegai_ref.pictures import file_content
from jpegai_ref.post_filters import filtered
from jpegai_ref.reconstruction import synthesised
from jpegai_ref.tool_constants import Constants
from jpegai_ref.tools import FITTED, Tools
from jpegai_ref.training import fit_judge, fit_lef, fit_lsbs, fit_scaling, fit_search, fit_tools
from jpegai_ref.training.fit_judge import Judge
from jpegai_ref.training.fit_samples import Sample, coded, samples, with_constants
from jpegai_ref.training.fit_score import LumaScore
from jpegai_ref.training.fit_search import search

from tests.jpegai_ref.sample_pictures import rgb
from tests.jpegai_ref.some_networks import eicci_tensors


@pytest.fixture(scope="module")
def found(coder: Coder) -> list[Sample]:
    picture = torch.from_numpy(np.stack(rgb(270, 300).planes))
    return samples(coder, [picture], 2, seed=3)


@pytest.fixture(scope="module")
def own_found(own_coder: Coder) -> list[Sample]:
    """For trained weights, which alone have a curve of rate and distortion."""
    picture = torch.from_numpy(np.stack(rgb(370, 560).planes))
    return samples(own_coder, [picture], 3, seed=3)


@pytest.mark.usefixtures("few_metrics")
def test_lsbs_helps_the_decoder_by_what_is_reported(coder: Coder, found: Sequence[Sample], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit_lsbs, "LUMA_STEPS", (256,))
    monkeypatch.setattr(fit_search, "ROUNDS", 1)
    lines: list[str] = []
    tensors = fit_lsbs.fit_lsbs(coder, found[:1], lines.append)
    assert tensors["tools.lsbs.scales"].any()
    without = {name: torch.zeros_like(tensor) for name, tensor in tensors.items()}
    for line in (line for line in lines if "squared error of chroma" in line):
        model_id, promised = int(line.split("model ")[1][0]), float(line.split("chroma ")[1].split(" %")[0]) / 100
        errors = []
        for constants in (without, tensors):
            # Chroma is synthesised from luma too, so that luma is left as it was.
            luma_plain = constants["tools.lsbs.scales"].clone()
            luma_plain[0] = 0
            scaled = with_constants(coder, constants | {"tools.lsbs.scales": luma_plain})
            planes = synthesised(scaled, coded(scaled, found[0], model_id, Tools(lsbs=True)).quantised, "bop")
            errors.append(float((torch.stack(planes[1:]) - found[0].ycc[0, 1:]).square().mean()))
        assert errors[1] / errors[0] - 1 == pytest.approx(promised, abs=1e-4)
        assert promised <= 0


def test_what_luma_is_worth(own_coder: Coder, own_found: Sequence[Sample]) -> None:
    """Planes of the next displacement are worth the rate that they cost, nearly; those without a change nothing."""
    coder, found = own_coder, own_found
    score = LumaScore(coder, found, 1)
    assert score.reacts

    def lumas(step: int) -> list[torch.Tensor]:
        moved = [replace(sample, displacement=sample.displacement + step) for sample in found]
        return [synthesised(coder, coded(coder, sample, 1).quantised, "bop")[0] for sample in moved]

    assert score(lumas(0)) == 0
    sizes = [[len(coded(coder, replace(one, displacement=one.displacement + step), 1).data) for one in found] for step in (-64, 64)]
    rise = float(np.mean(np.log(np.array(sizes[1]) / np.array(sizes[0]))))
    assert score(lumas(-64)) - score(lumas(64)) == pytest.approx(rise, rel=1e-6)


def test_a_search_finds_the_bottom_and_keeps_to_its_bounds() -> None:
    tries: list[list[int]] = []

    def tried(values: Constants) -> float:
        tries.append(values.tolist())
        return float(((values - np.array([13, -300])) ** 2).sum()) / 1e6

    best, change = search(tried, np.array([0, 0], np.int32), (16, 4, 1), (-40, 40))
    assert best.tolist() == [13, -40]
    assert change == pytest.approx(tried(best) - tried(np.zeros(2, np.int32)))
    assert min(min(values) for values in tries) >= -40


@pytest.mark.usefixtures("few_metrics")
def test_lef_is_worth_what_is_reported(coder: Coder, found: Sequence[Sample], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit_lef, "GAIN_STEPS", (64,))
    monkeypatch.setattr(fit_search, "ROUNDS", 1)
    lines: list[str] = []
    tensors = fit_lef.fit_lef(coder, found, Tools(), lines.append)
    assert (tensors["tools.lef.gains"] != 1024).any()
    sharp = with_constants(coder, tensors)
    assert any("worth" in line for line in lines)
    for model_id, line in enumerate(lines):
        if "nothing to fit" in line:
            continue
        pictures = [coded(sharp, sample, model_id, Tools(lef=True)).quantised for sample in found]
        lumas = [filtered(sharp, picture, synthesised(sharp, picture, "bop"), "bop")(0, picture.header.height)[0] for picture in pictures]
        promised = float(line.split("worth ")[1].split(" %")[0]) / 100
        assert LumaScore(coder, found, model_id)(lumas) == pytest.approx(promised, abs=1e-4)
        assert promised <= 0


@pytest.mark.usefixtures("few_metrics")
@pytest.mark.parametrize("tool", ["rvs", "cwg"])
@pytest.mark.slow
def test_scales_cost_no_more_than_none_alone_and_together(
    own_coder: Coder, own_found: Sequence[Sample], tool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is reported is the mean of the two uses less that of neutral constants, luma's while those of chroma are neutral."""
    monkeypatch.setattr(fit_scaling, "SCALE_STEPS", (16,))
    monkeypatch.setattr(fit_scaling, "FACTOR_STEPS", (64,))
    monkeypatch.setattr(fit_search, "ROUNDS", 1)
    fit, name, neutral = {"rvs": (fit_scaling.fit_rvs, "rvs.scales", 128), "cwg": (fit_scaling.fit_cwg, "cwg.factors", 1024)}[tool]
    lines: list[str] = []
    before, alone = Tools(lsbs=True), Tools.parse(tool)
    tensors = fit(own_coder, own_found[:1], before, lines.append)
    promised = [float(line.split("rate of ")[1].split()[1]) / 100 for line in lines if "nothing to fit" not in line]
    costs = []
    for model_id, component in product(range(4), (LUMA, CHROMA)):
        judge = Judge(own_coder, own_found[:1], model_id, component)
        if judge.reacts:
            means = []
            for first_neutral in (component, component + 1):
                constants = tensors[f"tools.{name}"].clone()
                constants[first_neutral:] = neutral
                scaled = with_constants(own_coder, tensors | {f"tools.{name}": constants})
                means.append(fmean(judge.cost(judge.coded(scaled, tools)) for tools in (alone, before | alone)))
            costs.append(means[1] - means[0])
    assert len(costs) == len(promised)
    assert costs == pytest.approx(promised, abs=1e-4)
    assert max(costs) <= 0
    assert min(costs) < 0


@pytest.mark.usefixtures("few_metrics")
@pytest.mark.parametrize(("component", "bend"), [(LUMA, 0.02), (CHROMA, 0.04)])
def test_what_is_as_it_was_costs_nothing_and_a_move_along_the_curve_gains_little(
    own_coder: Coder, own_found: Sequence[Sample], component: int, bend: float
) -> None:
    """All steps scaled alike are another displacement, and what is exchanged lies on the curve: only its bend is seen, of
    chroma's few bytes by 0.034."""
    judge = Judge(own_coder, own_found, 1, component)
    assert judge.reacts
    assert judge.cost(judge.start) == 0
    thresholds = {"tools.rvs.thresholds": torch.zeros(2, 4, 3, dtype=torch.int32)}
    for scale in (116, 141):
        moved = with_constants(own_coder, thresholds | {"tools.rvs.scales": torch.full((2, 4, 4), scale, dtype=torch.int32)})
        outcome = judge.coded(moved, Tools(rvs=True))
        assert abs(outcome.rate - judge.start.rate) > 0.04
        assert judge.cost(outcome) == pytest.approx(0, abs=bend)


def test_few_bytes_are_not_judged_by(own_coder: Coder, own_found: Sequence[Sample], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit_judge, "FEWEST_BYTES", max(len(coded(own_coder, sample, 0).data) for sample in own_found) + 1)
    judge = Judge(own_coder, own_found, 0, LUMA)
    assert not judge.reacts
    with pytest.raises(ValueError, match="nothing reacts"):
        judge.cost(judge.start)


@pytest.mark.usefixtures("few_metrics")
def test_where_nothing_reacts_constants_stay_neutral(coder: Coder, found: Sequence[Sample], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Judge, "reacts", property(lambda _: False))
    lines: list[str] = []
    assert (fit_scaling.fit_rvs(coder, found[:1], Tools(), lines.append)["tools.rvs.scales"] == 128).all()
    assert len(lines) == 8
    assert all("nothing to fit" in line for line in lines)


@pytest.mark.usefixtures("few_metrics")
@pytest.mark.slow
def test_a_file_of_weights_gets_constants(
    weights_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fit_scaling, "SCALE_STEPS", ())
    monkeypatch.setattr(fit_scaling, "FACTOR_STEPS", ())
    monkeypatch.setattr(fit_lef, "GAIN_STEPS", ())
    monkeypatch.setattr(fit_lsbs, "LUMA_STEPS", ())
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(file_content(".png", rgb(260, 290 + number)))
    arguments = ["--data", str(tmp_path), "--crops", "1", "--threads", "1"]
    names = []
    for source, out in ((weights_path, tmp_path / "one"), (tmp_path / "one", tmp_path / "two")):
        assert fit_tools.main([*arguments, "--weights", str(source), "--out", str(out)]) == 0
        names.append(capsys.readouterr().out.split()[-1])
    assert names[0] == names[1] == weights.read(tmp_path / "two").id != weights.read(weights_path).id
    assert set(load(tmp_path / "one").available()) == set(FITTED) - {"eicci"}
    networks = eicci_tensors()
    weights.write(tmp_path / "networks", weights.read(weights_path).tensors | networks)
    assert fit_tools.main([*arguments, "--weights", str(tmp_path / "networks"), "--out", str(tmp_path / "both")]) == 0
    capsys.readouterr()
    both = weights.read(tmp_path / "both").tensors
    assert all(torch.equal(both[name], tensor) for name, tensor in networks.items())
    assert set(load(tmp_path / "both").available()) == set(FITTED)
    assert fit_tools.main([*arguments, "--weights", str(tmp_path / "0.png"), "--out", str(tmp_path / "no")]) == 1
    assert capsys.readouterr().err.startswith("jpegai_ref.training.fit_tools: ")
