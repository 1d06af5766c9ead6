"""Squared differences of 8x8 DCT coefficients, weighted by contrast sensitivity, with and without masking."""

from __future__ import annotations

import math

import numpy as np

from ctc.kernels.compiled import compiled
from ctc.kernels.strips import Plane, Samples, summed

BLOCK = 8
LANES = 16
"""Blocks that are worked on side by side: coefficient k of block b is at k LANES + b."""

SENSITIVITY = np.array([
    1.608443, 2.339554, 2.573509, 1.608443, 1.072295, 0.643377, 0.504610, 0.421887,
    2.144591, 2.144591, 1.838221, 1.354478, 0.989811, 0.443708, 0.428918, 0.467911,
    1.838221, 1.979622, 1.608443, 1.072295, 0.643377, 0.451493, 0.372972, 0.459555,
    1.838221, 1.513829, 1.169777, 0.887417, 0.504610, 0.295806, 0.321689, 0.415082,
    1.429727, 1.169777, 0.695543, 0.459555, 0.378457, 0.236102, 0.249855, 0.334222,
    1.072295, 0.735288, 0.467911, 0.402111, 0.317717, 0.247453, 0.227744, 0.279729,
    0.525206, 0.402111, 0.329937, 0.295806, 0.249855, 0.212687, 0.214459, 0.254803,
    0.357432, 0.279729, 0.270896, 0.262603, 0.229778, 0.257351, 0.249855, 0.259950,
])  # fmt: skip
"""Contrast sensitivity of each coefficient, rows of the block first."""

MASKING = np.array([
    0.390625, 0.826446, 1.000000, 0.390625, 0.173611, 0.062500, 0.038447, 0.026874,
    0.694444, 0.694444, 0.510204, 0.277008, 0.147929, 0.029727, 0.027778, 0.033058,
    0.510204, 0.591716, 0.390625, 0.173611, 0.062500, 0.030779, 0.021004, 0.031888,
    0.510204, 0.346021, 0.206612, 0.118906, 0.038447, 0.013212, 0.015625, 0.026015,
    0.308642, 0.206612, 0.073046, 0.031888, 0.021626, 0.008417, 0.009426, 0.016866,
    0.173611, 0.081633, 0.033058, 0.024414, 0.015242, 0.009246, 0.007831, 0.011815,
    0.041649, 0.024414, 0.016437, 0.013212, 0.009426, 0.006830, 0.006944, 0.009803,
    0.019290, 0.011815, 0.011080, 0.010412, 0.007972, 0.010000, 0.009426, 0.010203,
])  # fmt: skip
"""How much each coefficient masks, and is masked by, the others."""

VARIANCE_RATIO = (16.0 / 15.0) / (64.0 / 63.0)
"""From sums of squared deviations to unbiased variances, of a quarter and of a whole block, times their samples."""

C1, C2, C3, C5, C6, C7 = (0.5 * math.cos(k * math.pi / 16.0) for k in (1, 2, 3, 5, 6, 7))
C0 = math.sqrt(0.125)


@compiled("void(float64[::1], int64, int64)")
def _transform(block: Plane, across: int, along: int) -> None:
    """Orthonormal DCT-II of eight lines of LANES blocks in place; lines are `across` samples apart, their samples `along`."""
    step = along * LANES
    for line in range(BLOCK):
        samples = block[line * across * LANES :]
        for b in range(LANES):
            s0, d0 = samples[b] + samples[7 * step + b], samples[b] - samples[7 * step + b]
            s1, d1 = samples[step + b] + samples[6 * step + b], samples[step + b] - samples[6 * step + b]
            s2, d2 = samples[2 * step + b] + samples[5 * step + b], samples[2 * step + b] - samples[5 * step + b]
            s3, d3 = samples[3 * step + b] + samples[4 * step + b], samples[3 * step + b] - samples[4 * step + b]
            samples[b] = C0 * ((s0 + s3) + (s1 + s2))
            samples[4 * step + b] = C0 * ((s0 + s3) - (s1 + s2))
            samples[2 * step + b] = C2 * (s0 - s3) + C6 * (s1 - s2)
            samples[6 * step + b] = C6 * (s0 - s3) - C2 * (s1 - s2)
            samples[step + b] = C1 * d0 + C3 * d1 + C5 * d2 + C7 * d3
            samples[3 * step + b] = C3 * d0 - C7 * d1 - C1 * d2 - C5 * d3
            samples[5 * step + b] = C5 * d0 - C1 * d1 + C7 * d2 + C3 * d3
            samples[7 * step + b] = C7 * d0 - C5 * d1 + C3 * d2 - C1 * d3


@compiled("void(float64[:, ::1], int64, int64, int64, float64[::1], float64[::1])")
def _load(plane: Plane, top: int, left: int, count: int, block: Plane, threshold: Plane) -> None:
    """Coefficients of `count` blocks from (top, left) on in `block`, zeros after them, and the masking that each exerts."""
    block[:] = 0.0
    for row in range(BLOCK):
        source = plane[top + row, left : left + BLOCK * count]
        for b in range(count):
            for column in range(BLOCK):
                block[(row * BLOCK + column) * LANES + b] = source[BLOCK * b + column]
    totals = np.zeros(4 * LANES)
    squares = np.zeros(LANES)
    for row in range(BLOCK):
        for column in range(BLOCK):
            source = block[(row * BLOCK + column) * LANES :]
            quarter = totals[(row // 4 * 2 + column // 4) * LANES :]
            for b in range(LANES):
                quarter[b] += source[b]
                squares[b] += source[b] * source[b]
    _transform(block, BLOCK, 1)
    _transform(block, 1, BLOCK)
    threshold[:] = 0.0
    for k in range(1, BLOCK * BLOCK):
        source = block[k * LANES :]
        weight = MASKING[k]
        for b in range(LANES):
            threshold[b] += weight * source[b] * source[b]
    for b in range(LANES):
        t0, t1, t2, t3 = totals[b], totals[LANES + b], totals[2 * LANES + b], totals[3 * LANES + b]
        whole = squares[b] - (t0 + t1 + t2 + t3) ** 2 / 64.0
        quarters = squares[b] - (t0 * t0 + t1 * t1 + t2 * t2 + t3 * t3) / 16.0
        ratio = VARIANCE_RATIO * quarters / whole if whole > 0.0 else 0.0
        threshold[b] = math.sqrt(threshold[b] * ratio / (16.0 * 64.0))


@compiled("UniTuple(float64, 2)(float64[:, ::1], float64[:, ::1])")
def _strip(x: Plane, y: Plane) -> tuple[float, float]:
    a, b = np.empty(BLOCK * BLOCK * LANES), np.empty(BLOCK * BLOCK * LANES)
    mask_a, mask_b = np.empty(LANES), np.empty(LANES)
    plain, masked = np.zeros(LANES), np.zeros(LANES)
    blocks = x.shape[1] // BLOCK
    for top in range(0, x.shape[0], BLOCK):
        for first in range(0, blocks, LANES):
            count = min(LANES, blocks - first)
            _load(x, top, first * BLOCK, count, a, mask_a)
            _load(y, top, first * BLOCK, count, b, mask_b)
            for k in range(BLOCK * BLOCK):
                u, v = a[k * LANES :], b[k * LANES :]
                weight = SENSITIVITY[k] * SENSITIVITY[k]
                # The mean is not masked.
                share = 0.0 if k == 0 else 1.0 / MASKING[k]
                for i in range(LANES):
                    difference = abs(u[i] - v[i])
                    above = max(difference - share * max(mask_a[i], mask_b[i]), 0.0)
                    plain[i] += weight * difference * difference
                    masked[i] += weight * above * above
    return plain.sum(), masked.sum()


def squared_errors(x: Samples, y: Samples) -> Plane:
    """(without masking, with masking): sum over all blocks of the weighted squared differences of their 64 coefficients.

    Sides are extended to multiples of 8 by repeating the last row and column.
    """
    height, width = x.shape

    def extended(samples: Samples, start: int, stop: int) -> Plane:
        strip = samples[slice(start, stop)]
        missing = (0, -len(strip) % BLOCK), (0, -width % BLOCK)
        return np.pad(strip, missing, mode="edge") if missing != ((0, 0), (0, 0)) else strip

    def strip(start: int, stop: int) -> Plane:
        return np.array(_strip(extended(x, start, stop), extended(y, start, stop)))

    return summed(strip, height)
