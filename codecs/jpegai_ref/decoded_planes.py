"""A picture in Y, U, V behind the synthesis, as the filters of chroma read it part by part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from jpegai_ref.chroma_grid import AFTER, BEFORE, ChromaGrid, Planes, Rectangle


@dataclass(frozen=True, eq=False)
class DecodedPlanes:
    """Float32 samples of 0..255."""

    grid: ChromaGrid
    luma: Planes
    """(H, W)"""
    u: Planes
    """(h, w)"""
    v: Planes
    within: tuple[ChromaGrid, int, int] | None = None
    """Of a part that is filtered by itself: the grid of the picture, and the row and column of it that the part begins at."""
    behind: DecodedPlanes | None = None
    """The picture behind eICCI, where the header has that filter."""

    def in_picture(self, part: Rectangle) -> tuple[ChromaGrid, Rectangle]:
        """The grid of the picture, and a part as it lies in that."""
        if self.within is None:
            return self.grid, part
        grid, top, left = self.within
        return grid, part.moved(top, left)

    def chroma(self, part: Rectangle) -> Planes:
        """U and V of a part, (2, rows, columns)."""
        return np.stack((self.u[part.slices], self.v[part.slices]))

    def beside(self, part: Rectangle) -> Planes:
        """The luma beside the samples of chroma in a part, (rows, columns)."""
        return np.ascontiguousarray(self.grid.luma_beside(self.luma)[part.slices])

    def around(self, part: Rectangle) -> Planes:
        """U, V, and the luma beside them, of a part with BEFORE steps more above and left and AFTER steps below and right.

        (3, rows + 3 steps, columns + 3 steps). Behind the sides of the picture each phase goes on with its first or last sample."""
        (down, right), whole = self.grid.phases, self.grid.whole
        wanted = Rectangle(part.top - BEFORE * down, part.left - BEFORE * right, part.bottom + AFTER * down, part.right + AFTER * right)
        inside = wanted.within(whole)
        result = np.empty((3, wanted.bottom - wanted.top, wanted.right - wanted.left), np.float32)
        target = inside.moved(-wanted.top, -wanted.left).slices
        for plane, source in zip(result, (self.u, self.v, self.grid.luma_beside(self.luma)), strict=True):
            plane[target] = source[inside.slices]
        for outside, known in _repeated(wanted.left, wanted.right, self.grid.width, right):
            result[..., outside] = result[..., known]
        for outside, known in _repeated(wanted.top, wanted.bottom, self.grid.height, down):
            result[:, outside] = result[:, known]
        return result


def _repeated(first: int, last: int, length: int, step: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Which of the places first..last lie before 0 or behind `length`, and those that stand for them, both counted from `first`.

    They are the first and the last of the same phase; where the phases are not equally long the last place stands for what lacks."""
    before, behind = np.arange(first, 0), np.arange(length, last)
    last_cell = (-(-length // step) - 1) * step
    yield before - first, np.minimum(before % step, length - 1) - first
    yield behind - first, np.minimum(last_cell + behind % step, length - 1) - first


def parts(whole: Rectangle, height: int, width: int) -> Iterator[Rectangle]:
    """Of so many rows and columns, row by row."""
    for top, left in product(range(whole.top, whole.bottom, height), range(whole.left, whole.right, width)):
        yield Rectangle(top, left, min(top + height, whole.bottom), min(left + width, whole.right))


def strips(whole: Rectangle, height: int) -> Iterator[Rectangle]:
    """So many rows at a time."""
    return parts(whole, height, max(whole.right - whole.left, 1))
