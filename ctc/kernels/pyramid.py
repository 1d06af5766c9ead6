"""Planes of a Laplacian pyramid: low-pass planes are kept whole, bands are made a patch at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ctc.kernels.compiled import CODES, compiled
from ctc.kernels.patches import REACH, ROWS, STRIDE
from ctc.kernels.strips import done

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Samples = NDArray[Any]
Real = NDArray[Any]
"""float64 or float32."""

TAPS = 4
"""Samples of the smaller plane that reach one sample of the larger, in each direction."""

MARGIN = 2
"""Samples in front of a plane for which there are weights, all zero: a patch may begin there."""

HALVES = STRIDE // 2
ROOM = ((ROWS + REACH) // 2 + TAPS) * STRIDE
"""Samples that `enlarge` needs to work in."""

BLOCK = 1024
"""Columns that are filtered at once."""


@dataclass(frozen=True)
class Enlargement:
    """One direction: sample 2 m of the larger is the sum over t of even[t, m] * smaller[m - 2 + t], sample 2 m + 1 that of odd[t, m] *
    smaller[m - 1 + t]. Weights begin MARGIN samples before the first and end a patch after the last."""

    even: Real
    odd: Real

    @classmethod
    def of(cls, operator: csr_array, dtype: type[np.floating[Any]]) -> Enlargement:
        """From a sparse (larger, smaller) matrix. Raises ValueError where a sample is reached from further away."""
        dense = operator.tocoo()
        phase, half = dense.row % 2, dense.row // 2
        tap = dense.col - half + 2 - phase
        if np.any((dense.data != 0.0) & ((tap < 0) | (tap >= TAPS))):
            raise ValueError(f"an enlargement of more than {TAPS} taps")
        weights = np.zeros((2, TAPS, operator.shape[0] // 2 + MARGIN + STRIDE), dtype)
        kept = dense.data != 0.0
        np.add.at(weights, (phase[kept], tap[kept], half[kept] + MARGIN // 2), dense.data[kept])
        return cls(*weights)


ENLARGE = "void({0}[:, ::1], {1}[:, ::1], {1}[:, ::1], {1}[:, ::1], {1}[:, ::1], int64, int64, int64, {1}[::1], {1}[::1])"


@compiled(ENLARGE.format("float64", "float64"), ENLARGE.format("float32", "float32"), ENLARGE.format("float32", "float64"))
def enlarge(
    low: Samples, even_rows: Real, odd_rows: Real, even: Real, odd: Real, top: int, left: int, rows: int, room: Real, patch: Real
) -> None:
    """Rows and columns of `low`, enlarged, from (top, left) on, both even and at least -MARGIN, in `patch`; zero outside of the plane."""
    weights, piece = np.empty(2 * TAPS * HALVES, room.dtype), np.zeros(HALVES + TAPS, room.dtype)
    middle = left // 2 + MARGIN // 2
    for t in range(TAPS):
        for m in range(HALVES):
            weights[t * HALVES + m] = even[t, middle + m]
            weights[(TAPS + t) * HALVES + m] = odd[t, middle + m]
    begin = left // 2 - 2
    start, stop = max(begin, 0), min(begin + HALVES + TAPS, low.shape[1])
    for k in range((rows + 1) // 2 + TAPS):
        source = low[min(max(top // 2 - 2 + k, 0), low.shape[0] - 1), start:stop]
        target = piece[start - begin :]
        for m in range(len(source)):
            target[m] = source[m]
        line = room[k * STRIDE : (k + 1) * STRIDE]
        for m in range(HALVES):
            line[2 * m] = (weights[m] * piece[m] + weights[HALVES + m] * piece[m + 1]) + (
                weights[2 * HALVES + m] * piece[m + 2] + weights[3 * HALVES + m] * piece[m + 3]
            )
            line[2 * m + 1] = (weights[4 * HALVES + m] * piece[m + 1] + weights[5 * HALVES + m] * piece[m + 2]) + (
                weights[6 * HALVES + m] * piece[m + 3] + weights[7 * HALVES + m] * piece[m + 4]
            )
    for r in range(rows):
        at = (top + r) // 2 + MARGIN // 2
        shares = odd_rows if r % 2 else even_rows
        w0, w1, w2, w3 = shares[0, at], shares[1, at], shares[2, at], shares[3, at]
        lines = room[(r // 2 + r % 2) * STRIDE :]
        target = patch[r * STRIDE : (r + 1) * STRIDE]
        for j in range(STRIDE):
            target[j] = (w0 * lines[j] + w1 * lines[STRIDE + j]) + (w2 * lines[2 * STRIDE + j] + w3 * lines[3 * STRIDE + j])


BAND = (
    "void({0}, {1}, {1}[:, ::1], {1}[:, ::1], {1}[:, ::1], {1}[:, ::1], {1}[:, ::1], int64, int64, int64, {1}[::1], {1}[::1], float32[::1])"
)


@compiled(
    BAND.format(CODES, "float64"),
    BAND.format("float64[:, ::1]", "float64"),
    BAND.format(CODES, "float32"),
    BAND.format("float32[:, ::1]", "float32"),
)
def band(
    plane: Samples,
    factor: float,
    low: Real,
    even_rows: Real,
    odd_rows: Real,
    even: Real,
    odd: Real,
    top: int,
    left: int,
    rows: int,
    room: Real,
    enlarged: Real,
    patch: Real,
) -> None:
    """What `low`, enlarged, lacks of `factor` times `plane`, from (top, left) on; samples outside of the plane are undefined."""
    enlarge(low, even_rows, odd_rows, even, odd, top, left, rows, room, enlarged)
    start, stop = max(left, 0), min(left + STRIDE, plane.shape[1])
    for r in range(max(-top, 0), min(rows, plane.shape[0] - top)):
        source = plane[top + r, start:stop]
        lower, target = enlarged[r * STRIDE + start - left :], patch[r * STRIDE + start - left :]
        for j in range(len(source)):
            target[j] = factor * source[j] - lower[j]


LOW = "void({0}, {1}, {1}[::1], int64, int64, {1}[:, ::1])"


@compiled(
    LOW.format(CODES, "float64"),
    LOW.format("float64[:, ::1]", "float64"),
    LOW.format(CODES, "float32"),
    LOW.format("float32[:, ::1]", "float32"),
)
def _low(plane: Samples, factor: float, window: Real, first: int, last: int, low: Real) -> None:
    height, width = plane.shape
    line = np.zeros(2 * BLOCK + 8, window.dtype)
    w0, w1, w2 = factor * window[0], factor * window[1], factor * window[2]
    v0, v1, v2 = window[0], window[1], window[2]
    for left in range(0, low.shape[1], BLOCK):
        count = min(BLOCK, low.shape[1] - left)
        start, stop = max(2 * left - 2, 0), min(2 * (left + count) + 1, width)
        lead = start - (2 * left - 2)
        for i in range(first, last):
            a, b, c = plane[abs(2 * i - 2), start:stop], plane[abs(2 * i - 1), start:stop], plane[2 * i, start:stop]
            below, last_row = 2 * i + 1, 2 * (height - 1)
            d = plane[below if below < height else last_row - below, start:stop]
            e = plane[below + 1 if below + 1 < height else last_row - below - 1, start:stop]
            target = line[lead:]
            for j in range(len(c)):
                outer = w0 * (window.dtype.type(a[j]) + window.dtype.type(e[j]))
                target[j] = outer + (w1 * (window.dtype.type(b[j]) + window.dtype.type(d[j])) + w2 * window.dtype.type(c[j]))
            if lead:
                line[0], line[1] = line[4], line[3]
            # Mirrored at the far end: samples from the width on.
            edge = lead + len(c)
            for k in range(2):
                line[edge + k] = line[edge - 2 - k]
            result = low[i, left : left + count]
            for j in range(count):
                outer = v0 * (line[2 * j] + line[2 * j + 4])
                result[j] = outer + (v1 * (line[2 * j + 1] + line[2 * j + 3]) + v2 * line[2 * j + 2])


def low_pass(plane: Samples, factor: float, window: Real) -> Real:
    """Every second sample, from the first on, of `factor` times `plane` (height, width) filtered by outer(window, window), ends mirrored.

    Sides, of at least 3, are halved and rounded up. `window` is symmetric, of five taps; its type is that of the result.
    """
    low = np.empty(((plane.shape[0] + 1) // 2, (plane.shape[1] + 1) // 2), window.dtype)
    done(lambda first, last: _low(plane, window.dtype.type(factor), window, first, last, low), len(low), ROWS // 2)
    return low
