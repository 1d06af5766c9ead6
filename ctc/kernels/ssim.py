"""Structural similarity of one scale, summed over patches, in float32.

Both factors are computed as what they lack of one. With d = y - x and windowed variances,
contrast-structure = (2 cov + c2) / (var x + var y + c2) = 1 - var d / (var x + var y + c2), and
luminance = (2 mx my + c1) / (mx² + my² + c1) = 1 - md² / (mx² + my² + c1), so that roundings are small against the distance
from one, not against one. Moments are those of d and of the sum of both, about a sample of the reference's patch and not about
zero: the square of a large mean would hide the variances. Nothing windowed is kept of the reference: at fifty megapixels to
store and load it costs as much as to compute it again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctc.kernels.compiled import CODES, compiled
from ctc.kernels.patches import AT_ONCE, COLUMNS, HALF, MEANS, PATCH, REACH, ROWS, STRIDE, Single, blur, cut, half_window
from ctc.kernels.strips import done, summed

Samples = NDArray[Any]
"""Codes (height, width) in uint16, or means of them in float32."""


COMPARE = "UniTuple(float64, 2)({0}, {0}, int64, int64, float32[::1], float32, float32)"


@compiled(COMPARE.format(CODES), COMPARE.format("float32[:, ::1]"))
def _compare(x: Samples, y: Samples, first: int, last: int, half: Single, c1: float, c2: float) -> tuple[float, float]:
    """Sums of what contrast-structure, and it times luminance, lack of one, over patches `first` to `last`."""
    # One array for all: that pieces of it do not overlap needs no check before every loop.
    moments, means, sums = np.zeros(4 * PATCH, np.float32), np.empty(4 * MEANS, np.float32), np.zeros(2 * COLUMNS)
    half_of = np.float32(0.5)
    across = -(-(x.shape[1] - REACH) // COLUMNS)
    for index in range(first, last):
        top, left = index // across * ROWS, index % across * COLUMNS
        rows, wide = min(ROWS, x.shape[0] - REACH - top), min(STRIDE, x.shape[1] - left)
        centre = np.float32(x[top + HALF, left + HALF])
        for r in range(rows + REACH):
            a, b, m = x[top + r, left : left + wide], y[top + r, left : left + wide], moments[r * STRIDE :]
            for j in range(wide):
                u, v = np.float32(a[j]) - centre, np.float32(b[j]) - centre
                m[j] = v - u
                m[PATCH + j] = v + u
                m[2 * PATCH + j] = (v - u) * (v - u)
                m[3 * PATCH + j] = u * u + v * v
        for k in range(4):
            blur(moments[k * PATCH : (k + 1) * PATCH], half, rows, means[k * MEANS : (k + 1) * MEANS])
        for r in range(rows):
            m = means[r * COLUMNS :]
            for j in range(min(COLUMNS, wide - REACH)):
                moved = m[j] * m[j]
                contrast = (m[2 * MEANS + j] - moved) / (m[3 * MEANS + j] - half_of * (m[MEANS + j] * m[MEANS + j] + moved) + c2)
                light = m[MEANS + j] + (centre + centre)
                luminance = moved / (half_of * (light * light + moved) + c1)
                sums[j] += contrast
                sums[COLUMNS + j] += contrast + (luminance - contrast * luminance)
    return sums[:COLUMNS].sum(), sums[COLUMNS:].sum()


def mean_similarity(x: Samples, y: Samples, window: NDArray[np.float64], c1: float, c2: float) -> tuple[float, float]:
    """(mean contrast-structure, mean of the same times luminance) of two planes (height, width), windows of the valid region.

    `window` is symmetric, of eleven taps.
    """
    half = half_window(window)

    def patches(first: int, last: int) -> NDArray[np.float64]:
        return np.array(_compare(x, y, first, last, half, c1, c2))

    positions = x.shape[0] - REACH, x.shape[1] - REACH
    contrast, similarity = 1.0 - summed(patches, cut(positions)[0], AT_ONCE) / (positions[0] * positions[1])
    return float(contrast), float(similarity)


@compiled(f"void({CODES}, int64, int64, float32[:, ::1])", "void(float32[:, ::1], int64, int64, float32[:, ::1])")
def _quarter(plane: Samples, first: int, last: int, result: Single) -> None:
    lead_row, lead_column = plane.shape[0] % 2, plane.shape[1] % 2
    quarter = np.float32(0.25)
    for i in range(first, last):
        above, below = plane[max(2 * i - lead_row, 0)], plane[2 * i + 1 - lead_row]
        share = np.float32(0.0) if 2 * i < lead_row else quarter
        if lead_column:
            result[i, 0] = share * np.float32(above[0]) + quarter * np.float32(below[0])
        a, b, target = above[lead_column:], below[lead_column:], result[i, lead_column:]
        for j in range(len(target)):
            upper = np.float32(a[2 * j]) + np.float32(a[2 * j + 1])
            lower = np.float32(b[2 * j]) + np.float32(b[2 * j + 1])
            target[j] = share * upper + quarter * lower


def quartered(plane: Samples) -> Single:
    """Means of 2x2 samples, exact for codes. An odd side gets a zero in front of the first sample, so the windows start there."""
    result = np.empty(((plane.shape[0] + 1) // 2, (plane.shape[1] + 1) // 2), np.float32)
    done(lambda first, last: _quarter(plane, first, last, result), len(result))
    return result
