"""Training in slices of time: from a checkpoint, or from the seed, to a checkpoint."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn
from tqdm import tqdm

from jpegai_ref.colour import CENTRE, HALF_RANGE
from jpegai_ref.dimensions import COMPACT, Dimensions
from jpegai_ref.model import Model
from jpegai_ref.training.checkpoint import Checkpoint, Progress, latest, save
from jpegai_ref.training.data import Crops, Pictures, load_pictures
from jpegai_ref.training.forward import Coded, Rates, code, planes_of
from jpegai_ref.training.log import Log, StepRow, ValidationRow
from jpegai_ref.training.losses import balance, distortion, plane_mse
from jpegai_ref.training.stages import STAGES, Stage, draw_rates, learning_rate, position, trained_parts
from jpegai_ref.training.transform_start import start_from_transform
from jpegai_ref.training.validation import psnr, validate
from jpegai_ref.variable_rate import LOG_LEVEL, RATE_MODELS, STEPS_PER_LEVEL

Precision = Literal["fp32", "bf16"]

LARGEST_GRADIENT = 5.0
LOG_EVERY = 50
VALIDATE_EVERY = 500
SAVE_EVERY_S = 600.0


@dataclass(frozen=True)
class Plan:
    """What a whole training is, whatever the slices: a resumed training has the same plan."""

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
    dimensions: Dimensions = COMPACT


class Trainer:
    """The state of a training between two steps."""

    def __init__(self, plan: Plan, pictures: Pictures) -> None:
        self._plan = plan
        self._device = torch.device(plan.device)
        torch.manual_seed(plan.seed)
        self.model = Model(plan.dimensions)
        start_from_transform(self.model, pictures.training, plan.seed)
        self.model.to(self._device)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._pictures = pictures
        self._crops = Crops(pictures.training, plan.seed)
        self._code_whole: Callable[..., Coded] = torch.compile(code, dynamic=False) if plan.compiled else code
        self._stage: Stage | None = None
        self._parameters: dict[str, nn.Parameter] = {}
        self._optimiser: torch.optim.Optimizer
        self.step = 0
        self.seconds = 0.0
        self._adam_steps = 0

    def resume(self, checkpoint: Checkpoint) -> None:
        """Takes up where a checkpoint was left. Raises ValueError where it is of another plan."""
        progress = checkpoint.progress
        if (progress.total_steps, progress.seed) != (self._plan.total_steps, self._plan.seed):
            raise ValueError(
                f"the checkpoint is of a plan of {progress.total_steps} steps with seed {progress.seed}, "
                f"not of {self._plan.total_steps} with {self._plan.seed}"
            )
        self.model.load_state_dict(checkpoint.state)
        self.step, self.seconds = progress.step, progress.seconds
        if self.step < self._plan.total_steps and self.step > 0:
            self._enter(position(self.step - 1, self._plan.total_steps).stage)
            self._adam_steps = progress.adam_steps
            for name, parameter in self._parameters.items():
                if name in checkpoint.first:
                    self._optimiser.state[parameter] = {
                        "step": torch.tensor(float(progress.adam_steps), device=parameter.device),
                        "exp_avg": _like(parameter, checkpoint.first[name]),
                        "exp_avg_sq": _like(parameter, checkpoint.second[name]),
                    }

    def checkpoint(self) -> Checkpoint:
        """Everything that the next slice needs."""
        moments: dict[str, dict[str, Tensor]] = {"exp_avg": {}, "exp_avg_sq": {}}
        for name, parameter in self._parameters.items():
            for kind, kept in moments.items():
                if kind in self._optimiser.state.get(parameter, {}):
                    kept[name] = self._optimiser.state[parameter][kind]
        progress = Progress(self.step, self._plan.total_steps, self._plan.seed, self.seconds, self._adam_steps)
        return Checkpoint(self.model.state_dict(), moments["exp_avg"], moments["exp_avg_sq"], progress)

    def _enter(self, stage: Stage) -> None:
        """Starts a stage: its parts are trained, by a fresh Adam; the rest rests."""
        if stage.frozen and self._stage is not None:
            self.model.copy_synthesis()
        self._stage = stage
        self.model.requires_grad_(False)
        self._parameters, groups = {}, []
        for name, (part, factor) in trained_parts(self.model, stage).items():
            part.requires_grad_(True)
            groups.append({"params": list(part.parameters()), "factor": factor})
            self._parameters |= {f"{name}.{key}": parameter for key, parameter in part.named_parameters()}
        self._optimiser = torch.optim.Adam(groups, fused=True)
        self._adam_steps = 0

    def autocast(self) -> AbstractContextManager[object]:
        return torch.autocast(self._device.type, torch.bfloat16, enabled=self._plan.precision == "bf16")

    def take_step(self) -> dict[str, float | Tensor]:
        """One step; returns its numbers by the names of the log, those of the device not yet waited for."""
        where = position(self.step, self._plan.total_steps)
        stage = where.stage
        if stage is not self._stage:
            self._enter(stage)
        rate = learning_rate(where)
        for group in self._optimiser.param_groups:
            group["lr"] = rate * group["factor"]
        torch.manual_seed(self._plan.seed * 1_000_003 + self.step)
        pictures = stage.batch * self._plan.batch_factor
        rates = draw_rates(where, self.step, self._plan.seed, pictures, self._device)
        planes = planes_of(self._crops.at(self.step, pictures, stage.crop, stage.smallest_side))
        loss, numbers = self._loss(stage, planes, rates)
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self._parameters.values(), LARGEST_GRADIENT)
        if bool(torch.isfinite(norm)):
            self._optimiser.step()
            self._adam_steps += 1
        self.step += 1
        return {"learning_rate": rate, "loss": loss.detach(), "gradient_norm": norm, **numbers}

    def _loss(self, stage: Stage, planes: Tensor, rates: Rates) -> tuple[Tensor, dict[str, Tensor]]:
        height, width = planes.shape[-2:]
        with self.autocast():
            with torch.set_grad_enabled(not stage.frozen):
                # Cropped sizes are many: to compile for each would take longer than they take.
                whole = height == width == stage.crop
                coded = (self._code_whole if whole else code)(self.model, planes, rates, stage.rounding)
            shown = self._decode(stage, coded, rates, height, width)
        weighted = sum(weight * distortion(shown[name], planes, rates.model_ids, stage.mixed) for name, weight in stage.decoders.items())
        # A stage that trains rates alone decodes nothing.
        luma_mse = plane_mse(shown["bop"].detach(), planes)[:, 0].mean() if shown else torch.tensor(math.nan)
        bpp = coded.bits / (height * width)
        betas = _betas(rates)
        loss = (balance(betas) * (bpp + betas * weighted)).mean()
        numbers = {
            "bpp": bpp.detach().mean(),
            "hyper_bpp": coded.hyper_bits.detach().mean() / (height * width),
            "psnr_y": luma_mse,
        }
        return loss, numbers

    def _decode(self, stage: Stage, coded: Coded, rates: Rates, height: int, width: int) -> dict[str, Tensor]:
        """All pictures of a step of the frozen stage are of one copy's models; before, there is one copy for all."""
        model_id = int(rates.model_ids[0]) if stage.frozen else 0
        return {
            name: self._samples(self.model.synthesiser(name, model_id)(coded.luma, coded.chroma, height, width)) for name in stage.decoders
        }

    @staticmethod
    def _samples(values: Tensor) -> Tensor:
        # Not clamped: a gradient must lead back from outside [0, 255].
        return values.float() * HALF_RANGE + CENTRE

    def summary(self, rows: Sequence[Mapping[str, float | Tensor]]) -> StepRow:
        """The log's row of the last steps: the means of their numbers."""
        mean = {name: sum(float(row[name]) for row in rows) / len(rows) for name in rows[0]}
        mean["psnr_y"] = psnr(mean["psnr_y"])
        return StepRow(step=self.step, stage=self._last_stage().name, seconds=self.seconds, **mean)

    def _last_stage(self) -> Stage:
        return position(max(self.step - 1, 0), self._plan.total_steps).stage

    def validation(self) -> list[ValidationRow]:
        with self.autocast():
            return list(validate(self.model, self._pictures.validation, self._last_stage(), self.step))


def _like(parameter: Tensor, values: Tensor) -> Tensor:
    """Values in the memory order of a parameter, which the fused optimiser takes for granted."""
    return torch.empty_like(parameter).copy_(values).detach()


def _betas(rates: Rates) -> Tensor:
    nominal = torch.tensor([model.beta for model in RATE_MODELS], device=rates.model_ids.device)
    return nominal[rates.model_ids] * torch.exp(2 * rates.displacements * LOG_LEVEL / STEPS_PER_LEVEL)


def train(plan: Plan, minutes: float) -> Trainer:
    """Trains for so many minutes, or to the end of the plan, and leaves a checkpoint and the log in `plan.out`.

    Raises TrainingDataError for unusable folders, WeightsError for a damaged checkpoint, ValueError for one of another plan.
    """
    begun = time.monotonic()
    plan.out.mkdir(parents=True, exist_ok=True)
    pictures = load_pictures(plan.folders, torch.device(plan.device), max(stage.crop for stage in STAGES))
    trainer = Trainer(plan, pictures)
    found = latest(plan.out)
    if found:
        trainer.resume(found)
    spent_before = trainer.seconds
    steps = Log(plan.out / "steps.csv", StepRow, trainer.step)
    validations = Log(plan.out / "validation.csv", ValidationRow, trainer.step)
    saved = begun
    rows: list[dict[str, float | Tensor]] = []
    with tqdm(total=plan.total_steps, initial=trainer.step, disable=not sys.stderr.isatty()) as bar:
        while trainer.step < plan.total_steps and time.monotonic() - begun < 60 * minutes:
            rows.append(trainer.take_step())
            bar.update()
            trainer.seconds = spent_before + time.monotonic() - begun
            if trainer.step % LOG_EVERY == 0:
                row = trainer.summary(rows)
                steps.add(row)
                bar.set_postfix(loss=f"{row.loss:.3f}", bpp=f"{row.bpp:.3f}", psnr_y=f"{row.psnr_y:.2f}")
                rows.clear()
            if trainer.step % VALIDATE_EVERY == 0:
                for validation in trainer.validation():
                    validations.add(validation)
            if time.monotonic() - saved > SAVE_EVERY_S:
                save(plan.out, trainer.checkpoint())
                saved = time.monotonic()
    if rows:
        steps.add(trainer.summary(rows))
    save(plan.out, trainer.checkpoint())
    return trainer
