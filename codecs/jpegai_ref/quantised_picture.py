"""A picture, or an independent region of one, as quantised latents, with all that turns these into samples: what a decoder has, and its
encoder knows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from jpegai_ref.chroma_grid import Rectangle
from jpegai_ref.picture import Colour, plane_sizes
from jpegai_ref.picture_header import BT709, LATENT_STRIDE, PictureHeader
from jpegai_ref.regions import Region
from jpegai_ref.tool_header import ToolHeader


@dataclass(frozen=True, eq=False)
class QuantisedPicture:
    """Headers, and what the synthesis and the filters behind it take."""

    header: PictureHeader
    tools: ToolHeader
    luma: Tensor
    """y_hat (1, C, h, w), float32, as the synthesis takes it."""
    chroma: Tensor | None
    """None for a grey picture."""
    sharpening: NDArray[np.int32] | None = None
    """scale_log (h, w) of the channel that steers the sharpening (LEF), where that is on."""
    region: Region | None = None
    """The independent region that this is; None: the whole."""

    @property
    def place(self) -> Rectangle:
        """Of the luma that this makes, in the coded picture."""
        return Rectangle(0, 0, self.header.height, self.header.width) if self.region is None else self.region.place

    @property
    def height(self) -> int:
        return self.place.bottom - self.place.top

    @property
    def width(self) -> int:
        return self.place.right - self.place.left

    def parts(self) -> list[QuantisedPicture]:
        """What is turned into samples apart: the independent regions, or all at once."""
        regions = self.header.regions
        if regions is None or not regions.independent or self.region is not None:
            return [self]
        return [self._part(region) for region in self.header.parts]

    def _part(self, region: Region) -> QuantisedPicture:
        window = region.window(LATENT_STRIDE)
        luma = self.luma[..., *window].contiguous()
        chroma = None if self.chroma is None else self.chroma[..., *window].contiguous()
        sharpening = None if self.sharpening is None else self.sharpening[window]
        return QuantisedPicture(self.header, self.tools, luma, chroma, sharpening, region)

    @property
    def colour(self) -> Colour:
        return colour_of(self.header, self.chroma is None)

    @property
    def subsampling(self) -> tuple[int, int]:
        """Of chroma behind the synthesis, vertical and horizontal."""
        return subsampling_of(self.header, self.chroma is None)

    def sizes_in_ycc(self) -> list[tuple[int, int]]:
        """(rows, columns) of Y, or of Y, U, V, in the coded size."""
        return plane_sizes(self.height, self.width, "grey" if self.chroma is None else "ycc", self.subsampling)


def colour_of(header: PictureHeader, grey: bool) -> Colour:
    """Of the decoded picture; `grey` where no chroma is coded."""
    return "grey" if grey else "rgb" if header.colour_transform == BT709 else "ycc"


def subsampling_of(header: PictureHeader, grey: bool) -> tuple[int, int]:
    """Of the chroma of the decoded picture, vertical and horizontal."""
    return header.source_subsampling if colour_of(header, grey) == "ycc" else (1, 1)
