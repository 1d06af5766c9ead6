"""Divisively normalised bands, and their squared differences, a patch at a time in float32."""

from __future__ import annotations

import numpy as np

from ctc.kernels.compiled import CODES, compiled
from ctc.kernels.patches import AT_ONCE, COLUMNS, MEANS, PATCH, ROWS, STRIDE, Single, cut
from ctc.kernels.pyramid import ROOM, Enlargement, Samples, band
from ctc.kernels.strips import Plane, done, summed

EDGE = 2
"""Samples of a band in front of the patch: one is needed, and patches of bands begin at even places."""


@compiled("void(float32[::1], int64, int64, int64, int64, int64, int64)")
def _mirror(patch: Single, top: int, left: int, rows: int, count: int, height: int, width: int) -> None:
    """One sample beyond each border of the plane, where the patch touches it, mirrored without repeating the last one."""
    if left == 0 or left + count == width:
        for r in range(EDGE, EDGE + rows):
            line = patch[r * STRIDE : (r + 1) * STRIDE]
            if left == 0:
                line[EDGE - 1] = line[EDGE + 1]
            if left + count == width:
                line[EDGE + count] = line[EDGE + count - 2]
    if top == 0:
        patch[(EDGE - 1) * STRIDE : EDGE * STRIDE] = patch[(EDGE + 1) * STRIDE : (EDGE + 2) * STRIDE]
    if top + rows == height:
        end = EDGE + rows
        patch[end * STRIDE : (end + 1) * STRIDE] = patch[(end - 2) * STRIDE : (end - 1) * STRIDE]


NORMALISE = (
    "void({0}, float32, float32[:, ::1], float32[:, ::1], float32[:, ::1], float32[:, ::1], float32[:, ::1], float32[::1],"
    " int64, int64, float32[:, ::1])"
)


@compiled(NORMALISE.format(CODES), NORMALISE.format("float32[:, ::1]"))
def _normalise(
    plane: Samples,
    factor: float,
    low: Single,
    even_rows: Single,
    odd_rows: Single,
    even: Single,
    odd: Single,
    constants: Single,
    first: int,
    last: int,
    result: Single,
) -> None:
    """Patches `first` to `last` of the band, each sample divided by sigma and the weighted magnitudes above, left, right and below it."""
    room, enlarged, patch = np.empty(ROOM, np.float32), np.empty(PATCH, np.float32), np.zeros(PATCH, np.float32)
    sigma, above, before, after, below = constants[0], constants[1], constants[2], constants[3], constants[4]
    height, width = plane.shape
    across = -(-width // COLUMNS)
    for index in range(first, last):
        top, left = index // across * ROWS, index % across * COLUMNS
        rows, count = min(ROWS, height - top), min(COLUMNS, width - left)
        band(plane, factor, low, even_rows, odd_rows, even, odd, top - EDGE, left - EDGE, rows + 2 * EDGE, room, enlarged, patch)
        _mirror(patch, top, left, rows, count, height, width)
        for r in range(rows):
            s = patch[(r + EDGE - 1) * STRIDE + EDGE - 1 :]
            target = result[index - first, r * COLUMNS : (r + 1) * COLUMNS]
            for j in range(COLUMNS):
                vertical = above * abs(s[j + 1]) + below * abs(s[2 * STRIDE + j + 1])
                horizontal = before * abs(s[STRIDE + j]) + after * abs(s[STRIDE + j + 2])
                target[j] = s[STRIDE + j + 1] / (sigma + (vertical + horizontal))
            target[count:] = 0


@compiled("float64(float32[:, ::1], float32[:, ::1], int64, int64, int64)")
def _squared_difference(x: Single, y: Single, first: int, height: int, across: int) -> float:
    sums = np.zeros(COLUMNS)
    for k in range(len(y)):
        rows = min(ROWS, height - (first + k) // across * ROWS)
        for r in range(rows):
            a, b = x[first + k, r * COLUMNS : (r + 1) * COLUMNS], y[k, r * COLUMNS : (r + 1) * COLUMNS]
            for j in range(COLUMNS):
                difference = a[j] - b[j]
                sums[j] += difference * difference
    return sums.sum()


class Normalisation:
    """The divisive normalisation of one level of the pyramid of pictures of one size."""

    def __init__(
        self, shape: tuple[int, int], factor: float, expansion: tuple[Enlargement, Enlargement], constants: tuple[float, ...]
    ) -> None:
        """`constants` are sigma and the weights of the samples above, left, right and below."""
        self.shape, self.factor, self.constants = shape, factor, np.array(constants, np.float32)
        rows, columns = expansion
        self.weights = rows.even, rows.odd, columns.even, columns.odd
        self.count, self.across = cut(shape)

    def patches(self, plane: Samples, low: Single, first: int, last: int, result: Single) -> None:
        _normalise(plane, self.factor, low, *self.weights, self.constants, first, last, result)

    def whole(self, plane: Samples, low: Single) -> Single:
        """The normalised band that `low` lacks of `plane`, by patches."""
        result = np.empty((self.count, MEANS), np.float32)
        done(lambda first, last: self.patches(plane, low, first, last, result[first:last]), self.count, AT_ONCE)
        return result

    def mean_squared_difference(self, x: Single, plane: Samples, low: Single) -> float:
        """Of the normalised band `x` and that of `plane` and `low`."""

        def patches(first: int, last: int) -> Plane:
            y = np.empty((last - first, MEANS), np.float32)
            self.patches(plane, low, first, last, y)
            return np.array([_squared_difference(x, y, first, self.shape[0], self.across)])

        return float(summed(patches, self.count, AT_ONCE)[0]) / (self.shape[0] * self.shape[1])
