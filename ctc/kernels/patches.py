"""Windowed means of 11 x 11 samples over patches: small pieces of a plane, copied to where every row has the same length.

A patch is kept in one dimension, row r from r * STRIDE on, in float32: its rows then lie at distances known to the compiler,
eight or sixteen samples are worked on at once, and all of it stays in a core's cache.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ctc.kernels.compiled import compiled

Single = NDArray[np.float32]

TAPS = 11
REACH = TAPS - 1
ROWS, COLUMNS = 64, 128
"""Positions of the window in one patch, at most."""

STRIDE = COLUMNS + 16
"""Samples of one row of a patch: the positions and the margin that the window needs, rounded up to whole vectors."""

PATCH = (ROWS + REACH) * STRIDE
MEANS = ROWS * COLUMNS
HALF = TAPS // 2

AT_ONCE = 8
"""Patches, one after the other in the order of reading, that are one piece of work for a thread."""


def cut(shape: tuple[int, ...]) -> tuple[int, int]:
    """Patches (number, number in a row of them) that cover a plane (height, width) of window positions."""
    across = -(-shape[1] // COLUMNS)
    return -(-shape[0] // ROWS) * across, across


def half_window(window: NDArray[np.float64]) -> Single:
    """The first six of eleven symmetric taps, of sum one: otherwise variances would lose a share of the square of the mean."""
    if len(window) != TAPS:
        raise ValueError(f"a window of {len(window)} taps; patches are made for {TAPS}")
    half = window[: HALF + 1].astype(np.float32)
    # The outermost tap is the smallest and takes a correction most exactly.
    half[0] += (1.0 - 2.0 * half[:HALF].sum(dtype=np.float64) - float(half[HALF])) / 2.0
    return half


@compiled("void(float32[::1], float32[::1], int64, float32[::1])")
def blur(patch: Single, half: Single, rows: int, means: Single) -> None:
    """means[r * COLUMNS + c] = windowed mean of the samples from (r, c) on, for `rows` rows and all columns."""
    w0, w1, w2, w3, w4, w5 = half[0], half[1], half[2], half[3], half[4], half[5]
    line = np.empty(STRIDE, np.float32)
    for row in range(rows):
        s = patch[row * STRIDE : row * STRIDE + TAPS * STRIDE]
        for j in range(STRIDE):
            outer = w0 * (s[j] + s[10 * STRIDE + j]) + w1 * (s[STRIDE + j] + s[9 * STRIDE + j])
            inner = w2 * (s[2 * STRIDE + j] + s[8 * STRIDE + j]) + w3 * (s[3 * STRIDE + j] + s[7 * STRIDE + j])
            line[j] = outer + (inner + (w4 * (s[4 * STRIDE + j] + s[6 * STRIDE + j]) + w5 * s[5 * STRIDE + j]))
        target = means[row * COLUMNS : row * COLUMNS + COLUMNS]
        for j in range(COLUMNS):
            outer = w0 * (line[j] + line[j + 10]) + w1 * (line[j + 1] + line[j + 9])
            inner = w2 * (line[j + 2] + line[j + 8]) + w3 * (line[j + 3] + line[j + 7])
            target[j] = outer + (inner + (w4 * (line[j + 4] + line[j + 6]) + w5 * line[j + 5]))
