"""The 32 tabulated distributions of residual symbols: zero-mean Gaussians on a grid of standard deviations, as masses of 1/256.

`sigma_i = 0.11 * exp(i * LOG_STEP)`, i = 0..31, up to 54.82. The masses are integers fixed here: nothing in the coding of symbols is
computed in floating point. Row i covers the symbols -(b_i - 1)..b_i - 1 in the order 0, -1, +1, -2, +2, ... and ends with one unit for
the escape, which stands where the symbol -b_i would. The mass of symbol 0 and the bounds are those of the standard; the other masses
share what is left so that the code is shortest for the Gaussian (of sigma_i for i < 8, of sigma_(i + 1/4) above, as the standard's are),
each at least one unit.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

LEVELS = 32
LOWEST_SIGMA = 0.11
HIGHEST_SIGMA = 54.82
LOG_STEP = 0.20036548400207613
"""ln(sigma_(i+1) / sigma_i)."""
FRACTION_BITS = 7
"""Bits after the point of a sigma index: 128 units are one level."""
LARGEST_INDEX = ((LEVELS - 1) << FRACTION_BITS) - 1
TOTAL_MASS = 256

ROWS = """
255 1
255 1
255 1
251 2*2 1
245 5*2 1
231 12*2 1
211 22*2 1
188 34 33 1
157 48*2 1*3
134 57 56 4*2 1
111 61*2 10*2 1*3
94 62 61 17*2 2*2 1
77 58*2 24*2 6*2 1*3
63 52*2 29*2 11*2 3*2 1*3
52 46*2 31 30 16*2 6*2 2*2 1*3
43 39*2 30*2 19*2 10*2 5*2 2*2 1*3
35 33*2 28*2 21*2 13*2 8*2 4*2 2*2 1*3
29 28*2 25*2 20*2 15*2 10*2 7*2 4*2 2*2 1*5
24 23*2 21*2 19 18 15*2 12*2 9*2 6*2 4*2 3*2 2*2 1*5
19*3 18*2 17*2 15*2 12*2 10*2 8*2 6*2 4*2 3*2 2*2 1*9
17 15*4 14*2 13*2 12*2 10*2 9*2 7*2 6*2 5*2 4*2 3*2 2*2 1*9
14 13*2 12*4 11*2 10*2 9*3 8*3 7*2 6*2 5*2 4*2 3*4 2*4 1*11
11*3 10*6 9*4 8*2 7*4 6*2 5*4 4*4 3*4 2*4 1*15
9*3 8*10 7*4 6*4 5*6 4*4 3*6 2*6 1*21
7*9 6*10 5*8 4*6 3*8 2*10 1*25
6*6 5*17 4*10 3*12 2*12 1*35
5*5 4*26 3*16 2*16 1*47
4*12 3*33 2*24 1*61
3*31 2*40 1*83
2*72 1*112
2*44 1*168
1*256
"""
"""One distribution a line; `m*n` are n symbols of mass m."""


@lru_cache(maxsize=1)
def residual_masses() -> NDArray[np.int64]:
    """Masses (32, 256), int64; row i is zero behind its escape, which is at position 2 * b_i - 1."""
    masses = np.zeros((LEVELS, TOTAL_MASS), np.int64)
    for row, line in enumerate(ROWS.split("\n")[1:-1]):
        values = [int(mass) for run in line.split() for mass, _, count in [run.partition("*")] for _ in range(int(count or 1))]
        masses[row, : len(values)] = values
    masses.setflags(write=False)
    return masses


@lru_cache(maxsize=1)
def residual_bounds() -> NDArray[np.int64]:
    """b_i of each distribution, (32,): the smallest magnitude that goes by an escape."""
    bounds = np.count_nonzero(residual_masses(), axis=1) // 2
    bounds.setflags(write=False)
    return bounds
