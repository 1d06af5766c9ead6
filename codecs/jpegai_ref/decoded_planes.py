"""A picture in Y, U, V behind the synthesis, as the filters of chroma read it part by part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from jpegai_ref.chroma_grid import ChromaGrid, Planes, Rectangle


@dataclass(frozen=True, eq=False)
class DecodedPlanes:
    """Float32 samples of 0..255."""

    grid: ChromaGrid
    luma: Planes
    """(H, W)"""
    u: Planes
    """(h, w)"""
    v: Planes

    def chroma(self, part: Rectangle) -> Planes:
        """U and V of a part, (2, rows, columns)."""
        return np.stack((self.u[part.slices], self.v[part.slices]))

    def beside(self, part: Rectangle) -> Planes:
        """The luma beside the samples of chroma in a part, (rows, columns)."""
        return np.ascontiguousarray(self.grid.luma_beside(self.luma)[part.slices])


def strips(part: Rectangle, height: int) -> Iterator[Rectangle]:
    """So many rows of a part at a time."""
    for top in range(part.top, part.bottom, height):
        yield part._replace(top=top, bottom=min(top + height, part.bottom))
