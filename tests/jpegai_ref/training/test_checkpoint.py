"""Checkpoints whole or absent, in files that fit; the log continues."""

from __future__ import annotations

import json
import resource
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from jpegai_ref.dimensions import COMPACT
from jpegai_ref.model import Model
from jpegai_ref.training.checkpoint import Checkpoint, CheckpointError, Progress, latest, load_state, save
from jpegai_ref.training.log import Log, StepRow, ValidationRow
from jpegai_ref.training.stages import STAGES, Stage, trained_parts
from jpegai_ref.weights import write
from torch import nn

PROGRESS = Progress(step=7, total_steps=100, seed=3, seconds=1.5, adam_steps=6, average_updates=5, start="ab" * 16, first_stage="mixed")


def _checkpoint(step: int, size: int = 4) -> Checkpoint:
    torch.manual_seed(step)
    tensors = {f"t{index}": torch.randn(size) for index in range(5)}
    differences = {name: 0.01 * torch.randn(size) for name in ("t1", "t3")}
    return Checkpoint(tensors, tensors, tensors, differences, replace(PROGRESS, step=step))


def test_what_is_saved_comes_back_and_the_older_goes(tmp_path: Path) -> None:
    assert latest(tmp_path) is None
    save(tmp_path, _checkpoint(6))
    saved = _checkpoint(7)
    save(tmp_path, saved)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-00000007"]
    found = latest(tmp_path)
    assert found is not None
    assert found.progress == PROGRESS
    assert all(torch.equal(found.state[name], saved.state[name]) for name in saved.state)
    torch.testing.assert_close(found.second["t0"].float(), saved.second["t0"], rtol=0.01, atol=0)
    assert torch.equal(found.averages()["t0"], saved.state["t0"])
    torch.testing.assert_close(found.averages()["t3"], saved.state["t3"] + saved.average["t3"], rtol=0, atol=2e-4)
    assert not torch.equal(found.averages()["t3"], saved.state["t3"])


def test_no_file_exceeds_16_mib(tmp_path: Path) -> None:
    folder = save(tmp_path, _checkpoint(1, size=2_000_000))
    sizes = [path.stat().st_size for path in folder.glob("state-*")]
    assert len(sizes) == 5
    assert max(sizes) < 16 << 20
    found = latest(tmp_path)
    assert found is not None
    assert len(found.state) == len(found.first) == 5


@pytest.mark.parametrize("stage", [STAGES[1], STAGES[-1]], ids=["joint", "synthesis"])
def test_checkpoints_of_real_networks_are_at_most_8_files_and_64_mib(tmp_path: Path, stage: Stage) -> None:
    model = Model(COMPACT)
    names = [f"{name}.{key}" for name, (part, _) in trained_parts(model, stage).items() for key, _ in part.named_parameters()]
    state = model.state_dict()
    trained = {name: state[name] for name in names}
    sizes = [path.stat().st_size for path in save(tmp_path, Checkpoint(state, trained, trained, trained, PROGRESS)).iterdir()]
    assert len(sizes) <= 8
    assert sum(sizes) < 64 << 20
    assert max(sizes) < 16 << 20


def test_a_checkpoint_from_before_there_were_averages(tmp_path: Path) -> None:
    """Its weights count as their own average, and it started from the block transform by the first stage."""
    saved = _checkpoint(4)
    folder = save(tmp_path, saved)
    (folder / "average-0.safetensors").unlink()
    old = {"step": 4, "total_steps": 100, "seed": 3, "seconds": 1.5, "adam_steps": 6}
    (folder / "progress.json").write_text(json.dumps(old))
    found = latest(tmp_path)
    assert found is not None
    assert found.progress == Progress(4, 100, 3, 1.5, 6, average_updates=0, start=None, first_stage="entropy")
    assert found.average == {}
    assert all(torch.equal(found.averages()[name], saved.state[name]) for name in saved.state)


def test_an_unfinished_checkpoint_does_not_count(tmp_path: Path) -> None:
    (tmp_path / ".checkpoint-00000009.partial").mkdir()
    assert latest(tmp_path) is None


def _without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def _with(name: str, content: bytes) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return write


def _one_bit(folder: Path) -> None:
    path = folder / "first-0.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def _other_shape(folder: Path) -> None:
    write(folder / "second-0.safetensors", {f"t{index}": torch.zeros(3) for index in range(5)})


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (_with("progress.json", b"{}"), "is no checkpoint"),
        (_with("progress.json", b"[1]"), "is no checkpoint"),
        (_with("progress.json", b'{"step": 3'), "is no checkpoint"),
        (_with("progress.json", b'{"step": 9, "total_steps": 4, "seed": 1, "seconds": 1, "adam_steps": 1}'), "step 9 of 4"),
        (_with("progress.json", b'{"step": "3", "total_steps": 4, "seed": 1, "seconds": 1, "adam_steps": 1}'), "is no checkpoint"),
        (_without("progress.json"), "is no checkpoint"),
        (_without("average-0.safetensors"), r"not complete: average-0\.safetensors missing"),
        (_with("state-0.safetensors", b"something else"), "holds no weights"),
        (_one_bit, "damaged"),
        (_other_shape, r"t0 is not a parameter of the shape \(3,\)"),
    ],
)
def test_damage_is_noticed(tmp_path: Path, damage: Callable[[Path], None], reason: str) -> None:
    damage(save(tmp_path, _checkpoint(3)))
    with pytest.raises(CheckpointError, match=reason) as raised:
        latest(tmp_path)
    assert "\n" not in str(raised.value)


def test_networks_of_another_shape_are_refused() -> None:
    with pytest.raises(CheckpointError, match="other networks"):
        load_state(nn.Linear(2, 3), {"weight": torch.zeros(3, 3), "bias": torch.zeros(3)})
    with pytest.raises(CheckpointError, match="other networks"):
        load_state(nn.Linear(2, 3), {"weight": torch.zeros(3, 2)})


def test_where_the_disk_is_full_the_checkpoint_before_stays(tmp_path: Path) -> None:
    save(tmp_path, _checkpoint(3))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limits[1]))
    try:
        with pytest.raises(OSError, match=r"state-0\.safetensors"):
            save(tmp_path, _checkpoint(5, size=500_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-00000003"]
    assert latest(tmp_path) is not None


def _row(step: int) -> ValidationRow:
    return ValidationRow(step, "mse", 1, "bop", 0.25, 0.01, 30.0, 35.0, 36.0, 0.95, 1.0)


def test_a_log_drops_rows_of_lost_steps(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    log = Log(path, ValidationRow, 0)
    for step in (10, 20, 30):
        log.add(_row(step))
    Log(path, ValidationRow, 20).add(_row(25))
    lines = path.read_text().splitlines()
    assert lines[0].startswith("step,stage,model_id,decoder,bpp")
    assert [line.split(",")[0] for line in lines[1:]] == ["10", "20", "25"]


def test_half_a_row_is_dropped_and_a_stage_that_decodes_nothing_has_no_psnr(tmp_path: Path) -> None:
    path = tmp_path / "steps.csv"
    log = Log(path, StepRow, 0)
    for step, psnr in ((50, None), (100, 31.5)):
        log.add(StepRow(step, "entropy", 1.0, 1e-3, 2.0, 1.0, 0.1, psnr, 0.5))
    path.write_text(path.read_text() + "150,entr")
    Log(path, StepRow, 150)
    rows = path.read_text().splitlines()
    assert [row.split(",")[7] for row in rows] == ["psnr_y", "", "31.5"]


@pytest.mark.parametrize("content", ["a,b\n1,2\n", "step,b\n1,2\n", "step\nx\n"])
def test_a_file_that_is_no_log_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "steps.csv"
    path.write_text(content)
    with pytest.raises(CheckpointError, match="is no log"):
        Log(path, StepRow, 10)
    assert path.read_text() == content
