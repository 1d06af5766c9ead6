"""The functions of luma of EFE non-linear by least squares, and what the choice of masks needs to know of every block."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from jpegai_ref.chroma_grid import ChromaGrid, Planes, Rectangle
from jpegai_ref.comparison import Comparison
from jpegai_ref.decoded_planes import strips
from jpegai_ref.efe_linear_fit import best_codes
from jpegai_ref.efe_nonlinear import HUNDREDTHS, thresholds, tiles
from jpegai_ref.efe_nonlinear_header import BINS, LARGEST_FIELD, TILE_STEP, Correction, mask_shape
from jpegai_ref.enhancement import enhanced, seen_by_nonlinear
from jpegai_ref.parallel import CPU, in_parallel
from jpegai_ref.tool_header import Enhancement

TILE_BASE = 1200
"""Sides of tiles are the multiples of 64 next to this, or below, that share the plane evenly."""
BAND = 128
"""Rows of a task."""
Sums = NDArray[np.float64]


def tile_sides(grid: ChromaGrid) -> tuple[int, int]:
    """Rows and columns of a tile."""
    rows, columns = (TILE_STEP * -(-length // (TILE_STEP * -(-length // TILE_BASE))) for length in (grid.height, grid.width))
    return rows, columns


def best_correction(comparison: Comparison, before: Enhancement) -> Correction:
    """Of both planes, for what the filters `before` leave. It does not depend on the number of threads."""
    tile = tile_sides(comparison.grid)
    regions = [region for _, region in tiles(tile, comparison.grid, comparison.grid.whole)]
    seen = seen_by_nonlinear(comparison.decoded, before)
    ranges = [_luma_range(seen.beside(region)) for region in regions]
    bands = [(number, band) for number, region in enumerate(regions) for band in strips(region, BAND)]
    parts = in_parallel([partial(_moments_of, comparison, before, thresholds(*ranges[number]), band) for number, band in bands], CPU)
    sums = np.zeros((len(regions), BINS + 2, BINS + 2))
    for (number, _), part in zip(bands, parts, strict=True):
        sums[number] += part
    u, v = (_codes(sums, plane) for plane in (BINS, BINS + 1))
    return Correction(tile, tuple(low for low, _ in ranges), tuple(high for _, high in ranges), u, v)


def _codes(sums: Sums, plane: int) -> tuple[int, ...]:
    return tuple(code for of_tile in sums for code in best_codes(of_tile[:BINS, :BINS], of_tile[:BINS, plane]))


def _luma_range(luma: Planes) -> tuple[int, int]:
    lowest, highest = (min(max(round(HUNDREDTHS * float(end)), 0), LARGEST_FIELD) for end in (luma.min(), luma.max()))
    return lowest, highest


def _moments_of(comparison: Comparison, before: Enhancement, limits: list[float], band: Rectangle) -> Sums:
    """(10, 10) sums of products of the eight functions of luma and of what U and V lack."""
    lacks = comparison.original(band) - enhanced(comparison.decoded, before, band)
    seen = seen_by_nonlinear(comparison.decoded, before)
    above = np.maximum(seen.beside(band) - np.array(limits, np.float32)[:, None, None], 0)
    flat = torch.from_numpy(np.concatenate((above, lacks), dtype=np.float64)).flatten(1)
    return (flat @ flat.T).numpy()


def block_errors(comparison: Comparison, pictures: Sequence[Enhancement], block: int) -> Sums:
    """(2, rows, columns, n, n): for U and V, and every block of the masks, the products of the errors of all pairs of n pictures, summed
    over the samples of the block."""
    _, columns = mask_shape(block, comparison.grid)

    def of_strip(strip: Rectangle) -> Sums:
        original = comparison.original(strip)
        errors = np.stack([enhanced(comparison.decoded, filters, strip) - original for filters in pictures])
        # Samples behind the end of the plane have no error.
        padded = np.pad(errors.astype(np.float64), [(0, 0)] * 3 + [(0, columns * block - errors.shape[-1])])
        cut = torch.from_numpy(padded).unflatten(-1, (columns, block)).permute(1, 3, 0, 2, 4).flatten(3)  # type: ignore[no-untyped-call]
        return (cut @ cut.mT).numpy()

    parts = strips(comparison.grid.whole, block)
    return np.stack(in_parallel([partial(of_strip, strip) for strip in parts], CPU), axis=1)
