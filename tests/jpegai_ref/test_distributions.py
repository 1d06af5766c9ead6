"""The tabulated distributions: what the standard fixes, as literals, and the Gaussians that they stand for."""

from __future__ import annotations

import hashlib
from math import erf, exp, log, sqrt

import numpy as np
import pytest
from jpegai_ref.distributions import HIGHEST_SIGMA, LEVELS, LOG_STEP, LOWEST_SIGMA, residual_bounds, residual_masses

BOUNDS = [1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8, 9, 11, 13, 16, 18, 22, 26, 32, 38, 46, 55, 65, 77, 92, 106, 128]
MASS_OF_0 = [
    255,
    255,
    255,
    251,
    245,
    231,
    211,
    188,
    157,
    134,
    111,
    94,
    77,
    63,
    52,
    43,
    35,
    29,
    24,
    19,
    17,
    14,
    11,
    9,
    7,
    6,
    5,
    4,
    3,
    2,
    2,
    1,
]


def test_bounds_and_the_mass_of_zero_are_those_of_the_standard() -> None:
    assert residual_bounds().tolist() == BOUNDS
    assert residual_masses()[:, 0].tolist() == MASS_OF_0


def test_every_row_is_a_distribution_with_one_unit_of_escape_at_its_end() -> None:
    masses = residual_masses()
    assert masses.sum(axis=1).tolist() == [256] * LEVELS
    for row, bound in zip(masses, BOUNDS, strict=True):
        assert row[2 * bound - 1] == 1
        assert np.all(row[: 2 * bound] >= 1)
        assert not np.any(row[2 * bound :])
        assert np.all(np.diff(row[: 2 * bound - 1]) <= 0)


def test_the_tables_are_these() -> None:
    """One changed unit makes all streams unreadable: a change must be meant."""
    digest = hashlib.sha256(residual_masses().astype("<u2").tobytes()).hexdigest()
    assert digest == "dc82d2840d87b86bd844f65900a5eceb98df6fad89eb911701237b5cdc570843"


def test_the_step_of_the_grid() -> None:
    assert pytest.approx((log(HIGHEST_SIGMA) - log(LOWEST_SIGMA)) / 31, rel=1e-15) == LOG_STEP


@pytest.mark.parametrize("row", range(LEVELS))
def test_a_table_costs_little_more_than_its_gaussian(row: int) -> None:
    """Bits a symbol by the table against the entropy of the Gaussian that it is for; what masses of 1/256 cost rises where they are few."""
    sigma = LOWEST_SIGMA * exp(LOG_STEP * (row if row < 8 else row + 0.25))
    bound = BOUNDS[row]
    symbols = [0] + [sign * k for k in range(1, bound) for sign in (-1, 1)]
    p = np.array([0.5 * (erf((s + 0.5) / sigma / sqrt(2)) - erf((s - 0.5) / sigma / sqrt(2))) for s in symbols])
    p /= p.sum()
    masses = residual_masses()[row, : 2 * bound - 1]
    assert float(np.sum(p * (np.log2(np.maximum(p, 1e-300)) - np.log2(masses / 256)))) < (0.03 if row < 25 else 0.26)
