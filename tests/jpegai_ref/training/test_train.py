"""Training as a whole, with small networks: the loss falls, slices continue one another, every stage runs."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from jpegai_ref.training.checkpoint import CheckpointError, latest, save
from jpegai_ref.training.data import Pictures
from jpegai_ref.training.log import ValidationRow
from jpegai_ref.training.plan import Plan
from jpegai_ref.training.stages import position, stages_from
from jpegai_ref.training.train import train
from jpegai_ref.training.trainer import Trainer, begun, resumed
from torch import Tensor

from tests.jpegai_ref.small import SMALL

Numbers = dict[str, float | Tensor]


@pytest.fixture(scope="module")
def few(pictures: Pictures) -> Pictures:
    """With one picture for validation."""
    return replace(pictures, validation=pictures.validation[:1])


def _plan(folder: Path, out: Path, steps: int) -> Plan:
    return Plan((folder,), out, steps, "cpu", "fp32", 5, 1, False, dimensions=SMALL)


def _state(trainer: Trainer) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}


def _steps(trainer: Trainer, number: int) -> Numbers:
    """Those of the last step."""
    numbers: Numbers = {}
    for _ in range(number):
        numbers = trainer.take_step()
    return numbers


def _validated(trainer: Trainer) -> list[ValidationRow]:
    """Of the weights themselves, for BOP."""
    trainer.average.restart(trainer.model)
    return [row for row in trainer.validation() if row.decoder == "bop"]


def test_the_rate_falls_and_then_the_cost_of_every_model(folder: Path, tmp_path: Path, few: Pictures) -> None:
    trainer = begun(_plan(folder, tmp_path, 240), few)
    start = _validated(trainer)
    entropy = [trainer.take_step() for _ in range(12)]
    middle = _validated(trainer)
    assert position(trainer.step, 240).stage.name == "mse"
    assert all(after.hyper_bpp < 0.9 * before.hyper_bpp for after, before in zip(middle, start, strict=True))
    assert sum(row.bpp for row in middle) < 0.99 * sum(row.bpp for row in start)
    assert trainer.summary(entropy).psnr_y is None
    joint = [trainer.take_step() for _ in range(12)]
    assert all(after.cost < 0.99 * before.cost for after, before in zip(_validated(trainer), middle, strict=True))
    assert 20 < (trainer.summary(joint).psnr_y or 0) < 40


@pytest.mark.slow
def test_every_stage_runs_and_only_its_parts_move(folder: Path, tmp_path: Path, pictures: Pictures) -> None:
    plan = _plan(folder, tmp_path, 20)
    trainer = begun(plan, pictures)
    before = _state(trainer)
    states, stages = [], []
    for step in range(20):
        stages.append(position(step, 20).stage.name)
        assert torch.isfinite(torch.as_tensor(trainer.take_step()["gradient_norm"]))
        states.append(_state(trainer))
    first_frozen = stages.index("high")
    resting = [name for name in before if not name.startswith("synthesis")]
    assert all(torch.equal(states[-1][name], states[first_frozen][name]) for name in resting)
    transform = [name for name in before if "analysis" in name or name.startswith("synthesis")]
    assert all(torch.equal(states[0][name], before[name]) for name in transform)
    assert [name for name, tensor in before.items() if torch.equal(states[-1][name], tensor)] == []
    rows = trainer.validation()
    assert {(row.model_id, row.decoder) for row in rows} == {(model_id, point) for model_id in range(4) for point in ("sop", "bop", "hop")}
    assert all(row.bpp > row.hyper_bpp > 0 for row in rows)


def test_a_stage_begins_with_the_average_of_the_one_before(folder: Path, tmp_path: Path, pictures: Pictures) -> None:
    """And the synthesis in its copies with what was trained in the first."""
    plan = replace(_plan(folder, tmp_path, 20), first_stage="integer")
    trainer = begun(plan, pictures)
    _steps(trainer, 3)
    averages = {name: tensor.clone() for name, tensor in trainer.average.model.state_dict().items()}
    assert not torch.equal(averages["context.predict.0.layers.0.weight"], trainer.model.state_dict()["context.predict.0.layers.0.weight"])
    assert trainer.average.updates == 3
    assert position(3, 20, plan.stages).stage.frozen
    _steps(trainer, 1)
    assert trainer.average.updates == 1
    state = trainer.model.state_dict()
    assert all(torch.equal(state[name], averages[name]) for name in averages if not name.startswith("synthesis"))
    # HOP alone is trained first: both copies of BOP rest, the second as it was copied.
    name = "synthesis.bop.{}.luma.mid.weight"
    assert torch.equal(state[name.format(0)], averages[name.format(0)])
    assert torch.equal(state[name.format(1)], averages[name.format(0)])
    assert not torch.equal(state["synthesis.hop.0.luma.out.weight"], averages["synthesis.hop.0.luma.out.weight"])


def test_validation_is_of_the_average(folder: Path, tmp_path: Path, few: Pictures) -> None:
    trainer = begun(_plan(folder, tmp_path, 20), few)
    before = trainer.validation()
    with torch.no_grad():
        trainer.model.luma_analysis.mix.weight.zero_()
    assert trainer.validation() == before
    trainer.average.restart(trainer.model)
    assert trainer.validation() != before


def test_a_resumed_training_continues_the_broken_one(folder: Path, tmp_path: Path, pictures: Pictures) -> None:
    whole = begun(_plan(folder, tmp_path, 100), pictures)
    expected = _steps(whole, 8)
    broken = begun(_plan(folder, tmp_path, 100), pictures)
    _steps(broken, 4)
    again = resumed(_plan(folder, tmp_path, 100), pictures, broken.checkpoint())
    assert all(torch.equal(*pair) for pair in zip(_state(again).values(), _state(broken).values(), strict=True))
    numbers = _steps(again, 4)
    assert again.step == whole.step == 8
    assert again.average.updates == whole.average.updates == 3
    for name, value in expected.items():
        assert float(numbers[name]) == pytest.approx(float(value), rel=1e-4), name
    for name, tensor in whole.average.model.state_dict().items():
        torch.testing.assert_close(again.average.model.state_dict()[name], tensor, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_a_slice_ends_by_itself_and_leaves_checkpoint_and_log(
    folder: Path, tmp_path: Path, few: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jpegai_ref.training.train.load_pictures", lambda *_: few)
    plan = _plan(folder, tmp_path, 5)
    first = train(plan, minutes=0.001).progress.step
    found = latest(tmp_path)
    assert found is not None
    assert found.progress.step == first < 5
    assert train(plan, minutes=5).progress.step == 5
    found = latest(tmp_path)
    assert found is not None
    assert found.progress.step == 5
    with (tmp_path / "steps.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == sorted({first, 5} - {0})
    assert float(rows[-1]["bpp"]) > 0
    assert float(rows[-1]["seconds"]) > 0
    with (tmp_path / "validation.csv").open() as file:
        assert {row["step"] for row in csv.DictReader(file)} == {"5"}


def test_where_nothing_is_left_no_picture_is_read(folder: Path, tmp_path: Path, pictures: Pictures) -> None:
    plan = _plan(folder, tmp_path / "out", 100)
    nowhere = replace(plan, folders=(tmp_path / "nowhere",))
    train(plan, minutes=0)
    assert train(nowhere, minutes=0).progress.step == 0
    done = replace(nowhere, total_steps=4, out=tmp_path / "done")
    trainer = begun(done, pictures)
    trainer.step = 4
    save(done.out, trainer.checkpoint())
    assert train(done, minutes=1).progress.step == 4


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"total_steps": 300}, "a training of 200 steps with seed 5 .*, not of 300 steps with seed 5"),
        ({"seed": 6}, "not of 200 steps with seed 6"),
        ({"first_stage": "mixed"}, "from stage entropy on, started from the block transform, not of .* from stage mixed on"),
    ],
)
def test_a_checkpoint_of_another_plan_is_refused(
    folder: Path, tmp_path: Path, pictures: Pictures, change: dict[str, object], reason: str
) -> None:
    plan = _plan(folder, tmp_path, 200)
    checkpoint = begun(plan, pictures).checkpoint()
    other: Plan = replace(plan, **change)  # type: ignore[arg-type]
    with pytest.raises(CheckpointError, match=reason):
        resumed(other, pictures, checkpoint)
    assert resumed(replace(plan, batch_factor=2, precision="bf16"), pictures, checkpoint).step == 0


def test_the_first_stage_of_a_plan_is_where_it_begins(folder: Path, tmp_path: Path, pictures: Pictures) -> None:
    plan = replace(_plan(folder, tmp_path, 1000), first_stage="synthesis")
    trainer = begun(plan, pictures)
    before = _state(trainer)
    _steps(trainer, 1)
    moved = {name for name, tensor in _state(trainer).items() if not torch.equal(tensor, before[name])}
    assert moved
    assert all(name.startswith("synthesis") for name in moved)
    assert plan.stages == stages_from("synthesis")
    assert latest(tmp_path) is None
