"""The filters behind the synthesis, in the order of the standard: EFE linear, eICCI, EFE non-linear, LEF. They see the whole picture."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from jpegai_ref.coder import Coder
from jpegai_ref.lef import sharpened_rows
from jpegai_ref.parallel import in_parallel
from jpegai_ref.quantised_picture import QuantisedPicture

Planes = list[Tensor]
"""Y, or Y, U, V: (rows, columns) float32 each, in [0, 255], on the coder's device; chroma of the size that is coded."""
STRIP = 256
"""Rows that are filtered together, which does not change them."""


def has_filters(picture: QuantisedPicture) -> bool:
    return picture.sharpening is not None


def filtered(coder: Coder, picture: QuantisedPicture, planes: Planes) -> Planes:
    """The planes of a picture behind all filters that its header has switched on. Raises ValueError where constants are missing."""
    if picture.sharpening is not None:
        planes = [_sharpened(coder, picture, planes[0]), *planes[1:]]
    return planes


def _sharpened(coder: Coder, picture: QuantisedPicture, luma: Tensor) -> Tensor:
    if coder.lef is None or picture.sharpening is None:
        raise ValueError("there are no constants of LEF")
    strengths = torch.from_numpy(coder.lef.strengths(picture.header.model_id, picture.sharpening)).to(coder.device)
    firsts = range(0, len(luma), STRIP)
    strips = [partial(sharpened_rows, luma, strengths, first, min(first + STRIP, len(luma))) for first in firsts]
    return torch.cat(in_parallel(strips, coder.device))
