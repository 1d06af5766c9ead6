"""EFE linear: the equation against a transcription of the standard's way, and weights that are found again."""

from __future__ import annotations

from itertools import product

import numba
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jpegai_ref import efe_linear, efe_linear_fit, filter_loops
from jpegai_ref.chroma_grid import ChromaGrid, Planes, Rectangle
from jpegai_ref.comparison import Comparison, Objective
from jpegai_ref.decoded_planes import DecodedPlanes
from jpegai_ref.efe_linear import filtered, regions
from jpegai_ref.efe_linear_fit import best_codes
from jpegai_ref.efe_linear_header import SPLITS, FilterSet, LinearFilter, PlaneFilter, region_count
from jpegai_ref.filter_codes import codes_of, weights_of
from jpegai_ref.tool_header import Enhancement

from tests.jpegai_ref.filter_headers import random_set

CHECKED_LOOP = numba.njit(boundscheck=True)(filter_loops.add_weighted.py_func)
FORMATS = [(1, 1), (2, 2), (1, 2), (2, 1)]
REGIONS = [
    [(0, 1, 0, 1)],
    [(0, 0.5, 0, 1), (0.5, 1, 0, 1)],
    [(0, 1, 0, 0.5), (0, 1, 0.5, 1)],
    [(0, 1, 0, 0.33), (0, 1, 0.33, 0.66), (0, 1, 0.66, 1)],
    [(0, 0.33, 0, 1), (0.33, 0.66, 0, 1), (0.66, 1, 0, 1)],
    [(0, 0.5, 0, 0.5), (0, 0.5, 0.5, 1), (0.5, 1, 0, 0.5), (0.5, 1, 0.5, 1)],
    [(0, 0.33, 0, 0.5), (0, 0.33, 0.5, 1), (0.33, 0.66, 0, 0.5), (0.33, 0.66, 0.5, 1), (0.66, 1, 0, 0.5), (0.66, 1, 0.5, 1)],
    [(0, 0.5, 0, 0.33), (0.5, 1, 0, 0.33), (0, 0.5, 0.33, 0.66), (0.5, 1, 0.33, 0.66), (0, 0.5, 0.66, 1), (0.5, 1, 0.66, 1)],
]
"""Of the eight splits, as shares of the rows and of the columns of a phase."""


def picture(height: int, width: int, subsampling: tuple[int, int], seed: int = 0) -> tuple[Planes, Planes, ChromaGrid]:
    """Chroma and the luma beside it, smooth with some noise."""
    random = np.random.default_rng(seed)
    grid = ChromaGrid.of(height, width, subsampling)
    rows, columns = np.mgrid[:height, :width]
    luma = 120 + 60 * np.sin(rows / 9) * np.cos(columns / 7) + random.normal(0, 8, (height, width))
    sizes = 2, grid.height, grid.width
    chroma = 128 + 20 * np.sin(np.arange(grid.height) / 5)[:, None] + random.normal(0, 6, sizes)
    return chroma.astype(np.float32), np.ascontiguousarray(luma.astype(np.float32)), grid


def filtered_whole(chroma: Planes, luma: Planes, means: tuple[int, int], filters: FilterSet, grid: ChromaGrid) -> Planes:
    return filtered(DecodedPlanes(grid, luma, *chroma).around(grid.whole), means, filters, grid, grid.whole)


def by_phases(chroma: Planes, luma: Planes, mean: float, spec: PlaneFilter, subsampling: tuple[int, int]) -> Planes:
    """One plane in the standard's order of things: four phases of each plane, padded by two samples, a filter for each region of each."""

    def phases(plane: Planes, whole: bool, vertical: int, horizontal: int) -> list[Planes]:
        found = []
        for row, column in product(range(2), range(2)):
            rows = 2 if whole or vertical == 1 else 1
            columns = 2 if whole or horizontal == 1 else 1
            even = np.pad(plane, ((0, -plane.shape[0] % rows), (0, -plane.shape[1] % columns)), mode="edge")
            found.append(even[row if rows == 2 else 0 :: rows, column if columns == 2 else 0 :: columns].astype(np.float64))
        return found

    output = np.full(chroma.shape, np.nan)
    for number, (u, y) in enumerate(zip(phases(chroma, False, *subsampling), phases(luma, True, 1, 1), strict=True)):
        result = np.empty_like(u)
        u_pad, y_pad = np.pad(u, 2, mode="edge"), np.pad(y, 2, mode="edge")
        height, width = u.shape
        for (top, bottom, left, right), own, beside in zip(REGIONS[spec.split], spec.chroma, spec.luma, strict=True):
            first, last = (min(round(share * (height + 31) / 32) * 32, height) for share in (top, bottom))
            begin, end = (min(round(share * (width + 31) / 32) * 32, width) for share in (left, right))
            w, v = (weights_of(codes).reshape(spec.side, spec.side) for codes in (own, beside))
            anchor = (spec.side - 1) // 2
            for row, column in product(range(first, last), range(begin, end)):
                window = slice(2 + row - anchor, 2 + row - anchor + spec.side), slice(2 + column - anchor, 2 + column - anchor + spec.side)
                kernel = w.copy()
                kernel[anchor, anchor] += 1
                result[row, column] = (kernel * (u_pad[window] - mean)).sum() + (v * y_pad[window]).sum() + mean
        down, across = (2 // factor for factor in subsampling)
        place = output[number // 2 if down == 2 else 0 :: down, number % 2 if across == 2 else 0 :: across]
        if (number // 2 == 0 or down == 2) and (number % 2 == 0 or across == 2):
            place[:] = result[: place.shape[0], : place.shape[1]]
    return output


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 75), st.integers(2, 75), st.sampled_from(FORMATS), st.integers(0, 7), st.integers(1, 4), st.integers(0, 99))
def test_the_equation(height: int, width: int, subsampling: tuple[int, int], split: int, side: int, seed: int) -> None:
    chroma, luma, grid = picture(height, width, subsampling, seed)
    filters = random_set(np.random.default_rng(seed), split, side)
    result = filtered_whole(chroma, luma, (12345, 13000), filters, grid)
    for plane, given_plane, mean, spec in zip(result, chroma, (123.45, 130.0), filters.planes, strict=True):
        assert spec is not None
        np.testing.assert_allclose(plane, by_phases(given_plane, luma, mean, spec, subsampling), atol=2e-3)


@given(st.integers(1, 9000), st.integers(1, 9000), st.sampled_from(FORMATS), st.integers(0, 7))
def test_regions_cover_every_sample_once(height: int, width: int, subsampling: tuple[int, int], split: int) -> None:
    grid = ChromaGrid.of(height, width, subsampling)
    found = regions(split, grid)
    assert len(found) == region_count(split) == len(REGIONS[split])
    assert sum(region.area for region in found) == grid.height * grid.width
    assert not any(one.within(other).area for index, one in enumerate(found) for other in found[:index])


@settings(max_examples=40, deadline=None)
@given(st.data(), st.integers(1, 60), st.integers(1, 60), st.sampled_from(FORMATS))
def test_a_part_is_filtered_as_in_the_whole(data: st.DataObject, height: int, width: int, subsampling: tuple[int, int]) -> None:
    chroma, luma, grid = picture(height, width, subsampling)
    top, left = data.draw(st.integers(0, grid.height - 1)), data.draw(st.integers(0, grid.width - 1))
    part = Rectangle(top, left, data.draw(st.integers(top + 1, grid.height)), data.draw(st.integers(left + 1, grid.width)))
    filters = random_set(np.random.default_rng(1), 5, data.draw(st.integers(1, 4)))
    whole = filtered_whole(chroma, luma, (12800, 12800), filters, grid)
    result = filtered(DecodedPlanes(grid, luma, *chroma).around(part), (12800, 12800), filters, grid, part)
    assert np.array_equal(result, whole[(slice(None), *part.slices)])


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(1, 40), st.integers(1, 40), st.sampled_from(FORMATS), st.integers(1, 4), st.integers(0, 7))
def test_no_sample_is_read_beside_the_surroundings(
    data: st.DataObject, height: int, width: int, subsampling: tuple[int, int], side: int, split: int
) -> None:
    """Of every side, in parts of any picture, by the inner loop compiled anew such that an index out of bounds raises IndexError."""
    chroma, luma, grid = picture(height, width, subsampling)
    top, left = data.draw(st.integers(0, grid.height - 1)), data.draw(st.integers(0, grid.width - 1))
    filters = random_set(np.random.default_rng(side), split, side)
    for part in (grid.whole, Rectangle(top, left, grid.height, grid.width), Rectangle(top, left, top + 1, left + 1)):
        around = DecodedPlanes(grid, luma, *chroma).around(part)
        expected = filtered(around, (12800, 12800), filters, grid, part)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(efe_linear, "add_weighted", CHECKED_LOOP)
            assert np.array_equal(filtered(around, (12800, 12800), filters, grid, part), expected)
            with pytest.raises(IndexError):
                filtered(np.ascontiguousarray(around[..., :-1]), (12800, 12800), filters, grid, part)


def test_a_plane_without_a_filter_stays() -> None:
    chroma, luma, grid = picture(40, 40, (1, 1))
    only_v = FilterSet(None, random_set(np.random.default_rng(0), 0, 3).v)
    result = filtered_whole(chroma, luma, (0, 0), only_v, grid)
    assert np.array_equal(result[0], chroma[0])
    assert not np.array_equal(result[1], chroma[1])
    assert np.array_equal(filtered_whole(chroma, luma, (0, 0), FilterSet(), grid), chroma)


def compared(chroma: Planes, luma: Planes, grid: ChromaGrid, original: Planes) -> Comparison:
    return Comparison(DecodedPlanes(grid, luma, *chroma), lambda part: original[(slice(None), *part.slices)])


@pytest.mark.parametrize("subsampling", FORMATS)
@pytest.mark.parametrize(("split", "side"), [(0, 1), (0, 4), (3, 2), (6, 3), (7, 4)])
def test_weights_of_a_known_filter_are_found_again(subsampling: tuple[int, int], split: int, side: int) -> None:
    """Where the original is the decoded picture behind a filter, the fit finds its codes; with some noise the choice falls on its kind."""
    chroma, luma, grid = picture(260, 230, subsampling)
    means = efe_linear_fit.means_of(DecodedPlanes(grid, luma, *chroma))
    known = random_set(np.random.default_rng(split), split, side, reach=120)
    original = filtered_whole(chroma, luma, means, known, grid)
    sums = efe_linear_fit.moments(compared(chroma, luma, grid, original), means)
    for plane, spec in enumerate(known.planes):
        found = efe_linear_fit.candidates(sums, grid, plane)
        same = next(one for one in found if one.spec is not None and (one.spec.split, one.spec.side) == (split, side))
        assert same.spec == spec
        assert same.error < 1e-6 * efe_linear_fit.unfiltered(sums, plane).error
    noisy = original + np.random.default_rng(9).normal(0, 0.5, original.shape).astype(np.float32)
    sums = efe_linear_fit.moments(compared(chroma, luma, grid, noisy), means)
    chosen = efe_linear_fit.best_pair(sums, grid, Objective(0.1, luma.size, chroma[0].size))
    assert [(one.spec.split, one.spec.side) for one in chosen if one.spec] == [(split, side)] * 2


def test_errors_by_the_sums_of_products_are_those_of_the_filtered_plane() -> None:
    for subsampling in FORMATS:
        chroma, luma, grid = picture(201, 199, subsampling)
        original = chroma + np.float32(0.02) * luma.mean() + np.random.default_rng(3).normal(0, 3, chroma.shape).astype(np.float32)
        means = efe_linear_fit.means_of(DecodedPlanes(grid, luma, *chroma))
        sums = efe_linear_fit.moments(compared(chroma, luma, grid, original), means)
        for candidate in efe_linear_fit.candidates(sums, grid, 1)[::5]:
            result = filtered_whole(chroma, luma, means, FilterSet(None, candidate.spec), grid)
            assert candidate.error == pytest.approx(float(np.square(result[1] - original[1], dtype=np.float64).sum()), rel=1e-4)
            assert candidate.error < efe_linear_fit.unfiltered(sums, 1).error


def test_the_choice_weighs_the_bits() -> None:
    """A filter that gains little is chosen where a decibel is worth much, and not where it is worth nothing."""
    chroma, luma, grid = picture(200, 200, (1, 1))
    original = chroma + np.random.default_rng(3).normal(0, 5, chroma.shape).astype(np.float32)
    sums = efe_linear_fit.moments(compared(chroma, luma, grid, original), (12800, 12800))
    dear = efe_linear_fit.best_pair(sums, grid, Objective(1e-6, 40_000, 40_000))
    cheap = efe_linear_fit.best_pair(sums, grid, Objective(50.0, 40_000, 40_000))
    assert [one.spec for one in dear] == [None, None]
    assert [one.spec is not None and one.spec.side for one in cheap] == [4, 4]
    assert all(one.error < other.error for one, other in zip(cheap, dear, strict=True))


def test_a_plane_without_errors_does_not_decide_for_the_other() -> None:
    """U is exact, V is not; and what makes a plane exact is not worth bits without end."""
    chroma, luma, grid = picture(200, 200, (1, 1))
    original = chroma + np.array([0, 9], np.float32)[:, None, None]
    sums = efe_linear_fit.moments(compared(chroma, luma, grid, original), (12800, 12800))
    assert efe_linear_fit.unfiltered(sums, 0).error == 0
    u, v = efe_linear_fit.best_pair(sums, grid, Objective(0.1, 40_000, 40_000))
    assert u.spec is None
    assert v.spec is not None
    assert v.error < 0.5 * efe_linear_fit.unfiltered(sums, 1).error
    dear = Objective(1e-6, 40_000, 40_000)
    assert dear((0.0, 0.0), 0) > dear((0.0, 0.0), 1) > dear((0.0, 0.0), 9000)
    assert dear((0.0, 1e-3), 100) < dear((1e-3, 1e-3), 0) < dear((0.0, 0.0), 0)


def test_small_planes_have_no_splits_with_empty_regions() -> None:
    chroma, luma, grid = picture(64, 64, (1, 1))
    sums = efe_linear_fit.moments(compared(chroma, luma, grid, chroma * np.float32(0.9)), (12800, 12800))
    assert {one.spec.split for one in efe_linear_fit.candidates(sums, grid, 0) if one.spec} == {0}


def test_flat_planes_need_no_weights() -> None:
    luma, grid = np.full((70, 66), 90, np.float32), ChromaGrid.of(70, 66, (1, 1))
    chroma = np.full((2, 70, 66), 128, np.float32)
    sums = efe_linear_fit.moments(compared(chroma, luma, grid, chroma), (12800, 12800))
    assert [one.spec for one in efe_linear_fit.best_pair(sums, grid, Objective(0.5, 70 * 66, 70 * 66))] == [None, None]


def test_rounding_one_weight_after_the_other_costs_less_than_all_at_once() -> None:
    """Samples that look alike, as neighbours do: what rounding adds to the squared error, over many fits."""
    added = np.zeros(2)
    for seed in range(100):
        random = np.random.default_rng(seed)
        seen = random.normal(0, 1, (60, 8)) + 100 * random.normal(0, 1, (60, 1))
        aims = seen @ random.normal(0, 0.2, 8)
        products, cross = seen.T @ seen, seen.T @ aims
        exact = np.linalg.solve(products, cross)
        for way, codes in enumerate((best_codes(products, cross), codes_of(exact))):
            added[way] += float(np.square(seen @ weights_of(codes) - aims).sum())
    assert added[0] < 0.25 * added[1]


def test_sums_do_not_depend_on_threads() -> None:
    chroma, luma, grid = picture(300, 200, (1, 1))
    comparison = compared(chroma, luma, grid, chroma[::-1].copy())
    threads = torch.get_num_threads()
    results = []
    try:
        for count in (1, 2, 4):
            torch.set_num_threads(count)
            results.append(np.stack(list(efe_linear_fit.moments(comparison, (12800, 12800)).values())))
    finally:
        torch.set_num_threads(threads)
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(results[0], results[2])


def test_a_set_of_filters_for_each_split_and_side_is_valid_and_others_are_not() -> None:
    spec = random_set(np.random.default_rng(0), 4, 2).u
    assert spec is not None
    for changed in ((8, 2), (-1, 2), (4, 0), (4, 5), (0, 2), (4, 3)):
        with pytest.raises(ValueError, match=r"split|side"):
            PlaneFilter(*changed, spec.chroma, spec.luma)
    for mean in (-1, 32768):
        with pytest.raises(ValueError, match="means"):
            LinearFilter((0, mean), FilterSet())
    assert Enhancement().linear is None
    assert len(SPLITS) == 8
