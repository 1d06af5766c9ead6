"""The hyper-scale decoder in fine-tuning against integer arithmetic written with NumPy."""

from __future__ import annotations

import numpy as np
import torch
from jpegai_ref.hyper import HIDDEN_FRACTIONAL_BITS, HyperScaleDecoder
from jpegai_ref.training.quantised import FRACTIONAL_BITS, quantised_levels, weight_scales
from numpy.typing import NDArray
from torch import nn

Integers = NDArray[np.int64]


def _decoder() -> HyperScaleDecoder:
    torch.manual_seed(4)
    decoder = HyperScaleDecoder(8)
    for layer in decoder.convolutions:
        nn.init.normal_(layer.weight, std=0.4)
        nn.init.normal_(layer.bias, std=3.0)  # type: ignore[arg-type]
    return decoder


def _integer_layer(x: Integers, layer: nn.Conv2d, fraction_in: int, fraction_out: int) -> Integers:
    """x (c, h, w) integers -> (c', h, w): int8 weights, 32-bit sums, shift by channel."""
    exponents = weight_scales(layer, fraction_in, fraction_out).numpy()
    assert layer.bias is not None
    weight, bias = layer.weight.detach().double().numpy(), layer.bias.detach().double().numpy()
    side = weight.shape[-1] // 2
    padded = np.pad(x, ((0, 0), (side, side), (side, side)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, weight.shape[-2:], (1, 2))
    out = []
    for channel, exponent in enumerate(exponents):
        integer = np.clip(np.rint(weight[channel] * 2.0**exponent), -128, 127).astype(np.int64)
        shift = int(exponent) + fraction_in - fraction_out
        assert 0 <= shift <= 31
        offset = int(np.rint(bias[channel] * 2.0 ** (exponent + fraction_in))) + (1 << shift >> 1)
        assert 128 * np.abs(integer).sum() + abs(offset) < 2**31
        out.append((np.einsum("cyxij,cij->yx", windows, integer) + offset) >> shift)
    return np.stack(out)


def test_values_are_those_of_the_integers() -> None:
    decoder = _decoder()
    z = torch.randint(-31, 32, (1, 8, 3, 4)).float()
    x = z[0].long().numpy()
    for layer, bits in zip(decoder.convolutions, FRACTIONAL_BITS, strict=True):
        x = _integer_layer(x, layer, *bits)
        if layer is not decoder.last:
            x = np.clip(x, 0, 127)
    expected = np.minimum(np.abs(x), 3967).reshape(8, 4, 4, 3, 4).transpose(0, 3, 1, 4, 2).reshape(8, 12, 16)[:, :10, :15]
    with torch.no_grad():
        levels = quantised_levels(decoder, z, 160, 240)
    assert levels.shape == (1, 8, 10, 15)
    np.testing.assert_array_equal(levels[0].double().numpy() * 128, expected)
    assert len(np.unique(expected)) > 100


def test_scales_lose_little_and_use_the_byte() -> None:
    layer = nn.Conv2d(8, 8, 3)
    with torch.no_grad():
        layer.weight *= torch.logspace(-3, 1, 8).reshape(8, 1, 1, 1)
    exponents = weight_scales(layer, HIDDEN_FRACTIONAL_BITS, HIDDEN_FRACTIONAL_BITS)
    peaks = layer.weight.detach().abs().amax((1, 2, 3)) * torch.pow(2.0, exponents.float())
    assert len(set(exponents.tolist())) > 5
    assert float(peaks.min()) > 60
    assert float(peaks.max()) < 140


def test_gradients_reach_weights_and_z() -> None:
    decoder, z = _decoder(), torch.randint(-3, 4, (1, 8, 2, 2)).float().requires_grad_()
    quantised_levels(decoder, z, 128, 128).sum().backward()  # type: ignore[no-untyped-call]
    assert z.grad is not None
    assert float(z.grad.abs().sum()) > 0
    assert all(layer.weight.grad is not None and float(layer.weight.grad.abs().sum()) > 0 for layer in decoder.convolutions)


def test_fine_tuning_begins_near_the_float_network() -> None:
    decoder, z = HyperScaleDecoder(16), torch.randint(-5, 6, (1, 16, 4, 4)).float()
    with torch.no_grad():
        difference = (quantised_levels(decoder, z, 256, 256) - decoder(z, 256, 256)).abs()
    assert float(difference.max()) < 0.25
