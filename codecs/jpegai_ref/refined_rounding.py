"""Symbols that are chosen for a refined latent (RDLR) instead of the nearest: of the two on either side the one that costs less.

cost of a symbol = bits by the coder's table + curvature * activity * (y_hat - target)^2 / 2
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jpegai_ref.context import split_cells
from jpegai_ref.quantiser import Quantiser
from jpegai_ref.symbol_bits import LARGEST, WIDTH, bit_table


@dataclass(frozen=True, eq=False)
class Target:
    """Where the latent of a component should be for the smallest errors, and how fast what they are worth grows around it."""

    latent: Tensor
    """(1, C, h, w) float32"""
    curvature: Tensor
    """(1, C, 1, 1): second derivative, by a latent of the channel, of what the errors are worth in bits of the pass that it was found in;
    averaged over the picture."""
    activity: Tensor
    """(1, 1, h, w): by what factor it is larger or smaller there."""


class RefinedRounding:
    """The `skipping.Rounding` for a target."""

    def __init__(self, target: Target, distribution: NDArray[np.uint8], steps: Quantiser) -> None:
        """distribution (C, h, w) 0..31."""
        device = target.latent.device
        self._steps = steps
        self._levels = split_cells(torch.from_numpy(distribution).to(device)[None])
        self._activity = split_cells(target.activity)
        self._curvature = target.curvature / 2
        self._bits = torch.from_numpy(bit_table().copy()).to(device).flatten()

    def __call__(self, stage: int, steps: Tensor) -> Tensor:
        """Symbols int16 (1, C, h2, w2) from the residual in steps."""
        size = self._steps.dequantised(torch.ones_like(steps), stage)
        weight = self._curvature * self._activity[stage] * size.square()
        first = self._levels[stage].long() * WIDTH + LARGEST
        lower = torch.floor(torch.clamp(steps, -32768, 32766))
        costs = [weight * (steps - lower - more).square() + self._bits_of(first, lower + more) for more in (0, 1)]
        return torch.where(costs[1] < costs[0], lower + 1, lower).to(torch.int16)

    def _bits_of(self, first: Tensor, symbols: Tensor) -> Tensor:
        return self._bits[first + symbols.clamp(-LARGEST, LARGEST).long()]
