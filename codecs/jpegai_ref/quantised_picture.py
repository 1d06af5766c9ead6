"""A picture as quantised latents, with all that turns these into samples: what a decoder has, and its encoder knows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from jpegai_ref.picture import Colour, plane_sizes
from jpegai_ref.picture_header import BT709, PictureHeader
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

    @property
    def colour(self) -> Colour:
        return "grey" if self.chroma is None else "rgb" if self.header.colour_transform == BT709 else "ycc"

    @property
    def subsampling(self) -> tuple[int, int]:
        """Of chroma behind the synthesis, vertical and horizontal."""
        return self.header.source_subsampling if self.colour == "ycc" else (1, 1)

    def sizes_in_ycc(self) -> list[tuple[int, int]]:
        """(rows, columns) of Y, or of Y, U, V, in the coded size."""
        return plane_sizes(self.header.height, self.header.width, "grey" if self.chroma is None else "ycc", self.subsampling)
