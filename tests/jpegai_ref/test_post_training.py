"""Integers of a trained hyper-scale decoder: the scales against a search written with NumPy, and the way back to floats."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from jpegai_ref.post_training import powers_of_two, quantised_conv, restored_conv, weight_scales
from numpy.typing import NDArray
from torch import Tensor, nn

BITS = [(0, 3), (3, 3), (3, 7)]


def _conv(weight: Tensor, bias: Tensor) -> nn.Conv2d:
    conv = nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[2])
    conv.load_state_dict({"weight": weight, "bias": bias})
    return conv


def _awkward(seed: int) -> nn.Conv2d:
    """Channels of all magnitudes, with outliers, at rest, of even integers, on a grid, with biases that leave little room."""
    torch.manual_seed(seed)
    weight = torch.randn(40, 12, 3, 3) * torch.exp2(torch.linspace(-24, 6, 40))[:, None, None, None]
    bias = torch.randn(40) * 8
    weight[3, 4, 1, 1] *= 300
    weight[5:7] = 0
    weight[8] = torch.randint(-60, 61, (12, 3, 3)) * 2 / 64.0
    weight[9] = torch.randint(-128, 128, (12, 3, 3)) / 128.0
    weight[10, 1:] = 0
    bias[[11, 12]] = torch.tensor([2.0**20, -(2.0**20)])
    return _conv(weight, bias)


def _searched(weight: NDArray[np.float64], bias: float, before: int, after: int) -> tuple[NDArray[np.int64], int, int]:
    """Integers, bias and shift of one channel by trying every scale."""
    best: tuple[float, NDArray[np.int64], int, int] | None = None
    for scale in range(max(-16, after - before), 31 - before + after + 1):
        shift = scale + before - after
        integers = np.clip(np.rint(weight * 2.0**scale), -128, 127).astype(np.int64)
        offset = round(bias * 2.0 ** (scale + before)) + (1 << shift >> 1)
        if 128 * int(np.abs(integers).sum()) + abs(offset) > 2**31 - 1:
            break
        error = float(np.sum((integers * 2.0**-scale - weight) ** 2))
        if best is None or error < best[0]:
            best = error, integers, offset, shift
    assert best is not None
    return best[1:]


@pytest.mark.parametrize(("before", "after"), BITS)
@pytest.mark.parametrize("seed", range(3))
def test_the_scale_is_the_least_of_least_error(before: int, after: int, seed: int) -> None:
    conv = _awkward(seed)
    assert conv.bias is not None
    found = quantised_conv(conv, before, after)
    for channel in range(40):
        weight, bias = conv.weight[channel].detach().double().numpy(), float(conv.bias.detach()[channel])
        integers, offset, shift = _searched(weight, bias, before, after)
        assert np.array_equal(found.weight[channel], integers), channel
        assert (int(found.bias[channel]), int(found.shift[channel])) == (offset, shift), channel
    assert len(set(found.shift.tolist())) > 15


@pytest.mark.parametrize(("before", "after"), BITS)
@pytest.mark.parametrize("seed", range(3))
def test_integers_survive_the_way_to_floats_and_back(before: int, after: int, seed: int) -> None:
    found = quantised_conv(_awkward(seed), before, after)
    weight, bias = restored_conv(found, before, after)
    assert weight.dtype == bias.dtype == torch.float32
    again = quantised_conv(_conv(weight, bias), before, after)
    for part in ("weight", "bias", "shift"):
        assert np.array_equal(getattr(again, part), getattr(found, part)), part
    plain = slice(13, 32)
    original = _awkward(seed).weight.detach()[plain].flatten(1)
    lost = (weight[plain].flatten(1) - original).square().sum(1) / original.square().sum(1)
    assert float(lost.max()) < 2e-4


def test_powers_of_two_are_exact() -> None:
    exponents = torch.arange(-62, 63)
    assert powers_of_two(exponents).tolist() == [math.ldexp(1.0, int(exponent)) for exponent in exponents]


def test_channels_that_fit_no_scale_are_refused() -> None:
    weight, bias = torch.full((3, 2, 1, 1), 0.5).double(), torch.tensor([0.0, 1e12, 0.0]).double()
    with pytest.raises(ValueError, match="does not fit"):
        weight_scales(weight, bias, 0, 3)
    with pytest.raises(ValueError, match="no bias"):
        quantised_conv(nn.Conv2d(2, 2, 1, bias=False), 0, 3)
