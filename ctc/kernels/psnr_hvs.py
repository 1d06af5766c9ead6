"""Squared differences of 8x8 DCT coefficients, weighted by contrast sensitivity, with and without masking."""

from __future__ import annotations

import math

import numpy as np

from ctc.kernels.compiled import CODES, compiled
from ctc.kernels.strips import Plane, done, summed
from ctc.protocols import Codes

BLOCK = 8
LANES = 16
"""Blocks that are worked on side by side: coefficient k of block b is at k LANES + b."""

AT_ONCE = 64
"""Groups of LANES blocks that are one piece of work for a thread."""

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


@compiled(f"void({CODES}, int64, float64[::1], float64[::1])")
def _load(plane: Codes, group: int, block: Plane, threshold: Plane) -> None:
    """Coefficients of the blocks of one group, and the masking that each exerts. The last row and column are repeated to whole blocks."""
    height, width = plane.shape
    across = -(-width // (BLOCK * LANES))
    top, left = group // across * BLOCK, group % across * BLOCK * LANES
    line = np.empty(BLOCK * LANES, plane.dtype)
    for row in range(BLOCK):
        samples = plane[min(top + row, height - 1), left : min(left + BLOCK * LANES, width)]
        for j in range(len(samples)):
            line[j] = samples[j]
        line[len(samples) :] = samples[-1]
        target = block[row * BLOCK * LANES : (row + 1) * BLOCK * LANES]
        for column in range(BLOCK):
            for b in range(LANES):
                target[column * LANES + b] = line[BLOCK * b + column]
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


@compiled(f"void({CODES}, int64, int64, float64[:, ::1], float64[:, ::1])")
def _prepare(x: Codes, first: int, last: int, coefficients: Plane, thresholds: Plane) -> None:
    for group in range(first, last):
        _load(x, group, coefficients[group], thresholds[group])


@compiled(f"UniTuple(float64, 2)({CODES}, int64, int64, float64[:, ::1], float64[:, ::1])")
def _compare(y: Codes, first: int, last: int, coefficients: Plane, thresholds: Plane) -> tuple[float, float]:
    b, mask = np.empty(BLOCK * BLOCK * LANES), np.empty(LANES)
    plain, masked = np.zeros(LANES), np.zeros(LANES)
    blocks = -(-y.shape[1] // BLOCK)
    across = -(-blocks // LANES)
    for group in range(first, last):
        _load(y, group, b, mask)
        count = min(LANES, blocks - group % across * LANES)
        for i in range(LANES):
            mask[i] = max(mask[i], thresholds[group, i])
        near, far = np.zeros(LANES), np.zeros(LANES)
        for k in range(BLOCK * BLOCK):
            u, v = coefficients[group, k * LANES : (k + 1) * LANES], b[k * LANES : (k + 1) * LANES]
            weight = SENSITIVITY[k] * SENSITIVITY[k]
            # The mean is not masked.
            share = 0.0 if k == 0 else 1.0 / MASKING[k]
            for i in range(LANES):
                difference = abs(u[i] - v[i])
                above = max(difference - share * mask[i], 0.0)
                near[i] += weight * difference * difference
                far[i] += weight * above * above
        plain[:count] += near[:count]
        masked[:count] += far[:count]
    return plain.sum(), masked.sum()


class Blocks:
    """Coefficients and masking of all blocks of the reference (height, width), in groups of LANES."""

    def __init__(self, x: Codes) -> None:
        self.count = -(-x.shape[0] // BLOCK) * -(-x.shape[1] // (BLOCK * LANES))
        self.coefficients, self.thresholds = np.empty((self.count, BLOCK * BLOCK * LANES)), np.empty((self.count, LANES))
        done(lambda first, last: _prepare(x, first, last, self.coefficients, self.thresholds), self.count, AT_ONCE)

    def squared_errors(self, y: Codes) -> Plane:
        """(without masking, with masking): sum over all blocks of the weighted squared differences of their 64 coefficients.

        Sides are extended to multiples of 8 by repeating the last row and column.
        """

        def groups(first: int, last: int) -> Plane:
            return np.array(_compare(y, first, last, self.coefficients, self.thresholds))

        return summed(groups, self.count, AT_ONCE)
