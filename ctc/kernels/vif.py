"""Sums of VIFp over the scales of two planes, in single precision as the official program."""

from __future__ import annotations

import math

import numpy as np

from ctc.kernels.compiled import compiled
from ctc.kernels.strips import Plane, mapped, summed
from ctc.kernels.windows32 import TILE, Plane32, Rows32, Scale, Stack32, moments_against, room

NOISE = np.float32(2.0)
"""Variance of the visual channel's noise, for samples in 0..255."""
EPSILON = np.float32(1e-10)
ZERO, ONE = np.float32(0.0), np.float32(1.0)

FACTORS = 32
"""Factors in one logarithm. None is above 1e5, so a product of 32 stays far below the largest double."""

GROUP = 3
"""Taps of one row that are added in one go where every second sample is kept."""


@compiled("float64(float32[:, ::1])")
def _held(variances: Plane32) -> float:
    product = np.ones(variances.shape[1])
    total = 0.0
    for i in range(len(variances)):
        source = variances[i]
        for j in range(len(source)):
            product[j] *= ONE + max(source[j] - EPSILON, ZERO) / NOISE
        if i % FACTORS == FACTORS - 1 or i == len(variances) - 1:
            for j in range(len(source)):
                total += math.log(product[j])
                product[j] = 1.0
    return total


@compiled(f"float64({', '.join(['float32[:, ::1]'] * 5 + ['float32[:, :, ::1]'] * 2)})")
def _seen(x: Plane32, y: Plane32, weights: Plane32, means: Plane32, variances: Plane32, samples: Stack32, found: Stack32) -> float:
    rows, width = means.shape
    product = np.ones(TILE)
    total = 0.0
    for left in range(0, width, TILE):
        count = min(TILE, width - left)
        moments_against(x, y, weights, means, left, count, samples, found)
        for i in range(rows):
            held, variance_y, covariance = variances[i, left:], found[1, i], found[2, i]
            for j in range(count):
                variance = max(variance_y[j], ZERO)
                reference = max(held[j], ZERO)
                gain = covariance[j] / (reference + EPSILON)
                rest = variance - gain * covariance[j]
                flat = variance < EPSILON
                rest = ZERO if flat else (variance if gain < ZERO else rest)
                gain = ZERO if flat or gain < ZERO else gain
                product[j] *= ONE + gain * gain * max(reference - EPSILON, ZERO) / (max(rest, EPSILON) + NOISE)
            if i % FACTORS == FACTORS - 1 or i == rows - 1:
                for j in range(count):
                    total += math.log(product[j])
                    product[j] = 1.0
    return total


def information_held(scale: Scale) -> float:
    """What one scale of the reference holds, in nat."""
    return float(summed(lambda start, stop: np.array([_held(scale.variances[start:stop])]), len(scale.variances))[0])


def information_seen(scale: Scale, y: Rows32) -> float:
    """What of it is seen in the same scale of the distorted picture, in nat."""
    reach = len(scale.weights) - 3

    def strip(start: int, stop: int) -> Plane:
        rows = slice(start, stop + reach)
        moments = scale.means[start:stop], scale.variances[start:stop]
        return np.array([_seen(scale.plane[rows], y[rows], scale.weights, *moments, *room(3, stop - start, reach))])

    return float(summed(strip, len(scale.means))[0])


@compiled("void(float32[:, ::1], float32[:, ::1], float32[:, ::1])")
def _halve(plane: Plane32, weights: Plane32, halved: Plane32) -> None:
    """halved[i, j] = sum of weights[1 + k, l] * plane[2 i + k, 2 j + l], added in that order."""
    taps = len(weights) - 2
    width = halved.shape[1]
    split = np.zeros((2, plane.shape[0], width + taps), np.float32)
    for i in range(plane.shape[0]):
        source = plane[i]
        even, odd = split[0, i], split[1, i]
        for j in range(len(source) // 2):
            even[j] = source[2 * j]
            odd[j] = source[2 * j + 1]
        if len(source) % 2:
            even[len(source) // 2] = source[-1]
    halved[:] = ZERO
    for i in range(len(halved)):
        target = halved[i]
        for k in range(taps):
            for tap in range(0, taps, GROUP):
                w = weights[k + 1, tap:]
                w0, w1, w2 = w[0], w[1], w[2]
                a = split[tap % 2, 2 * i + k, tap // 2 :]
                b = split[(tap + 1) % 2, 2 * i + k, (tap + 1) // 2 :]
                c = split[tap % 2, 2 * i + k, tap // 2 + 1 :]
                for j in range(width):
                    total = target[j]
                    total += w0 * a[j]
                    total += w1 * b[j]
                    total += w2 * c[j]
                    target[j] = total


def halved(plane: Rows32, weights: Plane32) -> Plane32:
    """Every second sample, from the first on, of the valid region of `plane` (height, width) filtered by `weights`."""
    reach = len(weights) - 3
    result = np.empty(((plane.shape[0] - reach + 1) // 2, (plane.shape[1] - reach + 1) // 2), np.float32)

    def strip(start: int, stop: int) -> None:
        _halve(plane[slice(2 * start, 2 * stop - 1 + reach)], weights, result[start:stop])

    for _ in mapped(strip, len(result)):
        pass
    return result
