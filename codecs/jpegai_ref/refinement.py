"""RDLR, rate-distortion refinement of the latents: the encoder looks through the decoder at what its symbols do, and chooses others.

    symbols -- y_hat -- BOP -- D;  loss = bits + worth N D        N luma samples, bits by the coder's table
    target = y_hat - dD/dy_hat / (caution * curvature)            where D would be least, were it a parabola of each latent alone
    each symbol: the cheaper one of the two beside the target     bits + worth N (caution * curvature) (y_hat - target)^2 / 2

worth is beta / RATE_SHARE, beta that of model and displacement as in training: metrics gain more where a bit counts for less than there.

Curvature is measured: the gradient's change along a random direction of +-1/10 step in every latent tells the diagonal of the Hessian
(Hutchinson), averaged over each channel, and over all channels around each position. Latents that act together make D grow faster than
the diagonal says, hence the caution; it grows when a try has not helped, and the best try is kept. The stream has no syntax for this.

The reference software follows the gradient with respect to y by Adagrad, through rounding as if there were none. Here few iterations have
to do, and steps that are small beside the quantiser's change nothing or too much.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from jpegai_ref.analysed import Analysed
from jpegai_ref.coder import inference
from jpegai_ref.decoder_gradient import DecoderDistortion
from jpegai_ref.quantised_component import QuantisedComponent
from jpegai_ref.refined_rounding import Target
from jpegai_ref.tools import NotRefinable, Tools
from jpegai_ref.variable_rate import beta_at

ITERATIONS = 6
RATE_SHARE = 0.9
"""Of a bit, measured: with less PSNR of luma and FSIM gain more, with this the other metrics do."""
CAUTION = 1.5
MORE_CAUTION = 1.5
PROBE_STEPS = 0.1
"""Beyond, what MS-SSIM loses is no parabola any more."""
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
    """What is to be refined: the distortion behind the decoder, its worth in bits, and a pass of quantisation to given targets."""

    distortion: DecoderDistortion
    worth: float
    quantise: Callable[[Sequence[Target]], Parts]


@dataclass(frozen=True, eq=False)
class Refined:
    """The best symbols that were found and what they were chosen for; N D of them, and of those without refinement."""

    parts: Parts
    targets: tuple[Target, ...]
    distortion: float
    distortion_before: float


@dataclass(frozen=True, eq=False)
class _Try:
    parts: Parts
    targets: tuple[Target, ...]
    distortion: float
    gradients: list[Tensor]
    loss: float


def check_refinable(source: Analysed, tools: Tools) -> None:
    """Raises NotRefinable for what D does not know of: independent regions, channels that are left out, places that count for more."""
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


def worth(model_id: int, displacement: int) -> float:
    """What a unit of D times samples is worth, in bits."""
    return beta_at(model_id, displacement) / RATE_SHARE


def refined(problem: Problem, plain: Parts) -> Refined | None:
    """Better symbols than the `plain` ones, by ITERATIONS + 1 quantisations and ITERATIONS + 3 gradients; None where none were found."""
    best = _tried(problem, plain, ())
    before = best.distortion
    curvatures = _curvatures(problem, plain)
    caution = CAUTION
    for _ in range(ITERATIONS):
        targets = tuple(
            _target(part, gradient, caution, *curvature)
            for part, gradient, curvature in zip(best.parts, best.gradients, curvatures, strict=True)
        )
        found = _tried(problem, problem.quantise(targets), targets)
        if found.loss < best.loss:
            best = found
        else:
            caution *= MORE_CAUTION
    return Refined(best.parts, best.targets, best.distortion, before) if best.targets else None


def refined_alike(problem: Problem, plain: Parts, targets: tuple[Target, ...]) -> Refined:
    """Symbols for the targets of another pass, whose rate was another: no gradients, one quantisation."""
    parts = problem.quantise(targets)
    values = [problem.distortion.value([part.latent for part in parts_]) for parts_ in (parts, plain)]
    return Refined(parts, targets, *values)


def _tried(problem: Problem, parts: Parts, targets: tuple[Target, ...]) -> _Try:
    distortion, gradients = problem.distortion.gradient([part.latent for part in parts])
    return _Try(parts, targets, distortion, gradients, sum(part.bits() for part in parts) + problem.worth * distortion)


def _target(part: QuantisedComponent, gradient: Tensor, caution: float, curvature: Tensor, activity: Tensor) -> Target:
    with inference():
        limit = LARGEST_MOVE * part.step_sizes()
        move = torch.clamp(gradient / (caution * curvature * activity), -limit, limit)
        return Target(part.y_hat - move, caution * curvature, activity)


def _curvatures(problem: Problem, parts: Parts) -> list[tuple[Tensor, Tensor]]:
    """Curvature of channels (1, C, 1, 1) and activity of positions (1, 1, h, w) of each component."""
    generator = torch.Generator().manual_seed(SEED)
    probes = [_probe(part, generator) for part in parts]
    above, below = (
        problem.distortion.gradient([part.latent + sign * probe for part, probe in zip(parts, probes, strict=True)])[1] for sign in (1, -1)
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
