"""The density of hyper-latents that is fitted to a table of frequencies."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from jpegai_ref.factorised import FactorisedModel
from jpegai_ref.training.density_fit import fit
from torch import Tensor

SYMBOLS = torch.arange(-31, 32).double()


def _peaked() -> Tensor:
    """Laplace distributions as hyper-latents have them, from nearly always 0 to broad, off the centre."""
    scale = torch.logspace(-0.7, 0.9, 24).double()[:, None]
    centre = torch.linspace(-6, 6, 24).double()[:, None]
    return torch.exp(-(SYMBOLS - centre).abs() / scale) / (2 * scale)


def _lopsided() -> Tensor:
    """Two bumps of different height and width."""
    centre = torch.linspace(-4, 4, 16).double()[:, None]
    return 0.7 * torch.exp(-((SYMBOLS - centre) ** 2) / 8) / 5 + 0.3 * torch.exp(-((SYMBOLS - centre - 4) ** 2) / 40) / 11


def _table(mass: Tensor) -> Tensor:
    return (mass * 2e8).to(torch.int32) + 1


@pytest.mark.parametrize("frequencies", [_table(_peaked()), _table(_lopsided())], ids=["peaked", "lopsided"])
def test_the_fit_costs_no_more_than_a_hundredth_above_the_entropy(frequencies: Tensor) -> None:
    torch.manual_seed(1)
    model = FactorisedModel(len(frequencies))
    fit(model, frequencies)
    table = frequencies.double().numpy()
    found = model.frequencies().double().numpy()
    p, q = (counts / counts.sum(1, keepdims=True) for counts in (table, found))
    entropy = -(p * np.log2(p)).sum(1)
    cross_entropy = -(p * np.log2(q)).sum(1)
    assert np.all(cross_entropy < 1.01 * entropy)
    assert entropy.min() < 0.1 * entropy.max() or entropy.min() > 2
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_the_fit_is_the_same_each_time() -> None:
    tables = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        model = FactorisedModel(24)
        fit(model, _table(_peaked()))
        tables.append(model.frequencies())
    assert torch.equal(*tables)
