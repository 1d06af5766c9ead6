"""What the encoder fits the filters of chroma with: the picture as a decoder has it before them, beside the picture that is coded."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from jpegai_ref.chroma_grid import ChromaGrid, Planes, Rectangle
from jpegai_ref.decoded_planes import DecodedPlanes

PEAK = 255.0
ROUNDING = 1 / 12
"""Mean squared error of rounding to codes of 8 bits, which comes on top of what the filters leave: what is below it is not worth bits."""
BITS_WORTH = 0.5
"""What a bit per luma sample costs in units of beta times decibel."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Of a whole picture."""

    decoded: DecodedPlanes
    original: Callable[[Rectangle], Planes]
    """U and V as they are coded, (2, rows, columns) in 0..255, of a part."""

    @property
    def grid(self) -> ChromaGrid:
        return self.decoded.grid


@dataclass(frozen=True)
class Objective:
    """beta (PSNR of U + PSNR of V) - bits / (2 luma samples): what filters are chosen for."""

    beta: float
    luma_samples: int
    chroma_samples: int

    def __call__(self, errors: tuple[float, float], bits: int) -> float:
        """From the squared errors of U and of V, summed over the plane; finite where one is 0."""
        return self.beta * sum(self.decibel(error) for error in errors) - BITS_WORTH * bits / self.luma_samples

    def decibel(self, error: float) -> float:
        """PSNR of a plane that is rounded, 58.9 at most."""
        return 10 * math.log10(PEAK**2 / (error / self.chroma_samples + ROUNDING))
