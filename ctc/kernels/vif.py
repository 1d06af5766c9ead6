"""Sums of VIFp over one scale."""

from __future__ import annotations

import math

import numpy as np

from ctc.kernels.compiled import compiled
from ctc.kernels.strips import Plane, Rows, summed
from ctc.kernels.windows import TILE, WIDE, halved, moments

__all__ = ["halved", "information"]

NOISE = 2.0
"""Variance of the visual channel's noise, for samples in 0..255."""
EPSILON = 1e-10

FACTORS = 32
"""Factors in one logarithm. None is above 8200, so a product of 32 stays far below the largest double."""


@compiled("UniTuple(float64, 2)(float64[:, ::1], float64[:, ::1], float64[::1])")
def _strip(x: Plane, y: Plane, window: Plane) -> tuple[float, float]:
    rows = x.shape[0] - len(window) + 1
    width = x.shape[1] - len(window) + 1
    columns = np.empty(5 * WIDE)
    means = np.empty(5 * TILE)
    seen = np.ones(TILE)
    held = np.ones(TILE)
    seen_sum = held_sum = 0.0
    for left in range(0, width, TILE):
        count = min(TILE, width - left)
        for row in range(rows):
            moments(x, y, window, row, left, count, columns, means)
            for j in range(count):
                mean_x = means[j]
                mean_y = means[TILE + j]
                variance_x = max(means[2 * TILE + j] - mean_x * mean_x, 0.0)
                variance_y = max(means[3 * TILE + j] - mean_y * mean_y, 0.0)
                covariance = means[4 * TILE + j] - mean_x * mean_y
                gain = covariance / (variance_x + EPSILON)
                rest = variance_y - gain * covariance
                variance_x = max(variance_x - EPSILON, 0.0)
                flat = variance_y < EPSILON
                rest = 0.0 if flat else (variance_y if gain < 0.0 else rest)
                gain = 0.0 if flat or gain < 0.0 else gain
                rest = max(rest, EPSILON)
                seen[j] *= 1.0 + gain * gain * variance_x / (rest + NOISE)
                held[j] *= 1.0 + variance_x / NOISE
            if row % FACTORS == FACTORS - 1 or row == rows - 1:
                for j in range(count):
                    seen_sum += math.log(seen[j])
                    held_sum += math.log(held[j])
                    seen[j] = held[j] = 1.0
    return seen_sum, held_sum


def information(x: Rows, y: Rows, window: Plane) -> Plane:
    """(seen in y, held by x): information of one scale in nat, windows of the valid region."""
    reach = len(window) - 1

    def strip(start: int, stop: int) -> Plane:
        rows = slice(start, stop + reach)
        return np.array(_strip(x[rows], y[rows], window))

    return summed(strip, x.shape[0] - reach)
