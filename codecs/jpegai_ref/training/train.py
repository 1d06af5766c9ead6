"""Training in slices of time: from a checkpoint, or from a start, to a checkpoint."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from jpegai_ref.training.checkpoint import Checkpoint, latest, save
from jpegai_ref.training.data import load_pictures
from jpegai_ref.training.log import Log, StepRow, ValidationRow
from jpegai_ref.training.plan import Plan
from jpegai_ref.training.trainer import Trainer, begun, resumed

LOG_EVERY = 50
VALIDATE_EVERY = 500
SAVE_EVERY_S = 600.0


def train(plan: Plan, minutes: float) -> Checkpoint:
    """Trains for so many minutes, or to the end of the plan, and leaves a checkpoint, which is returned, and the log in `plan.out`.

    Where a checkpoint is there and nothing to be trained, no picture is read. Raises TrainingDataError for unusable folders,
    CheckpointError for a checkpoint that is damaged or of another plan, WeightsError where the plan starts from weights that cannot be
    used, OSError where `plan.out` cannot be written.
    """
    begun_at = time.monotonic()
    found = latest(plan.out)
    if found:
        plan.check(found.progress)
        if minutes == 0 or found.progress.step == plan.total_steps:
            return found
    pictures = load_pictures(plan.folders, torch.device(plan.device), max(stage.crop for stage in plan.stages))
    trainer = resumed(plan, pictures, found) if found else begun(plan, pictures)
    plan.out.mkdir(parents=True, exist_ok=True)
    _slice(plan, trainer, begun_at, begun_at + 60 * minutes)
    return _saved(plan.out, trainer)


def _slice(plan: Plan, trainer: Trainer, begun_at: float, until: float) -> None:
    steps = Log(plan.out / "steps.csv", StepRow, trainer.step)
    validations = Log(plan.out / "validation.csv", ValidationRow, trainer.step)
    spent_before, saved = trainer.seconds, begun_at
    rows: list[dict[str, float | Tensor]] = []
    with tqdm(total=plan.total_steps, initial=trainer.step, disable=not sys.stderr.isatty()) as bar:
        while trainer.step < plan.total_steps and time.monotonic() < until:
            rows.append(trainer.take_step())
            bar.update()
            trainer.seconds = spent_before + time.monotonic() - begun_at
            last = trainer.step == plan.total_steps
            if trainer.step % LOG_EVERY == 0 or last:
                row = trainer.summary(rows)
                steps.add(row)
                bar.set_postfix(loss=f"{row.loss:.3f}", bpp=f"{row.bpp:.3f}")
                rows.clear()
            if trainer.step % VALIDATE_EVERY == 0 or last:
                for validation in trainer.validation():
                    validations.add(validation)
            if time.monotonic() - saved > SAVE_EVERY_S:
                save(plan.out, trainer.checkpoint())
                saved = time.monotonic()
    if rows:
        steps.add(trainer.summary(rows))


def _saved(out: Path, trainer: Trainer) -> Checkpoint:
    """What the next slice will find, moments and average in half of their digits."""
    save(out, trainer.checkpoint())
    found = latest(out)
    if found is None:
        raise FileNotFoundError(f"the checkpoint in {out} is gone")
    return found
