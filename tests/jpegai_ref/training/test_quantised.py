"""The hyper-scale decoder in fine-tuning against the exact integers that coders use."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from jpegai_ref.hyper import HyperScaleDecoder
from jpegai_ref.post_training import quantised
from jpegai_ref.training.quantised import HIDDEN_BITS, quantised_levels
from jpegai_ref.variable_rate import STEPS_PER_LEVEL
from numpy.typing import NDArray
from torch import nn


def _trained(channels: int, seed: int) -> HyperScaleDecoder:
    """As training leaves them: channels of very different strength, some nearly at rest, one idle, levels from 0 to beyond the largest."""
    torch.manual_seed(seed)
    decoder = HyperScaleDecoder(channels)
    for layer in decoder.convolutions:
        strength = torch.exp2(torch.randn(layer.out_channels, 1, 1, 1) * 1.5)
        strength[:2] = 2.0**-20
        heavy_tails = torch.distributions.StudentT(3.0).sample(layer.weight.shape)
        weight = heavy_tails * strength / np.sqrt(layer.weight[0].numel())
        weight[2] = 0
        layer.load_state_dict({"weight": weight, "bias": torch.randn(layer.out_channels) * 2})
    nn.init.uniform_(decoder.last.bias, -2, 33)  # type: ignore[arg-type]
    return decoder


def _hyper_latents(channels: int, seed: int) -> NDArray[np.int8]:
    random = np.random.default_rng(seed)
    scales = np.exp(random.normal(0, 1.5, (channels, 1, 1)))
    return np.clip(np.rint(random.laplace(0, scales, (channels, 6, 7))), -31, 31).astype(np.int8)


@pytest.mark.parametrize("channels", [16, 64, 128])
@pytest.mark.parametrize("seed", [0, 1])
def test_fine_tuning_computes_with_the_very_integers_of_the_export(channels: int, seed: int) -> None:
    decoder, z = _trained(channels, seed), _hyper_latents(channels, seed)
    with torch.no_grad():
        levels = quantised_levels(decoder, torch.from_numpy(z).float()[None], 6 * 64 - 16, 7 * 64)
        plain = decoder(torch.from_numpy(z).float()[None], 6 * 64 - 16, 7 * 64)
    exact = quantised(decoder.convolutions, HIDDEN_BITS).sigma_index(z, 23, 28)
    index = levels[0].double().numpy() * STEPS_PER_LEVEL
    assert np.array_equal(index, exact)
    assert len(np.unique(exact)) > 1000
    assert exact.max() == 3967
    # What fine-tuning is for: without it hardly any index would be the coder's.
    assert np.mean(np.rint(plain[0].numpy() * STEPS_PER_LEVEL) == exact) < 0.5


def test_one_unit_of_one_bias_is_seen() -> None:
    decoder, z = _trained(16, 3), _hyper_latents(16, 3)
    exact = quantised(decoder.convolutions, HIDDEN_BITS).sigma_index(z, 24, 28)
    with torch.no_grad():
        decoder.last.bias[16 * 5 + 3] += 1 / STEPS_PER_LEVEL  # type: ignore[index]
        levels = quantised_levels(decoder, torch.from_numpy(z).float()[None], 384, 448)
    differs = levels[0].double().numpy() * STEPS_PER_LEVEL != exact
    assert differs[5].any()
    assert not differs[:5].any()
    assert not differs[6:].any()


def test_gradients_reach_weights_and_z() -> None:
    decoder, z = _trained(8, 4), torch.randint(-3, 4, (1, 8, 2, 2)).float().requires_grad_()
    quantised_levels(decoder, z, 128, 128).sum().backward()  # type: ignore[no-untyped-call]
    assert z.grad is not None
    assert float(z.grad.abs().sum()) > 0
    assert all(layer.weight.grad is not None and float(layer.weight.grad.abs().sum()) > 0 for layer in decoder.convolutions)


def test_fine_tuning_begins_near_the_float_network() -> None:
    decoder, z = HyperScaleDecoder(16), torch.randint(-5, 6, (1, 16, 4, 4)).float()
    with torch.no_grad():
        difference = (quantised_levels(decoder, z, 256, 256) - decoder(z, 256, 256)).abs()
    assert float(difference.max()) < 0.25
