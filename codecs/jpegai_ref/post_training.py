"""Quantisation of a trained hyper-scale decoder to int8 weights, after the training.

Per output channel the weights are scaled by the power of two, 2^s, that loses least, among those for which the sums provably stay in
int32. How many bits after the point the values between the convolutions keep is given: the training knows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from torch import nn

from jpegai_ref.distributions import FRACTION_BITS
from jpegai_ref.integer_conv import LARGEST_SHIFT, LARGEST_SUM, LOWEST_INPUT, IntegerConv
from jpegai_ref.integer_hyperscale import IntegerHyperScale

LOWEST_SCALE, HIGHEST_SCALE = -16, 40


def quantised(convs: Sequence[nn.Conv2d], hidden_bits: tuple[int, int]) -> IntegerHyperScale:
    """Three trained convolutions (C1 C->C, C3 C->C, C1 C->16C, all with bias) in integers, for z as it is at their input.

    The last one gives levels, 128 units of the sigma index each. hidden_bits: bits after the point behind the first and the second
    convolution; values there saturate at 127 / 2^bits.

    Raises ValueError where weights are not finite, or where no scale has sums in int32.
    """
    bits = (0, *hidden_bits, FRACTION_BITS)
    return IntegerHyperScale(*[quantised_conv(conv, before, after) for conv, (before, after) in zip(convs, pairwise(bits), strict=True)])


def quantised_conv(conv: nn.Conv2d, input_bits: int, output_bits: int) -> IntegerConv:
    """The convolution for inputs and outputs with so many bits after the point. Raises ValueError as `quantised`."""
    channels = [_quantised_channel(weight, bias, input_bits, output_bits) for weight, bias in zip(*_parameters(conv), strict=True)]
    weights, biases, shifts = zip(*channels, strict=True)
    return IntegerConv(np.stack(weights), np.array(biases, np.int32), np.array(shifts, np.int8))


def _parameters(conv: nn.Conv2d) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if conv.bias is None:
        raise ValueError("a convolution of the hyper-scale decoder has no bias")
    weight, bias = (tensor.detach().cpu().double().numpy() for tensor in (conv.weight, conv.bias))
    if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        raise ValueError("a hyper-scale decoder with weights that are not finite cannot be quantised")
    return weight, bias


def _quantised_channel(weight: NDArray[np.float64], bias: float, input_bits: int, output_bits: int) -> tuple[NDArray[np.int8], int, int]:
    best: tuple[float, NDArray[np.int8], int, int] | None = None
    for scale in range(max(LOWEST_SCALE, output_bits - input_bits), HIGHEST_SCALE):
        shift = scale + input_bits - output_bits
        if shift > LARGEST_SHIFT:
            break
        integers = np.clip(np.rint(np.ldexp(weight, scale)), -128, 127).astype(np.int8)
        offset = round(float(np.ldexp(bias, scale + input_bits))) + (1 << shift >> 1)
        if -LOWEST_INPUT * int(np.abs(integers.astype(np.int64)).sum()) + abs(offset) > LARGEST_SUM:
            break
        lost = float(np.mean((np.ldexp(integers.astype(np.float64), -scale) - weight) ** 2))
        if best is None or lost < best[0]:
            best = lost, integers, offset, shift
    if best is None:
        raise ValueError("a channel of the hyper-scale decoder does not fit int8 weights and int32 sums")
    return best[1:]
