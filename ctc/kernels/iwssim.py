"""Sums of information content weighted SSIM over one scale."""

from __future__ import annotations

import math

import numpy as np

from ctc.kernels.compiled import compiled
from ctc.kernels.strips import Plane, Rows, summed
from ctc.kernels.windows import TILE, WIDE, moments

NEIGHBOURS = 9
NOISE = 0.4
"""Variance of the visual channel's noise, for samples in 0..255."""
TINY = 1e-15
C2 = (0.03 * 255) ** 2

INNER = 4
"""Samples at each border that an 11-tap window does not leave but a 3-tap window does."""

LARGEST = 1e300


@compiled("float64(float64[::1], float64[::1])", sums_reordered=True)
def _dot(a: Plane, b: Plane) -> float:
    total = 0.0
    for j in range(len(a)):
        total += a[j] * b[j]
    return total


@compiled("void(float64[:, ::1], float64[:, ::1], float64[:, ::1])")
def _add_covariance(x: Plane, near: Plane, sums: Plane) -> None:
    """Adds the products of all pairs out of the nine samples around each inner position and the one of `near`, upper half.

    Two pairs of neighbours that lie in the same two rows at the same distance differ in one product at each end of the rows.
    """
    rows, width = x.shape[0] - 2, x.shape[1] - 2
    for top in range(rows + 2):
        for down in range(min(3, rows + 2 - top)):
            for right in range(0 if down == 0 else -2, 3):
                a, b = x[top], x[top + down]
                leftmost = max(0, -right)
                total = _dot(a[leftmost : leftmost + width], b[leftmost + right : leftmost + right + width])
                for column in range(leftmost, min(2, 2 - right) + 1):
                    if column > leftmost:
                        total += a[column + width - 1] * b[column + right + width - 1] - a[column - 1] * b[column + right - 1]
                    for row in range(3 - down):
                        if 0 <= top - row < rows:
                            sums[3 * row + column, 3 * (row + down) + column + right] += total
    if sums.shape[0] > NEIGHBOURS:
        for row in range(rows):
            parent = near[row + 1, 1 : 1 + width]
            for index in range(NEIGHBOURS):
                column = index % 3
                sums[index, NEIGHBOURS] += _dot(x[row + index // 3, column : column + width], parent)
            sums[NEIGHBOURS, NEIGHBOURS] += _dot(parent, parent)


@compiled("void(float64[:, ::1], float64[:, ::1], int64, int64, int64, float64[:, ::1], float64[::1])")
def _surround(x: Plane, near: Plane, row: int, left: int, count: int, whitening: Plane, surround: Plane) -> None:
    """Squared length of the whitened neighbourhoods of `count` positions from (row, left) on; `whitening` is lower triangular."""
    a, b, c = x[row - 1, left - 1 :], x[row, left - 1 :], x[row + 1, left - 1 :]
    parent = near[row, left:]
    surround[:count] = 0.0
    for k in range(3):
        p, q, r = whitening[k, 0], whitening[k, 1], whitening[k, 2]
        for j in range(count):
            white = p * a[j] + q * a[j + 1] + r * a[j + 2]
            surround[j] += white * white
    for k in range(3, 6):
        p, q, r = whitening[k, 0], whitening[k, 1], whitening[k, 2]
        s, t, u = whitening[k, 3], whitening[k, 4], whitening[k, 5]
        for j in range(count):
            white = p * a[j] + q * a[j + 1] + r * a[j + 2] + s * b[j] + t * b[j + 1] + u * b[j + 2]
            surround[j] += white * white
    for k in range(6, whitening.shape[0]):
        p, q, r = whitening[k, 0], whitening[k, 1], whitening[k, 2]
        s, t, u = whitening[k, 3], whitening[k, 4], whitening[k, 5]
        v, w, z = whitening[k, 6], whitening[k, 7], whitening[k, 8]
        last = whitening[k, NEIGHBOURS] if k == NEIGHBOURS else 0.0
        for j in range(count):
            white = p * a[j] + q * a[j + 1] + r * a[j + 2] + s * b[j] + t * b[j + 1] + u * b[j + 2]
            white += v * c[j] + w * c[j + 1] + z * c[j + 2] + last * parent[j]
            surround[j] += white * white


@compiled("void(float64[::1], int64, float64[::1], float64[::1], float64[::1])")
def _information(means: Plane, count: int, surround: Plane, eigenvalues: Plane, bits: Plane) -> None:
    """Information content in bit, from the moments of 3x3 samples."""
    size = len(eigenvalues)
    e0, e1, e2, e3, e4, e5, e6, e7, e8 = eigenvalues[:NEIGHBOURS]
    last = eigenvalues[size - 1]
    for j in range(count):
        mean_x, mean_y = means[j], means[TILE + j]
        variance_x = max(means[2 * TILE + j] - mean_x * mean_x, 0.0)
        variance_y = max(means[3 * TILE + j] - mean_y * mean_y, 0.0)
        covariance = means[4 * TILE + j] - mean_x * mean_y
        gain = covariance / (variance_x + TINY)
        rest = variance_y - gain * covariance
        rest = variance_y if variance_x < TINY else rest
        gain = 0.0 if variance_x < TINY or variance_y < TINY else gain
        rest = 0.0 if variance_y < TINY else rest
        s = (rest + (1.0 + gain * gain) * NOISE) * surround[j] / (size * NOISE * NOISE)
        f = 1.0 + rest / NOISE
        product = (f + s * e0) * (f + s * e1) * (f + s * e2) * (f + s * e3) * (f + s * e4)
        product *= (f + s * e5) * (f + s * e6) * (f + s * e7) * (f + s * e8)
        bits[j] = product * (f + s * last) if size > NEIGHBOURS else product
        surround[j] = s
        means[j] = f
    for j in range(count):
        # One logarithm for all factors, unless their product leaves the range of a double.
        if bits[j] < LARGEST:
            bits[j] = math.log2(bits[j])
        else:
            bits[j] = 0.0
            for k in range(size):
                bits[j] += math.log2(means[j] + surround[j] * eigenvalues[k])
        bits[j] = 0.0 if bits[j] < TINY else bits[j]


@compiled("UniTuple(float64, 2)(float64[:, ::1], float64[:, ::1], float64[:, ::1], float64[::1], float64[:, ::1], float64[::1])")
def _strip(x: Plane, y: Plane, near: Plane, window: Plane, whitening: Plane, eigenvalues: Plane) -> tuple[float, float]:
    width = x.shape[1] - len(window) + 1
    box = np.full(3, 1.0 / 3.0)
    columns, means = np.empty(5 * WIDE), np.empty(5 * TILE)
    contrast, surround, bits = np.empty(TILE), np.empty(TILE), np.empty(TILE)
    weights, weighted = np.zeros(TILE), np.zeros(TILE)
    for left in range(0, width, TILE):
        count = min(TILE, width - left)
        for row in range(x.shape[0] - len(window) + 1):
            moments(x, y, window, row, left, count, columns, means)
            for j in range(count):
                mean_x, mean_y = means[j], means[TILE + j]
                variance_x = max(means[2 * TILE + j] - mean_x * mean_x, 0.0)
                variance_y = max(means[3 * TILE + j] - mean_y * mean_y, 0.0)
                contrast[j] = (2.0 * (means[4 * TILE + j] - mean_x * mean_y) + C2) / (variance_x + variance_y + C2)
            moments(x, y, box, row + INNER, left + INNER, count, columns, means)
            _surround(x, near, row + INNER + 1, left + INNER + 1, count, whitening, surround)
            _information(means, count, surround, eigenvalues, bits)
            for j in range(count):
                weights[j] += bits[j]
                weighted[j] += bits[j] * contrast[j]
    return weights.sum(), weighted.sum()


def covariance(band: Rows, near: Rows | None) -> Plane:
    """(9, 9), or (10, 10) with the parent's samples `near`: mean products of the neighbourhoods of all inner positions."""
    height, width = band.shape[0] - 2, band.shape[1] - 2
    size = NEIGHBOURS if near is None else NEIGHBOURS + 1

    def strip(start: int, stop: int) -> Plane:
        rows = slice(start, stop + 2)
        x, sums = band[rows], np.zeros((size, size))
        _add_covariance(x, x if near is None else near[rows], sums)
        return sums

    upper = summed(strip, height)
    return (upper + np.triu(upper, 1).T) / (height * width)


def weighted_contrast(x: Rows, y: Rows, near: Rows | None, window: Plane, whitening: Plane, eigenvalues: Plane) -> Plane:
    """(sum of information weights in bit, sum of contrast-structure times weight) of one band.

    `whitening` is the lower triangular matrix that makes the neighbourhoods' covariance the identity, `eigenvalues` that covariance's.
    """
    reach = len(window) - 1

    def strip(start: int, stop: int) -> Plane:
        rows = slice(start, stop + reach)
        a = x[rows]
        return np.array(_strip(a, y[rows], a if near is None else near[rows], window, whitening, eigenvalues))

    return summed(strip, x.shape[0] - reach)
