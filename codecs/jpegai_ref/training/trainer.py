"""The state of a training between two steps, and what a step does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

import torch
from torch import Tensor, nn

from jpegai_ref.colour import CENTRE, HALF_RANGE
from jpegai_ref.distortion import distortion, plane_mse
from jpegai_ref.model import Model
from jpegai_ref.training.average import Average
from jpegai_ref.training.block_transform import ChromaTransform, sample_blocks
from jpegai_ref.training.checkpoint import Checkpoint, load_state
from jpegai_ref.training.data import ODD_SIZE_EVERY, Crops, Pictures
from jpegai_ref.training.forward import Coded, Rates, code, planes_of
from jpegai_ref.training.high_start import Example, start_high
from jpegai_ref.training.log import StepRow, ValidationRow
from jpegai_ref.training.losses import balance
from jpegai_ref.training.plan import Plan
from jpegai_ref.training.stages import Stage, draw_rates, learning_rate, position, trained_parts
from jpegai_ref.training.transform_start import start_from_transform
from jpegai_ref.training.validation import psnr, validate
from jpegai_ref.training.weights_start import model_of
from jpegai_ref.variable_rate import LOG_LEVEL, RATE_MODELS, STEPS_PER_LEVEL

LARGEST_GRADIENT = 5.0
EXAMPLE_BATCHES, EXAMPLES_AT_ONCE = 60, 12


class Trainer:
    """Starts from a model; `begun` and `resumed` say from which."""

    def __init__(self, plan: Plan, pictures: Pictures, model: Model) -> None:
        self._plan = plan
        self._device = torch.device(plan.device)
        self.model = model.to(self._device)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = Average(self.model)
        self._pictures = pictures
        self._crops = Crops(pictures.training, plan.seed)
        self._code_whole: Callable[..., Coded] = torch.compile(code, dynamic=False) if plan.compiled else code
        self._stage: Stage | None = None
        self._parameters: dict[str, nn.Parameter] = {}
        self._optimiser: torch.optim.Optimizer
        self.step = 0
        self.seconds = 0.0
        self._adam_steps = 0

    def take_up(self, checkpoint: Checkpoint) -> None:
        """Goes on where a checkpoint was left. Raises CheckpointError where it is of other networks."""
        progress = checkpoint.progress
        load_state(self.model, checkpoint.state)
        self.step, self.seconds = progress.step, progress.seconds
        if self.step:
            self._enter(position(self.step - 1, self._plan.total_steps, self._plan.stages).stage)
            self._adam_steps = progress.adam_steps
            for name, parameter in self._parameters.items():
                if name in checkpoint.first:
                    self._optimiser.state[parameter] = {
                        "step": torch.tensor(float(progress.adam_steps), device=parameter.device),
                        "exp_avg": _like(parameter, checkpoint.first[name]),
                        "exp_avg_sq": _like(parameter, checkpoint.second[name]),
                    }
        self.average.resume(checkpoint.averages(), progress.average_updates)

    def checkpoint(self) -> Checkpoint:
        """Everything that the next slice needs."""
        moments: dict[str, dict[str, Tensor]] = {"exp_avg": {}, "exp_avg_sq": {}}
        for name, parameter in self._parameters.items():
            for kind, kept in moments.items():
                if kind in self._optimiser.state.get(parameter, {}):
                    kept[name] = self._optimiser.state[parameter][kind]
        state, averages = self.model.state_dict(), self.average.model.state_dict()
        difference = {name: averages[name] - state[name] for name in self._parameters}
        progress = replace(
            self._plan.begin(), step=self.step, seconds=self.seconds, adam_steps=self._adam_steps, average_updates=self.average.updates
        )
        return Checkpoint(state, moments["exp_avg"], moments["exp_avg_sq"], difference, progress)

    def _enter(self, stage: Stage) -> None:
        """Starts a stage: from the average that the one before has left, its parts are trained, by a fresh Adam; the rest rests."""
        if self._stage is not None:
            self.model.load_state_dict(self.average.model.state_dict())
            if stage.frozen and not self._stage.frozen:
                self.model.copy_synthesis()
                if not self._plan.start:
                    self._start_high(stage)
            self.average.restart(self.model)
        self._stage = stage
        self.model.requires_grad_(False)
        self._parameters, groups = {}, []
        for name, (part, factor) in trained_parts(self.model, stage).items():
            part.requires_grad_(True)
            groups.append({"params": list(part.parameters()), "factor": factor})
            self._parameters |= {f"{name}.{key}": parameter for key, parameter in part.named_parameters()}
        self._optimiser = torch.optim.Adam(groups, fused=True)
        self._adam_steps = 0

    def _start_high(self, stage: Stage) -> None:
        """HOP takes over what it can of BOP, by latents of all rates of the stage."""
        dimensions, seed = self.model.dimensions, self._plan.seed
        blocks = sample_blocks(self._pictures.training, seed)
        transform = ChromaTransform(blocks, dimensions.chroma_analysis, dimensions.chroma_latent)
        where = position(self.step, self._plan.total_steps, self._plan.stages)
        examples = []
        for number in range(EXAMPLE_BATCHES):
            # Steps that cut no crop, since a cut one need not be whole blocks.
            planes = planes_of(self._crops.at(ODD_SIZE_EVERY * (self.step + number), EXAMPLES_AT_ONCE, stage.crop, stage.crop))
            rates = draw_rates(where, number, seed, EXAMPLES_AT_ONCE, self._device)
            with torch.no_grad():
                coded = code(self.model, planes, rates, stage.rounding)
            examples.append(Example(planes, coded.luma, coded.chroma))
        start_high(self.model, transform, examples)

    def autocast(self) -> AbstractContextManager[object]:
        return torch.autocast(self._device.type, torch.bfloat16, enabled=self._plan.precision == "bf16")

    def take_step(self) -> dict[str, float | Tensor]:
        """One step; returns its numbers by the names of the log, those of the device not yet waited for."""
        where = position(self.step, self._plan.total_steps, self._plan.stages)
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
            self.average.update(self._parameters)
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
        bpp = coded.bits / (height * width)
        betas = _betas(rates)
        loss = (balance(betas) * (bpp + betas * weighted)).mean()
        numbers = {"bpp": bpp.detach().mean(), "hyper_bpp": coded.hyper_bits.detach().mean() / (height * width)}
        if "bop" in shown:
            numbers["luma_mse"] = plane_mse(shown["bop"].detach(), planes)[:, 0].mean()
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
        """The log's row of the last steps: the means of their numbers, each over the steps that have it."""
        names = {name for row in rows for name in row}
        values = {name: [float(row[name]) for row in rows if name in row] for name in names}
        mean = {name: sum(found) / len(found) for name, found in values.items()}
        luma_mse = mean.pop("luma_mse", None)
        decoded = None if luma_mse is None else psnr(luma_mse)
        return StepRow(step=self.step, stage=self._last_stage().name, seconds=self.seconds, psnr_y=decoded, **mean)

    def _last_stage(self) -> Stage:
        return position(max(self.step - 1, 0), self._plan.total_steps, self._plan.stages).stage

    def validation(self) -> list[ValidationRow]:
        """Of the averaged weights."""
        with self.autocast():
            return list(validate(self.average.model, self._pictures.validation, self._last_stage(), self.step))


def begun(plan: Plan, pictures: Pictures) -> Trainer:
    """At the first step. Raises WeightsError where the plan starts from weights that cannot be used."""
    torch.manual_seed(plan.seed)
    if plan.start:
        return Trainer(plan, pictures, model_of(plan.start, plan.dimensions))
    model = Model(plan.dimensions)
    start_from_transform(model, pictures.training, plan.seed)
    return Trainer(plan, pictures, model)


def resumed(plan: Plan, pictures: Pictures, checkpoint: Checkpoint) -> Trainer:
    """Where a checkpoint was left. Raises CheckpointError where it is of another plan or of other networks."""
    plan.check(checkpoint.progress)
    trainer = Trainer(plan, pictures, Model(plan.dimensions))
    trainer.take_up(checkpoint)
    return trainer


def _like(parameter: Tensor, values: Tensor) -> Tensor:
    """Values in the memory order of a parameter, which the fused optimiser takes for granted."""
    return torch.empty_like(parameter).copy_(values).detach()


def _betas(rates: Rates) -> Tensor:
    nominal = torch.tensor([model.beta for model in RATE_MODELS], device=rates.model_ids.device)
    return nominal[rates.model_ids] * torch.exp(2 * rates.displacements * LOG_LEVEL / STEPS_PER_LEVEL)
