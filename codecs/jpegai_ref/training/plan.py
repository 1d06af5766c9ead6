"""What a whole training is, whatever the slices that it is done in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from jpegai_ref.dimensions import COMPACT, Dimensions
from jpegai_ref.training.checkpoint import CheckpointError, Progress
from jpegai_ref.training.stages import STAGES, Stage, stages_from
from jpegai_ref.weights import Weights

Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True)
class Plan:
    """Steps, seed, start and first stage make a training; the rest may differ between its slices."""

    folders: tuple[Path, ...]
    out: Path
    total_steps: int
    device: str
    precision: Precision
    seed: int
    batch_factor: int
    """Multiplies the batch of every stage."""
    compiled: bool
    """The coding path goes through torch.compile first: minutes at the start, faster steps where the device gains from it."""
    start: Weights | None = None
    """Where the networks start; None: from the block transform of the pictures."""
    first_stage: str = STAGES[0].name
    dimensions: Dimensions = COMPACT

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """From the first stage on. Raises ValueError where there is none of this name."""
        return stages_from(self.first_stage)

    def begin(self) -> Progress:
        """Before the first step."""
        return Progress(0, self.total_steps, self.seed, 0.0, 0, start=self.start.id if self.start else None, first_stage=self.first_stage)

    def check(self, found: Progress) -> None:
        """Raises CheckpointError where a checkpoint is of another plan."""
        here, there = _described(self.begin()), _described(found)
        if here != there:
            raise CheckpointError(f"{self.out} holds a training of {there}, not of {here}")


def _described(progress: Progress) -> str:
    start = f"the weights {progress.start}" if progress.start else "the block transform"
    return f"{progress.total_steps} steps with seed {progress.seed} from stage {progress.first_stage} on, started from {start}"
