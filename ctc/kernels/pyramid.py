"""Planes of a Laplacian pyramid, a strip of rows at a time: only the low-pass planes are kept whole."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ctc.kernels.compiled import compiled
from ctc.kernels.strips import Plane, Rows, mapped
from ctc.kernels.windows import halved

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Indices = NDArray[np.int64]

TAPS = 4
"""Samples of the smaller plane that reach one sample of the larger, in each direction."""


@dataclass(frozen=True)
class Enlargement:
    """One direction: sample k of the larger is the sum over t of weights[t, k] * smaller[first[k] + t]."""

    first: Indices
    weights: Plane

    @classmethod
    def of(cls, operator: csr_array) -> Enlargement:
        """From a sparse (larger, smaller) matrix. Raises ValueError where a row reaches further than TAPS samples."""
        dense = operator.tocoo()
        larger, smaller = operator.shape
        first = np.full(larger, smaller)
        np.minimum.at(first, dense.row, dense.col)
        first = np.clip(first, 0, max(0, smaller - TAPS))
        if np.any(dense.col - first[dense.row] >= TAPS):
            raise ValueError(f"an enlargement of more than {TAPS} taps")
        weights = np.zeros((TAPS, larger))
        np.add.at(weights, (dense.col - first[dense.row], dense.row), dense.data)
        return cls(first.astype(np.int64), weights)


class Enlarged:
    """`plane` enlarged, rows computed when they are asked for."""

    def __init__(self, plane: Plane, rows: Enlargement, columns: Enlargement) -> None:
        missing = [(0, max(0, TAPS - side)) for side in plane.shape]
        self.plane = np.pad(plane, missing) if plane.size and max(missing) > (0, 0) else plane
        self.rows, self.columns = rows, columns
        self.shape = (len(rows.first), len(columns.first))

    def __getitem__(self, rows: slice) -> Plane:
        result = np.empty((len(self.rows.first[rows]), self.shape[1]))
        weights = np.ascontiguousarray(self.rows.weights[:, rows])
        _enlarge(self.plane, self.rows.first[rows], weights, self.columns.first, self.columns.weights, result)
        return result


class Band:
    """What `low`, enlarged, lacks of `plane`: rows computed when they are asked for."""

    def __init__(self, plane: Rows, low: Enlarged) -> None:
        self.plane, self.low, self.shape = plane, low, plane.shape

    def __getitem__(self, rows: slice) -> Plane:
        band = self.low[rows]
        return np.subtract(self.plane[rows], band, out=band)


class Mirrored:
    """`plane` with `margin` more samples on every side, mirrored without repeating the last one."""

    def __init__(self, plane: Rows, margin: int) -> None:
        self.plane, self.margin = plane, margin
        self.shape = (plane.shape[0] + 2 * margin, plane.shape[1] + 2 * margin)

    def __getitem__(self, rows: slice) -> Plane:
        height, margin = self.plane.shape[0], self.margin
        wanted = np.abs(np.arange(*rows.indices(self.shape[0])) - margin)
        wanted = np.where(wanted >= height, 2 * (height - 1) - wanted, wanted)
        lowest = int(wanted.min())
        source = self.plane[lowest : int(wanted.max()) + 1]
        result = np.empty((len(wanted), self.shape[1]))
        result[:, margin:-margin] = source[wanted - lowest]
        result[:, :margin] = result[:, 2 * margin : margin : -1]
        result[:, -margin:] = result[:, -margin - 2 : -2 * margin - 2 : -1]
        return result


@compiled("void(float64[:, ::1], int64[::1], float64[:, ::1], int64[::1], float64[:, ::1], float64[:, ::1])")
def _enlarge(plane: Plane, first_row: Indices, row_weights: Plane, first_column: Indices, column_weights: Plane, result: Plane) -> None:
    width = plane.shape[1]
    line = np.empty(width)
    for i in range(result.shape[0]):
        top = first_row[i]
        w0, w1, w2, w3 = row_weights[0, i], row_weights[1, i], row_weights[2, i], row_weights[3, i]
        a, b, c, d = plane[top], plane[top + 1], plane[top + 2], plane[top + 3]
        for j in range(width):
            line[j] = w0 * a[j] + w1 * b[j] + w2 * c[j] + w3 * d[j]
        target = result[i]
        v0, v1, v2, v3 = column_weights[0], column_weights[1], column_weights[2], column_weights[3]
        for j in range(len(target)):
            k = first_column[j]
            target[j] = v0[j] * line[k] + v1[j] * line[k + 1] + v2[j] * line[k + 2] + v3[j] * line[k + 3]


def low_pass(plane: Rows, window: Plane) -> Plane:
    """Every second sample of `plane` filtered by outer(window, window), borders mirrored: sides are halved and rounded up."""
    return halved(Mirrored(plane, len(window) // 2), window)


def whole(plane: Rows) -> Plane:
    """All rows of a band."""
    result = np.empty(plane.shape)

    def strip(start: int, stop: int) -> None:
        result[start:stop] = plane[slice(start, stop)]

    for _ in mapped(strip, plane.shape[0]):
        pass
    return result


@lru_cache(maxsize=64)
def doubling(length: int, larger: int) -> Enlargement:
    """Linear interpolation at k/2 - 1/4, extrapolated by a quarter sample at both ends, cut to `larger` samples."""
    from ctc.metrics._planes import interpolation

    return Enlargement.of(interpolation(np.arange(larger) / 2.0 - 0.25, length))
