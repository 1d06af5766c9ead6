"""Gains, displacements, and the distribution of hyper-latent symbols."""

from __future__ import annotations

import math

import pytest
import torch
from jpegai_ref.factorised import FactorisedModel
from jpegai_ref.variable_rate import LOG_LEVEL, RATE_MODELS, STEPS_PER_LEVEL, GainVectors, gain_of, sigma_of


def test_the_grid_of_sigmas() -> None:
    assert pytest.approx(0.2003654840, abs=1e-10) == LOG_LEVEL
    ends = sigma_of(torch.tensor([0.0, 31.0, -5.0]))
    torch.testing.assert_close(ends, torch.tensor([0.11, 54.82, 0.11]))


def test_gains_start_where_the_betas_are() -> None:
    gains = GainVectors(8)
    factors = gain_of(gains(torch.arange(4), torch.zeros(4)))[:, 0, 0, 0]
    expected = torch.tensor([math.sqrt(model.beta / 0.012) for model in RATE_MODELS])
    torch.testing.assert_close(factors, expected)


def test_a_displacement_of_128_is_one_level_in_all_channels() -> None:
    gains = GainVectors(8)
    torch.nn.init.normal_(gains.levels)
    plain, moved = gains(torch.tensor([2, 2]), torch.tensor([0.0, 128.0]))
    torch.testing.assert_close(moved - plain, torch.ones_like(plain))


def test_gains_of_the_bitstream_are_twelve_bits() -> None:
    gains = GainVectors(3)
    with torch.no_grad():
        gains.levels.copy_(torch.tensor([[0.0, 100.0, -100.0]]).expand(4, 3) + torch.tensor([[0.0], [1.0], [0.5 / 128], [1.5 / 128]]))
    logs = gains.gain_logs()
    assert logs.dtype == torch.int16
    assert logs.tolist() == [[0, 2047, -2048], [128, 2047, -2048], [0, 2047, -2048], [2, 2047, -2048]]


def test_ranges_of_neighbouring_models_overlap() -> None:
    for model_id in range(3):
        lower, upper = RATE_MODELS[model_id], RATE_MODELS[model_id + 1]
        apart = 2 * (lower.highest_displacement - upper.lowest_displacement) * LOG_LEVEL / STEPS_PER_LEVEL
        assert math.log(lower.beta) + apart > math.log(upper.beta)


def _trained_factorised() -> FactorisedModel:
    torch.manual_seed(5)
    model = FactorisedModel(4)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    return model


def test_likelihoods_of_all_integers_make_one() -> None:
    symbols = torch.arange(-3000.0, 3001.0).expand(1, 4, 1, -1)
    total = _trained_factorised().likelihood(symbols).sum((0, 2, 3))
    torch.testing.assert_close(total, torch.ones(4), rtol=0, atol=1e-3)


def test_frequencies_are_those_of_the_likelihoods() -> None:
    model = _trained_factorised()
    frequencies = model.frequencies()
    assert frequencies.shape == (4, 63)
    assert frequencies.dtype == torch.int32
    assert int(frequencies.min()) >= 1
    likelihood = model.likelihood(torch.tensor([-31.0, 0.0, 31.0]).expand(1, 4, 1, 3))[0, :, 0]
    torch.testing.assert_close(frequencies[:, [0, 31, 62]].double() / 1e9, likelihood.detach().double(), rtol=1e-5, atol=2e-9)


def test_factorised_model_learns_a_distribution() -> None:
    torch.manual_seed(1)
    model = FactorisedModel(2)
    samples = torch.round(torch.randn(1, 2, 40, 40) * torch.tensor([0.3, 3.0]).reshape(1, 2, 1, 1))
    optimiser = torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(400):
        optimiser.zero_grad()
        loss = -torch.log2(model.likelihood(samples).clamp(min=1e-9)).mean((0, 2, 3))
        loss.sum().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    counts = [torch.unique(samples[0, channel], return_counts=True)[1] / 1600 for channel in range(2)]
    entropies = torch.stack([-(count * count.log2()).sum() for count in counts])
    assert (loss.detach() - entropies).abs().max() < 0.05
