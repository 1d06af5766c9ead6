"""The weights of EFE linear by least squares, and the choice of split and side.

The sums of products of all that the largest filter looks at are taken once, cell by cell of the grid that the borders of all splits make.
From them follow the best weights of every filter of every region, and what squared error each leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise, product

import numpy as np
import torch
from numpy.typing import NDArray

from jpegai_ref.chroma_grid import BEFORE, ChromaGrid, Rectangle
from jpegai_ref.comparison import Comparison, Objective
from jpegai_ref.decoded_planes import DecodedPlanes, strips
from jpegai_ref.efe_linear import HUNDREDTHS, SHARES, borders, regions, steps
from jpegai_ref.efe_linear_header import LARGEST_MEAN, SIDES, SPLITS, FilterSet, LinearFilter, PlaneFilter, set_bits
from jpegai_ref.filter_codes import CODES_PER_UNIT, LARGEST_CODE, ZERO, weights_of
from jpegai_ref.parallel import CPU, in_parallel

Matrix = NDArray[np.float64]
LARGEST_SIDE = SIDES[-1]
TAPS = LARGEST_SIDE**2
LUMA, ERRORS = 2 * TAPS, 3 * TAPS
"""Where the rows of luma and those of what is to be predicted begin; those of U and V come first."""
ROWS = ERRORS + 2
BAND = 128
"""Rows of a task."""
SAMPLES_AT_ONCE = 16_384
RIDGE = 1e-7
"""Of the square of what a weight is for: weights that nothing speaks for become 0."""


@dataclass(frozen=True)
class Candidate:
    """A filter of a plane, or None for none, and the squared error of the plane with it."""

    spec: PlaneFilter | None
    error: float
    count: int = 0
    """Of codes."""
    lowest: int = LARGEST_CODE
    highest: int = 0


@dataclass(frozen=True)
class LinearFit:
    """The filters that serve best, and the squared errors of U and V with and without them."""

    filters: LinearFilter
    errors: tuple[float, float]
    errors_without: tuple[float, float]
    smallest: LinearFilter
    """One weight of chroma and one of luma for the whole of each plane: for an alternative picture."""


Moments = dict[Rectangle, Matrix]
"""Sums of products (50, 50) in each cell of the chroma plane."""


def best_filters(comparison: Comparison, objective: Objective) -> LinearFit:
    """For a decoded picture. They do not depend on the number of threads."""
    means, grid = means_of(comparison.decoded), comparison.grid
    sums = moments(comparison, means)
    u, v = best_pair(sums, grid, objective)
    without_u, without_v = (unfiltered(sums, plane) for plane in range(2))
    small_u, small_v = (_candidate(sums, grid, plane, 0, 1) for plane in range(2))
    return LinearFit(
        filters=LinearFilter(means, FilterSet(u.spec, v.spec)),
        errors=(u.error, v.error),
        errors_without=(without_u.error, without_v.error),
        smallest=LinearFilter(means, FilterSet(small_u.spec, small_v.spec)),
    )


def means_of(decoded: DecodedPlanes) -> tuple[int, int]:
    """Of U and V, in hundredths."""
    u, v = (min(max(round(HUNDREDTHS * float(plane.mean(dtype=np.float64))), 0), LARGEST_MEAN) for plane in (decoded.u, decoded.v))
    return u, v


def moments(comparison: Comparison, means: tuple[int, int]) -> Moments:
    """In cells that no border of any split crosses. They do not depend on the number of threads."""
    bands = [(cell, band) for cell in _cells(comparison.grid) for band in strips(cell, BAND)]
    parts = in_parallel([partial(_moments_of, comparison, means, band) for _, band in bands], CPU)
    sums: Moments = {}
    for (cell, _), part in zip(bands, parts, strict=True):
        sums[cell] = sums[cell] + part if cell in sums else part
    return sums


def _cells(grid: ChromaGrid) -> list[Rectangle]:
    rows, columns = (sorted({border for parts in SHARES for border in borders(parts, length)}) for length in grid.phase_size)
    down, right = grid.phases
    return [
        Rectangle(top * down, left * right, bottom * down, right_end * right).within(grid.whole)
        for (top, bottom), (left, right_end) in product(pairwise(rows), pairwise(columns))
    ]


def _moments_of(comparison: Comparison, means: tuple[int, int], band: Rectangle) -> Matrix:
    decoded, (down, right) = comparison.decoded, comparison.grid.phases
    around = decoded.around(band)
    around[:2] -= np.array(means, np.float32)[:, None, None] / np.float32(HUNDREDTHS)
    errors = comparison.original(band) - decoded.chroma(band)
    total = torch.zeros(ROWS, ROWS, dtype=torch.float64)
    whole = band.moved(-band.top, -band.left)
    for strip in strips(whole, max(SAMPLES_AT_ONCE // whole.right, 1)):
        seen = np.empty((ROWS, strip.bottom - strip.top, strip.right))
        for number, (row, column) in enumerate(steps(LARGEST_SIDE)):
            moved = strip.moved((BEFORE + row) * down, (BEFORE + column) * right)
            seen[number:ERRORS:TAPS] = around[(slice(None), *moved.slices)]
        seen[ERRORS:] = errors[(slice(None), *strip.slices)]
        flat = torch.from_numpy(seen.reshape(ROWS, -1))
        total += flat @ flat.T
    return total.numpy()


def best_pair(sums: Moments, grid: ChromaGrid, objective: Objective) -> tuple[Candidate, Candidate]:
    """The filters of U and V that serve the objective best together, by the bits of their set; of a plane also none."""
    u, v = ([unfiltered(sums, plane), *candidates(sums, grid, plane)] for plane in range(2))

    def worth(pair: tuple[Candidate, Candidate]) -> float:
        one, other = pair
        span = max(max(one.highest, other.highest) - min(one.lowest, other.lowest), 0)
        used = (one.spec is not None) + (other.spec is not None)
        return objective((one.error, other.error), set_bits(one.count + other.count, used, span))

    return max(product(u, v), key=worth)


def candidates(sums: Moments, grid: ChromaGrid, plane: int) -> list[Candidate]:
    """Of plane 0 (U) or 1 (V): every side with every split that has no empty region."""
    splits = [split for split in range(len(SPLITS)) if all(region.area for region in regions(split, grid))]
    return [_candidate(sums, grid, plane, split, side) for split, side in product(splits, SIDES)]


def unfiltered(sums: Moments, plane: int) -> Candidate:
    """The plane as it is."""
    return Candidate(None, float(sum(matrix[ERRORS + plane, ERRORS + plane] for matrix in sums.values())))


def _candidate(sums: Moments, grid: ChromaGrid, plane: int, split: int, side: int) -> Candidate:
    places = [LARGEST_SIDE * (BEFORE + down) + BEFORE + right for down, right in steps(side)]
    seen = [plane * TAPS + place for place in places] + [LUMA + place for place in places]
    codes, error = [], 0.0
    for region in regions(split, grid):
        matrix = sum((part for cell, part in sums.items() if cell.within(region).area), np.zeros((ROWS, ROWS)))
        products, aims = matrix[np.ix_(seen, seen)], matrix[seen, ERRORS + plane]
        found = best_codes(products, aims)
        weights = weights_of(found)
        codes.append(found)
        error += float(matrix[ERRORS + plane, ERRORS + plane] - 2 * weights @ aims + weights @ products @ weights)
    taps = side**2
    spec = PlaneFilter(split, side, tuple(tuple(part[:taps]) for part in codes), tuple(tuple(part[taps:]) for part in codes))
    # The sums are rounded: an error that is nothing may come out below it.
    return Candidate(spec, max(error, 0.0), len(spec.codes), min(spec.codes), max(spec.codes))


def best_codes(products: Matrix, aims: NDArray[np.float64]) -> Sequence[int]:
    """Codes of weights x with about the least x' products x - 2 aims' x, (n, n) and (n,).

    With products = R'R, R upper triangular, that is |Rx - g|^2: x is found from its last place on, each rounded to a code before the next
    is found, which makes up for it (Babai's nearest plane).
    """
    count = len(aims)
    ridge = np.diag(RIDGE * np.maximum(np.diag(products), 1.0))
    triangle = np.linalg.cholesky(products + ridge).T
    goal = np.linalg.solve(triangle.T, aims)
    codes = [ZERO] * count
    weights = np.zeros(count)
    for place in reversed(range(count)):
        wanted = (goal[place] - triangle[place, place + 1 :] @ weights[place + 1 :]) / triangle[place, place]
        codes[place] = min(max(round(float(wanted) * CODES_PER_UNIT) + ZERO, 0), LARGEST_CODE)
        weights[place] = (codes[place] - ZERO) / CODES_PER_UNIT
    return codes
