"""A region of interest: the part of a picture that gets the quality, as a mask of its samples or a rectangle, made into a quality map.

A position of the latent (16x16 samples) belongs to the region where any of its samples does. Its qp is `inside`, that of all others
`outside`. By default these are +6 and -3: steps 2.9 times finer and 1.7 times coarser. A rectangle is a mask that is white inside of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jpegai_ref.picture_header import LATENT_STRIDE, SMALLEST_SIDE
from jpegai_ref.pictures import read_picture
from jpegai_ref.quality_map import HIGHEST_QP, LOWEST_QP, Qps

Mask = NDArray[np.bool_]
"""(h, w) of the samples of luma."""
NUMBERS = re.compile(r"[-+0-9.,\s]*,[-+0-9.,\s]*")
"""What is meant as numbers and not as the name of a file."""


class RegionError(Exception):
    """A region that is none of its picture; one line."""


class RectangleOutside(RegionError):
    """A rectangle that is not inside of its picture: of the command line, and not of a file."""


@dataclass(frozen=True)
class Levels:
    """The qps, -8..8, inside and outside of a region. Raises ValueError for others."""

    inside: int = 6
    outside: int = -3

    def __post_init__(self) -> None:
        if not all(LOWEST_QP <= level <= HIGHEST_QP for level in (self.inside, self.outside)):
            raise ValueError(f"levels are in {LOWEST_QP}..{HIGHEST_QP}")

    @staticmethod
    def parse(text: str) -> Levels:
        """From `INSIDE,OUTSIDE`. Raises ValueError."""
        return Levels(*_numbers(text, 2, "INSIDE,OUTSIDE"))


DEFAULT = Levels()


@dataclass(frozen=True)
class Rectangle:
    """In samples of luma of the picture. Raises ValueError where it has no samples or begins outside."""

    left: int
    top: int
    width: int
    height: int

    def __post_init__(self) -> None:
        if self.left < 0 or self.top < 0 or self.width < 1 or self.height < 1:
            raise ValueError("a rectangle begins inside the picture and has at least one sample")

    @staticmethod
    def parse(text: str) -> Rectangle:
        """From `X,Y,WIDTH,HEIGHT`. Raises ValueError."""
        return Rectangle(*_numbers(text, 4, "X,Y,WIDTH,HEIGHT"))

    def mask(self, height: int, width: int) -> Mask:
        """Of a picture of this size. Raises RectangleOutside where the rectangle is not inside of it."""
        if self.left + self.width > width or self.top + self.height > height:
            raise RectangleOutside(
                f"a region of {self.width}x{self.height} at {self.left},{self.top} is not inside the picture of {width}x{height}"
            )
        found = np.zeros((height, width), np.bool_)
        found[self.top : self.top + self.height, self.left : self.left + self.width] = True
        return found


@dataclass(frozen=True)
class MaskFile:
    """A picture file of the size of the picture; white samples, at least half of the peak in every colour, are in the region."""

    path: Path

    def mask(self, height: int, width: int) -> Mask:
        """Of a picture of this size. Raises RegionError for a mask of another one, in Y'CbCr, or without white; as `read_picture`."""
        picture = read_picture(self.path)
        if (picture.width, picture.height) != (width, height):
            raise RegionError(f"the mask {self.path.name} has {picture.width}x{picture.height} samples, the picture {width}x{height}")
        if picture.colour == "ycc":
            raise RegionError(f"the mask {self.path.name} is Y'CbCr: a mask is grey or R, G, B")
        white = np.min(picture.planes, axis=0) >= 1 << (picture.bit_depth - 1)
        if not white.any():
            raise RegionError(f"the mask {self.path.name} has no white, at least {1 << (picture.bit_depth - 1)}: there is no region")
        return np.asarray(white)


def parse_region(text: str) -> Rectangle | MaskFile:
    """A rectangle for numbers with commas between, else the name of a file. Raises ValueError for what is no such rectangle."""
    return Rectangle.parse(text) if NUMBERS.fullmatch(text) else MaskFile(Path(text))


def region_map(mask: Mask, levels: Levels = DEFAULT) -> Qps:
    """The quality map of a picture from a mask of it, (ceil(H/16), ceil(W/16)) of the size that is coded, which is at least 64x64.

    Raises ValueError where the mask is none."""
    if mask.ndim != 2 or mask.dtype != np.bool_ or 0 in mask.shape:
        raise ValueError(f"a mask is bool (h, w), not {mask.dtype} {mask.shape}")
    sides = [max(side, SMALLEST_SIDE) for side in mask.shape]
    rows, columns = (-(-side // LATENT_STRIDE) for side in sides)
    whole = np.zeros((rows * LATENT_STRIDE, columns * LATENT_STRIDE), np.bool_)
    whole[: mask.shape[0], : mask.shape[1]] = mask
    inside = whole.reshape(rows, LATENT_STRIDE, columns, LATENT_STRIDE).any(axis=(1, 3))
    return np.where(inside, np.int8(levels.inside), np.int8(levels.outside))


def _numbers(text: str, count: int, form: str) -> list[int]:
    parts = text.split(",")
    if len(parts) != count or not all(re.fullmatch(r"\s*[-+]?[0-9]{1,6}\s*", part) for part in parts):
        raise ValueError(f"it is not {form} in whole numbers")
    return [int(part) for part in parts]
