"""The plan of stages, and the loss."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from jpegai_ref.distortion import WEIGHTS, distortion
from jpegai_ref.training.losses import balance
from jpegai_ref.training.stages import STAGES, Stage, draw_rates, learning_rate, position, stages_from, trained_parts
from jpegai_ref.variable_rate import RATE_MODELS
from pytorch_msssim import ms_ssim

from tests.jpegai_ref.small import small_model

CPU = torch.device("cpu")


def test_the_stages_cover_all_steps_in_order() -> None:
    names = [position(step, 200).stage.name for step in range(200)]
    assert sorted(names, key=names.index) == names
    assert [names.count(stage.name) for stage in STAGES] == [round(200 * stage.share) for stage in STAGES]
    with pytest.raises(ValueError, match="not in a plan"):
        position(200, 200)


def test_a_later_beginning_keeps_the_proportions_of_what_is_left() -> None:
    stages = stages_from("integer")
    assert [stage.name for stage in stages] == ["integer", "high", "synthesis"]
    names = [position(step, 200, stages).stage.name for step in range(200)]
    left = {stage.name: stage.share for stage in STAGES[-3:]}
    assert all(abs(names.count(name) - 200 * share / sum(left.values())) < 1 for name, share in left.items())
    assert [stage.name for stage in stages_from("entropy")] == [stage.name for stage in STAGES]
    assert all(sum(stage.share for stage in stages_from(first.name)) == pytest.approx(1) for first in STAGES)
    with pytest.raises(ValueError, match="'mixt' is not a stage; there are entropy, mse"):
        stages_from("mixt")


@pytest.mark.parametrize("stage", STAGES, ids=[stage.name for stage in STAGES])
def test_learning_rate_warms_up_and_falls(stage: Stage) -> None:
    steps = [step for step in range(20000) if position(step, 20000).stage is stage]
    rates = [learning_rate(position(step, 20000)) for step in steps]
    first, last = stage.learning_rate
    warm_up = min(300, len(steps) // 10)
    assert rates[0] == pytest.approx(first / 10)
    assert rates[warm_up] == pytest.approx(first, rel=0.03)
    assert rates[-1] == pytest.approx(last, rel=0.01)
    assert all(earlier <= later for earlier, later in pairwise(rates[: warm_up // 2]))
    assert all(earlier >= later for earlier, later in pairwise(rates[warm_up:]))


def test_the_first_stage_is_at_the_models_own_rates() -> None:
    rates = [draw_rates(position(step, 20000), step, 1, 8, CPU) for step in range(20)]
    assert {int(model_id) for rate in rates for model_id in rate.model_ids} == {0, 1, 2, 3}
    assert all(not rate.displacements.any() for rate in rates)


@pytest.mark.parametrize("first_step", [1200, 13000])
def test_displaced_stages_stay_in_the_models_ranges(first_step: int) -> None:
    rates = [draw_rates(position(step, 20000), step, 1, 8, CPU) for step in range(first_step, first_step + 150)]
    ids, moved = torch.cat([rate.model_ids for rate in rates]), torch.cat([rate.displacements for rate in rates])
    assert 0.35 < float((moved == 0).float().mean()) < 0.65
    assert torch.equal(moved, moved.round())
    for model_id, model in enumerate(RATE_MODELS):
        of_model = moved[ids == model_id]
        width = model.highest_displacement - model.lowest_displacement
        assert model.lowest_displacement <= float(of_model.min()) < model.lowest_displacement + 0.1 * width
        assert model.highest_displacement >= float(of_model.max()) > model.highest_displacement - 0.1 * width


def test_the_frozen_stage_trains_one_copy_at_a_time() -> None:
    for step in range(17000, 17020):
        where = position(step, 20000)
        assert where.stage.frozen
        ids = draw_rates(where, step, 1, 8, CPU).model_ids
        assert {int(model_id) // 2 for model_id in ids} == {step % 2}


def test_what_each_stage_trains() -> None:
    model = small_model()
    parts = {stage.name: trained_parts(model, stage) for stage in STAGES}
    entropy, joint, last = parts["entropy"], parts["mse"], parts["synthesis"]
    assert joint.keys() - parts["mixed"].keys() == {"luma_prior.gains", "chroma_prior.gains"}
    assert parts["mixed"].keys() == parts["integer"].keys()
    assert joint.keys() - entropy.keys() == {
        "luma_analysis", "chroma_analysis", "luma_prior.gains", "chroma_prior.gains", "synthesis.sop.0", "synthesis.bop.0"
    }  # fmt: skip
    assert {"context", "luma_prior.scale_decoder", "chroma_prior.symbols"} < entropy.keys() < joint.keys()
    assert set(last) == {"synthesis.sop.0", "synthesis.sop.1", "synthesis.bop.0", "synthesis.bop.1", "synthesis.hop.0"}
    assert last["synthesis.hop.0"][1] > last["synthesis.bop.0"][1]
    counted = sum(parameter.numel() for part, _ in (joint | last).values() for parameter in part.parameters())
    assert counted == sum(parameter.numel() for parameter in model.parameters())


def test_distortion_of_each_model() -> None:
    torch.manual_seed(1)
    reference = torch.rand(4, 3, 176, 176) * 255
    planes = reference + torch.tensor([1.0, 2.0, 3.0]).reshape(1, 3, 1, 1)
    ids = torch.arange(4)
    expected = torch.tensor([0.8 + 0.4 + 0.9] * 3 + [14 / 3])
    torch.testing.assert_close(distortion(planes, reference, ids, mixed=False), expected, rtol=1e-4, atol=1e-4)
    structure = [1 - float(ms_ssim(planes[index : index + 1, :1], reference[index : index + 1, :1], data_range=255)) for index in range(4)]
    mixed = distortion(planes, reference, ids, mixed=True)
    low = 0.5 * 0.6667 + 0.5 * 0.1667 * 13 + 500 * structure[0]
    middle = 0.6 * 0.7143 + 0.1429 * 4 + 0.2857 * 9 + 400 * 0.7143 * structure[2]
    high = 0.7 * 0.6667 + 0.1667 * 4 + 0.3333 * 9 + 300 * 0.6667 * structure[3]
    torch.testing.assert_close(mixed, torch.tensor([low, low, middle, high]), rtol=1e-3, atol=1e-3)


def test_weights_of_planes_make_one() -> None:
    for weights in WEIGHTS:
        assert math.isclose(sum(weights.mse), 1, abs_tol=1e-9)


def test_balance_divides_by_the_gain() -> None:
    torch.testing.assert_close(balance(torch.tensor([0.012, 0.048, 0.003])), torch.tensor([1.0, 0.5, 2.0]))
