"""Stand-ins for rounding that let gradients pass, and the cost in bits of what is rounded."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from jpegai_ref.variable_rate import sigma_of

LIKELIHOOD_FLOOR = 1e-9


def rounded(x: Tensor) -> Tensor:
    """Rounds half to even; the gradient is that of the identity."""
    return x + (torch.round(x) - x).detach()


def rounded_with_noise(x: Tensor) -> Tensor:
    """Rounds up or down with the probability that its fraction says; the gradient is that of the identity."""
    noisy = torch.round(x + torch.rand_like(x) - 0.5)
    return x + (noisy - x).detach()


class _LowerBound(torch.autograd.Function):
    """max(x, bound), whose gradient still lets x rise where it lies below the bound."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor, bound: float) -> Tensor:
        ctx.below = x < bound  # type: ignore[attr-defined]
        return x.clamp(min=bound)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> tuple[Tensor, None]:
        passes = ~ctx.below | (gradient < 0)  # type: ignore[attr-defined]
        return gradient * passes, None


def _distribution(x: Tensor) -> Tensor:
    return 0.5 * torch.erfc(x * -math.sqrt(0.5))


def residual_bits(q: Tensor, levels: Tensor) -> Tensor:
    """Bits of residual symbols under a discretised Gaussian of mean 0.

    q and its sigma levels (before the lower bound), (N, C, h, w) float32; returns bits of each symbol.
    """
    inverse = 1 / sigma_of(_bounded_below(levels, 0.0))
    magnitude = q.abs()
    likelihood = _distribution((0.5 - magnitude) * inverse) - _distribution((-0.5 - magnitude) * inverse)
    return -torch.log2(_bounded_below(likelihood, LIKELIHOOD_FLOOR))


def _bounded_below(x: Tensor, bound: float) -> Tensor:
    bounded: Tensor = _LowerBound.apply(x, bound)  # type: ignore[no-untyped-call]
    return bounded


def hyper_bits(likelihood: Tensor) -> Tensor:
    """Bits of hyper-latent symbols of the given likelihood."""
    return -torch.log2(_bounded_below(likelihood, LIKELIHOOD_FLOOR))
