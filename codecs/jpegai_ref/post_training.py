"""Quantisation of a trained hyper-scale decoder to int8 weights, and the floats that such integers stand for.

Per output channel the weights are scaled by the power of two, 2^s, that loses least, among those for which the sums provably stay in
int32. How many bits after the point the values between the convolutions keep is given: the training knows it. Fine-tuning computes with
the same scales (`training.quantised`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from jpegai_ref.distributions import FRACTION_BITS
from jpegai_ref.integer_conv import HIGHEST_INPUT, LARGEST_SHIFT, LARGEST_SUM, LOWEST_INPUT, IntegerConv
from jpegai_ref.integer_hyperscale import IntegerHyperScale

LOWEST_SCALE = -16
LARGEST_PEAK = 256
"""Of scaled weights. Beyond it what a channel's largest weight loses by clipping is more than 16,000 of its weights lose by rounding."""


def quantised(convs: Sequence[nn.Conv2d], hidden_bits: tuple[int, int]) -> IntegerHyperScale:
    """Three trained convolutions (C1 C->C, C3 C->C, C1 C->16C, all with bias) in integers, for z as it is at their input.

    The last one gives levels, 128 units of the sigma index each. hidden_bits: bits after the point behind the first and the second
    convolution; values there saturate at 127 / 2^bits.

    Raises ValueError where weights are not finite, or where no scale has sums in int32.
    """
    return IntegerHyperScale(*[quantised_conv(conv, *bits) for conv, bits in zip(convs, _bits(hidden_bits), strict=True)])


def restored(decoder: IntegerHyperScale, hidden_bits: tuple[int, int]) -> list[tuple[Tensor, Tensor]]:
    """The reverse of `quantised`: float32 weights and biases of the three convolutions, whose integers are those of the decoder again."""
    convs = decoder.first, decoder.second, decoder.third
    return [restored_conv(conv, *bits) for conv, bits in zip(convs, _bits(hidden_bits), strict=True)]


def _bits(hidden_bits: tuple[int, int]) -> list[tuple[int, int]]:
    """After the point, at the input and at the output of each convolution."""
    return list(pairwise((0, *hidden_bits, FRACTION_BITS)))


def quantised_conv(conv: nn.Conv2d, input_bits: int, output_bits: int) -> IntegerConv:
    """The convolution for inputs and outputs with so many bits after the point. Raises ValueError as `quantised`."""
    if conv.bias is None:
        raise ValueError("a convolution of the hyper-scale decoder has no bias")
    weight, bias = (tensor.detach().cpu().double() for tensor in (conv.weight, conv.bias))
    if not (weight.isfinite().all() and bias.isfinite().all()):
        raise ValueError("a hyper-scale decoder with weights that are not finite cannot be quantised")
    scales = weight_scales(weight, bias, input_bits, output_bits)
    shifts = scales + input_bits - output_bits
    integers = scaled(weight, scales)
    offsets = (bias * powers_of_two(scales + input_bits)).round() + (1 << shifts >> 1)
    return IntegerConv(integers.numpy().astype(np.int8), offsets.numpy().astype(np.int32), shifts.numpy().astype(np.int8))


def restored_conv(conv: IntegerConv, input_bits: int, output_bits: int) -> tuple[Tensor, Tensor]:
    """The reverse of `quantised_conv`: weight and bias, float32."""
    shifts = torch.from_numpy(conv.shift).long()
    scales = shifts - input_bits + output_bits
    weight = torch.from_numpy(conv.weight).double() / powers_of_two(scales)[:, None, None, None]
    bias = (torch.from_numpy(conv.bias).long() - (1 << shifts >> 1)).double() / powers_of_two(scales + input_bits)
    return weight.float(), bias.float()


@torch.no_grad()
def weight_scales(weight: Tensor, bias: Tensor, input_bits: int, output_bits: int) -> Tensor:
    """int64 (channels out,): the exponent s of each output channel's scale 2^s, of weight (out, in, k, k) and bias (out,), float64.

    The least exponent of least squared error; shifts are in 0..31, and 128 * sum |integers| + |bias| below 2^31. Raises ValueError where a
    channel has no such exponent.
    """
    lowest = max(LOWEST_SCALE, output_bits - input_bits)
    best = torch.full_like(bias, lowest, dtype=torch.int64)
    least, fits = torch.full_like(bias, math.inf), torch.ones_like(bias, dtype=torch.bool)
    for scale in range(lowest, _highest_scale(weight, lowest, LARGEST_SHIFT - input_bits + output_bits) + 1):
        integers = _rounded(weight * 2.0**scale)
        offset = (bias * 2.0 ** (scale + input_bits)).round() + (1 << (scale + input_bits - output_bits) >> 1)
        fits &= -LOWEST_INPUT * integers.abs().flatten(1).sum(1) + offset.abs() <= LARGEST_SUM
        error = (integers * 2.0**-scale - weight).square().flatten(1).sum(1)
        better = fits & (error < least)
        best, least = torch.where(better, scale, best), torch.where(better, error, least)
    if not bool(least.isfinite().all()):
        raise ValueError("a channel of the hyper-scale decoder does not fit int8 weights and int32 sums")
    return best


def _highest_scale(weight: Tensor, lowest: int, highest: int) -> int:
    peaks = weight.abs().flatten(1).amax(1)
    least = float(peaks[peaks > 0].min()) if bool((peaks > 0).any()) else LARGEST_PEAK
    return min(max(lowest, math.floor(math.log2(LARGEST_PEAK / least))), highest)


def scaled(weight: Tensor, scales: Tensor) -> Tensor:
    """Weights (out, in, k, k) times 2^scales (out,), rounded half to even and clipped to signed bytes; floats of these values."""
    return _rounded(weight * powers_of_two(scales)[:, None, None, None])


def _rounded(weight: Tensor) -> Tensor:
    return weight.round().clamp(LOWEST_INPUT, HIGHEST_INPUT)


def powers_of_two(exponents: Tensor) -> Tensor:
    """2^e for int64 e in -62..62, float64: exact on every device, which `torch.pow` need not be."""
    one = torch.ones_like(exponents)
    return (one << exponents.clamp(min=0)).double() / (one << (-exponents).clamp(min=0)).double()
