"""Windowed moments in single precision with the roundings of the official convolutions: tap after tap, row by row.

torch's convolution of one plane on a processor (oneDNN's direct loops) adds the taps of a window in this order, each by one fused
multiplication and addition, so the sums here are the same bits. Variances as differences of such sums carry an error of a few
hundredths in samples up to 255, the same all over a flat area: in metrics that are defined by programs in single precision it is
part of the digits. A separable window is cheaper and rounds otherwise. On a processor without fused multiplication and addition
the last bits differ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numba.core import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from ctc.kernels.compiled import compiled
from ctc.kernels.strips import mapped

Plane32 = NDArray[np.float32]
Stack32 = NDArray[np.float32]

TILE = 256
"""Columns worked on at once: the rows under a window of 17 taps then stay in the first-level cache."""

STRIDE = TILE + 32
"""Columns of a tile with the margin of the longest window, whole cache lines."""

LINE = 64
"""Bytes of a cache line."""

LENGTHS = (6, 10, 11, 12, 15, 16, 17)
"""So many columns a window has after zeros were added to it: sums of fives and sixes, and whole threes up to the odd number before."""


class Rows32(Protocol):
    """A plane (height, width) in single precision of which rows can be had, stored or computed."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, rows: slice, /) -> Plane32: ...


class Samples32:
    """Codes (height, width) as codes / peak * top, rounded after either step, converted a strip at a time."""

    def __init__(self, codes: NDArray[Any], peak: int, top: float) -> None:
        self.codes, self.shape = codes, codes.shape
        self.peak, self.top = np.float32(peak), np.float32(top)

    def __getitem__(self, rows: slice) -> Plane32:
        samples = self.codes[rows].astype(np.float32)
        samples /= self.peak
        samples *= self.top
        return samples


def weights_of(window: NDArray[np.float64]) -> Plane32:
    """The outer square of a line of up to 17 taps, normalised and then rounded; with rows of zeros around it and columns after it."""
    square = np.outer(window, window)
    padded = np.zeros((len(window) + 2, min(length for length in LENGTHS if length >= len(window))), np.float32)
    padded[1:-1, : len(window)] = square / square.sum()
    return padded


def _widest_registers(_: Any) -> Any:
    """Lets the loops of the calling function use registers of 512 bits where there are any: the compiler takes 256, a third slower here."""

    def attributed(context: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
        # `attributes.add` itself knows only attributes without a value.
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.void(), attributed


_use_widest_registers: Any = intrinsic(_widest_registers)


@compiled("void(float32[:, ::1], float32[:, ::1], float32[:, ::1], int64, int64, int64, int64)")
def _six(plane: Plane32, weights: Plane32, sums: Plane32, i: int, k: int, tap: int, count: int) -> None:
    """Six taps of one row of samples, for the two rows of sums that it reaches."""
    _use_widest_registers()
    source, w, v = plane[i + k, tap:], weights[k + 1, tap:], weights[k, tap:]
    above, below = sums[i], sums[i + 1]
    w0, w1, w2, w3, w4, w5 = w[0], w[1], w[2], w[3], w[4], w[5]
    v0, v1, v2, v3, v4, v5 = v[0], v[1], v[2], v[3], v[4], v[5]
    for j in range(count):
        s0, s1, s2, s3, s4, s5 = source[j], source[j + 1], source[j + 2], source[j + 3], source[j + 4], source[j + 5]
        total = above[j]
        total += w0 * s0
        total += w1 * s1
        total += w2 * s2
        total += w3 * s3
        total += w4 * s4
        total += w5 * s5
        above[j] = total
        total = below[j]
        total += v0 * s0
        total += v1 * s1
        total += v2 * s2
        total += v3 * s3
        total += v4 * s4
        total += v5 * s5
        below[j] = total


@compiled("void(float32[:, ::1], float32[:, ::1], float32[:, ::1], int64, int64, int64, int64)")
def _five(plane: Plane32, weights: Plane32, sums: Plane32, i: int, k: int, tap: int, count: int) -> None:
    """As `_six`, of five taps."""
    _use_widest_registers()
    source, w, v = plane[i + k, tap:], weights[k + 1, tap:], weights[k, tap:]
    above, below = sums[i], sums[i + 1]
    w0, w1, w2, w3, w4 = w[0], w[1], w[2], w[3], w[4]
    v0, v1, v2, v3, v4 = v[0], v[1], v[2], v[3], v[4]
    for j in range(count):
        s0, s1, s2, s3, s4 = source[j], source[j + 1], source[j + 2], source[j + 3], source[j + 4]
        total = above[j]
        total += w0 * s0
        total += w1 * s1
        total += w2 * s2
        total += w3 * s3
        total += w4 * s4
        above[j] = total
        total = below[j]
        total += v0 * s0
        total += v1 * s1
        total += v2 * s2
        total += v3 * s3
        total += v4 * s4
        below[j] = total


@compiled("void(float32[:, ::1], float32[:, ::1], int64, int64, float32[:, ::1])")
def _windowed(plane: Plane32, weights: Plane32, rows: int, count: int, sums: Plane32) -> None:
    """sums[i, j] = sum of weights[1 + k, l] * plane[i + k, j + l] for `rows` rows and `count` columns, added in that order.

    Rows are done in pairs, so `plane` and `sums` have room for an even number of them.
    """
    _use_widest_registers()
    taps, padded = weights.shape
    sixes = padded - 5 * (-padded % 6)
    for i in range(0, rows, 2):
        sums[i : i + 2] = 0.0
        # The first and the last row of samples reach one of the two only: the other gets a row of zeros.
        for k in range(taps - 1):
            for tap in range(0, sixes, 6):
                _six(plane, weights, sums, i, k, tap, count)
            for tap in range(sixes, padded, 5):
                _five(plane, weights, sums, i, k, tap, count)


@compiled("void(float32[:, ::1], float32[:, ::1], float32[:, ::1])")
def _difference(sums: Plane32, a: Plane32, b: Plane32) -> None:
    """Subtracts a * b from `sums`, the product rounded first: it passes through memory, lest it be fused with the subtraction."""
    product = np.empty(a.shape[1], np.float32)
    for i in range(len(a)):
        p, q, target = a[i], b[i], sums[i]
        for j in range(len(p)):
            product[j] = p[j] * q[j]
        for j in range(len(p)):
            target[j] -= product[j]


def room(planes: int, rows: int, reach: int) -> tuple[Stack32, Stack32]:
    """Zeros to work in on a tile of `rows` rows: samples with the margin of a window, and sums.

    Rows begin with a cache line, which is a tenth faster.
    """
    even = rows + rows % 2
    return _aligned(planes, even + reach, STRIDE), _aligned(planes, even, TILE)


def _aligned(*shape: int) -> Stack32:
    size = math.prod(shape)
    memory = np.zeros(size + LINE // 4, np.float32)
    first = -memory.ctypes.data % LINE // 4
    return memory[first : first + size].reshape(shape)


@compiled(f"void({', '.join(['float32[:, ::1]'] * 4 + ['float32[:, :, ::1]'] * 2)})")
def _moments(x: Plane32, weights: Plane32, means: Plane32, variances: Plane32, samples: Stack32, sums: Stack32) -> None:
    """Of one strip."""
    reach = len(weights) - 3
    rows, width = means.shape
    for left in range(0, width, TILE):
        count = min(TILE, width - left)
        for i in range(rows + reach):
            source, plain, squared = x[i, left:], samples[0, i], samples[1, i]
            for j in range(count + reach):
                plain[j] = source[j]
                squared[j] = source[j] * source[j]
        _windowed(samples[0], weights, rows, count, sums[0])
        _windowed(samples[1], weights, rows, count, sums[1])
        _difference(sums[1], sums[0], sums[0])
        means[:, left : left + count] = sums[0, :rows, :count]
        variances[:, left : left + count] = sums[1, :rows, :count]


@compiled("void(float32[:, ::1], float32[:, ::1], float32[:, ::1], float32[:, ::1], int64, int64, float32[:, :, ::1], float32[:, :, ::1])")
def moments_against(
    x: Plane32, y: Plane32, weights: Plane32, means: Plane32, left: int, count: int, samples: Stack32, found: Stack32
) -> None:
    """Means and variances of a strip of `y` and its covariances with `x`, at `count` columns from `left` on, in found[0], [1], [2].

    `means` are those of `x`, for as many rows as there are results. `samples` and `found` are a room of three planes.
    """
    reach = len(weights) - 3
    rows = len(means)
    for i in range(rows + reach):
        a, b = x[i, left:], y[i, left:]
        plain, squared, mixed = samples[0, i], samples[1, i], samples[2, i]
        for j in range(count + reach):
            plain[j] = b[j]
            squared[j] = b[j] * b[j]
            mixed[j] = a[j] * b[j]
    for moment in range(3):
        _windowed(samples[moment], weights, rows, count, found[moment])
    _difference(found[1], found[0], found[0])
    near = np.zeros((found.shape[1], TILE), np.float32)
    near[:rows, :count] = means[:, left : left + count]
    _difference(found[2], near, found[0])


@dataclass(frozen=True)
class Scale:
    """One scale of a reference: its samples, and windowed means and variances over the valid region."""

    plane: Rows32
    weights: Plane32
    means: Plane32
    variances: Plane32


def scale_of(plane: Rows32, weights: Plane32) -> Scale:
    """`plane` with its moments under `weights`, see `weights_of`."""
    reach = len(weights) - 3
    shape = (plane.shape[0] - reach, plane.shape[1] - reach)
    scale = Scale(plane, weights, np.empty(shape, np.float32), np.empty(shape, np.float32))

    def strip(start: int, stop: int) -> None:
        moments = scale.means[start:stop], scale.variances[start:stop]
        _moments(plane[slice(start, stop + reach)], weights, *moments, *room(2, stop - start, reach))

    for _ in mapped(strip, shape[0]):
        pass
    return scale
