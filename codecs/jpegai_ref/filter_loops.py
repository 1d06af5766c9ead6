"""The inner loops of the adaptive filters, compiled. Sums are taken in a fixed order, sample by sample: no thread, tile or vector unit
changes a result. All work in place; a part is (top, left, bottom, right) of `result`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from jpegai_ref.tans_loops import compiled

Samples = NDArray[np.float32]
Part = tuple[int, int, int, int]


@compiled("void(float32[:, ::1], float32[:, ::1], UniTuple(int64, 2), float32, UniTuple(int64, 4), float32[:, ::1])")
def add_weighted(source: Samples, weights: Samples, steps: tuple[int, int], offset: float, part: Part, result: Samples) -> None:
    """Adds offset + sum over i, j of weights[i, j] source[y + i step, x + j step]; weights (4, 4), and `source` three steps larger than
    `result` both ways."""
    top, left, bottom, right = part
    width = right - left
    for y in range(top, bottom):
        line = result[y, left:right]
        for x in range(width):
            line[x] += offset
        for i in range(weights.shape[0]):
            a, b, c, d = weights[i, 0], weights[i, 1], weights[i, 2], weights[i, 3]
            if a == 0 and b == 0 and c == 0 and d == 0:
                continue
            row = source[y + i * steps[0]]
            p = row[left : left + width]
            q = row[left + steps[1] : left + steps[1] + width]
            r = row[left + 2 * steps[1] : left + 2 * steps[1] + width]
            s = row[left + 3 * steps[1] : left + 3 * steps[1] + width]
            for x in range(width):
                line[x] += (a * p[x] + b * q[x]) + (c * r[x] + d * s[x])


@compiled("void(float32[:, ::1], float32[::1], float32[::1], UniTuple(int64, 4), float32[:, ::1])")
def add_functions(luma: Samples, limits: Samples, weights: Samples, part: Part, result: Samples) -> None:
    """max(result + weights[0] (luma - limits[0]), 0) + sum over k > 0 of weights[k] max(luma - limits[k], 0)."""
    top, left, bottom, right = part
    zero = np.float32(0)
    for y in range(top, bottom):
        line, beside = result[y, left:right], luma[y, left:right]
        for x in range(right - left):
            line[x] = max(line[x] + weights[0] * (beside[x] - limits[0]), zero)
        for k in range(1, len(limits)):
            limit, weight = limits[k], weights[k]
            for x in range(right - left):
                line[x] += weight * max(beside[x] - limit, zero)


@compiled("void(float32[:, ::1], uint8[:, ::1], int64, UniTuple(int64, 2), float32[:, ::1])")
def mix_blocks(other: Samples, mask: NDArray[np.uint8], block: int, origin: tuple[int, int], result: Samples) -> None:
    """((2 - mask) result + mask other) / 2 in all of `result`, which begins at the sample `origin` of the blocks."""
    for y in range(result.shape[0]):
        values = mask[(origin[0] + y) // block]
        left = 0
        while left < result.shape[1]:
            column = (origin[1] + left) // block
            right = min((column + 1) * block - origin[1], result.shape[1])
            share = np.float32(0.5) * np.float32(values[column])
            if values[column]:
                rest = np.float32(1) - share
                line, beside = result[y, left:right], other[y, left:right]
                for x in range(right - left):
                    line[x] = rest * line[x] + share * beside[x]
            left = right
