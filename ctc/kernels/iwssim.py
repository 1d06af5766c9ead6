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


@compiled("UniTuple(float64, 5)(float64[::1], float64[::1], int64)", sums_reordered=True)
def _row_products(a: Plane, b: Plane, width: int) -> tuple[float, float, float, float, float]:
    """Sums of a[j] * b[j + right] for right = -2 to 2, the first `width` terms for which both samples exist."""
    far_left, left, straight, right, far_right = 0.0, 0.0, 0.0, 0.0, 0.0
    for j in range(width):
        far_left += a[j + 2] * b[j]
        left += a[j + 1] * b[j]
        straight += a[j] * b[j]
        right += a[j] * b[j + 1]
        far_right += a[j] * b[j + 2]
    return far_left, left, straight, right, far_right


@compiled("UniTuple(float64, 4)(float64[::1], float64[::1], int64)", sums_reordered=True)
def _parent_products(parent: Plane, x: Plane, width: int) -> tuple[float, float, float, float]:
    """Sums of parent[j] times x[j], x[j + 1], x[j + 2] and itself."""
    left, straight, right, square = 0.0, 0.0, 0.0, 0.0
    for j in range(width):
        left += parent[j] * x[j]
        straight += parent[j] * x[j + 1]
        right += parent[j] * x[j + 2]
        square += parent[j] * parent[j]
    return left, straight, right, square


@compiled("void(float64[::1], float64[::1], int64, int64, float64[:, ::1])")
def _add_covariance(x: Plane, near: Plane, rows: int, width: int, sums: Plane) -> None:
    """Adds the products of all pairs out of the nine samples around each inner position and the one of `near`, upper half.

    Two pairs of neighbours that lie in the same two rows at the same distance differ in one product at each end of the rows.
    """
    for top in range(rows + 2):
        for down in range(min(3, rows + 2 - top)):
            a, b = x[top * STRIDE :], x[(top + down) * STRIDE :]
            totals = _row_products(a, b, width)
            for right in range(0 if down == 0 else -2, 3):
                total = totals[right + 2]
                leftmost = max(0, -right)
                for column in range(leftmost, min(2, 2 - right) + 1):
                    if column > leftmost:
                        total += a[column + width - 1] * b[column + right + width - 1] - a[column - 1] * b[column + right - 1]
                    for row in range(3 - down):
                        if 0 <= top - row < rows:
                            sums[3 * row + column, 3 * (row + down) + column + right] += total
    if sums.shape[0] > NEIGHBOURS:
        for row in range(rows):
            parent = near[(row + 1) * STRIDE + 1 :]
            for down in range(3):
                before, above, after, square = _parent_products(parent, x[(row + down) * STRIDE :], width)
                sums[3 * down, NEIGHBOURS] += before
                sums[3 * down + 1, NEIGHBOURS] += above
                sums[3 * down + 2, NEIGHBOURS] += after
            sums[NEIGHBOURS, NEIGHBOURS] += square


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


@compiled("void(float32[::1], int64, float32[::1], float64[::1], float64[::1], int64[::1], float64[::1])")
def _information(
    boxes: Single, size: int, surround: Single, eigenvalues: Plane, product: Plane, exponents: NDArray[np.int64], bits: Plane
) -> None:
    """Information content in bit of one row of window positions, from the 3 x 3 means of x, d, x², d², xd; `boxes` are spoilt."""
    e0, e1, e2, e3, e4, e5, e6, e7, e8 = eigenvalues[:NEIGHBOURS]
    last = eigenvalues[size - 1] if size > NEIGHBOURS else 0.0
    noise, zero, one = np.float32(NOISE), np.float32(0.0), np.float32(1.0)
    scale = np.float32(1.0 / (size * NOISE * NOISE))
    too_large = 0
    for j in range(COLUMNS):
        mean_x, mean_d = boxes[j], boxes[COLUMNS + j]
        variance_x = max(boxes[2 * COLUMNS + j] - mean_x * mean_x, zero)
        variance_d = max(boxes[3 * COLUMNS + j] - mean_d * mean_d, zero)
        covariance = boxes[4 * COLUMNS + j] - mean_x * mean_d
        flat = variance_x < TINY
        slope = covariance / (variance_x + TINY)
        gain = zero if flat else one + slope
        rest = max(variance_d - (zero if flat else slope * covariance), zero)
        boxes[j] = (rest + (one + gain * gain) * noise) * surround[j] * scale
        boxes[COLUMNS + j] = one + rest / noise
    for j in range(COLUMNS):
        s, f = np.float64(boxes[j]), np.float64(boxes[COLUMNS + j])
        low = (f + s * e0) * (f + s * e1) * (f + s * e2) * (f + s * e3)
        high = (f + s * e4) * (f + s * e5) * (f + s * e6) * (f + s * e7)
        product[j] = (low * high) * (f + s * e8)
    if size > NEIGHBOURS:
        for j in range(COLUMNS):
            product[j] *= np.float64(boxes[COLUMNS + j]) + np.float64(boxes[j]) * last
    for j in range(COLUMNS):
        too_large += product[j] > LARGEST
    _log2(product, exponents, bits)
    if too_large:
        for j in range(COLUMNS):
            bits[j] = 0.0
            for k in range(size):
                bits[j] += math.log2(boxes[COLUMNS + j] + np.float64(boxes[j]) * eigenvalues[k])


BOXED = (4, 0, 5, 2, 6)
"""Places of x, d, x², d² and xd among the moments of `_compare`, which are d, x + y, d², x² + y², x, x², xd and y."""

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
    # One array for all: that pieces of it do not overlap needs no check before every loop.
    moments, means, sums = np.zeros(8 * PATCH, np.float32), np.empty(4 * MEANS, np.float32), np.zeros(2 * COLUMNS)
    line, boxes = np.empty(STRIDE, np.float32), np.empty(5 * COLUMNS, np.float32)
    product, bits, exponents = np.empty(COLUMNS), np.empty(COLUMNS), np.empty(COLUMNS, np.int64)
    half_of = np.float32(0.5)
    size = len(eigenvalues)
    across = -(-(x.shape[1] - REACH) // COLUMNS)
    for index in range(first, last):
        top, left = index // across * ROWS, index % across * COLUMNS
        rows, wide = min(ROWS, x.shape[0] - REACH - top), min(STRIDE, x.shape[1] - left)
        band(plane, factor, low, even_rows, odd_rows, even, odd, top, left, rows + REACH, room, enlarged, moments[7 * PATCH :])
        for r in range(rows + REACH):
            source, m = x[top + r, left : left + wide], moments[r * STRIDE :]
            for j in range(wide):
                u, v = source[j], m[7 * PATCH + j]
                d = v - u
                m[j] = d
                m[PATCH + j] = v + u
                m[2 * PATCH + j] = d * d
                m[3 * PATCH + j] = u * u + v * v
                m[4 * PATCH + j] = u
                m[5 * PATCH + j] = u * u
                m[6 * PATCH + j] = u * d
        for k in range(4):
            blur(moments[k * PATCH : (k + 1) * PATCH], half, rows, means[k * MEANS : (k + 1) * MEANS])
        for r in range(rows):
            for place, k in enumerate(BOXED):
                _box(moments[k * PATCH :], r, line, boxes[place * COLUMNS :])
            at = r * COLUMNS
            _information(boxes, size, surrounds[index, at : at + COLUMNS], eigenvalues, product, exponents, bits)
            m = means[at:]
            for j in range(min(COLUMNS, wide - REACH)):
                moved = m[j] * m[j]
                lacking = (m[2 * MEANS + j] - moved) / (m[3 * MEANS + j] - half_of * (m[MEANS + j] * m[MEANS + j] + moved) + C2)
                sums[j] += bits[j]
                sums[COLUMNS + j] += bits[j] * lacking
    return sums[:COLUMNS].sum(), sums[COLUMNS:].sum()


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
