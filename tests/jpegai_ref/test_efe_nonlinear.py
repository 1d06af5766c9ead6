"""EFE non-linear: the equation against a transcription, functions of luma that are found again, masks, and what blocks say of errors."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jpegai_ref import efe_nonlinear_fit
from jpegai_ref.chroma_grid import ChromaGrid, Planes, Rectangle
from jpegai_ref.comparison import Comparison
from jpegai_ref.decoded_planes import DecodedPlanes
from jpegai_ref.efe_linear import filtered
from jpegai_ref.efe_linear_header import FilterSet, LinearFilter
from jpegai_ref.efe_nonlinear import corrected, mixed
from jpegai_ref.efe_nonlinear_header import Correction, Masks, NonlinearFilter
from jpegai_ref.eicci_header import EicciHeader, EicciTile
from jpegai_ref.enhancement import enhanced
from jpegai_ref.filter_codes import weights_of
from jpegai_ref.tool_header import Enhancement

from tests.jpegai_ref.filter_headers import nonlinear_filters, random_set
from tests.jpegai_ref.test_efe_linear import FORMATS, compared, picture

GRID = ChromaGrid.of(150, 203, (1, 1))


def by_samples(chroma: Planes, luma: Planes, header: NonlinearFilter, alternative: Planes) -> Planes:
    """The two equations, sample by sample."""
    result = chroma.astype(np.float64)
    across = 1 if header.correction is None else -(-chroma.shape[2] // header.correction.tile[1])
    for plane, row, column in product(range(2), range(chroma.shape[1]), range(chroma.shape[2])):
        value = float(chroma[plane, row, column])
        if header.correction is not None and (codes := header.correction.planes[plane]) is not None:
            tile = row // header.correction.tile[0] * across + column // header.correction.tile[1]
            a = weights_of(codes[8 * tile : 8 * tile + 8])
            lowest, highest = header.correction.lowest[tile] / 100, header.correction.highest[tile] / 100
            gap = (highest - lowest) / 8
            y = float(luma[row, column])
            value = max(value + a[0] * (y - lowest), 0) + sum(a[k] * max(y - lowest - k * gap, 0) for k in range(1, 8))
        if header.masks is not None and (mask := header.masks.planes[plane]) is not None:
            m = mask[row // header.masks.block * header.masks.shape[1] + column // header.masks.block]
            value = ((2 - m) * value + m * float(alternative[plane, row, column])) / 2
        result[plane, row, column] = value
    return result


@settings(max_examples=15, deadline=None)
@given(st.data(), st.integers(2, 90), st.integers(2, 90))
def test_the_equations(data: st.DataObject, height: int, width: int) -> None:
    chroma, luma, grid = picture(height, width, (1, 1))
    header = data.draw(nonlinear_filters(grid))
    alternative = chroma[::-1].copy()
    expected = by_samples(chroma, luma, header, alternative)
    result = chroma if header.correction is None else corrected(chroma, luma, header.correction, grid, grid.whole)
    result = result if header.masks is None else mixed(result, alternative, header.masks, grid.whole)
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=2e-2)


def a_filter(grid: ChromaGrid, seed: int = 0) -> NonlinearFilter:
    random = np.random.default_rng(seed)
    tile = efe_nonlinear_fit.tile_sides(grid)
    count = -(-grid.height // tile[0]) * -(-grid.width // tile[1])
    u, v = (tuple(random.integers(32500, 33000, 8 * count).tolist()) for _ in range(2))
    shape = -(-grid.height // 23), -(-grid.width // 23)
    masks = [random.integers(0, 3, shape).astype(np.uint8).tobytes() for _ in range(2)]
    return NonlinearFilter(Correction(tile, (1000,) * count, (22000,) * count, u, v), Masks(23, shape, *masks))


@pytest.mark.parametrize("subsampling", FORMATS)
def test_parts_are_filtered_as_the_whole_is(subsampling: tuple[int, int]) -> None:
    """Both filters, the alternative picture of the linear one among them."""
    chroma, luma, grid = picture(150, 141, subsampling)
    decoded = DecodedPlanes(grid, luma, *chroma)
    sets = [random_set(np.random.default_rng(seed), 5, side) for seed, side in enumerate((4, 1))]
    filters = Enhancement(LinearFilter((12800, 12800), *sets), a_filter(grid))
    whole = enhanced(decoded, filters, grid.whole)
    for part in (Rectangle(0, 0, 31, grid.width), Rectangle(31, 5, 57, 60), Rectangle(grid.height - 9, 0, grid.height, grid.width)):
        assert np.array_equal(enhanced(decoded, filters, part), whole[(slice(None), *part.slices)])


def test_masks_choose_between_the_output_and_the_alternative() -> None:
    chroma, luma, grid = picture(64, 96, (1, 1))
    decoded = DecodedPlanes(grid, luma, *chroma)
    sets = [random_set(np.random.default_rng(seed), 0, side) for seed, side in enumerate((3, 1))]
    linear = LinearFilter((12800, 12800), *sets)
    mask = bytes([0, 1, 2, 2, 1, 0])
    result = enhanced(decoded, Enhancement(linear, NonlinearFilter(None, Masks(32, (2, 3), None, mask))), grid.whole)
    output = enhanced(decoded, Enhancement(linear), grid.whole)
    other = enhanced(decoded, Enhancement(LinearFilter((12800, 12800), sets[1])), grid.whole)
    assert np.array_equal(result[0], output[0])
    assert np.array_equal(result[1, :32, :32], output[1, :32, :32])
    assert np.array_equal(result[1, :32, 64:], other[1, :32, 64:])
    np.testing.assert_allclose(result[1, 32:, 32:64], (output[1, 32:, 32:64] + other[1, 32:, 32:64]) / 2, rtol=1e-6)
    unfiltered = enhanced(decoded, Enhancement(None, NonlinearFilter(None, Masks(32, (2, 3), bytes([2] * 6), None))), grid.whole)
    assert np.array_equal(unfiltered, chroma)


def test_behind_eicci_the_output_set_is_not_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The correction and the masks go on from the planes that it leaves; the alternative is that of the planes ahead of it."""
    (chroma, luma, grid), used = picture(64, 96, (1, 1)), []
    behind = DecodedPlanes(grid, luma[::-1].copy(), *chroma[:, ::-1].copy())
    decoded = DecodedPlanes(grid, luma, *chroma)
    sets = [random_set(np.random.default_rng(seed), 0, side) for seed, side in enumerate((3, 1))]
    linear, nonlinear = LinearFilter((12800, 12800), *sets), a_filter(grid)
    other = enhanced(decoded, Enhancement(LinearFilter((12800, 12800), sets[1])), grid.whole)
    assert nonlinear.correction is not None
    assert nonlinear.masks is not None
    output = corrected(np.stack((behind.u, behind.v)), behind.luma, nonlinear.correction, grid, grid.whole)

    def counted(around: Planes, means: tuple[int, int], filters: FilterSet, *place: Any) -> Planes:
        used.append(filters)
        return filtered(around, means, filters, *place)

    monkeypatch.setattr("jpegai_ref.enhancement.filtered", counted)
    eicci = EicciHeader(None, (EicciTile(True, True, True),))
    for filters, expected in (
        (nonlinear, mixed(output.copy(), other, nonlinear.masks, grid.whole)),
        (replace(nonlinear, masks=None), output),
    ):
        found = enhanced(replace(decoded, behind=behind), Enhancement(linear, filters, eicci), grid.whole)
        assert np.array_equal(found, expected)
    assert used == [sets[1]]


@pytest.mark.parametrize(
    ("size", "sides"), [((1, 1), (64, 64)), ((1200, 1201), (1216, 640)), ((4096, 3000), (1024, 1024)), ((6120, 8160), (1024, 1216))]
)
def test_tiles_share_the_plane(size: tuple[int, int], sides: tuple[int, int]) -> None:
    assert efe_nonlinear_fit.tile_sides(ChromaGrid.of(*size, (1, 1))) == sides


@pytest.mark.parametrize("subsampling", FORMATS)
def test_functions_of_luma_are_found_again(subsampling: tuple[int, int]) -> None:
    """Where the original is the decoded picture behind a correction, the fit finds its codes; ranges are those of luma."""
    chroma, luma, grid = picture(300, 200, subsampling)
    luma[:32] += np.arange(200, dtype=np.float32)[None] * 0.2
    beside = np.ascontiguousarray(grid.luma_beside(luma))
    tile = efe_nonlinear_fit.tile_sides(grid)
    codes = np.random.default_rng(5).integers(32600, 32900, (2, 8)).tolist()
    lowest, highest = round(100 * float(beside.min())), round(100 * float(beside.max()))
    known = Correction(tile, (lowest,), (highest,), tuple(codes[0]), tuple(codes[1]))
    original = corrected(chroma, beside, known, grid, grid.whole)
    assert efe_nonlinear_fit.best_correction(compared(chroma, luma, grid, original), Enhancement()) == known


def test_what_the_linear_filter_leaves_is_corrected() -> None:
    chroma, luma, grid = picture(130, 170, (1, 1))
    decoded = DecodedPlanes(grid, luma, *chroma)
    linear = LinearFilter((12800, 12800), random_set(np.random.default_rng(2), 0, 2))
    before = enhanced(decoded, Enhancement(linear), grid.whole)
    original = before + np.sin(luma / 20) * np.array([2, -3])[:, None, None].astype(np.float32)
    found = efe_nonlinear_fit.best_correction(compared(chroma, luma, grid, original), Enhancement(linear))
    result = enhanced(decoded, Enhancement(linear, NonlinearFilter(found, None)), grid.whole)
    assert np.square(result - original).sum() < 0.2 * np.square(before - original).sum()


@pytest.mark.parametrize("subsampling", FORMATS)
def test_errors_of_blocks(subsampling: tuple[int, int]) -> None:
    chroma, luma, grid = picture(100, 90, subsampling)
    original = chroma[::-1].copy()
    pictures = [Enhancement(), Enhancement(LinearFilter((12800, 12800), random_set(np.random.default_rng(2), 0, 4)), a_filter(grid))]
    found = efe_nonlinear_fit.block_errors(compared(chroma, luma, grid, original), pictures, 32)
    errors = [enhanced(DecodedPlanes(grid, luma, *chroma), filters, grid.whole).astype(np.float64) - original for filters in pictures]
    rows, columns = -(-grid.height // 32), -(-grid.width // 32)
    assert found.shape == (2, rows, columns, 2, 2)
    for plane, row, column, i, j in np.ndindex(found.shape):
        block = plane, slice(32 * row, 32 * row + 32), slice(32 * column, 32 * column + 32)
        assert found[plane, row, column, i, j] == pytest.approx(float((errors[i][block] * errors[j][block]).sum()), rel=1e-4)


def test_the_fit_does_not_depend_on_threads() -> None:
    chroma, luma, grid = picture(300, 200, (1, 1))
    comparison = compared(chroma, luma, grid, chroma[::-1].copy())
    threads = torch.get_num_threads()
    results = []
    try:
        for count in (1, 2, 4):
            torch.set_num_threads(count)
            results.append(efe_nonlinear_fit.block_errors(comparison, [Enhancement(), Enhancement(None, a_filter(grid))], 80))
    finally:
        torch.set_num_threads(threads)
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(results[0], results[2])


def test_flat_luma() -> None:
    """All functions of luma are 0 but one: what a constant can correct is corrected."""
    grid = ChromaGrid.of(70, 66, (1, 1))
    chroma, luma = np.full((2, 70, 66), 128, np.float32), np.full((70, 66), 90, np.float32)
    comparison = Comparison(DecodedPlanes(grid, luma, *chroma), lambda part: chroma[(slice(None), *part.slices)] + 1)
    found = efe_nonlinear_fit.best_correction(comparison, Enhancement())
    result = corrected(chroma, luma, found, grid, grid.whole)
    assert np.abs(result - 129).max() <= 1


def valid() -> tuple[Correction, Masks]:
    header = a_filter(GRID)
    assert header.correction is not None
    assert header.masks is not None
    return header.correction, header.masks


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"tile": (100, 64)}, "multiples of 64"),
        ({"tile": (0, 64)}, "multiples of 64"),
        ({"tile": (64, 65536)}, "multiples of 64"),
        ({"u": None, "v": None}, "one plane"),
        ({"u": (32767,) * 7}, "8 weights"),
        ({"highest": (999,)}, "lowest and a highest"),
        ({"highest": ()}, "lowest and a highest"),
    ],
)
def test_corrections_that_cannot_be(change: dict[str, object], reason: str) -> None:
    correction, _ = valid()
    with pytest.raises(ValueError, match=reason):
        Correction(**{**vars(correction), **change})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"block": 0}, "1..1023"),
        ({"block": 1024}, "1..1023"),
        ({"shape": (1024, 1)}, "1..1023"),
        ({"u": None, "v": None}, "one plane"),
        ({"u": bytes(3)}, "for each block"),
        ({"v": bytes([3] * 63)}, "0, 1 or 2"),
    ],
)
def test_masks_that_cannot_be(change: dict[str, object], reason: str) -> None:
    _, masks = valid()
    with pytest.raises(ValueError, match=reason):
        Masks(**{**vars(masks), **change})


def test_filters_of_another_size_are_noticed() -> None:
    header = a_filter(GRID)
    assert header.problem(GRID) is None
    assert "blocks" in str(NonlinearFilter(None, header.masks).problem(ChromaGrid.of(150, 210, (1, 1))))
    assert "tiles" in str(header.problem(ChromaGrid.of(1500, 203, (1, 1))))
