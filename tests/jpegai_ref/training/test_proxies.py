"""Rounding that lets gradients pass; bits against SciPy's normal distribution."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from jpegai_ref.training.proxies import hyper_bits, residual_bits, rounded, rounded_with_noise
from jpegai_ref.variable_rate import LOG_LEVEL
from scipy.stats import norm


def test_rounding_has_the_gradient_of_the_identity() -> None:
    x = torch.tensor([0.5, 1.5, -2.4], requires_grad=True)
    y = rounded(x)
    assert y.tolist() == [0, 2, -2]
    (y * torch.tensor([1.0, 2.0, 3.0])).sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    assert x.grad.tolist() == [1, 2, 3]


def test_noisy_rounding_gives_neighbouring_integers_with_the_right_mean() -> None:
    torch.manual_seed(1)
    y = rounded_with_noise(torch.full((40000,), 2.3))
    assert set(y.tolist()) == {2.0, 3.0}
    assert float(y.mean()) == pytest.approx(2.3, abs=0.01)


@pytest.mark.parametrize("level", [0.0, 5.5, 11.0, 24.0])
def test_bits_are_those_of_a_discretised_gaussian(level: float) -> None:
    q = torch.arange(-4.0, 5.0)
    sigma = 0.11 * np.exp(level * LOG_LEVEL)
    mass = norm.cdf((q.numpy() + 0.5) / sigma) - norm.cdf((q.numpy() - 0.5) / sigma)
    expected = -np.log2(np.maximum(mass, 1e-9))
    np.testing.assert_allclose(residual_bits(q, torch.full_like(q, level)).numpy(), expected, rtol=2e-3, atol=2e-4)


def test_levels_below_the_grid_can_still_rise() -> None:
    levels = torch.tensor([-3.0, -3.0], requires_grad=True)
    bits = residual_bits(torch.tensor([2.0, 0.0]), levels)
    torch.testing.assert_close(bits[1], residual_bits(torch.tensor(0.0), torch.tensor(0.0)))
    hyper_bits(torch.ones(1))
    one = residual_bits(torch.tensor([1.0]), levels[:1]).sum()
    one.backward()  # type: ignore[no-untyped-call]
    assert levels.grad is not None
    assert levels.grad[0] < 0


def test_impossible_symbols_cost_thirty_bits() -> None:
    assert hyper_bits(torch.zeros(1)).item() == pytest.approx(-np.log2(1e-9), rel=1e-5)
