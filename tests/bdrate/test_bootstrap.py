from __future__ import annotations

import numpy as np
import pytest

from ctc.bdrate import bootstrap
from ctc.bdrate.bootstrap import RESAMPLES, percentile_interval, resampled_means


def interval(values: list[float], present: list[bool] | None = None) -> tuple[float, float] | None:
    column = np.array(values)[:, None]
    mask = np.array(present if present is not None else [True] * len(values))[:, None]
    return percentile_interval(resampled_means(column, mask)[:, 0])


def test_agrees_with_the_normal_approximation_of_a_large_sample() -> None:
    values = np.random.default_rng(1).normal(-20.0, 5.0, 400)
    found = interval(values.tolist())
    half = 1.96 * values.std() / 20
    assert found == pytest.approx((values.mean() - half, values.mean() + half), abs=0.03)


def test_agrees_with_scipy() -> None:
    from scipy.stats import bootstrap as scipy_bootstrap

    values = np.random.default_rng(2).gamma(2.0, 10.0, 30)
    generator = np.random.default_rng(3)
    witness = scipy_bootstrap((values,), np.mean, n_resamples=10_000, method="percentile", rng=generator).confidence_interval
    assert interval(values.tolist()) == pytest.approx((witness.low, witness.high), abs=0.25)


def test_two_pictures_give_their_values_as_ends() -> None:
    assert interval([-10.0, -30.0]) == (-30.0, -10.0)


def test_same_each_time_and_whatever_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    values = [1.0, 5.0, 2.0, 8.0]
    once = interval(values)
    assert interval(values) == once
    monkeypatch.setattr(bootstrap, "BLOCK_CELLS", 4 * 999)
    assert interval(values) == pytest.approx(once)


def test_absent_cells_never_enter() -> None:
    present = [True, True, False, True]
    assert interval([1.0, 2.0, 1e9, 3.0], present) == interval([1.0, 2.0, np.nan, 3.0], present)
    found = interval([1.0, 2.0, 1e9, 3.0], present)
    assert found is not None
    assert 1.0 <= found[0] < 2.0 < found[1] <= 3.0


def test_columns_share_the_draws() -> None:
    values = np.array([[1.0, -1.0], [4.0, -4.0], [9.0, -9.0]])
    means = resampled_means(values, np.ones_like(values, dtype=bool))
    assert means.shape == (RESAMPLES, 2)
    np.testing.assert_allclose(means[:, 0], -means[:, 1])
    assert means[:, 0].std() > 1.0


def test_nothing_present_has_no_interval() -> None:
    assert interval([1.0, 2.0], [False, False]) is None
