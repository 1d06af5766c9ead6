"""Where the enhancement filters of chroma work: the samples of U and V, the luma beside each, and the four phases of luma.

The standard takes luma and chroma apart into the four phases (row, column) of 2x2 luma samples and filters each phase by itself. A chroma
plane of full size has all phases, one of half size a single one; the same neighbours are reached without taking anything apart, in steps
of `phases` samples of the chroma plane.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Planes = NDArray[np.float32]
"""One plane (h, w) or U and V (2, h, w), in samples of 0..255."""

BEFORE, AFTER = 1, 2
"""How many steps a filter reaches up and left, down and right."""


class Rectangle(NamedTuple):
    """Rows top..bottom and columns left..right of a plane, ends excluded."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def slices(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def bounds(self) -> tuple[int, int, int, int]:
        """A plain tuple, for compiled loops."""
        return self.top, self.left, self.bottom, self.right

    @property
    def area(self) -> int:
        return max(self.bottom - self.top, 0) * max(self.right - self.left, 0)

    def moved(self, rows: int, columns: int) -> Rectangle:
        return Rectangle(self.top + rows, self.left + columns, self.bottom + rows, self.right + columns)

    def within(self, other: Rectangle) -> Rectangle:
        """What both have in common; of area 0 where that is nothing."""
        top, left = max(self.top, other.top), max(self.left, other.left)
        return Rectangle(top, left, max(min(self.bottom, other.bottom), top), max(min(self.right, other.right), left))


@dataclass(frozen=True)
class ChromaGrid:
    """The chroma planes of a picture: their size, and the subsampling (vertical, horizontal; 1 or 2) that they have."""

    height: int
    width: int
    subsampling: tuple[int, int]

    @staticmethod
    def of(height: int, width: int, subsampling: tuple[int, int]) -> ChromaGrid:
        """Of a picture of height x width luma samples."""
        return ChromaGrid(-(-height // subsampling[0]), -(-width // subsampling[1]), subsampling)

    @property
    def phases(self) -> tuple[int, int]:
        """Phases of luma that the planes have, vertically and horizontally: the steps of the filters."""
        return 2 // self.subsampling[0], 2 // self.subsampling[1]

    @property
    def phase_size(self) -> tuple[int, int]:
        """Rows and columns of a phase."""
        return -(-self.height // self.phases[0]), -(-self.width // self.phases[1])

    @property
    def whole(self) -> Rectangle:
        return Rectangle(0, 0, self.height, self.width)

    def luma_beside(self, luma: NDArray[Any]) -> NDArray[Any]:
        """Of luma (H, W), or of a part that starts at even places, the samples where chroma has one too; a view."""
        return luma[:: self.subsampling[0], :: self.subsampling[1]]
