"""The filters behind the synthesis, in the order of the standard: EFE linear, eICCI, EFE non-linear, LEF. They see the whole picture."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from jpegai_ref.chroma_grid import ChromaGrid, Rectangle
from jpegai_ref.coder import Coder
from jpegai_ref.decoded_planes import DecodedPlanes, parts
from jpegai_ref.eicci import corrected
from jpegai_ref.enhancement import enhanced
from jpegai_ref.lef import sharpened_rows
from jpegai_ref.model import OperatingPoint
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
    return picture.sharpening is not None or picture.tools.enhancement.eicci is not None or _is_enhanced(picture)


def _is_enhanced(picture: QuantisedPicture) -> bool:
    return picture.chroma is not None and picture.tools.enhancement != Enhancement()


def filtered(coder: Coder, picture: QuantisedPicture, planes: Planes, operating_point: OperatingPoint) -> Planes:
    """The planes that an operating point decodes behind all filters that the header has switched on.

    Raises ValueError where constants are missing."""
    if picture.tools.enhancement.eicci is not None:
        planes = _filtered_with_eicci(coder, picture, planes, operating_point)
    elif _is_enhanced(picture):
        planes = [planes[0], *enhanced_chroma(decoded_planes(picture, planes), picture.tools.enhancement, coder.device)]
    if picture.sharpening is not None:
        planes = [_sharpened(coder, picture, planes[0]), *planes[1:]]
    return planes


def _filtered_with_eicci(coder: Coder, picture: QuantisedPicture, planes: Planes, operating_point: OperatingPoint) -> Planes:
    filters, model_id, decoded = picture.tools.enhancement, picture.header.model_id, None
    if coder.eicci is None or filters.eicci is None:
        raise ValueError("there are no networks of eICCI")
    ahead = planes
    if picture.chroma is not None and (filters.linear is not None or filters.nonlinear is not None):
        decoded = decoded_planes(picture, planes)
        ahead = [planes[0], *enhanced_chroma(decoded, Enhancement(filters.linear), coder.device)]
    behind = corrected(coder.eicci, operating_point, model_id, filters.eicci, ahead, picture.subsampling)
    if decoded is None or filters.nonlinear is None:
        return behind
    decoded = replace(decoded, behind=decoded_planes(picture, behind))
    return [behind[0], *enhanced_chroma(decoded, filters, coder.device)]


def decoded_planes(picture: QuantisedPicture, planes: Planes) -> DecodedPlanes:
    """Y, U, V of a picture as the filters of chroma take them, on the processor whatever the device."""
    grid = ChromaGrid.of(picture.header.height, picture.header.width, picture.subsampling)
    luma, u, v = (plane.cpu().numpy() for plane in planes)
    return DecodedPlanes(grid, luma, u, v)


def enhanced_chroma(decoded: DecodedPlanes, filters: Enhancement, device: torch.device) -> Planes:
    """U and V of the whole picture behind the adaptive filters, not clamped."""
    chroma = np.empty((2, decoded.grid.height, decoded.grid.width), np.float32)

    def filter_part(part: Rectangle) -> None:
        chroma[(slice(None), *part.slices)] = enhanced(decoded, filters, part)

    in_parallel([partial(filter_part, part) for part in parts(decoded.grid.whole, *PART)], CPU)
    return list(torch.from_numpy(chroma).to(device))


def _sharpened(coder: Coder, picture: QuantisedPicture, luma: Tensor) -> Tensor:
    if coder.lef is None or picture.sharpening is None:
        raise ValueError("there are no constants of LEF")
    strengths = torch.from_numpy(coder.lef.strengths(picture.header.model_id, picture.sharpening)).to(coder.device)
    firsts = range(0, len(luma), STRIP)
    strips = [partial(sharpened_rows, luma, strengths, first, min(first + STRIP, len(luma))) for first in firsts]
    return torch.cat(in_parallel(strips, coder.device))
