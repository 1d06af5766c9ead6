"""Sums of clamped structural similarity over one scale, in single precision as the official program."""

from __future__ import annotations

import numpy as np

from ctc.kernels.compiled import compiled
from ctc.kernels.strips import Plane, mapped, summed
from ctc.kernels.windows32 import TILE, Plane32, Rows32, Scale, Stack32, moments_against, room

ZERO, QUARTER, TWO = np.float32(0.0), np.float32(0.25), np.float32(2.0)


@compiled(f"UniTuple(float64, 2)({', '.join(['float32[:, ::1]'] * 5 + ['float32'] * 2 + ['float32[:, :, ::1]'] * 2)})")
def _strip(
    x: Plane32,
    y: Plane32,
    weights: Plane32,
    means: Plane32,
    variances: Plane32,
    c1: np.float32,
    c2: np.float32,
    samples: Stack32,
    found: Stack32,
) -> tuple[float, float]:
    rows, width = means.shape
    contrasts, similarities = np.zeros(TILE), np.zeros(TILE)
    for left in range(0, width, TILE):
        count = min(TILE, width - left)
        moments_against(x, y, weights, means, left, count, samples, found)
        for i in range(rows):
            mean_x, variance_x = means[i, left:], variances[i, left:]
            mean_y, variance_y, covariance = found[0, i], found[1, i], found[2, i]
            for j in range(count):
                contrast = max((TWO * covariance[j] + c2) / (variance_x[j] + variance_y[j] + c2), ZERO)
                product = mean_x[j] * mean_y[j]
                squares = mean_x[j] * mean_x[j] + mean_y[j] * mean_y[j]
                contrasts[j] += contrast
                similarities[j] += contrast * (TWO * product + c1) / (squares + c1)
    return contrasts.sum(), similarities.sum()


def mean_similarity(scale: Scale, y: Rows32, c1: float, c2: float) -> Plane:
    """(mean contrast-structure, mean of the same times luminance) of one scale, negative contrast-structure being zero at each position."""
    reach = len(scale.weights) - 3

    def strip(start: int, stop: int) -> Plane:
        rows = slice(start, stop + reach)
        moments = scale.means[start:stop], scale.variances[start:stop]
        constants = np.float32(c1), np.float32(c2)
        return np.array([*_strip(scale.plane[rows], y[rows], scale.weights, *moments, *constants, *room(3, stop - start, reach))])

    return summed(strip, len(scale.means)) / scale.means.size


@compiled("void(float32[:, ::1], float32[:, ::1])")
def _quarter(plane: Plane32, quarter: Plane32) -> None:
    for i in range(len(quarter)):
        above, below, target = plane[2 * i], plane[2 * i + 1], quarter[i]
        for j in range(len(target)):
            target[j] = (above[2 * j] + above[2 * j + 1] + below[2 * j] + below[2 * j + 1]) * QUARTER


def quartered(plane: Rows32) -> Plane32:
    """Means of 2x2 samples. An odd side gets a zero in front of the first sample, so the windows start there."""
    height, width = plane.shape
    down, right = height % 2, width % 2
    result = np.empty(((height + down) // 2, (width + right) // 2), np.float32)

    def strip(start: int, stop: int) -> None:
        source = plane[slice(max(2 * start - down, 0), 2 * stop - down)]
        missing = 2 * (stop - start) - len(source)
        _quarter(np.pad(source, ((missing, 0), (right, 0))) if missing or right else source, result[start:stop])

    for _ in mapped(strip, len(result)):
        pass
    return result
