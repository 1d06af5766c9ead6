"""RDLR, rate-distortion refinement of the latents: the encoder looks through the decoder at what its symbols do, and chooses others.

    symbols -- y_hat -- BOP -- errors E_i;  loss = bits + sum_i worth_i E_i      bits by the coder's table
    target = y_hat - gradient / (caution * curvature)            where the loss would be least, were it a parabola of each latent alone
    each symbol: the cheaper one of the two beside the target     bits + caution * curvature * (y_hat - target)^2 / 2

The errors are those of `visible_errors`, and the squared errors of U and V. worth_i = WORTH_i * bits / E_i, with the bits and the errors of
the picture without refinement: one percent less of an error is worth WORTH_i percent of the bits, in all pictures and at all rates.

Curvature is measured: the gradient's change along a random direction of +-1/10 step in every latent tells the diagonal of the Hessian
(Hutchinson), averaged over each channel, and over all channels around each position. Latents that act together make the loss grow faster
than the diagonal says, hence the caution, and hence only half of the latents, drawn anew, get another target at a time. Caution grows when
a try has not helped, and the best try is kept. The stream has no syntax for this.

The reference software follows the gradient of MS-SSIM and squared error with respect to y by Adagrad, through rounding as if there were
none. Here few iterations have to do, and steps that are small beside the quantiser's change nothing or too much.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from jpegai_ref.analysed import Analysed
from jpegai_ref.coder import inference
from jpegai_ref.decoder_gradient import DecoderErrors
from jpegai_ref.quantised_component import QuantisedComponent
from jpegai_ref.refined_rounding import Target
from jpegai_ref.tools import NotRefinable, Tools
from jpegai_ref.visible_errors import SMALLEST_ERRORS

WORTH = (0.3, 0.25, 0.67, 1.7, 0.1, 0.1)
"""Of a share of each error, as a share of the bits: squared error, structure, information and detail of luma, squared errors of U and V.
Chosen on training pictures by the seven metrics."""
SMALLEST = (*SMALLEST_ERRORS, SMALLEST_ERRORS[0], SMALLEST_ERRORS[0])
"""A share of an error is taken of no less than this: next to nothing is worth less."""
ITERATIONS = 12
CHANGED = 0.5
"""Of the latents, at a time."""
CAUTION = 1.5
MORE_CAUTION = 1.2
PROBE_STEPS = 0.1
"""Beyond, the errors are no parabola any more."""
LARGEST_MOVE = 0.8
"""Of a target, in steps of the quantiser."""
SEED = 0
SURROUNDINGS = 5
"""Side of the square of positions over which curvature is averaged."""
LEAST_ACTIVITY = 0.2
LEAST_CURVATURE = 1e-3
"""As a share of the largest of any channel."""

Parts = list[QuantisedComponent]
"""Luma, or luma and chroma."""


@dataclass(frozen=True, eq=False)
class Problem:
    """What is to be refined: the errors behind the decoder, and a pass of quantisation to given targets."""

    errors: DecoderErrors
    quantise: Callable[[Sequence[Target]], Parts]


@dataclass(frozen=True, eq=False)
class Refined:
    """The best symbols that were found, what they were chosen for, and what their errors are worth less, in bits."""

    parts: Parts
    targets: tuple[Target, ...]
    gained: float


@dataclass(frozen=True, eq=False)
class _Try:
    parts: Parts
    targets: tuple[Target, ...]
    errors: Tensor
    gradients: list[Tensor]
    loss: float


def check_refinable(source: Analysed, tools: Tools) -> None:
    """Raises NotRefinable for what errors do not know of: independent regions, channels that are left out, places that count for more."""
    components = [source.luma, *([source.chroma] if source.chroma else [])]
    hindrances = {
        "regions": source.regions is not None,
        "a region of interest": source.interest is not None,
        "the tool quality-map": tools.quality_map,
        "fewer than all channels": any(component.channels < component.y.shape[1] for component in components),
    }
    found = [name for name, there in hindrances.items() if there]
    if found:
        raise NotRefinable(f"the tool rdlr does not go together with {' and '.join(found)}")


def worth_in_bits(bits: float, errors: Tensor) -> Tensor:
    """Of a unit of each error, where symbols without refinement cost `bits` and make these `errors`, (4,) or (6,)."""
    return bits * torch.tensor(WORTH[: len(errors)]).to(errors) / errors.maximum(torch.tensor(SMALLEST[: len(errors)]).to(errors))


def refined(problem: Problem, plain: Parts) -> Refined | None:
    """Better symbols than the `plain` ones, by ITERATIONS quantisations and ITERATIONS + 4 passes through the decoder; None where none
    were found, or where the errors do not react to the latents."""
    worth = _worth(problem, plain)
    best = first = _tried(problem, worth, plain, ())
    curvatures = _curvatures(problem, worth, plain)
    if not all(bool((channels > 0).all()) for channels, _ in curvatures):
        return None
    generator = torch.Generator().manual_seed(SEED)
    caution = CAUTION
    for _ in range(ITERATIONS):
        before = best.targets or [None] * len(plain)
        targets = tuple(
            _partly(_target(part, gradient, caution, *curvature), part.y_hat if was is None else was.latent, generator)
            for part, gradient, curvature, was in zip(best.parts, best.gradients, curvatures, before, strict=True)
        )
        found = _tried(problem, worth, problem.quantise(targets), targets)
        if found.loss < best.loss:
            best = found
        else:
            caution *= MORE_CAUTION
    return Refined(best.parts, best.targets, _difference(worth, first.errors, best.errors)) if best.targets else None


def refined_alike(problem: Problem, plain: Parts, targets: tuple[Target, ...]) -> Refined:
    """Symbols for the targets of another pass, whose rate was another: no gradients, one quantisation."""
    parts = problem.quantise(targets)
    errors = [problem.errors.values([part.latent for part in each]) for each in (plain, parts)]
    return Refined(parts, targets, _difference(worth_in_bits(_bits(plain), errors[0]), *errors))


def _bits(parts: Parts) -> float:
    return sum(part.bits() for part in parts)


def _difference(worth: Tensor, before: Tensor, behind: Tensor) -> float:
    return float((worth * (before - behind)).sum())


def _worth(problem: Problem, plain: Parts) -> Tensor:
    return worth_in_bits(_bits(plain), problem.errors.values([part.latent for part in plain]))


def _tried(problem: Problem, worth: Tensor, parts: Parts, targets: tuple[Target, ...]) -> _Try:
    errors, gradients = problem.errors.gradient([part.latent for part in parts], worth)
    return _Try(parts, targets, errors, gradients, _bits(parts) + float((worth * errors).sum()))


def _target(part: QuantisedComponent, gradient: Tensor, caution: float, curvature: Tensor, activity: Tensor) -> Target:
    with inference():
        limit = LARGEST_MOVE * part.step_sizes()
        move = torch.clamp(gradient / (caution * curvature * activity), -limit, limit)
        return Target(part.y_hat - move, caution * curvature, activity)


def _partly(target: Target, before: Tensor, generator: torch.Generator) -> Target:
    """The target where a latent is drawn, what it was `before` elsewhere."""
    with inference():
        drawn = torch.rand(before.shape, generator=generator) < CHANGED
        return replace(target, latent=torch.where(drawn.to(before.device), target.latent, before))


def _curvatures(problem: Problem, worth: Tensor, parts: Parts) -> list[tuple[Tensor, Tensor]]:
    """Curvature of channels (1, C, 1, 1) and activity of positions (1, 1, h, w) of each component."""
    generator = torch.Generator().manual_seed(SEED)
    probes = [_probe(part, generator) for part in parts]
    above, below = (
        problem.errors.gradient([part.latent + sign * probe for part, probe in zip(parts, probes, strict=True)], worth)[1]
        for sign in (1, -1)
    )
    with inference():
        return [_curvature((up - down) / (2 * probe), probe) for up, down, probe in zip(above, below, probes, strict=True)]


def _probe(part: QuantisedComponent, generator: torch.Generator) -> Tensor:
    with inference():
        signs = torch.randint(0, 2, part.latent.shape, generator=generator, dtype=torch.int8).to(part.latent.device) * 2 - 1
        return signs * PROBE_STEPS * part.step_sizes()


def _curvature(diagonal: Tensor, probe: Tensor) -> tuple[Tensor, Tensor]:
    """From single estimates of the Hessian's diagonal, very noisy ones."""
    channels = diagonal.mean((2, 3), keepdim=True)
    channels = channels.clamp(min=LEAST_CURVATURE * float(channels.max()))
    # In units of steps all channels count alike.
    steps = probe.square()
    positions = (diagonal * steps).sum(1, keepdim=True) / (channels * steps).sum(1, keepdim=True)
    around = F.avg_pool2d(positions, SURROUNDINGS, 1, SURROUNDINGS // 2, count_include_pad=False)
    return channels, around.clamp(min=LEAST_ACTIVITY)
