"""Squared difference of two divisively normalised bands."""

from __future__ import annotations

import numpy as np

from ctc.kernels.compiled import compiled
from ctc.kernels.pyramid import Mirrored
from ctc.kernels.strips import Plane, Rows, summed


@compiled("float64(float64[:, ::1], float64[:, ::1], float64, float64, float64, float64, float64)")
def _strip(x: Plane, y: Plane, sigma: float, above: float, left: float, right: float, below: float) -> float:
    """`x` and `y` have one row and column more on every side."""
    width = x.shape[1] - 2
    sums = np.zeros(width)
    for row in range(1, x.shape[0] - 1):
        x0, x1, x2, xl, xr = x[row - 1, 1:], x[row, 1:], x[row + 1, 1:], x[row], x[row, 2:]
        y0, y1, y2, yl, yr = y[row - 1, 1:], y[row, 1:], y[row + 1, 1:], y[row], y[row, 2:]
        for j in range(width):
            around_x = sigma + above * abs(x0[j]) + left * abs(xl[j]) + right * abs(xr[j]) + below * abs(x2[j])
            around_y = sigma + above * abs(y0[j]) + left * abs(yl[j]) + right * abs(yr[j]) + below * abs(y2[j])
            difference = x1[j] / around_x - y1[j] / around_y
            sums[j] += difference * difference
    return sums.sum()


def mean_squared_difference(x: Rows, y: Rows, sigma: float, neighbours: tuple[float, float, float, float]) -> float:
    """Of two bands, each sample divided by `sigma` plus the weighted magnitudes of those above, left, right and below."""
    a, b = Mirrored(x, 1), Mirrored(y, 1)

    def strip(start: int, stop: int) -> Plane:
        rows = slice(start, stop + 2)
        return np.array([_strip(a[rows], b[rows], sigma, *neighbours)])

    return float(summed(strip, x.shape[0])[0]) / (x.shape[0] * x.shape[1])
