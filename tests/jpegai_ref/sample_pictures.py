"""Small pictures of real content, of every kind that is coded."""

from __future__ import annotations

import hashlib

import numpy as np
from jpegai_ref.picture import Picture, sample_type
from numpy.typing import NDArray
from skimage import data

COFFEE: NDArray[np.uint8] = data.coffee()  # type: ignore[no-untyped-call]


def rgb(height: int, width: int, bit_depth: int = 8) -> Picture:
    crop = COFFEE[20 : 20 + height, 30 : 30 + width].astype(np.uint32)
    # Repeated bits fill the larger range, with its low bits in use.
    codes = (crop * 0x101 + crop % 7) >> (16 - bit_depth) if bit_depth > 8 else crop
    codes = np.minimum(codes, (1 << bit_depth) - 1).astype(sample_type(bit_depth))
    return Picture(tuple(np.ascontiguousarray(codes[..., channel]) for channel in range(3)), bit_depth, "rgb")


def grey(height: int, width: int, bit_depth: int = 8) -> Picture:
    return Picture(rgb(height, width, bit_depth).planes[1:2], bit_depth, "grey")


def ycc(height: int, width: int, bit_depth: int = 8, subsampling: tuple[int, int] = (2, 2)) -> Picture:
    luma, u, v = rgb(height, width, bit_depth).planes
    halves = tuple(np.ascontiguousarray(plane[:: subsampling[0], :: subsampling[1]]) for plane in (u, v))
    return Picture((luma, *halves), bit_depth, "ycc", subsampling)


def digest(picture: Picture) -> str:
    """Of the samples of all planes, with their sizes."""
    content = hashlib.sha256()
    for plane in picture.planes:
        content.update(f"{plane.shape} {plane.dtype}".encode() + np.ascontiguousarray(plane).tobytes())
    return content.hexdigest()
