"""Checkpoints: a folder of files of at most 16 MiB each, written whole or not at all.

`state-*.safetensors` hold the weights in float32, `first-*` and `second-*` the moments of Adam and `average-*` how far the averaged weights
are from the weights, these in bfloat16; `progress.json` has the rest and the names of these files.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from jpegai_ref.weights import WeightsError, read, write
from jpegai_ref.whole_file import write_whole

FILE_BYTES = 15 << 20
"""A little below 16 MiB, for the header."""
PREFIX = "checkpoint-"


class CheckpointError(Exception):
    """A checkpoint that is damaged, of other networks or of another plan; one line."""


@dataclass(frozen=True)
class Progress:
    """Steps done of how many, the seed, the seconds spent so far, the moments' count of Adam, the updates of the average; where the
    networks started (the id of weights, None: the block transform) and by which stage.

    Raises ValueError where something is of another type or out of range.
    """

    step: int
    total_steps: int
    seed: int
    seconds: float
    adam_steps: int
    average_updates: int = 0
    start: str | None = None
    first_stage: str = "entropy"

    def __post_init__(self) -> None:
        counts = (self.step, self.total_steps, self.seed, self.adam_steps, self.average_updates)
        if not all(isinstance(count, int) and count >= 0 for count in counts) or self.step > self.total_steps:
            raise ValueError(f"step {self.step} of {self.total_steps}, seed {self.seed}, {self.adam_steps} steps of Adam")
        if not (isinstance(self.seconds, int | float) and isinstance(self.first_stage, str) and isinstance(self.start, str | None)):
            raise ValueError(f"{self.seconds} seconds, stage {self.first_stage}, start {self.start}")


@dataclass(frozen=True)
class Checkpoint:
    """Weights by name; Adam's first and second moments and the difference of the average from the weights by parameter name, which may be
    absent; progress. Raises ValueError where they do not fit together."""

    state: dict[str, Tensor]
    first: dict[str, Tensor]
    second: dict[str, Tensor]
    average: dict[str, Tensor]
    progress: Progress

    def __post_init__(self) -> None:
        for kind in (self.first, self.second, self.average):
            for name, tensor in kind.items():
                if name not in self.state or self.state[name].shape != tensor.shape:
                    raise ValueError(f"{name} is not a parameter of the shape {tuple(tensor.shape)}")
        if self.first.keys() != self.second.keys():
            raise ValueError("first and second moments are of different parameters")

    def averages(self) -> dict[str, Tensor]:
        """The averaged weights, as `state`."""
        return {name: weight + self.average[name].float() if name in self.average else weight for name, weight in self.state.items()}


def load_state(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Raises CheckpointError where a tensor is missing, unknown or of another shape."""
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise CheckpointError(f"a checkpoint of other networks: {str(error).splitlines()[-1].strip()}") from error


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


def _write_all(folder: Path, checkpoint: Checkpoint) -> None:
    _write_split(folder, "state", {key: value.detach().float() for key, value in checkpoint.state.items()})
    for stem, tensors in (("first", checkpoint.first), ("second", checkpoint.second), ("average", checkpoint.average)):
        _write_split(folder, stem, {key: value.to(torch.bfloat16) for key, value in tensors.items()})
    files = sorted(path.name for path in folder.glob("*.safetensors"))
    content = json.dumps({**asdict(checkpoint.progress), "files": files}, indent=1) + "\n"
    write_whole(folder / "progress.json", content.encode())


def save(folder: Path, checkpoint: Checkpoint) -> Path:
    """Writes `folder`/checkpoint-STEP and then removes the older ones; one of this step that is there already stays.

    Raises OSError where it cannot be written; the older ones are then still there.
    """
    name = f"{PREFIX}{checkpoint.progress.step:08d}"
    whole, partial = folder / name, folder / f".{name}.partial"
    if not whole.exists():
        shutil.rmtree(partial, ignore_errors=True)
        try:
            partial.mkdir(parents=True)
            _write_all(partial, checkpoint)
            partial.rename(whole)
        except OSError:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    for old in folder.glob(f"{PREFIX}*"):
        if old != whole:
            shutil.rmtree(old)
    return whole


def latest(folder: Path) -> Checkpoint | None:
    """The checkpoint of the highest step in a folder, or None. Raises CheckpointError where it is damaged."""
    found = sorted(folder.glob(f"{PREFIX}*"))
    if not found:
        return None
    place = found[-1]
    try:
        values = json.loads((place / "progress.json").read_text())
        lacking = [name for name in values.pop("files", []) if not (place / name).is_file()]
        if lacking:
            raise CheckpointError(f"{place} is not complete: {', '.join(lacking)} missing")
        progress = Progress(**values)
        state, first, second, average = (_read_split(place, stem) for stem in ("state", "first", "second", "average"))
        return Checkpoint(state, first, second, average, progress)
    except (OSError, ValueError, TypeError, AttributeError, WeightsError) as error:
        raise CheckpointError(f"{place} is no checkpoint: {error}") from error
