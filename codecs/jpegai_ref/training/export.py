"""Weights for the codec from a checkpoint: half precision and integers, of the averaged weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jpegai_ref import weights
from jpegai_ref.dimensions import Dimensions
from jpegai_ref.model import Model
from jpegai_ref.post_training import quantised
from jpegai_ref.training.checkpoint import Checkpoint, load_state
from jpegai_ref.training.quantised import HIDDEN_BITS
from jpegai_ref.training.stages import position, stages_from

LARGEST_FILE = 16 << 20


@dataclass(frozen=True)
class Exported:
    """The id of the contents, 32 hexadecimal digits, and the size of the file."""

    id: str
    size_bytes: int


def export(path: Path, checkpoint: Checkpoint, dimensions: Dimensions) -> Exported:
    """Writes weights that coders and later trainings can use, from any stage: what a stage has not come to is as training started with it.

    Raises CheckpointError where the checkpoint is of other networks, WeightsError where values do not fit half precision or integers or
    the file would be larger than 16 MiB, OSError where it cannot be written.
    """
    model = Model(dimensions)
    load_state(model, checkpoint.averages())
    if _one_copy_is_ahead(checkpoint):
        model.copy_synthesis()
    tensors = weights.network_tensors(model)
    try:
        tensors |= weights.entropy_tensors(model, lambda convs: quantised(convs, HIDDEN_BITS).tensors())
    except ValueError as error:
        raise weights.WeightsError(f"the weights cannot be exported: {error}") from error
    name = weights.write(path, tensors, LARGEST_FILE)
    return Exported(name, path.stat().st_size)


def _one_copy_is_ahead(checkpoint: Checkpoint) -> bool:
    """Before the last stage one copy of the SOP and BOP synthesis is trained for all models."""
    progress = checkpoint.progress
    return progress.step > 0 and not position(progress.step - 1, progress.total_steps, stages_from(progress.first_stage)).stage.frozen
