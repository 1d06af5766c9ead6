"""The adaptive enhancement filters of chroma, behind the synthesis.

chroma (2, h, w) -- EFE linear (output set) -- [eICCI] -- EFE non-linear: correction -- masks -- chroma
     +--- EFE linear (alternative set) -----------------------------------------+

eICCI filters the whole picture, luma too, and comes with the decoded planes: where it is on, what follows sees the planes behind it.
"""

from __future__ import annotations

from jpegai_ref.chroma_grid import Planes, Rectangle
from jpegai_ref.decoded_planes import DecodedPlanes
from jpegai_ref.efe_linear import filtered
from jpegai_ref.efe_nonlinear import corrected, mixed
from jpegai_ref.tool_header import Enhancement


def enhanced(decoded: DecodedPlanes, filters: Enhancement, part: Rectangle) -> Planes:
    """U and V (2, rows, columns) of a part of a picture behind the filters, not clamped; however the picture is parted."""
    linear, nonlinear = filters.linear, filters.nonlinear
    grid, place = decoded.in_picture(part)
    seen, masks = seen_by_nonlinear(decoded, filters), None if nonlinear is None else nonlinear.masks
    output = seen.chroma(part)
    other = output if seen is decoded else decoded.chroma(part)
    if linear is not None and (seen is decoded or masks is not None):
        around = decoded.around(part)
        # What eICCI leaves is behind the output set already.
        if seen is decoded:
            output = filtered(around, linear.means, linear.output, grid, place)
        if masks is not None:
            other = filtered(around, linear.means, linear.alternative, grid, place)
    if nonlinear is not None and nonlinear.correction is not None:
        output = corrected(output, seen.beside(part), nonlinear.correction, grid, place)
    return output if masks is None else mixed(output, other, masks, place)


def seen_by_nonlinear(decoded: DecodedPlanes, filters: Enhancement) -> DecodedPlanes:
    """The planes that EFE non-linear takes luma from, and chroma too where they are not the decoded ones."""
    return decoded if filters.eicci is None or decoded.behind is None else decoded.behind
