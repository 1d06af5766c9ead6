"""EFE linear: an adaptive filter of chroma that looks at luma too; its weights come with the picture.

For a sample at p of the plane U (V likewise), in each region of the plane:

    U'(p) = U(p) + sum over k of  w(k) (U(p + k) - m)  +  v(k) Y(p + k)

p + k are the samples of the same phase of 2x2 luma samples at the steps k = (row, column), -((side - 1) div 2) .. side div 2 each; side is
1 to 4. m is the mean of the plane, sent in hundredths. A plane of full size has four phases, which share w and v; one of half size has
one. Behind the end of the plane each phase goes on with its last sample.

A split cuts the phase plane into up to six regions. Borders lie near a half or the thirds, at multiples of 32 samples of the phase.
"""

from __future__ import annotations

from itertools import pairwise, product
from typing import Final

import numpy as np

from jpegai_ref.chroma_grid import BEFORE, ChromaGrid, Planes, Rectangle
from jpegai_ref.efe_linear_header import SIDES, SPLITS, FilterSet, PlaneFilter
from jpegai_ref.filter_codes import weights_of
from jpegai_ref.filter_loops import add_weighted

BORDER_STEP: Final = 32
COLUMN_BY_COLUMN: Final = 7
"""The split whose regions come column by column; those of all others come row by row."""
SHARES: Final = {1: (), 2: (0.5,), 3: (0.33, 0.66)}
"""Where the borders lie between so many parts."""
HUNDREDTHS: Final = 100


def borders(parts: int, length: int) -> tuple[int, ...]:
    """Where the parts of a side of `length` samples begin, and `length`; multiples of 32, so that small planes have empty parts."""
    inner = [round(share * (length + BORDER_STEP - 1) / BORDER_STEP) * BORDER_STEP for share in SHARES[parts]]
    return 0, *(min(border, length) for border in inner), length


def regions(split: int, grid: ChromaGrid) -> list[Rectangle]:
    """Of a split, in their order, in samples of the chroma plane; some are empty where the plane is small."""
    (down, across), (rows, columns) = SPLITS[split], grid.phase_size
    (row_step, column_step) = grid.phases
    cells = product(pairwise(borders(down, rows)), pairwise(borders(across, columns)))
    found = [
        Rectangle(top * row_step, left * column_step, min(bottom * row_step, grid.height), min(right * column_step, grid.width))
        for (top, bottom), (left, right) in cells
    ]
    return found if split != COLUMN_BY_COLUMN else [found[row * across + column] for column in range(across) for row in range(down)]


def steps(side: int) -> tuple[tuple[int, int], ...]:
    """The steps k (row, column) of a filter's weights, in their order."""
    reach = range(-((side - 1) // 2), side // 2 + 1)
    return tuple(product(reach, reach))


def filtered(around: Planes, means: tuple[int, int], filters: FilterSet, grid: ChromaGrid, part: Rectangle) -> Planes:
    """U' and V' of a part of the picture, (2, rows, columns), not clamped; from what `DecodedPlanes.around` gives."""
    first = BEFORE * grid.phases[0], BEFORE * grid.phases[1]
    inner = Rectangle(first[0], first[1], first[0] + part.bottom - part.top, first[1] + part.right - part.left)
    result = np.ascontiguousarray(around[(slice(2), *inner.slices)])
    for plane, given, mean, spec in zip(result, around[:2], means, filters.planes, strict=True):
        if spec is not None:
            _add(spec, mean / HUNDREDTHS, given, around[2], grid, part, plane)
    return result


def _add(spec: PlaneFilter, mean: float, chroma: Planes, luma: Planes, grid: ChromaGrid, part: Rectangle, result: Planes) -> None:
    """Adds the two sums to `result`, a part of the plane."""
    for region, chroma_codes, luma_codes in zip(regions(spec.split, grid), spec.chroma, spec.luma, strict=True):
        bounds = region.within(part).moved(-part.top, -part.left)
        if bounds.area:
            offset = -mean * float(weights_of(chroma_codes).sum())
            add_weighted(chroma, _kernel(chroma_codes, spec.side), grid.phases, offset, bounds.bounds, result)
            add_weighted(luma, _kernel(luma_codes, spec.side), grid.phases, 0.0, bounds.bounds, result)


def _kernel(codes: tuple[int, ...], side: int) -> Planes:
    """(4, 4), 0 where a smaller filter does not reach: it looks at the same surroundings as the largest."""
    kernel = np.zeros((SIDES[-1], SIDES[-1]), np.float32)
    inner = slice(BEFORE - (side - 1) // 2, BEFORE + side // 2 + 1)
    kernel[inner, inner] = weights_of(codes).reshape(side, side)
    return kernel
