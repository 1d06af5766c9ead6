"""EFE non-linear: chroma is corrected by a function of luma that is linear in each of eight ranges, and block by block.

For a sample of U (V likewise) with the luma Y beside it, in each tile of the plane:

    U' = max(U + a0 (Y - lowest), 0)  +  sum over k = 1..7 of  a_k max(Y - lowest - k gap, 0),      gap = (highest - lowest) / 8

a0..a7 belong to the plane and the tile, lowest and highest luma (sent in hundredths) to the tile. Then masks, of a plane or of both, say
for each block how much of it is taken from the alternative picture (that of the other linear filters, or the decoded one):

    U'' = ((2 - mask) U' + mask alternative) / 2,    mask 0, 1 or 2
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Final

import numpy as np

from jpegai_ref.chroma_grid import ChromaGrid, Planes, Rectangle
from jpegai_ref.efe_nonlinear_header import BINS, Correction, Masks
from jpegai_ref.filter_codes import weights_of
from jpegai_ref.filter_loops import add_functions, mix_blocks

HUNDREDTHS: Final = 100


def tiles(tile: tuple[int, int], grid: ChromaGrid, place: Rectangle) -> Iterator[tuple[int, Rectangle]]:
    """Those that a part of the chroma plane has samples of: the number of each, row by row of the whole plane, and what it covers."""
    across = -(-grid.width // tile[1])
    rows = range(place.top // tile[0], -(-place.bottom // tile[0]))
    columns = range(place.left // tile[1], -(-place.right // tile[1]))
    for row, column in product(rows, columns):
        whole = Rectangle(row * tile[0], column * tile[1], (row + 1) * tile[0], (column + 1) * tile[1])
        yield row * across + column, whole.within(grid.whole)


def thresholds(lowest: int, highest: int) -> list[float]:
    """lowest + k gap for k = 0..7, in samples; the two in hundredths."""
    return [(lowest + k * (highest - lowest) / BINS) / HUNDREDTHS for k in range(BINS)]


def corrected(chroma: Planes, luma: Planes, correction: Correction, grid: ChromaGrid, place: Rectangle) -> Planes:
    """U' and V' of a part of the picture, not clamped above: from chroma (2, h, w) at `place` in the grid and the luma beside it (h, w)."""
    result = chroma.copy()
    for number, region in tiles(correction.tile, grid, place):
        part = region.within(place).moved(-place.top, -place.left)
        limits = np.array(thresholds(correction.lowest[number], correction.highest[number]), np.float32)
        for plane, codes in zip(result, correction.planes, strict=True):
            if codes is not None:
                weights = weights_of(codes[number * BINS : (number + 1) * BINS]).astype(np.float32)
                add_functions(luma, limits, weights, part.bounds, plane)
    return result


def mixed(chroma: Planes, alternative: Planes, masks: Masks, place: Rectangle) -> Planes:
    """U'' and V'' of a part of the picture, from U' and V' (2, h, w) at `place` and the alternative picture (2, h, w)."""
    result = chroma.copy()
    for plane, other, mask in zip(result, alternative, masks.planes, strict=True):
        if mask is not None:
            values = np.frombuffer(mask, np.uint8).reshape(masks.shape).copy()
            mix_blocks(np.ascontiguousarray(other), values, masks.block, (place.top, place.left), plane)
    return result
