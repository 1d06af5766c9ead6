"""Training as a whole, with small networks: the loss falls, slices continue one another, every stage runs."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from jpegai_ref.training.checkpoint import latest
from jpegai_ref.training.data import load_pictures
from jpegai_ref.training.train import Plan, Trainer, train
from PIL import Image
from skimage import data

from tests.jpegai_ref.small import SMALL


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photographs")
    for name in ("astronaut", "chelsea", "coffee", "rocket"):
        Image.fromarray(getattr(data, name)()).save(path / f"{name}.png")
    return path


def _plan(folder: Path, out: Path, steps: int) -> Plan:
    return Plan((folder,), out, steps, "cpu", "fp32", 5, 1, False, SMALL)


def _trainer(folder: Path, out: Path, steps: int) -> Trainer:
    return Trainer(_plan(folder, out, steps), load_pictures([folder], torch.device("cpu"), 192))


def test_the_loss_falls(folder: Path, tmp_path: Path) -> None:
    trainer = _trainer(folder, tmp_path, 2000)
    losses = [float(trainer.take_step()["loss"]) for _ in range(30)]
    assert sum(losses[-5:]) < 0.7 * sum(losses[:5])


@pytest.mark.slow
def test_every_stage_runs_and_only_its_parts_move(folder: Path, tmp_path: Path) -> None:
    trainer = _trainer(folder, tmp_path, 20)
    before = {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}
    frozen: dict[str, torch.Tensor] = {}
    for step in range(20):
        if step == 16:
            frozen = {name: tensor.clone() for name, tensor in trainer.model.state_dict().items() if not name.startswith("synthesis")}
        assert torch.isfinite(torch.as_tensor(trainer.take_step()["gradient_norm"]))
    after = trainer.model.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in frozen.items())
    still = [name for name, tensor in before.items() if torch.equal(after[name], tensor)]
    assert still == []
    rows = trainer.validation()
    assert {(row.model_id, row.decoder) for row in rows} == {(model_id, point) for model_id in range(4) for point in ("sop", "bop", "hop")}
    assert all(row.bpp > row.hyper_bpp > 0 for row in rows)


def test_a_resumed_training_continues_the_broken_one(folder: Path, tmp_path: Path) -> None:
    whole = _trainer(folder, tmp_path / "whole", 200)
    for _ in range(6):
        expected = whole.take_step()
    broken = _trainer(folder, tmp_path / "broken", 200)
    for _ in range(3):
        broken.take_step()
    resumed = _trainer(folder, tmp_path / "broken", 200)
    resumed.resume(broken.checkpoint())
    for _ in range(3):
        numbers = resumed.take_step()
    assert resumed.step == whole.step == 6
    for name, value in expected.items():
        assert float(numbers[name]) == pytest.approx(float(value), rel=1e-5), name


def test_a_slice_ends_by_itself_and_leaves_checkpoint_and_log(folder: Path, tmp_path: Path) -> None:
    plan = _plan(folder, tmp_path, 12)
    first = train(plan, minutes=0.001).step
    found = latest(tmp_path)
    assert found is not None
    assert found.progress.step == first < 12
    assert train(plan, minutes=5).step == 12
    found = latest(tmp_path)
    assert found is not None
    assert found.progress.step == 12
    with (tmp_path / "steps.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == sorted({first, 12} - {0})
    assert float(rows[-1]["bpp"]) > 0
    assert float(rows[-1]["seconds"]) > 0


def test_a_checkpoint_of_another_plan_is_refused(folder: Path, tmp_path: Path) -> None:
    trainer = _trainer(folder, tmp_path, 200)
    checkpoint = trainer.checkpoint()
    other = replace(checkpoint, progress=replace(checkpoint.progress, total_steps=300))
    with pytest.raises(ValueError, match="a plan of 300 steps"):
        trainer.resume(other)
