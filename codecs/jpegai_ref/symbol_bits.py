"""What a residual symbol costs by the tables of the entropy coder: the logarithm of its mass, and the raw bits of an escape."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from jpegai_ref.distributions import LEVELS, TOTAL_MASS, residual_bounds, residual_masses

LARGEST = 160
"""Symbols beyond cost what this one does: every escape above the short ones has the same length."""
WIDTH = 2 * LARGEST + 1
SHORT_ESCAPES = 4
SHORT_BITS, LONG_BITS = 4, 17


@lru_cache(maxsize=1)
def bit_table() -> NDArray[np.float32]:
    """(32, 321): bits of the symbols -160..160 by each distribution."""
    masses, bounds = residual_masses(), residual_bounds()
    table = np.empty((LEVELS, WIDTH), np.float32)
    for level, bound in enumerate(bounds.tolist()):
        bits = np.log2(TOTAL_MASS) - np.log2(np.maximum(masses[level], 1))
        for symbol in range(-LARGEST, LARGEST + 1):
            beyond = abs(symbol) - bound
            if beyond < 0:
                table[level, symbol + LARGEST] = bits[2 * abs(symbol) - (symbol < 0)]
            else:
                table[level, symbol + LARGEST] = bits[2 * bound - 1] + (SHORT_BITS if beyond < SHORT_ESCAPES else LONG_BITS)
    table.setflags(write=False)
    return table


def residual_bits(symbols: NDArray[np.int16], coded: NDArray[np.bool_], distribution: NDArray[np.uint8]) -> float:
    """Bits of the symbols (C, h, w) where they are coded; distribution (C, h, w) 0..31."""
    table, total = bit_table(), 0.0
    for values, where, levels in zip(symbols, coded, distribution, strict=True):
        column = np.clip(values[where], -LARGEST, LARGEST).astype(np.int64) + LARGEST
        total += float(table[levels[where], column].sum(dtype=np.float64))
    return total
