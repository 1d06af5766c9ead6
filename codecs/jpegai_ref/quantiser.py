"""The gain of a channel and the quantiser of the residual.

A gain is given as an integer logarithm in 1/128 of a level (a factor of 1.0015666), the sum of a channel's gain and the displacement; the
factor is a multiple of 1/1024. The factors are made by integer arithmetic, so they are the same everywhere.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

LOWEST_LOG = -4096
HIGHEST_LOG = 4094
"""Sums of a channel's gain (-2048..2047) and the displacement (-2048..2047)."""
_STEP = 340815446863303653271212029560831187889
"""(54.82 / 0.11)^(1 / (31 * 128)) * 2^128: the factor of one unit of the logarithm."""
_POINT = 128


@lru_cache(maxsize=1)
def factors() -> NDArray[np.int32]:
    """round(1024 * step^n), (8191,) int32, for n = LOWEST_LOG..HIGHEST_LOG. The powers are exact to 2^-100: no rounding is in doubt."""
    one = 1 << _POINT
    table = np.empty(HIGHEST_LOG - LOWEST_LOG + 1, np.int32)
    up = down = one
    for exponent in range(max(HIGHEST_LOG, -LOWEST_LOG) + 1):
        if exponent <= HIGHEST_LOG:
            table[exponent - LOWEST_LOG] = (1024 * up + one // 2) >> _POINT
        if exponent <= -LOWEST_LOG:
            table[-exponent - LOWEST_LOG] = (1024 * down + one // 2) >> _POINT
        up = (up * _STEP) >> _POINT
        down = (down << _POINT) // _STEP
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


def quantised(residual: Tensor, gain: Tensor) -> Tensor:
    """Symbols, int16, of a residual (..., C, h, w) float32 with the gains (C,) float32: rounded half to even, limited to int16."""
    return torch.round(torch.clamp(residual * gain[:, None, None], -32768, 32767)).to(torch.int16)


def dequantised(symbols: Tensor, gain: Tensor) -> Tensor:
    """The residual (..., C, h, w), float32, of symbols: one division each, so the same on every device."""
    return symbols.to(torch.float32) / gain[:, None, None]
