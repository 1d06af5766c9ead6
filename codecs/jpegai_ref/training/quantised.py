"""The hyper-scale decoder as its integers will compute it, with gradients: for fine-tuning before the entropy part is frozen.

Each output channel has signed bytes for weights at a power-of-two scale of its own. The scale is the one of least squared error among
those whose sums provably stay in 32 bits. Maps between layers are signed bytes of 1/8; the outcome is in 1/128 level. A sum is rounded
by adding half a unit and shifting right.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jpegai_ref.hyper import HIDDEN_FRACTIONAL_BITS, HIDDEN_PEAK, SIGMA_STEPS_PER_LEVEL, HyperScaleDecoder, sigma_levels

WEIGHT_PEAK = 127
ACTIVATION_PEAK = 128
ACCUMULATOR_BITS = 31
OUTPUT_FRACTIONAL_BITS = int(math.log2(SIGMA_STEPS_PER_LEVEL))
FRACTIONAL_BITS = (
    (0, HIDDEN_FRACTIONAL_BITS),
    (HIDDEN_FRACTIONAL_BITS, HIDDEN_FRACTIONAL_BITS),
    (HIDDEN_FRACTIONAL_BITS, OUTPUT_FRACTIONAL_BITS),
)
"""Of the input and of the output of each layer."""


@torch.no_grad()
def weight_scales(convolution: nn.Conv2d, fraction_in: int, fraction_out: int) -> Tensor:
    """int64 (channels out,): the exponent s of each output channel's weight scale 2^s.

    Between fraction_out - fraction_in, below which the shift would be negative, and the largest s for which
    128 * sum |w| 2^s + |b| 2^(s + fraction_in) stays below 2^31 with a bit to spare.
    """
    weight = convolution.weight.detach().double().flatten(1)
    bias = torch.zeros(len(weight)).double() if convolution.bias is None else convolution.bias.detach().double()
    reach = ACTIVATION_PEAK * weight.abs().sum(1) + bias.abs() * 2.0**fraction_in
    lowest = max(fraction_out - fraction_in, 0)
    highest = torch.floor(ACCUMULATOR_BITS - 1 - torch.log2(reach.clamp(min=2.0**-20))).long().clamp(lowest, ACCUMULATOR_BITS - fraction_in)
    best = torch.full_like(highest, lowest)
    least = torch.full_like(reach, math.inf)
    for exponent in range(lowest, int(highest.max()) + 1):
        error = (_on_grid(weight, torch.full_like(highest, exponent)) - weight).square().sum(1)
        better = (error < least) & (exponent <= highest)
        best[better], least[better] = exponent, error[better]
    return best


def _on_grid(weight: Tensor, exponents: Tensor) -> Tensor:
    scale = torch.pow(2.0, exponents.to(weight.dtype)).reshape(-1, *[1] * (weight.dim() - 1))
    return torch.round(weight * scale).clamp(-WEIGHT_PEAK - 1, WEIGHT_PEAK) / scale


def _through(exact: Tensor, smooth: Tensor) -> Tensor:
    """The value of `exact`, the gradient of `smooth`."""
    return smooth + (exact - smooth).detach()


def _layer(x: Tensor, convolution: nn.Conv2d, fraction_in: int, fraction_out: int) -> Tensor:
    exponents = weight_scales(convolution, fraction_in, fraction_out)
    weight = _through(_on_grid(convolution.weight, exponents), convolution.weight)
    bias = convolution.bias
    if bias is not None:
        scale = torch.pow(2.0, exponents.to(bias.dtype) + fraction_in)
        bias = _through(torch.round(bias * scale) / scale, bias)
    y = F.conv2d(x, weight, bias, padding=convolution.padding)
    unit = 2.0**fraction_out
    return _through(torch.floor(y * unit + 0.5) / unit, y)


def quantised_levels(decoder: HyperScaleDecoder, z_hat: Tensor, height: int, width: int) -> Tensor:
    """As `HyperScaleDecoder.forward`, with the values of the integer network."""
    x = z_hat
    for convolution, (fraction_in, fraction_out) in zip(decoder.convolutions[:2], FRACTIONAL_BITS[:2], strict=True):
        x = _layer(x, convolution, fraction_in, fraction_out).clamp(0, HIDDEN_PEAK)
    return sigma_levels(_layer(x, decoder.last, *FRACTIONAL_BITS[2]), height, width)
