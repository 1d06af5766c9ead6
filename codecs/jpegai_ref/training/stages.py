"""The stages of training: what each trains, on what, for which share of all steps.

entropy    entropy part alone, on the latents of the transform that training starts from; the four models at their own betas; rate
mse        analysis, entropy part and the SOP and BOP decoders together; displacements drawn between the models; mean squared error
mixed      the same with a share of MS-SSIM
integer    the same with the hyper-scale decoder in its integers; afterwards analysis and entropy part are frozen
high       HOP alone, from what `high_start` takes over of BOP; mean squared error
synthesis  all three decoders, SOP and BOP in two copies, each on its half of the models; symbols skipped as the coder skips them
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import torch
from torch import nn

from jpegai_ref.distortion import SMALLEST_SIDE_FOR_MSSSIM
from jpegai_ref.model import OPERATING_POINTS, Model, OperatingPoint
from jpegai_ref.training.forward import Rates, Rounding
from jpegai_ref.variable_rate import RATE_MODELS

MODEL_PROBABILITIES = (0.3, 0.3, 0.28, 0.12)
"""How often each model is drawn: the common test conditions measure between 0.06 and 0.75 bpp, which the first three reach."""
WARM_UP_STEPS = 300
WARM_UP_START = 0.1
NOMINAL_SHARE = 0.5
"""Of the displaced stages' pictures, those without displacement."""
FASTER = {"symbols": 5.0, "gains": 5.0}
"""Factor of the learning rate of parameters that are no weights of convolutions, and have farther to go."""


Trained = Literal["entropy", "joint", "synthesis"]
"""entropy: hyper networks, context model, distribution of z. joint: these, analysis, gains and decoders. synthesis: decoders in copies."""


@dataclass(frozen=True)
class Stage:
    """`share` of all steps; `crop` and `batch` are the size of a step; learning rates fall as a cosine from the first to the second."""

    name: str
    share: float
    trains: Trained
    decoders: Mapping[OperatingPoint, float]
    """The weight of each decoder's distortion in the loss; without any the loss is the rate."""
    mixed: bool
    displaced: bool
    rounding: Rounding
    crop: int
    batch: int
    learning_rate: tuple[float, float]
    slower: Mapping[OperatingPoint, float] = field(default_factory=dict)
    """Factor of the learning rate of decoders that are already trained."""

    @property
    def frozen(self) -> bool:
        """Analysis and entropy part are not trained; synthesis is in its copies."""
        return self.trains == "synthesis"

    @property
    def smallest_side(self) -> int:
        return SMALLEST_SIDE_FOR_MSSSIM + 1 if self.mixed else self.crop // 2


_TRAINED = Rounding(integer_scales=False, skip=False, noise=True)
_JOINT: dict[OperatingPoint, float] = {"bop": 2 / 3, "sop": 1 / 3}
_ALL: dict[OperatingPoint, float] = {"sop": 1.0, "bop": 1.0, "hop": 1.0}

STAGES = (
    Stage("entropy", 0.05, "entropy", {}, False, False, _TRAINED, 256, 8, (2e-3, 2e-4)),
    Stage("mse", 0.22, "joint", _JOINT, False, True, _TRAINED, 160, 8, (3e-4, 1e-4)),
    Stage("mixed", 0.38, "joint", _JOINT, True, True, _TRAINED, 192, 6, (2e-4, 2e-5)),
    Stage("integer", 0.05, "joint", _JOINT, True, True, Rounding(True, False, True), 192, 6, (5e-5, 1e-5)),
    Stage("high", 0.15, "synthesis", {"hop": 1.0}, False, True, Rounding(True, True, False), 128, 8, (1e-3, 2e-4)),
    Stage("synthesis", 0.15, "synthesis", _ALL, True, True, Rounding(True, True, False), 192, 6, (3e-4, 2e-5), {"sop": 0.5, "bop": 0.5}),
)


@dataclass(frozen=True)
class Position:
    """Where a step of the whole plan lies: its stage, the step inside it, the stage's number of steps."""

    stage: Stage
    step: int
    steps: int


def stages_from(name: str) -> tuple[Stage, ...]:
    """The stage of this name and those after it, with shares that make a whole. Raises ValueError where there is none."""
    names = [stage.name for stage in STAGES]
    if name not in names:
        raise ValueError(f"{name!r} is not a stage; there are {', '.join(names)}")
    kept = STAGES[names.index(name) :]
    return tuple(replace(stage, share=stage.share / sum(other.share for other in kept)) for stage in kept)


def position(step: int, total_steps: int, stages: Sequence[Stage] = STAGES) -> Position:
    """The stage of a step 0..total_steps - 1. Raises ValueError outside."""
    if not 0 <= step < total_steps:
        raise ValueError(f"step {step} is not in a plan of {total_steps}")
    begin, share = 0, 0.0
    for stage in stages:
        share += stage.share
        end = total_steps if stage is stages[-1] else round(share * total_steps)
        if step < end:
            return Position(stage, step - begin, end - begin)
        begin = end
    raise ValueError("the shares of the stages do not make a whole")


def learning_rate(where: Position) -> float:
    """Linear warm-up from a tenth, then a cosine."""
    first, last = where.stage.learning_rate
    cosine = last + (first - last) * 0.5 * (1 + math.cos(math.pi * where.step / where.steps))
    warm_up = min(WARM_UP_STEPS, where.steps // 10)
    return cosine if where.step >= warm_up else cosine * (WARM_UP_START + (1 - WARM_UP_START) * where.step / warm_up)


def draw_rates(where: Position, step: int, seed: int, pictures: int, device: torch.device) -> Rates:
    """Model and displacement of each picture of a step. In the frozen stage all are of one copy's models."""
    random = np.random.default_rng((seed, step, 1))
    stage, probabilities = where.stage, np.array(MODEL_PROBABILITIES)
    if stage.frozen:
        half = step % 2
        probabilities = probabilities * (np.arange(len(RATE_MODELS)) * 2 // len(RATE_MODELS) == half)
    ids = random.choice(len(RATE_MODELS), pictures, p=probabilities / probabilities.sum())
    displacements = np.zeros(pictures)
    if stage.displaced:
        low = np.array([model.lowest_displacement for model in RATE_MODELS])[ids]
        high = np.array([model.highest_displacement for model in RATE_MODELS])[ids]
        displacements = np.where(random.random(pictures) < NOMINAL_SHARE, 0, np.round(random.uniform(low, high)))
    return Rates(torch.from_numpy(ids).to(device), torch.from_numpy(displacements).float().to(device))


def trained_parts(model: Model, stage: Stage) -> dict[str, tuple[nn.Module, float]]:
    """Name -> part and factor of its learning rate; everything else is at rest in this stage."""
    parts: dict[str, tuple[nn.Module, float]] = {}
    if not stage.frozen:
        resting = {"entropy": ("analysis", "synthesis"), "joint": ("synthesis",)}[stage.trains]
        parts = {name: (part, 1.0) for name, part in model.named_children() if not name.endswith(("_prior", *resting))}
        for component, prior in (("luma_prior", model.luma_prior), ("chroma_prior", model.chroma_prior)):
            parts |= {f"{component}.{name}": (part, FASTER.get(name, 1.0)) for name, part in prior.named_children()}
        if stage.trains == "entropy" or stage.mixed:
            # The rate alone would have no gain at all; later on gradients past the rounding would only spoil what `fit_gains` has found.
            parts = {name: part for name, part in parts.items() if not name.endswith(".gains")}
    for name in OPERATING_POINTS:
        if name in stage.decoders:
            copies = model.synthesis_copies(name)
            trained = copies if stage.frozen else copies[:1]
            parts |= {f"synthesis.{name}.{index}": (copy, stage.slower.get(name, 1.0)) for index, copy in enumerate(trained)}
    return parts
