"""The filters behind the synthesis, in the order of the standard: EFE linear, eICCI, EFE non-linear, LEF. They see the whole picture."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor

from jpegai_ref.chroma_grid import ChromaGrid, Rectangle
from jpegai_ref.coder import Coder
from jpegai_ref.decoded_planes import DecodedPlanes, parts
from jpegai_ref.enhancement import enhanced
from jpegai_ref.lef import sharpened_rows
from jpegai_ref.quantised_picture import QuantisedPicture
from jpegai_ref.tool_header import Enhancement

Planes = list[Tensor]
"""Y, or Y, U, V: (rows, columns) float32 each, in [0, 255], on the coder's device; chroma of the size that is coded."""
Rows = Callable[[int, int], Planes]
"""Gives rows first..last (end excluded) of luma and those of chroma beside them; `first` is a multiple of 16."""
PART_COLUMNS = 1024
"""Columns of chroma that are filtered together, which does not change them: so many stay in a processor's cache."""


def has_filters(picture: QuantisedPicture) -> bool:
    return picture.sharpening is not None or _is_enhanced(picture)


def _is_enhanced(picture: QuantisedPicture) -> bool:
    return picture.chroma is not None and picture.tools.enhancement != Enhancement()


def filtered(coder: Coder, picture: QuantisedPicture, planes: Planes) -> Rows:
    """The picture behind all filters that its header has switched on, in rows that are computed when they are asked for: no plane is
    there twice. The rows are the same however the picture is cut. Raises ValueError where constants are missing."""
    luma = _luma_rows(coder, picture, planes[0])
    if picture.chroma is None:
        return lambda first, last: [luma(first, last)]
    chroma = _chroma_rows(picture, planes)
    vertical, _ = picture.subsampling
    return lambda first, last: [luma(first, last), *chroma(first // vertical, -(-last // vertical))]


def decoded_planes(picture: QuantisedPicture, planes: Planes) -> DecodedPlanes:
    """Y, U, V of a picture as the filters of chroma take them, on the processor whatever the device."""
    grid = ChromaGrid.of(picture.header.height, picture.header.width, picture.subsampling)
    luma, u, v = (plane.cpu().numpy() for plane in planes)
    return DecodedPlanes(grid, luma, u, v)


def _chroma_rows(picture: QuantisedPicture, planes: Planes) -> Rows:
    """Rows of U and of V, counted in those of chroma."""
    if not _is_enhanced(picture):
        return lambda first, last: [plane[first:last] for plane in planes[1:]]
    decoded, filters, device = decoded_planes(picture, planes), picture.tools.enhancement, planes[0].device

    def rows(first: int, last: int) -> Planes:
        width = decoded.grid.width
        chroma = np.empty((2, last - first, width), np.float32)
        for part in parts(Rectangle(first, 0, last, width), last - first, PART_COLUMNS):
            chroma[:, :, part.left : part.right] = enhanced(decoded, filters, part)
        return list(torch.from_numpy(chroma).to(device))

    return rows


def _luma_rows(coder: Coder, picture: QuantisedPicture, luma: Tensor) -> Callable[[int, int], Tensor]:
    if picture.sharpening is None:
        return lambda first, last: luma[first:last]
    if coder.lef is None:
        raise ValueError("there are no constants of LEF")
    strengths = torch.from_numpy(coder.lef.strengths(picture.header.model_id, picture.sharpening)).to(coder.device)
    return partial(sharpened_rows, luma, strengths)
