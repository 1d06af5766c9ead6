"""The hyper-scale decoder as its integers will compute it, with gradients: for fine-tuning before the entropy part is frozen.

Weights are rounded as `post_training` rounds them for the weights on disk, maps between layers are signed bytes of 1/8, the outcome is in
1/128 level; a sum is rounded by adding half a unit and shifting right. All of it is in float64, where every sum is exact on every device.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jpegai_ref.distributions import FRACTION_BITS
from jpegai_ref.hyper import HIDDEN_FRACTIONAL_BITS, HIDDEN_PEAK, HyperScaleDecoder, sigma_levels
from jpegai_ref.post_training import powers_of_two, scaled, weight_scales

HIDDEN_BITS = (HIDDEN_FRACTIONAL_BITS, HIDDEN_FRACTIONAL_BITS)
FRACTIONAL_BITS = (
    (0, HIDDEN_FRACTIONAL_BITS),
    (HIDDEN_FRACTIONAL_BITS, HIDDEN_FRACTIONAL_BITS),
    (HIDDEN_FRACTIONAL_BITS, FRACTION_BITS),
)
"""Of the input and of the output of each layer."""


def _through(exact: Tensor, smooth: Tensor) -> Tensor:
    """The value of `exact`, the gradient of `smooth`."""
    return smooth + (exact - smooth).detach()


def _layer(x: Tensor, convolution: nn.Conv2d, fraction_in: int, fraction_out: int) -> Tensor:
    if convolution.bias is None:
        raise ValueError("a convolution of the hyper-scale decoder has no bias")
    weight, bias = convolution.weight.double(), convolution.bias.double()
    scales = weight_scales(weight, bias, fraction_in, fraction_out)
    unit_of_sum = powers_of_two(scales + fraction_in)
    weight = _through(scaled(weight, scales) / powers_of_two(scales)[:, None, None, None], weight)
    bias = _through((bias * unit_of_sum).round() / unit_of_sum, bias)
    y = F.conv2d(x, weight, bias, padding=convolution.padding)
    unit = 2.0**fraction_out
    return _through(torch.floor(y * unit + 0.5) / unit, y)


# The search for scales waits for their values, which no compiled graph can hold; maps of hyper-latents are too small to gain from one.
@torch.compiler.disable  # type: ignore[untyped-decorator]
def quantised_levels(decoder: HyperScaleDecoder, z_hat: Tensor, height: int, width: int) -> Tensor:
    """As `HyperScaleDecoder.forward`, with the values of the integer network; float32."""
    x = z_hat.double()
    for convolution, (fraction_in, fraction_out) in zip(decoder.convolutions[:2], FRACTIONAL_BITS[:2], strict=True):
        x = _layer(x, convolution, fraction_in, fraction_out).clamp(0, HIDDEN_PEAK)
    return sigma_levels(_layer(x, decoder.last, *FRACTIONAL_BITS[2]), height, width).float()
