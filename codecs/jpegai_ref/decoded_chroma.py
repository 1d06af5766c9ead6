"""What the encoder fits the filters of chroma with: the picture as a decoder has it before them, and the picture as it should be."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from jpegai_ref.chroma_grid import ChromaGrid, Planes, Rectangle

PEAK = 255.0
BITS_WORTH = 0.5
"""What a bit per luma sample costs in units of beta times decibel."""


@dataclass(frozen=True, eq=False)
class DecodedChroma:
    """Planes of a decoded picture."""

    grid: ChromaGrid
    luma: Planes
    """(H, W)"""
    chroma: Planes
    """(2, h, w)"""
    original: Callable[[Rectangle], Planes]
    """U and V, (2, rows, columns), of a part of the picture that is coded."""

    def strips(self, part: Rectangle, height: int) -> Iterator[Rectangle]:
        """So many rows of a part at a time."""
        for top in range(part.top, part.bottom, height):
            yield part._replace(top=top, bottom=min(top + height, part.bottom))

    def beside(self, part: Rectangle) -> Planes:
        """The luma beside a part of the chroma planes."""
        return np.ascontiguousarray(self.grid.luma_beside(self.luma)[part.slices])

    def around(self, part: Rectangle) -> tuple[Planes, Planes, Rectangle]:
        """Chroma and the luma beside it of a part with its surroundings, and their place."""
        place = self.grid.surroundings(part)
        rows, columns = place.slices
        return self.chroma[:, rows, columns], self.beside(place), place


@dataclass(frozen=True)
class Objective:
    """beta (PSNR of U + PSNR of V) - bits / (2 luma samples): what filters are chosen for."""

    beta: float
    luma_samples: int
    chroma_samples: int

    def __call__(self, errors: tuple[float, float], bits: int) -> float:
        """From the squared errors of U and of V, summed over the plane; infinite where one is 0."""
        return self.beta * sum(self.decibel(error) for error in errors) - BITS_WORTH * bits / self.luma_samples

    def decibel(self, error: float) -> float:
        """PSNR of a plane."""
        return 10 * math.log10(PEAK**2 * self.chroma_samples / error) if error > 0 else math.inf
