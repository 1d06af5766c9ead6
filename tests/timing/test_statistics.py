"""Medians, intervals and outliers against NumPy and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ctc.timing.statistics import CONFIDENCE, FEWEST, coverage, interval_rank, outliers, spread

times = st.lists(st.floats(1e-4, 1e3), min_size=FEWEST, max_size=40)


@given(times)
def test_median_and_quartiles_are_numpys(values: list[float]) -> None:
    found = spread(values)
    assert found.median == pytest.approx(float(np.median(values)))
    assert (found.quartile_low, found.quartile_high) == pytest.approx(tuple(np.quantile(values, (0.25, 0.75))))
    assert found.interquartile_range == pytest.approx(float(stats.iqr(values)), abs=1e-12)
    assert (found.samples, found.low <= found.median <= found.high) == (len(values), True)


@pytest.mark.parametrize("samples", [5, 6, 7, 8, 9, 12, 15, 20, 31, 100])
def test_interval_of_the_median_is_scipys(samples: int) -> None:
    values = np.random.default_rng(samples).lognormal(size=samples)
    theirs = stats.quantile_test(values, q=1.0, p=0.5).confidence_interval(CONFIDENCE)
    found = spread(list(values))
    assert (found.low, found.high) == (theirs.low, theirs.high)
    rank = interval_rank(samples)
    assert found.coverage == pytest.approx(1 - 2 * stats.binom.cdf(rank - 1, samples, 0.5))
    assert coverage(samples, rank) >= CONFIDENCE > coverage(samples, rank + 1)


def test_five_samples_are_the_fewest_with_an_interval() -> None:
    assert coverage(FEWEST, 1) == 15 / 16
    assert coverage(FEWEST - 1, 1) == 7 / 8 < CONFIDENCE


def test_no_samples_have_no_median() -> None:
    with pytest.raises(ValueError, match="no samples"):
        spread([])


@given(times)
def test_outliers_by_scipys_robust_deviation(values: list[float]) -> None:
    sigma = float(stats.median_abs_deviation(values, scale="normal"))
    distances = np.abs(np.array(values) - np.median(values))
    # The rule's constant has four digits; what lies at the very limit may fall either way.
    clear = np.abs(distances - 3.5 * sigma) > 1e-3 * sigma
    if sigma > 0:
        assert [mark for mark, sure in zip(outliers(values), clear, strict=True) if sure] == list((distances > 3.5 * sigma)[clear])


def test_one_of_many_alike_is_an_outlier() -> None:
    assert outliers([1.0] * 5) == (False,) * 5
    assert outliers([1.0, 1.0, 1.0, 1.0, 9.0]) == (False, False, False, False, True)
    assert outliers([1.0, 1.01, 0.99, 1.02, 1.5]) == (False, False, False, False, True)


def test_one_in_nineteen_normal_samples_is_marked() -> None:
    samples = np.random.default_rng(0).normal(size=(5_000, 5))
    assert np.mean([outliers(list(row)) for row in samples]) == pytest.approx(1 / 19, abs=0.005)
