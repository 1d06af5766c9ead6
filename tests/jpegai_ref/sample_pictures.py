"""Small pictures of real content, of every kind that is coded."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
import torch.nn.functional as F
from jpegai_ref.colour import ycc_from_rgb
from jpegai_ref.picture import Picture, sample_type
from numpy.typing import NDArray
from skimage import data
from torch import Tensor

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


def original(top: int, left: int) -> Tensor:
    """Y, U, V (1, 3, 176, 176) of a real picture, in [0, 255]."""
    return ycc_from_rgb(torch.from_numpy(COFFEE[top : top + 176, left : left + 176].copy()).permute(2, 0, 1)[None].float())


def blurred(planes: Tensor) -> Tensor:
    return F.avg_pool2d(F.pad(planes, (1, 1, 1, 1), mode="replicate"), 3, 1)


def digest(picture: Picture) -> str:
    """Of the samples of all planes, with their sizes."""
    content = hashlib.sha256()
    for plane in picture.planes:
        content.update(f"{plane.shape} {plane.dtype}".encode() + np.ascontiguousarray(plane).tobytes())
    return content.hexdigest()
