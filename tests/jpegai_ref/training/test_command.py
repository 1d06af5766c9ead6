"""`train` as a person calls it: with the real networks, and one line with an exit status for all that can go wrong."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from jpegai_ref import coder
from jpegai_ref.__main__ import main
from jpegai_ref.training.checkpoint import latest
from jpegai_ref.weights import WeightsError, read
from jpegai_ref.weights_place import VARIABLE

from tests.conftest import Command, Ended, called

PLAN = ("--steps", "40")


@pytest.fixture
def train(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Calls the command inside `tmp_path`."""
    monkeypatch.chdir(tmp_path)
    return partial(called(main, capfd), "train")


def _refused(ended: Ended, status: int, reason: str) -> None:
    """One line on standard error."""
    assert ended.status == status, ended.err
    assert ended.out == ""
    assert re.fullmatch(rf"jpegai_ref: .*{reason}.*\n", ended.err)


def test_from_a_start_to_weights_and_on_from_them(train: Command, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = train("--data", folder, "--out", "one", *PLAN, "--minutes", "0", "--export", "w.safetensors", "--threads", "1")
    assert made.status == 0
    first, second = made.out.splitlines()
    assert re.fullmatch(r"0 of 40 steps done, 0 s in all, checkpoint in one", first)
    weights = read(tmp_path / "w.safetensors")
    size = (tmp_path / "w.safetensors").stat().st_size
    assert second == f"weights {weights.id}, {size / 2**20:.2f} MiB, in w.safetensors"
    assert 13 << 20 < size < 16 << 20
    coder.load(tmp_path / "w.safetensors")

    # What a later slice asks for again is the same, and needs no picture.
    again = train("--out", "one", *PLAN, "--minutes", "0", "--export", "v.safetensors")
    assert again.status == 0
    assert (tmp_path / "v.safetensors").read_bytes() == (tmp_path / "w.safetensors").read_bytes()

    monkeypatch.setenv(VARIABLE, str(tmp_path / "w.safetensors"))
    start = ("--start", "committed", "--from-stage", "synthesis")
    begun = train("--data", folder, "--out", "two", *PLAN, *start, "--minutes", "0.0001", "--threads", "1", "--precision", "fp32")
    assert begun.status == 0
    found = latest(tmp_path / "two")
    assert found is not None
    assert (found.progress.start, found.progress.first_stage) == (weights.id, "synthesis")
    halves = {name: tensor.half() for name, tensor in found.state.items()}
    kept = [name for name, tensor in weights.tensors.items() if tensor.is_floating_point() and not name.startswith("synthesis")]
    assert all(torch.equal(halves[name], weights.tensors[name]) for name in kept)
    _refused(
        train("--out", "two", *PLAN, "--minutes", "0"), 1, "two holds a training of .* from stage synthesis on, started from the weights"
    )
    _refused(
        train("--out", "one", *PLAN, *start, "--minutes", "0"), 1, "started from the block transform, not of .* started from the weights"
    )


def test_help_names_every_option(train: Command) -> None:
    said = train("--help")
    assert said.status == 0
    assert said.out.startswith("Usage: python -m jpegai_ref train [OPTIONS]")
    options = ("data", "out", "steps", "minutes", "export", "start", "from-stage", "seed", "device", "precision", "threads", "batch-factor")
    for option in (*options, "compile"):
        assert re.search(rf"^  (-h, )?--{option} ", said.out, re.MULTILINE), option
    assert "entropy|mse|mixed|integer|high|synthesis" in re.sub(r"\s", "", said.out)


@pytest.mark.parametrize(
    ("arguments", "status", "reason"),
    [
        (("--out", "o", "--minutes", "1", *PLAN), 2, "give a folder of pictures by --data"),
        (("--data", ".", "--minutes", "1", *PLAN), 2, "--out"),
        (("--data", ".", "--out", "o", "--minutes", "1"), 2, "--steps"),
        (("--data", ".", "--out", "o", "--minutes", "1", "--steps", "0"), 2, "--steps"),
        (("--data", ".", "--out", "o", "--minutes", "-1", *PLAN), 2, "--minutes"),
        (("--data", ".", "--out", "o", "--minutes", "nan", *PLAN), 2, "--minutes is not a number"),
        (("--data", ".", "--out", "o", "--minutes", "1", *PLAN, "--device", "tpu"), 2, "tpu"),
        (("--data", ".", "--out", "o", "--minutes", "1", *PLAN, "--from-stage", "mixed"), 2, "--from-stage goes with --start"),
        (("--data", ".", "--out", "o", "--minutes", "1", *PLAN, "--start", "w", "--from-stage", "mixt"), 2, "mixt"),
        (("--data", ".", "--out", "o", "--minutes", "1", *PLAN, "--frobnicate"), 2, "--frobnicate"),
        (("--data", ".", "--out", "o", "--minutes", "1", *PLAN, "extra"), 2, "extra"),
        (("--data", "none", "--out", "o", "--minutes", "1", *PLAN), 1, "none is no folder of pictures"),
        (("--data", "empty", "--out", "o", "--minutes", "1", *PLAN), 1, "too few pictures of 256 samples and more in empty"),
        (("--data", "bad", "--out", "o", "--minutes", "1", *PLAN), 1, r"a\.png is no picture"),
        (("--out", "o", "--minutes", "0", *PLAN), 1, "too few pictures"),
        (
            ("--data", ".", "--out", "o", "--minutes", "1", *PLAN, "--export", "none/w.safetensors"),
            2,
            "none/w.safetensors cannot be written: there is no such folder",
        ),
        (("--data", ".", "--out", "o", "--minutes", "1", *PLAN, "--start", "none"), 4, "none holds no weights"),
        (("--data", ".", "--out", "o", "--minutes", "1", *PLAN, "--start", "bad/a.png"), 4, "a.png holds no weights"),
        (("--data", ".", "--out", "o", "--minutes", "1", *PLAN, "--start", "committed"), 4, "there are no weights in"),
        (("--data", ".", "--out", "cut", "--minutes", "1", *PLAN), 1, "cut/checkpoint-00000003 is no checkpoint"),
    ],
)
def test_mistakes(
    train: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], status: int, reason: str
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "empty"))
    for name in ("empty", "bad", "cut/checkpoint-00000003"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "bad" / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"rubbish" * 9)
    (tmp_path / "cut/checkpoint-00000003/progress.json").write_text("{")
    before = sorted(tmp_path.rglob("*"))
    _refused(train(*arguments), status, reason)
    assert sorted(tmp_path.rglob("*")) == before


def test_no_gpu(train: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    _refused(train("--data", ".", "--out", "o", "--minutes", "1", *PLAN, "--device", "cuda"), 4, "no GPU")


def test_damaged_weights_are_not_started_from(train: Command, tmp_path: Path, weights_path: Path, folder: Path) -> None:
    content = bytearray(weights_path.read_bytes())
    content[-5] ^= 1
    (tmp_path / "w.safetensors").write_bytes(content)
    with pytest.raises(WeightsError):
        read(tmp_path / "w.safetensors")
    _refused(train("--data", folder, "--out", "o", "--minutes", "1", *PLAN, "--start", "w.safetensors"), 4, "is damaged")


@pytest.mark.slow
def test_a_full_disk(tmp_path: Path, folder: Path) -> None:
    """A process that may write files of one megabyte and no more: one line, and nothing that looks like a checkpoint."""
    arguments = ("--data", str(folder), "--out", "o", *PLAN, "--minutes", "0", "--threads", "1")
    ended = subprocess.run(
        [sys.executable, "-m", "jpegai_ref.training", *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1, ended.stderr
    assert re.fullmatch(r"jpegai_ref: o/\.checkpoint-00000000\.partial/state-0\.safetensors: File too large\n", ended.stderr)
    assert [path.name for path in (tmp_path / "o").iterdir() if "checkpoint" in path.name] == []
