"""Checkpoints: a folder of files of at most 16 MiB each, written whole or not at all.

`state-*.safetensors` hold the weights in float32, `first-*` and `second-*` the moments of Adam in bfloat16, `progress.json` the rest.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from jpegai_ref.weights import WeightsError, read, write

FILE_BYTES = 15 << 20
"""A little below 16 MiB, for the header."""
PREFIX = "checkpoint-"


@dataclass(frozen=True)
class Progress:
    """Steps done of how many, the seed, the seconds spent so far, and the moments' count of Adam."""

    step: int
    total_steps: int
    seed: int
    seconds: float
    adam_steps: int


@dataclass(frozen=True)
class Checkpoint:
    """Weights by name, Adam's first and second moments by parameter name, progress."""

    state: dict[str, Tensor]
    first: dict[str, Tensor]
    second: dict[str, Tensor]
    progress: Progress


def _write_split(folder: Path, stem: str, tensors: Mapping[str, Tensor]) -> None:
    shard: dict[str, Tensor] = {}
    size = number = 0
    for name, tensor in tensors.items():
        if shard and size + tensor.nbytes > FILE_BYTES:
            write(folder / f"{stem}-{number}.safetensors", shard)
            shard, size, number = {}, 0, number + 1
        shard[name] = tensor
        size += tensor.nbytes
    if shard:
        write(folder / f"{stem}-{number}.safetensors", shard)


def _read_split(folder: Path, stem: str) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for path in sorted(folder.glob(f"{stem}-*.safetensors")):
        tensors |= read(path).tensors
    return tensors


def save(folder: Path, checkpoint: Checkpoint) -> Path:
    """Writes `folder`/checkpoint-STEP and then removes the older ones."""
    name = f"{PREFIX}{checkpoint.progress.step:08d}"
    partial = folder / f".{name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    _write_split(partial, "state", {key: value.detach().float() for key, value in checkpoint.state.items()})
    _write_split(partial, "first", {key: value.to(torch.bfloat16) for key, value in checkpoint.first.items()})
    _write_split(partial, "second", {key: value.to(torch.bfloat16) for key, value in checkpoint.second.items()})
    (partial / "progress.json").write_text(json.dumps(asdict(checkpoint.progress), indent=1) + "\n")
    whole = folder / name
    if whole.exists():
        shutil.rmtree(whole)
    partial.rename(whole)
    for old in folder.glob(f"{PREFIX}*"):
        if old != whole:
            shutil.rmtree(old)
    return whole


def latest(folder: Path) -> Checkpoint | None:
    """The checkpoint of the highest step in a folder, or None. Raises WeightsError where it is damaged."""
    found = sorted(folder.glob(f"{PREFIX}*"))
    if not found:
        return None
    try:
        progress = Progress(**json.loads((found[-1] / "progress.json").read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise WeightsError(f"{found[-1]} is no checkpoint: {error}") from error
    state, first, second = (_read_split(found[-1], stem) for stem in ("state", "first", "second"))
    return Checkpoint(state, first, second, progress)
