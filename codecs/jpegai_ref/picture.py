"""A picture in memory: planes of integer codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from jpegai_ref.chroma_grid import Rectangle
from jpegai_ref.picture_header import BIT_DEPTHS

Plane = NDArray[Any]
"""uint8 (8 bits) or uint16 (more), (height, width)."""
Colour = Literal["rgb", "ycc", "grey"]


@dataclass(frozen=True, eq=False)
class Picture:
    """Three planes R, G, B or Y, Cb, Cr (BT.709, full range), or one of luma. Raises ValueError where they do not go together."""

    planes: tuple[Plane, ...]
    bit_depth: int
    colour: Colour
    subsampling: tuple[int, int] = (1, 1)
    """Of chroma, vertical and horizontal, 1 or 2; sizes of chroma are rounded up."""

    def __post_init__(self) -> None:
        if problem := self._problem():
            raise ValueError(problem)

    @property
    def height(self) -> int:
        return int(self.planes[0].shape[0])

    @property
    def width(self) -> int:
        return int(self.planes[0].shape[1])

    def _problem(self) -> str | None:
        if self.bit_depth not in BIT_DEPTHS:
            return f"a picture has {', '.join(map(str, BIT_DEPTHS))} bits, not {self.bit_depth}"
        if self.subsampling != (1, 1) and self.colour != "ycc":
            return "only Y'CbCr has subsampled planes"
        if len(self.planes) != (1 if self.colour == "grey" else 3):
            return f"{len(self.planes)} planes are no {self.colour} picture"
        if self.planes[0].ndim != 2 or 0 in self.planes[0].shape:
            return f"a plane of shape {self.planes[0].shape} is no picture"
        sizes = plane_sizes(self.height, self.width, self.colour, self.subsampling)
        if [plane.shape for plane in self.planes] != sizes:
            return f"planes of {[plane.shape for plane in self.planes]} do not go together"
        if any(plane.dtype != sample_type(self.bit_depth) for plane in self.planes):
            return f"samples of {self.bit_depth} bits are {sample_type(self.bit_depth)}"
        if max(int(plane.max()) for plane in self.planes) >= 1 << self.bit_depth:
            return f"there are samples above the {(1 << self.bit_depth) - 1} that {self.bit_depth} bits hold"
        return None


def sample_type(bit_depth: int) -> np.dtype[Any]:
    """uint8 or uint16."""
    return np.dtype(np.uint8 if bit_depth == 8 else np.uint16)


def plane_sizes(height: int, width: int, colour: Colour, subsampling: tuple[int, int]) -> list[tuple[int, int]]:
    """(rows, columns) of every plane of a picture."""
    vertical, horizontal = subsampling
    chroma = -(-height // vertical), -(-width // horizontal)
    return [(height, width)] if colour == "grey" else [(height, width), chroma, chroma]


def extended(picture: Picture, height: int, width: int) -> Picture:
    """The picture with its last row and column repeated up to `height` x `width`, which are not below its own."""
    if (height, width) == (picture.height, picture.width):
        return picture
    sizes = plane_sizes(height, width, picture.colour, picture.subsampling)
    planes = tuple(
        np.pad(plane, ((0, rows - plane.shape[0]), (0, columns - plane.shape[1])), mode="edge")
        for plane, (rows, columns) in zip(picture.planes, sizes, strict=True)
    )
    return Picture(planes, picture.bit_depth, picture.colour, picture.subsampling)


def cropped(picture: Picture, place: Rectangle) -> Picture:
    """What of the picture lies in a rectangle of luma samples that begins at even places. Raises ValueError where that is nothing."""
    top, left, bottom, right = place
    planes = []
    for index, plane in enumerate(picture.planes):
        vertical, horizontal = picture.subsampling if index else (1, 1)
        planes.append(plane[top // vertical : -(-bottom // vertical), left // horizontal : -(-right // horizontal)])
    return Picture(tuple(planes), picture.bit_depth, picture.colour, picture.subsampling)
