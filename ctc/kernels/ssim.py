"""Sums of structural similarity over one scale."""

from __future__ import annotations

import numpy as np

from ctc.kernels.compiled import compiled
from ctc.kernels.strips import Plane, Rows, summed
from ctc.kernels.windows import TILE, WIDE, moments


@compiled("UniTuple(float64, 2)(float64[:, ::1], float64[:, ::1], float64[::1], float64, float64)")
def _strip(x: Plane, y: Plane, window: Plane, c1: float, c2: float) -> tuple[float, float]:
    width = x.shape[1] - len(window) + 1
    columns, means = np.empty(5 * WIDE), np.empty(5 * TILE)
    contrast_sums, similarity_sums = np.zeros(TILE), np.zeros(TILE)
    for left in range(0, width, TILE):
        count = min(TILE, width - left)
        for row in range(x.shape[0] - len(window) + 1):
            moments(x, y, window, row, left, count, columns, means)
            for j in range(count):
                product = means[j] * means[TILE + j]
                squares = means[j] * means[j] + means[TILE + j] * means[TILE + j]
                variances = means[2 * TILE + j] + means[3 * TILE + j] - squares
                contrast = (2.0 * (means[4 * TILE + j] - product) + c2) / (variances + c2)
                contrast_sums[j] += contrast
                similarity_sums[j] += contrast * (2.0 * product + c1) / (squares + c1)
    return contrast_sums.sum(), similarity_sums.sum()


def mean_similarity(x: Rows, y: Rows, window: Plane, c1: float, c2: float) -> Plane:
    """(mean contrast-structure, mean of the same times luminance) of one scale, windows of the valid region."""
    reach = len(window) - 1

    def strip(start: int, stop: int) -> Plane:
        rows = slice(start, stop + reach)
        return np.array(_strip(x[rows], y[rows], window, c1, c2))

    return summed(strip, x.shape[0] - reach) / ((x.shape[0] - reach) * (x.shape[1] - reach))
