"""The gain of a channel, the factor of a position, the scale of steps in a block, and the quantiser of the residual.

    q = round(clamp(r * gain * f / 16 * s / 128)),   r_hat = q * round(2^23 / s) / 2^16 / (f / 16) / gain

f is that of a quality map, s of RVS and CWG, where these are on.

A gain is given as an integer logarithm in 1/128 of a level (a factor of 1.0015666), the sum of a channel's gain and the displacement; the
factor is a multiple of 1/1024. A scale is an integer; ln(s / 128) is added to the logarithm of sigma. All tables are made by integer
arithmetic, so they are the same everywhere.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jpegai_ref.context import POSITIONS

LOWEST_LOG = -4096
HIGHEST_LOG = 4094
"""Sums of a channel's gain (-2048..2047) and the displacement (-2048..2047)."""
STEP = 340815446863303653271212029560831187889
"""(54.82 / 0.11)^(1 / (31 * 128)) * 2^128: the factor of one unit of the logarithm."""
POINT = 128
"""Bits of STEP after the point."""
LOWEST_SCALE, HIGHEST_SCALE = 16, 255
NEUTRAL_SCALE = 128
WHOLE, CELLS = 8, 4
"""Side of a block, in a whole latent and in one of its four stages."""
NEUTRAL_FACTOR = 16


@lru_cache(maxsize=1)
def factors() -> NDArray[np.int32]:
    """round(1024 * step^n), (8191,) int32, for n = LOWEST_LOG..HIGHEST_LOG. The powers are exact to 2^-100: no rounding is in doubt."""
    one = 1 << POINT
    table = np.empty(HIGHEST_LOG - LOWEST_LOG + 1, np.int32)
    up = down = one
    for exponent in range(max(HIGHEST_LOG, -LOWEST_LOG) + 1):
        if exponent <= HIGHEST_LOG:
            table[exponent - LOWEST_LOG] = (1024 * up + one // 2) >> POINT
        if exponent <= -LOWEST_LOG:
            table[-exponent - LOWEST_LOG] = (1024 * down + one // 2) >> POINT
        up = (up * STEP) >> POINT
        down = (down << POINT) // STEP
    table.setflags(write=False)
    return table


def gains(gain_log: NDArray[np.integer], displacement: int) -> NDArray[np.float32]:
    """Factors (C,) float32 by which the encoder multiplies the residual of each channel, and the decoder divides.

    gain_log  (C,), -2048..2047; displacement -2048..2047. Raises ValueError where they are not in their range.
    """
    lowest, highest = int(gain_log.min(initial=0)), int(gain_log.max(initial=0))
    if not all(-2048 <= one <= 2047 for one in (lowest, highest, displacement)):
        raise ValueError("gains and the displacement are in -2048..2047")
    return factors()[gain_log.astype(np.int64) + displacement - LOWEST_LOG].astype(np.float32) / np.float32(1024)


@lru_cache(maxsize=1)
def log_additions() -> NDArray[np.int32]:
    """(256,) int32: what a scale adds to the logarithm of sigma, in 1/128 level; 0 where there is no such scale."""
    # The rounded logarithm of a ratio is the number of powers step^(1/2), step^(3/2), ... that it reaches; squares have odd powers.
    squares = [STEP]
    while squares[-1] * LOWEST_SCALE**2 < NEUTRAL_SCALE**2 << POINT:
        squares.append(squares[-1] * STEP * STEP >> 2 * POINT)
    table = np.zeros(HIGHEST_SCALE + 1, np.int32)
    for scale in range(LOWEST_SCALE, HIGHEST_SCALE + 1):
        larger, smaller = max(scale, NEUTRAL_SCALE), min(scale, NEUTRAL_SCALE)
        steps = bisect_right(squares, (larger**2 << POINT) // smaller**2)
        table[scale] = steps if scale > NEUTRAL_SCALE else -steps
    table.setflags(write=False)
    return table


@lru_cache(maxsize=1)
def inverse_factors() -> NDArray[np.float32]:
    """(256,) float32: round(2^23 / s) / 2^16, which a float holds exactly; 0 where there is no such scale."""
    table = np.zeros(HIGHEST_SCALE + 1, np.float32)
    for scale in range(LOWEST_SCALE, HIGHEST_SCALE + 1):
        table[scale] = ((1 << 23) + scale // 2) // scale / (1 << 16)
    table.setflags(write=False)
    return table


@dataclass(frozen=True, eq=False)
class Quantiser:
    """Of a component of C channels, with the arithmetic that encoder and decoder have in common."""

    gains: Tensor
    """(C,) float32"""
    scales: NDArray[np.uint8] | None = None
    """s of blocks of 8x8 positions, (C, hb, wb); None: 128 everywhere."""
    factors: NDArray[np.uint8] | None = None
    """f of the positions of the whole latent, (h, w), 4..64; None: 16 everywhere."""

    def steps(self, residual: Tensor, stage: int | None = None) -> Tensor:
        """A residual (..., C, h, w) float32 in steps of the quantiser: that of the whole latent, or of a stage 0..3 of it."""
        steps = residual * self.gains[:, None, None]
        if self.factors is not None:
            steps = steps * self._at(self.factors, residual, stage)
        if self.scales is not None:
            steps = steps * self._expanded(self.scales.astype(np.float32) / np.float32(NEUTRAL_SCALE), residual, stage)
        return steps

    def dequantised(self, symbols: Tensor, stage: int | None = None) -> Tensor:
        """The residual (..., C, h, w), float32, of symbols: products and divisions one by one, so the same on every device."""
        values = symbols.to(torch.float32)
        if self.scales is not None:
            values = values * self._expanded(inverse_factors()[self.scales], symbols, stage)
        if self.factors is not None:
            values = values / self._at(self.factors, symbols, stage)
        return values / self.gains[:, None, None]

    @staticmethod
    def _expanded(blocks: NDArray[np.float32], like: Tensor, stage: int | None) -> Tensor:
        return expanded(torch.from_numpy(blocks).to(like.device), WHOLE if stage is None else CELLS, *like.shape[-2:])

    @staticmethod
    def _at(factors: NDArray[np.uint8], like: Tensor, stage: int | None) -> Tensor:
        """f / 16 of the positions of a stage, (h, w)."""
        if stage is not None:
            row, column = POSITIONS[stage]
            height, width = factors.shape
            # Where an odd size is completed nothing is coded, but the context model sees what is divided by the factor.
            factors = np.pad(factors, ((0, height % 2), (0, width % 2)), constant_values=NEUTRAL_FACTOR)[row::2, column::2]
        return torch.from_numpy(factors.astype(np.float32) / np.float32(NEUTRAL_FACTOR)).to(like.device)


def rounded(steps: Tensor) -> Tensor:
    """Symbols, int16, from a residual in steps: rounded half to even, limited to int16."""
    return torch.round(torch.clamp(steps, -32768, 32767)).to(torch.int16)


def expanded(blocks: Tensor, side: int, height: int, width: int) -> Tensor:
    """(C, hb, wb) to the positions (C, height, width) of the blocks."""
    return blocks.repeat_interleave(side, -2)[..., :height, :].repeat_interleave(side, -1)[..., :width]
