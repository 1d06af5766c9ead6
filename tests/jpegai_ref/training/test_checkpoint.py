"""Checkpoints whole or absent, in files that fit; the log continues."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from jpegai_ref.training.checkpoint import Checkpoint, Progress, latest, save
from jpegai_ref.training.log import Log, ValidationRow
from jpegai_ref.weights import WeightsError

PROGRESS = Progress(step=7, total_steps=100, seed=3, seconds=1.5, adam_steps=6)


def _checkpoint(step: int, size: int = 4) -> Checkpoint:
    torch.manual_seed(step)
    tensors = {f"t{index}": torch.randn(size) for index in range(5)}
    return Checkpoint(tensors, tensors, tensors, Progress(step, 100, 3, 1.5, 6))


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


def test_no_file_exceeds_16_mib(tmp_path: Path) -> None:
    folder = save(tmp_path, _checkpoint(1, size=2_000_000))
    sizes = [path.stat().st_size for path in folder.glob("state-*")]
    assert len(sizes) == 5
    assert max(sizes) < 16 << 20
    found = latest(tmp_path)
    assert found is not None
    assert len(found.state) == len(found.first) == 5


def test_an_unfinished_checkpoint_does_not_count_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".checkpoint-00000009.partial").mkdir()
    assert latest(tmp_path) is None
    folder = save(tmp_path, _checkpoint(3))
    (folder / "progress.json").write_text("{}")
    with pytest.raises(WeightsError, match="is no checkpoint"):
        latest(tmp_path)


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
