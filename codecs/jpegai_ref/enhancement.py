"""The adaptive enhancement filters of chroma, behind the synthesis.

chroma (2, h, w) -- EFE linear (output set) -- EFE non-linear: correction -- masks -- chroma
     +--- EFE linear (alternative set) ------------------------------+
"""

from __future__ import annotations

from jpegai_ref.chroma_grid import ChromaGrid, Planes, Rectangle
from jpegai_ref.decoded_planes import DecodedPlanes
from jpegai_ref.efe_linear import filtered
from jpegai_ref.efe_nonlinear import corrected, mixed
from jpegai_ref.tool_header import Enhancement


def enhanced(decoded: DecodedPlanes, filters: Enhancement, part: Rectangle) -> Planes:
    """U and V (2, rows, columns) of a part of a picture behind the filters, not clamped; however the picture is parted."""
    place = decoded.grid.surroundings(part) if filters.linear else part
    result = _enhanced(decoded.chroma(place), decoded.beside(place), filters, decoded.grid, place)
    return result[(slice(None), *part.moved(-place.top, -place.left).slices)]


def _enhanced(chroma: Planes, luma: Planes, filters: Enhancement, grid: ChromaGrid, place: Rectangle) -> Planes:
    """Chroma (2, h, w) that lies at `place`; at its sides the linear filter goes on with the last samples. Luma (h, w)."""
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
