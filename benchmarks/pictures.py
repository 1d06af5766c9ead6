"""The pictures that are scored: a photograph repeated in mirrored tiles, and the JPEGs of it."""

from __future__ import annotations

import io
import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from ctc.pixels import metric_codes
from ctc.protocols import Codes

SIZES = {0.4: (768, 512), 2.0: (1920, 1080), 9.0: (3680, 2456), 50.0: (8160, 6120)}
"""Megapixels by name -> (width, height); others are 16:9."""


def pixel_count(megapixels: float) -> int:
    width, height = size(megapixels)
    return width * height


def size(megapixels: float) -> tuple[int, int]:
    """(width, height)."""
    height = round(math.sqrt(megapixels * 1e6 * 9 / 16))
    return SIZES.get(megapixels, (round(megapixels * 1e6 / height), height))


def pictures(megapixels: float, wants: Literal["y", "yuv", "rgb"], qualities: tuple[int, ...]) -> tuple[Codes, list[Codes]]:
    """A reference and its JPEG reconstructions, as codes that a metric wants."""
    width, height = size(megapixels)
    tile: NDArray[np.uint8] = data.astronaut()  # type: ignore[no-untyped-call]
    missing = [(0, max(0, side - length)) for side, length in zip((height, width), tile.shape, strict=False)]
    rgb = np.ascontiguousarray(np.pad(tile, [*missing, (0, 0)], mode="symmetric")[:height, :width])
    return metric_codes(rgb, wants), [metric_codes(_jpeg(rgb, quality), wants) for quality in qualities]


def _jpeg(rgb: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "JPEG", quality=quality, subsampling=0)
    return np.asarray(Image.open(stream).convert("RGB"))
