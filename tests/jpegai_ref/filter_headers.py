"""Any valid adaptive filters, for hypothesis and for tests that need some."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from jpegai_ref.chroma_grid import ChromaGrid
from jpegai_ref.efe_linear_header import LARGEST_MEAN, SIDES, SPLITS, FilterSet, LinearFilter, PlaneFilter, region_count
from jpegai_ref.efe_nonlinear_header import BINS, Correction, Masks, NonlinearFilter, mask_shape, tile_count
from jpegai_ref.eicci_header import EicciHeader, EicciTile, tile_cores
from jpegai_ref.filter_codes import LARGEST_CODE, ZERO
from jpegai_ref.picture_header import Tiling

CODES = st.integers(0, LARGEST_CODE)


def code_lists(count: int) -> st.SearchStrategy[tuple[int, ...]]:
    """Spread over the whole range, or all within a few of another."""
    near = st.tuples(st.integers(0, LARGEST_CODE - 9), st.lists(st.integers(0, 9), min_size=count, max_size=count))
    return st.lists(CODES, min_size=count, max_size=count).map(tuple) | near.map(lambda pair: tuple(pair[0] + more for more in pair[1]))


@st.composite
def plane_filters(draw: st.DrawFn) -> PlaneFilter:
    split, side = draw(st.integers(0, len(SPLITS) - 1)), draw(st.sampled_from(SIDES))
    chroma, luma = (tuple(draw(code_lists(side**2)) for _ in range(region_count(split))) for _ in range(2))
    return PlaneFilter(split, side, chroma, luma)


FILTER_SETS = st.builds(FilterSet, st.none() | plane_filters(), st.none() | plane_filters())
MEANS = st.integers(0, LARGEST_MEAN)
LINEAR_FILTERS = st.builds(LinearFilter, st.tuples(MEANS, MEANS), FILTER_SETS, FILTER_SETS)


@st.composite
def nonlinear_filters(draw: st.DrawFn, grid: ChromaGrid) -> NonlinearFilter:
    correction = masks = None
    planes = draw(st.sampled_from([(True, True), (True, False), (False, True)]))
    if draw(st.booleans()):
        tile = draw(st.integers(1, 4)) * 64, draw(st.integers(1, 4)) * 64
        count = tile_count(tile, grid)
        ranges = [sorted(draw(st.tuples(st.integers(0, 65535), st.integers(0, 65535)))) for _ in range(count)]
        u, v = (draw(code_lists(BINS * count)) if plane else None for plane in planes)
        correction = Correction(tile, tuple(low for low, _ in ranges), tuple(high for _, high in ranges), u, v)
    if draw(st.booleans()):
        block = draw(st.integers(1, 200))
        shape = mask_shape(block, grid)
        seed = draw(st.integers(0, 1000))
        u_mask, v_mask = (
            np.random.default_rng(seed).integers(0, 3, shape).astype(np.uint8).tobytes() if plane else None for plane in planes
        )
        masks = Masks(block, shape, u_mask, v_mask)
    return NonlinearFilter(correction, masks)


@st.composite
def eicci_headers(draw: st.DrawFn, height: int, width: int) -> EicciHeader:
    size = 16 * draw(st.integers(23, 40))
    tiling = draw(st.none() | st.integers(0, 11).map(lambda overlap: Tiling(size, 16 * overlap)))
    count = len(tile_cores(tiling, height, width))
    flags = st.tuples(st.booleans(), st.booleans(), st.booleans())
    return EicciHeader(tiling, tuple(EicciTile(*tile) for tile in draw(st.lists(flags, min_size=count, max_size=count))))


def random_set(random: np.random.Generator, split: int, side: int, reach: int = 300) -> FilterSet:
    """Small weights of both planes."""

    def plane() -> PlaneFilter:
        codes = random.integers(ZERO - reach, ZERO + reach, (2, region_count(split), side**2)).tolist()
        return PlaneFilter(split, side, *(tuple(tuple(region) for region in part) for part in codes))

    return FilterSet(plane(), plane())
