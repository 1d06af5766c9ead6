"""The filters behind the synthesis, in the order of the standard: EFE linear, eICCI, EFE non-linear, LEF. They see the whole picture."""

from __future__ import annotations

from collections.abc import Callable
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
Rows = Callable[[int, int], Planes]
"""Gives rows first..last (end excluded) of luma and those of chroma beside them; `first` is a multiple of 16."""
PART_ROWS, PART_COLUMNS = 128, 1024
"""Rows and columns of chroma that are filtered together, which does not change them: so many stay in a processor's cache."""


def has_filters(picture: QuantisedPicture) -> bool:
    return picture.sharpening is not None or picture.tools.enhancement.eicci is not None or _is_adaptive(picture)


def _is_adaptive(picture: QuantisedPicture) -> bool:
    filters = picture.tools.enhancement
    return picture.chroma is not None and (filters.linear is not None or filters.nonlinear is not None)


def filtered(coder: Coder, picture: QuantisedPicture, planes: Planes, operating_point: OperatingPoint) -> Rows:
    """The picture that an operating point decodes behind all filters that its header has switched on, in rows that are computed when they
    are asked for: but for eICCI, which changes all planes and is computed at once, no plane is there twice. The rows are the same however
    the picture is cut. An independent region is filtered by itself. Raises ValueError where constants are missing."""
    filters = picture.tools.enhancement
    decoded = decoded_planes(picture, planes) if _is_adaptive(picture) else None
    if filters.eicci is not None:
        planes = _behind_eicci(coder, picture, planes, decoded, operating_point)
        if decoded is not None:
            decoded = None if filters.nonlinear is None else replace(decoded, behind=decoded_planes(picture, planes))
    luma = _luma_rows(coder, picture, planes[0])
    if picture.chroma is None:
        return lambda first, last: [luma(first, last)]
    chroma = _chroma_rows(filters, planes, decoded)
    vertical, _ = picture.subsampling
    return lambda first, last: [luma(first, last), *chroma(first // vertical, -(-last // vertical))]


def _behind_eicci(
    coder: Coder, picture: QuantisedPicture, planes: Planes, decoded: DecodedPlanes | None, operating_point: OperatingPoint
) -> Planes:
    """All planes behind EFE linear and eICCI; `decoded` are those ahead of both, where an adaptive filter is on."""
    filters = picture.tools.enhancement
    if coder.eicci is None or filters.eicci is None:
        raise ValueError("there are no networks of eICCI")
    ahead = planes
    if decoded is not None and filters.linear is not None:
        ahead = [planes[0], *enhanced_chroma(decoded, Enhancement(filters.linear), coder.device)]
    within = None if picture.region is None else ((picture.header.height, picture.header.width), picture.place)
    return corrected(coder.eicci, operating_point, picture.header.model_id, filters.eicci, ahead, picture.subsampling, within)


def decoded_planes(picture: QuantisedPicture, planes: Planes) -> DecodedPlanes:
    """Y, U, V of a picture as the filters of chroma take them, on the processor whatever the device."""
    grid, within = ChromaGrid.of(picture.height, picture.width, picture.subsampling), None
    if picture.region is not None:
        (vertical, horizontal), place = picture.subsampling, picture.place
        whole = ChromaGrid.of(picture.header.height, picture.header.width, picture.subsampling)
        within = whole, place.top // vertical, place.left // horizontal
    luma, u, v = (plane.cpu().numpy() for plane in planes)
    return DecodedPlanes(grid, luma, u, v, within)


def _chroma_rows(filters: Enhancement, planes: Planes, decoded: DecodedPlanes | None) -> Rows:
    """Rows of U and of V, counted in those of chroma: of the planes, or filtered where there are decoded ones to filter."""
    if decoded is None:
        return lambda first, last: [plane[first:last] for plane in planes[1:]]
    device = planes[0].device

    def rows(first: int, last: int) -> Planes:
        width = decoded.grid.width
        chroma = np.empty((2, last - first, width), np.float32)
        for part in parts(Rectangle(first, 0, last, width), last - first, PART_COLUMNS):
            chroma[:, :, part.left : part.right] = enhanced(decoded, filters, part)
        return list(torch.from_numpy(chroma).to(device))

    return rows


def enhanced_chroma(decoded: DecodedPlanes, filters: Enhancement, device: torch.device) -> Planes:
    """U and V of the whole picture behind the adaptive filters, not clamped."""
    chroma = np.empty((2, decoded.grid.height, decoded.grid.width), np.float32)

    def filter_part(part: Rectangle) -> None:
        chroma[(slice(None), *part.slices)] = enhanced(decoded, filters, part)

    in_parallel([partial(filter_part, part) for part in parts(decoded.grid.whole, PART_ROWS, PART_COLUMNS)], CPU)
    return list(torch.from_numpy(chroma).to(device))


def _luma_rows(coder: Coder, picture: QuantisedPicture, luma: Tensor) -> Callable[[int, int], Tensor]:
    if picture.sharpening is None:
        return lambda first, last: luma[first:last]
    if coder.lef is None:
        raise ValueError("there are no constants of LEF")
    strengths = torch.from_numpy(coder.lef.strengths(picture.header.model_id, picture.sharpening)).to(coder.device)
    return partial(sharpened_rows, luma, strengths)
