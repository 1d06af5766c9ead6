"""The adaptive enhancement filters of chroma, behind the synthesis, tile by tile.

chroma (2, h, w) -- EFE linear (output set) -- EFE non-linear: correction -- masks -- chroma
     +--- EFE linear (alternative set) ------------------------------+
"""

from __future__ import annotations

from jpegai_ref.chroma_grid import ChromaGrid, Planes, Rectangle
from jpegai_ref.efe_linear import filtered
from jpegai_ref.efe_nonlinear import corrected, mixed
from jpegai_ref.tool_header import Enhancement


def enhanced(chroma: Planes, luma: Planes, filters: Enhancement, grid: ChromaGrid, place: Rectangle) -> Planes:
    """U and V of a tile, filtered.

    chroma  (2, h, w); `place` says where they lie in the grid, at an even row and column
    luma    the samples of Y beside them, (h, w)

    The result is not clamped. At the sides of a tile the linear filter goes on with the last samples, as at the sides of the picture.
    """
    linear, nonlinear = filters.linear, filters.nonlinear
    output = chroma if linear is None else filtered(chroma, luma, linear.means, linear.output, grid, place)
    if nonlinear is None:
        return output
    if nonlinear.correction is not None:
        output = corrected(output, luma, nonlinear.correction, grid, place)
    if nonlinear.masks is not None:
        other = chroma if linear is None else filtered(chroma, luma, linear.means, linear.alternative, grid, place)
        output = mixed(output, other, nonlinear.masks, place)
    return output
