"""Windowed means of two planes and their products, a row of a few columns at a time, and filters that halve a plane."""

from __future__ import annotations

import numpy as np

from ctc.kernels.compiled import compiled
from ctc.kernels.strips import Plane, Rows, mapped

TILE = 128
"""Columns worked on at once: the rows under a window of 17 taps then stay in the first-level cache."""

WIDE = TILE + 16
"""A tile with the margins of the longest window."""


@compiled("void(float64[:, ::1], float64[:, ::1], float64[::1], int64, int64, int64, float64[::1], float64[::1])")
def moments(x: Plane, y: Plane, window: Plane, row: int, left: int, count: int, columns: Plane, means: Plane) -> None:
    """Windowed means of x, y, x², y², xy at `count` positions from (row, left) on, in `means` at multiples of TILE.

    `window` is symmetric, of an odd number of taps up to 17; positions count from the first where it is whole. `columns` (5 WIDE,)
    is room to work in.
    """
    reach = len(window) - 1
    half = reach // 2
    wide = count + reach
    a = x[row + half, left : left + wide]
    b = y[row + half, left : left + wide]
    weight = window[half]
    for j in range(wide):
        p = weight * a[j]
        q = weight * b[j]
        columns[j] = p
        columns[WIDE + j] = q
        columns[2 * WIDE + j] = p * a[j]
        columns[3 * WIDE + j] = q * b[j]
        columns[4 * WIDE + j] = p * b[j]
    # Two pairs of taps at a time: fewer passes over `columns`.
    for tap in range(half % 2, half, 2):
        a, b = x[row + tap, left : left + wide], y[row + tap, left : left + wide]
        c, d = x[row + tap + 1, left : left + wide], y[row + tap + 1, left : left + wide]
        e, f = x[row + reach - tap - 1, left : left + wide], y[row + reach - tap - 1, left : left + wide]
        g, h = x[row + reach - tap, left : left + wide], y[row + reach - tap, left : left + wide]
        outer, inner = window[tap], window[tap + 1]
        for j in range(wide):
            columns[j] += outer * (a[j] + g[j]) + inner * (c[j] + e[j])
            columns[WIDE + j] += outer * (b[j] + h[j]) + inner * (d[j] + f[j])
            columns[2 * WIDE + j] += outer * (a[j] * a[j] + g[j] * g[j]) + inner * (c[j] * c[j] + e[j] * e[j])
            columns[3 * WIDE + j] += outer * (b[j] * b[j] + h[j] * h[j]) + inner * (d[j] * d[j] + f[j] * f[j])
            columns[4 * WIDE + j] += outer * (a[j] * b[j] + g[j] * h[j]) + inner * (c[j] * d[j] + e[j] * f[j])
    if half % 2:
        a, b = x[row, left : left + wide], y[row, left : left + wide]
        g, h = x[row + reach, left : left + wide], y[row + reach, left : left + wide]
        weight = window[0]
        for j in range(wide):
            columns[j] += weight * (a[j] + g[j])
            columns[WIDE + j] += weight * (b[j] + h[j])
            columns[2 * WIDE + j] += weight * (a[j] * a[j] + g[j] * g[j])
            columns[3 * WIDE + j] += weight * (b[j] * b[j] + h[j] * h[j])
            columns[4 * WIDE + j] += weight * (a[j] * b[j] + g[j] * h[j])
    for moment in range(5):
        target = means[moment * TILE : moment * TILE + count]
        middle = columns[moment * WIDE + half : moment * WIDE + half + count]
        weight = window[half]
        for j in range(count):
            target[j] = weight * middle[j]
        # Two pairs of taps at a time: fewer passes over `target`.
        for tap in range(half % 2, half, 2):
            before = columns[moment * WIDE + tap : moment * WIDE + tap + count + 1]
            after = columns[moment * WIDE + reach - tap - 1 : moment * WIDE + reach - tap + count]
            outer, inner = window[tap], window[tap + 1]
            for j in range(count):
                target[j] += outer * (before[j] + after[j + 1]) + inner * (before[j + 1] + after[j])
        if half % 2:
            before = columns[moment * WIDE : moment * WIDE + count]
            after = columns[moment * WIDE + reach : moment * WIDE + reach + count]
            weight = window[0]
            for j in range(count):
                target[j] += weight * (before[j] + after[j])


@compiled("void(float64[:, ::1], float64[::1], float64[:, ::1])")
def _halve(plane: Plane, window: Plane, halved: Plane) -> None:
    """halved[i, j] = sum of window[k] window[l] plane[2 i + k, 2 j + l]."""
    width = plane.shape[1]
    filtered = np.empty(width)
    for i in range(halved.shape[0]):
        filtered[:] = 0.0
        for tap in range(len(window)):
            source = plane[2 * i + tap]
            weight = window[tap]
            for j in range(width):
                filtered[j] += weight * source[j]
        target = halved[i]
        target[:] = 0.0
        for tap in range(len(window)):
            source = filtered[tap:]
            weight = window[tap]
            for j in range(len(target)):
                target[j] += weight * source[2 * j]


def halved(plane: Rows, window: Plane) -> Plane:
    """Every second sample, from the first on, of the valid region of `plane` (height, width) filtered by outer(window, window)."""
    reach = len(window) - 1
    result = np.empty(((plane.shape[0] - reach + 1) // 2, (plane.shape[1] - reach + 1) // 2))

    def strip(start: int, stop: int) -> None:
        _halve(plane[slice(2 * start, 2 * stop - 1 + reach)], window, result[start:stop])

    for _ in mapped(strip, len(result)):
        pass
    return result


class Led:
    """`plane` with one row, one column or both of zeros in front where that side is odd."""

    def __init__(self, plane: Rows) -> None:
        self.plane, self.lead = plane, (plane.shape[0] % 2, plane.shape[1] % 2)
        self.shape = (plane.shape[0] + self.lead[0], plane.shape[1] + self.lead[1])

    def __getitem__(self, rows: slice) -> Plane:
        first, last, _ = rows.indices(self.shape[0])
        down, right = self.lead
        source = self.plane[slice(max(first - down, 0), last - down)]
        missing = last - first - len(source)
        return np.pad(source, ((missing, 0), (right, 0))) if missing or right else source


def quartered(plane: Rows) -> Plane:
    """Means of 2x2 samples. An odd side gets a zero in front of the first sample, so the windows start there."""
    return halved(Led(plane), np.full(2, 0.5))
