"""Sums of information content weighted SSIM over one scale, a patch at a time.

The band of the reference is x, that of the distorted picture y = x + d. Moments are those of x and d, so that roundings in
float32 are small against the difference of the pictures: contrast-structure is 1 - var d / (var x + var y + C2), the regression
of y on x has the gain 1 + cov(x, d) / var x and the residual var d - cov(x, d)² / var x.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctc.kernels.compiled import CODES, compiled
from ctc.kernels.patches import AT_ONCE, COLUMNS, MEANS, PATCH, REACH, ROWS, STRIDE, Single, blur, cut, half_window
from ctc.kernels.pyramid import ROOM, Enlargement, Real, Samples, band, enlarge
from ctc.kernels.strips import Plane, done, summed

NEIGHBOURS = 9
NOISE = 0.4
"""Variance of the visual channel's noise, for samples in 0..255."""
TINY = np.float32(1e-15)
C2 = np.float32((0.03 * 255) ** 2)

INNER = 4
"""Samples at each border that an 11-tap window does not leave but a 3-tap window does."""

Weights = tuple[Real, Real, Real, Real]
"""Enlargement of the rows, even and odd, and of the columns."""


def _weights(rows: Enlargement, columns: Enlargement) -> Weights:
    return rows.even, rows.odd, columns.even, columns.odd


@compiled("float64(float64[::1], float64[::1])", sums_reordered=True)
def _dot(a: Plane, b: Plane) -> float:
    total = 0.0
    for j in range(len(a)):
        total += a[j] * b[j]
    return total


@compiled("void(float64[::1], float64[::1], int64, int64, float64[:, ::1])")
def _add_covariance(x: Plane, near: Plane, rows: int, width: int, sums: Plane) -> None:
    """Adds the products of all pairs out of the nine samples around each inner position and the one of `near`, upper half.

    Two pairs of neighbours that lie in the same two rows at the same distance differ in one product at each end of the rows.
    """
    for top in range(rows + 2):
        for down in range(min(3, rows + 2 - top)):
            a, b = x[top * STRIDE :], x[(top + down) * STRIDE :]
            for right in range(0 if down == 0 else -2, 3):
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
            parent = near[(row + 1) * STRIDE + 1 : (row + 1) * STRIDE + 1 + width]
            for index in range(NEIGHBOURS):
                start = (row + index // 3) * STRIDE + index % 3
                sums[index, NEIGHBOURS] += _dot(x[start : start + width], parent)
            sums[NEIGHBOURS, NEIGHBOURS] += _dot(parent, parent)


PLANES = "float64[:, ::1], float64[:, ::1], float64[:, ::1], float64[:, ::1]"


@compiled(f"void(float32[:, ::1], float32[:, ::1], {PLANES}, int64, int64, float64[:, ::1])")
def _covariance(
    x: Single, parent: Single, even_rows: Real, odd_rows: Real, even: Real, odd: Real, first: int, last: int, sums: Plane
) -> None:
    room, near, patch = np.empty(ROOM), np.zeros(PATCH), np.zeros(PATCH)
    height, width = x.shape[0] - 2, x.shape[1] - 2
    across = -(-width // COLUMNS)
    for index in range(first, last):
        top, left = index // across * ROWS, index % across * COLUMNS
        rows, count = min(ROWS, height - top), min(COLUMNS, width - left)
        for r in range(rows + 2):
            source, target = x[top + r, left : left + count + 2], patch[r * STRIDE :]
            for j in range(count + 2):
                target[j] = source[j]
        if sums.shape[0] > NEIGHBOURS:
            enlarge(parent, even_rows, odd_rows, even, odd, top, left, rows + 2, room, near)
        _add_covariance(patch, near, rows, count, sums)


def covariance(x: Single, parent: Single | None, doubled: tuple[Enlargement, Enlargement]) -> Plane:
    """(9, 9), or (10, 10) with the sample of the enlarged `parent`: mean products of the neighbourhoods of a band's inner positions."""
    height, width = x.shape[0] - 2, x.shape[1] - 2
    size = NEIGHBOURS if parent is None else NEIGHBOURS + 1

    def patches(first: int, last: int) -> Plane:
        sums = np.zeros((size, size))
        _covariance(x, x if parent is None else parent, *_weights(*doubled), first, last, sums)
        return sums

    upper = summed(patches, cut((height, width))[0], AT_ONCE)
    return (upper + np.triu(upper, 1).T) / (height * width)


@compiled("void(float32[::1], float32[::1], int64, float32[:, ::1], float32[::1])")
def _surround(x: Single, near: Single, rows: int, whitening: Single, surround: Single) -> None:
    """Squared length of the whitened neighbourhoods of the window positions of a patch; `whitening` is lower triangular."""
    for row in range(rows):
        a = x[(row + INNER) * STRIDE + INNER :]
        parent = near[(row + 1) * STRIDE + INNER + 1 :]
        target = surround[row * COLUMNS : (row + 1) * COLUMNS]
        target[:] = 0
        for k in range(3):
            p, q, r = whitening[k, 0], whitening[k, 1], whitening[k, 2]
            for j in range(COLUMNS):
                white = p * a[j] + q * a[j + 1] + r * a[j + 2]
                target[j] += white * white
        for k in range(3, 6):
            p, q, r = whitening[k, 0], whitening[k, 1], whitening[k, 2]
            s, t, u = whitening[k, 3], whitening[k, 4], whitening[k, 5]
            for j in range(COLUMNS):
                white = p * a[j] + q * a[j + 1] + r * a[j + 2]
                white += s * a[STRIDE + j] + t * a[STRIDE + j + 1] + u * a[STRIDE + j + 2]
                target[j] += white * white
        for k in range(6, whitening.shape[0]):
            p, q, r = whitening[k, 0], whitening[k, 1], whitening[k, 2]
            s, t, u = whitening[k, 3], whitening[k, 4], whitening[k, 5]
            v, w, z = whitening[k, 6], whitening[k, 7], whitening[k, 8]
            last = whitening[k, NEIGHBOURS] if k == NEIGHBOURS else np.float32(0.0)
            for j in range(COLUMNS):
                white = p * a[j] + q * a[j + 1] + r * a[j + 2]
                white += s * a[STRIDE + j] + t * a[STRIDE + j + 1] + u * a[STRIDE + j + 2]
                white += v * a[2 * STRIDE + j] + w * a[2 * STRIDE + j + 1] + z * a[2 * STRIDE + j + 2]
                white += last * parent[j]
                target[j] += white * white


@compiled(f"void(float32[:, ::1], float32[:, ::1], {PLANES}, int64, int64, float32[:, ::1], float32[:, ::1])")
def _prepare(
    x: Single,
    parent: Single,
    even_rows: Real,
    odd_rows: Real,
    even: Real,
    odd: Real,
    first: int,
    last: int,
    whitening: Single,
    surrounds: Single,
) -> None:
    room, enlarged, near, patch = np.empty(ROOM), np.empty(PATCH), np.zeros(PATCH, np.float32), np.zeros(PATCH, np.float32)
    across = -(-(x.shape[1] - REACH) // COLUMNS)
    for index in range(first, last):
        top, left = index // across * ROWS, index % across * COLUMNS
        rows, wide = min(ROWS, x.shape[0] - REACH - top), min(STRIDE, x.shape[1] - left)
        for r in range(rows + REACH):
            source, target = x[top + r, left : left + wide], patch[r * STRIDE :]
            for j in range(wide):
                target[j] = source[j]
        if whitening.shape[0] > NEIGHBOURS:
            enlarge(parent, even_rows, odd_rows, even, odd, top + INNER, left, rows + 2, room, enlarged)
            for k in range((rows + 2) * STRIDE):
                near[k] = enlarged[k]
        _surround(patch, near, rows, whitening, surrounds[index])


@compiled("void(float32[::1], int64, float32[::1], float32[::1])")
def _box(patch: Single, row: int, line: Single, means: Single) -> None:
    """Means of 3 x 3 samples in one row of window positions."""
    ninth = np.float32(1.0 / 9.0)
    s = patch[(row + INNER) * STRIDE + INNER :]
    for j in range(COLUMNS + 2):
        line[j] = s[j] + s[STRIDE + j] + s[2 * STRIDE + j]
    for j in range(COLUMNS):
        means[j] = ninth * (line[j] + line[j + 1] + line[j + 2])


SQRT_HALF = 0x3FE6A09E667F3BCD
ONE = 0x3FF0000000000000
LARGEST = 1e300
FRACTION = 0x000FFFFFFFFFFFFF
LOG2E = 1.4426950408889634


@compiled("void(float64[::1], int64[::1], float64[::1])")
def _log2(values: Plane, exponents: NDArray[np.int64], bits: Plane) -> None:
    """Logarithms of positive normal numbers to base 2, within 2e-12: 2 atanh((m - 1) / (m + 1)) / ln 2 of m between the roots of 1/2 and 2.

    `values` are spoilt."""
    raw = values.view(np.int64)
    for j in range(len(raw)):
        shifted = raw[j] + (ONE - SQRT_HALF)
        exponents[j] = (shifted >> 52) - 1023
        raw[j] = (shifted & FRACTION) + SQRT_HALF
    for j in range(len(values)):
        s = (values[j] - 1.0) / (values[j] + 1.0)
        t = s * s
        high = 1.0 / 9.0 + t * (1.0 / 11.0 + t * (1.0 / 13.0))
        series = 1.0 + t * (1.0 / 3.0 + t * (1.0 / 5.0 + t * (1.0 / 7.0 + t * high)))
        bits[j] = exponents[j] + (2.0 * LOG2E) * s * series


@compiled("void(float32[:, ::1], int64, float32[::1], float64[::1], float64[::1], int64[::1], float64[::1])")
def _information(
    boxes: Single, size: int, surround: Single, eigenvalues: Plane, product: Plane, exponents: NDArray[np.int64], bits: Plane
) -> None:
    """Information content in bit of one row of window positions, from the 3 x 3 means of x, d, x², d², xd; `boxes` are spoilt."""
    mean_x, mean_d, square_x, square_d, product_xd = boxes[0], boxes[1], boxes[2], boxes[3], boxes[4]
    e0, e1, e2, e3, e4, e5, e6, e7, e8 = eigenvalues[:NEIGHBOURS]
    last = eigenvalues[size - 1] if size > NEIGHBOURS else 0.0
    noise, zero, one = np.float32(NOISE), np.float32(0.0), np.float32(1.0)
    scale = np.float32(1.0 / (size * NOISE * NOISE))
    too_large = 0
    for j in range(COLUMNS):
        variance_x = max(square_x[j] - mean_x[j] * mean_x[j], zero)
        variance_d = max(square_d[j] - mean_d[j] * mean_d[j], zero)
        covariance = product_xd[j] - mean_x[j] * mean_d[j]
        slope = covariance / (variance_x + TINY)
        flat = variance_x < TINY
        gain = zero if flat else one + slope
        rest = max(variance_d if flat else variance_d - slope * covariance, zero)
        square_x[j] = (rest + (one + gain * gain) * noise) * surround[j] * scale
        mean_x[j] = one + rest / noise
    for j in range(COLUMNS):
        s, f = np.float64(square_x[j]), np.float64(mean_x[j])
        low = (f + s * e0) * (f + s * e1) * (f + s * e2) * (f + s * e3)
        high = (f + s * e4) * (f + s * e5) * (f + s * e6) * (f + s * e7)
        # With s = 0 and f = 1 a factor of one.
        rest_product = (f + s * e8) * (f + s * last if size > NEIGHBOURS else 1.0)
        product[j] = (low * high) * rest_product
        too_large += product[j] > LARGEST
    _log2(product, exponents, bits)
    if too_large:
        for j in range(COLUMNS):
            bits[j] = 0.0
            for k in range(size):
                bits[j] += math.log2(mean_x[j] + np.float64(square_x[j]) * eigenvalues[k])


COMPARE = (
    "UniTuple(float64, 2)({0}, float64, float64[:, ::1], "
    + PLANES
    + ", float32[:, ::1], int64, int64, float32[::1], float32[:, ::1], float64[::1])"
)


@compiled(COMPARE.format(CODES), COMPARE.format("float64[:, ::1]"))
def _compare(
    plane: Samples,
    factor: float,
    low: Plane,
    even_rows: Real,
    odd_rows: Real,
    even: Real,
    odd: Real,
    x: Single,
    first: int,
    last: int,
    half: Single,
    surrounds: Single,
    eigenvalues: Plane,
) -> tuple[float, float]:
    """Sum of information, and of it times what contrast-structure lacks of one, over patches `first` to `last` of a band."""
    room, enlarged = np.empty(ROOM), np.empty(PATCH)
    patches = np.zeros((5, PATCH), np.float32)
    a, d, aa, dd, ad = patches[0], patches[1], patches[2], patches[3], patches[4]
    added, squares, y = np.zeros(PATCH, np.float32), np.zeros(PATCH, np.float32), np.zeros(PATCH, np.float32)
    apart, both = np.empty(MEANS, np.float32), np.empty(MEANS, np.float32)
    apart_2, square = np.empty(MEANS, np.float32), np.empty(MEANS, np.float32)
    half_of = np.float32(0.5)
    line, boxes = np.empty(STRIDE, np.float32), np.empty((5, COLUMNS), np.float32)
    product, bits, exponents = np.empty(COLUMNS), np.empty(COLUMNS), np.empty(COLUMNS, np.int64)
    weights, weighted = np.zeros(COLUMNS), np.zeros(COLUMNS)
    size = len(eigenvalues)
    across = -(-(x.shape[1] - REACH) // COLUMNS)
    for index in range(first, last):
        top, left = index // across * ROWS, index % across * COLUMNS
        rows, wide = min(ROWS, x.shape[0] - REACH - top), min(STRIDE, x.shape[1] - left)
        band(plane, factor, low, even_rows, odd_rows, even, odd, top, left, rows + REACH, room, enlarged, y)
        for r in range(rows + REACH):
            source = x[top + r, left : left + wide]
            at = r * STRIDE
            ya, xa, xx, da, ds, xd, s, q = y[at:], a[at:], aa[at:], d[at:], dd[at:], ad[at:], added[at:], squares[at:]
            for j in range(wide):
                u, v = source[j], ya[j]
                xa[j] = u
                da[j] = v - u
                s[j] = v + u
                q[j] = u * u + v * v
            for j in range(wide):
                xx[j] = xa[j] * xa[j]
                ds[j] = da[j] * da[j]
                xd[j] = xa[j] * da[j]
        blur(d, half, rows, apart)
        blur(added, half, rows, both)
        blur(dd, half, rows, apart_2)
        blur(squares, half, rows, square)
        count = min(COLUMNS, wide - REACH)
        for r in range(rows):
            for moment in range(5):
                _box(patches[moment], r, line, boxes[moment])
            at = r * COLUMNS
            _information(boxes, size, surrounds[index, at : at + COLUMNS], eigenvalues, product, exponents, bits)
            m, s, ms, q = apart[at:], both[at:], apart_2[at:], square[at:]
            for j in range(count):
                moved = m[j] * m[j]
                lacking = (ms[j] - moved) / (q[j] - half_of * (s[j] * s[j] + moved) + C2)
                weights[j] += bits[j]
                weighted[j] += bits[j] * lacking
    return weights.sum(), weighted.sum()


@dataclass(frozen=True)
class Scale:
    """A band of the reference and, by patches, the squared lengths of its whitened neighbourhoods."""

    x: Single
    half: Single
    surrounds: Single
    eigenvalues: Plane

    def weighted_contrast(self, y: Samples, factor: float, low: Plane, expansion: tuple[Enlargement, Enlargement]) -> tuple[float, float]:
        """(sum of information weights in bit, sum of contrast-structure times weight) of the band that `low` lacks of `factor` `y`."""

        def patches(first: int, last: int) -> Plane:
            prepared = self.half, self.surrounds, self.eigenvalues
            return np.array(_compare(y, factor, low, *_weights(*expansion), self.x, first, last, *prepared))

        weights, lacking = summed(patches, len(self.surrounds), AT_ONCE)
        return float(weights), float(weights - lacking)


def scale(
    x: Single, parent: Single | None, doubled: tuple[Enlargement, Enlargement], window: Plane, whitening: Plane, eigenvalues: Plane
) -> Scale:
    """What one band (height, width) of the reference says by itself.

    `whitening` is the lower triangular matrix that makes the neighbourhoods' covariance the identity, `eigenvalues` that covariance's.
    """
    count, _ = cut((x.shape[0] - REACH, x.shape[1] - REACH))
    surrounds, white = np.empty((count, MEANS), np.float32), whitening.astype(np.float32)

    def patches(first: int, last: int) -> None:
        near = x if parent is None else parent
        _prepare(x, near, *_weights(*doubled), first, last, white, surrounds)

    done(patches, count, AT_ONCE)
    return Scale(x, half_window(window), surrounds, eigenvalues)


WHOLE = "void({0}, float64, float64[:, ::1], " + PLANES + ", int64, int64, float32[:, ::1])"


@compiled(WHOLE.format(CODES), WHOLE.format("float64[:, ::1]"))
def _whole(
    plane: Samples,
    factor: float,
    low: Plane,
    even_rows: Real,
    odd_rows: Real,
    even: Real,
    odd: Real,
    first: int,
    last: int,
    result: Single,
) -> None:
    room, enlarged, patch = np.empty(ROOM), np.empty(PATCH), np.empty(PATCH, np.float32)
    height, width = plane.shape
    across = -(-width // COLUMNS)
    for index in range(first, last):
        top, left = index // across * ROWS, index % across * COLUMNS
        rows, count = min(ROWS, height - top), min(COLUMNS, width - left)
        band(plane, factor, low, even_rows, odd_rows, even, odd, top, left, rows, room, enlarged, patch)
        for r in range(rows):
            result[top + r, left : left + count] = patch[r * STRIDE : r * STRIDE + count]


def whole_band(plane: Samples, factor: float, low: Plane, expansion: tuple[Enlargement, Enlargement]) -> Single:
    """What `low`, enlarged, lacks of `factor` times `plane` (height, width), computed in float64."""
    result = np.empty(plane.shape, np.float32)
    done(lambda first, last: _whole(plane, factor, low, *_weights(*expansion), first, last, result), cut(plane.shape)[0], AT_ONCE)
    return result
