"""The filters behind the synthesis, in the order of the standard: EFE linear, eICCI, EFE non-linear, LEF. They see the whole picture."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import Tensor

from jpegai_ref.chroma_grid import ChromaGrid, Rectangle
from jpegai_ref.coder import Coder
from jpegai_ref.decoded_planes import DecodedPlanes, parts
from jpegai_ref.enhancement import enhanced
from jpegai_ref.lef import sharpened_rows
from jpegai_ref.parallel import CPU, in_parallel
from jpegai_ref.quantised_picture import QuantisedPicture
from jpegai_ref.tool_header import Enhancement

Planes = list[Tensor]
"""Y, or Y, U, V: (rows, columns) float32 each, in [0, 255], on the coder's device; chroma of the size that is coded."""
STRIP = 256
"""Rows that are filtered together, which does not change them."""
PART = 128, 1024
"""Rows and columns of chroma that are filtered together, which does not change them: so many stay in a processor's cache."""


def has_filters(picture: QuantisedPicture) -> bool:
    return picture.sharpening is not None or _is_enhanced(picture)


def _is_enhanced(picture: QuantisedPicture) -> bool:
    return picture.chroma is not None and picture.tools.enhancement != Enhancement()


def filtered(coder: Coder, picture: QuantisedPicture, planes: Planes) -> Planes:
    """The planes of a picture behind all filters that its header has switched on; an independent region is filtered by itself.

    Raises ValueError where constants are missing."""
    if _is_enhanced(picture):
        planes = [planes[0], *_enhanced(picture, planes)]
    if picture.sharpening is not None:
        planes = [_sharpened(coder, picture, planes[0]), *planes[1:]]
    return planes


def decoded_planes(picture: QuantisedPicture, planes: Planes) -> DecodedPlanes:
    """Y, U, V of a picture as the filters of chroma take them, on the processor whatever the device."""
    grid, within = ChromaGrid.of(picture.height, picture.width, picture.subsampling), None
    if picture.region is not None:
        (vertical, horizontal), place = picture.subsampling, picture.place
        whole = ChromaGrid.of(picture.header.height, picture.header.width, picture.subsampling)
        within = whole, place.top // vertical, place.left // horizontal
    luma, u, v = (plane.cpu().numpy() for plane in planes)
    return DecodedPlanes(grid, luma, u, v, within)


def _enhanced(picture: QuantisedPicture, planes: Planes) -> Planes:
    decoded = decoded_planes(picture, planes)
    chroma = np.empty((2, decoded.grid.height, decoded.grid.width), np.float32)

    def filter_part(part: Rectangle) -> None:
        chroma[(slice(None), *part.slices)] = enhanced(decoded, picture.tools.enhancement, part)

    in_parallel([partial(filter_part, part) for part in parts(decoded.grid.whole, *PART)], CPU)
    return list(torch.from_numpy(chroma).to(planes[0].device))


def _sharpened(coder: Coder, picture: QuantisedPicture, luma: Tensor) -> Tensor:
    if coder.lef is None or picture.sharpening is None:
        raise ValueError("there are no constants of LEF")
    strengths = torch.from_numpy(coder.lef.strengths(picture.header.model_id, picture.sharpening)).to(coder.device)
    firsts = range(0, len(luma), STRIP)
    strips = [partial(sharpened_rows, luma, strengths, first, min(first + STRIP, len(luma))) for first in firsts]
    return torch.cat(in_parallel(strips, coder.device))
