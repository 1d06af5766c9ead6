"""The hyperprior of one component: hyper-encoder h_a, hyper-decoder (mean) and hyper-scale decoder (sigma index)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jpegai_ref.blocks import conv, crop, double4, pad_to_even

HYPER_LATENT_PEAK = 31
"""z is clamped to -31..31 and rounded, so that it is a symbol of 63."""
SIGMA_INDEX_PEAK = 3967
"""Largest sigma index: 32 levels of 128 steps, less one."""
SIGMA_STEPS_PER_LEVEL = 128
HIDDEN_FRACTIONAL_BITS = 3
"""The hidden maps of the hyper-scale decoder are signed bytes of 1/8: they saturate at 127/8."""
HIDDEN_PEAK = 127 / 2**HIDDEN_FRACTIONAL_BITS
LEVEL_OF_UNIT_SIGMA = 11.0
"""sigma = 0.11 * exp(level * log_k) is about 1 at this level: where the hyper-scale decoder starts."""


def hyper_symbols(z: Tensor) -> Tensor:
    """z_hat: -31..31, rounded half to even, as float."""
    return torch.round(z.clamp(-HYPER_LATENT_PEAK, HYPER_LATENT_PEAK))


class HyperEncoder(nn.Module):
    """Latent to hyper-latent of the same number of channels C; all layers C->C.

        reference:  y (N, C, h, w) -- |.| -- C3 -- LeakyReLU -- C3 -- C3/2 -- LeakyReLU -- C3 -- C3/2 -- z (N, C, h/4, w/4)
        slim:       y (N, C, h, w) -- |.| -- C3 -- LeakyReLU ------- C3/2 -- LeakyReLU ------- C3/2 -- z (N, C, h/4, w/4)

    Sizes are rounded up, as in the analysis.
    """

    def __init__(self, channels: int, slim: bool) -> None:
        super().__init__()
        self.first = conv(channels, channels, 3)
        self.second = nn.Identity() if slim else conv(channels, channels, 3)
        self.to_half = conv(channels, channels, 3, 2)
        self.fourth = nn.Identity() if slim else conv(channels, channels, 3)
        self.to_quarter = conv(channels, channels, 3, 2)

    def forward(self, y: Tensor) -> Tensor:
        x = self.second(F.leaky_relu(self.first(y.abs())))
        x = self.fourth(F.leaky_relu(self.to_half(pad_to_even(x))))
        z: Tensor = self.to_quarter(pad_to_even(x))
        return z


class HyperDecoder(nn.Module):
    """Quantised hyper-latent to explicit prediction psi; runs in float, never needed to read symbols.

        z_hat (N, C, hz, wz) -- C1 -- T4 (N, C, 2hz, 2wz) -- crop to (N, C, H/32, W/32) -- ReLU6
              -- C3 C->C -- ReLU6 -- C3 C->4C -- psi (N, 4C, H/32, W/32)

    The four quarters of psi belong to the four positions of a cell of 2x2 latents, in the order of the context model's stages.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix = conv(channels, channels, 1, bias=False)
        self.up = double4(channels, channels)
        self.hidden = conv(channels, channels, 3)
        self.last = conv(channels, 4 * channels, 3)

    def forward(self, z_hat: Tensor, height: int, width: int) -> Tensor:
        """`height`, `width`: of the luma plane."""
        x = F.relu6(crop(self.up(self.mix(z_hat)), height, width, 32))
        psi: Tensor = self.last(F.relu6(self.hidden(x)))
        return psi


class HyperScaleDecoder(nn.Module):
    """Quantised hyper-latent to sigma levels, in float: what is trained, and quantised to integers afterwards.

        z_hat (N, C, hz, wz) -- C1 -- ReLU -- C3 -- ReLU -- C1 C->16C -- PS(4) (N, C, 4hz, 4wz)
              -- crop to (N, C, H/16, W/16) -- |.| -- clamp to [0, 3967/128]

    The outcome is in levels of the log domain, sigma = 0.11 * exp(level * log_k); the integer network gives 128 times that. Hidden maps
    saturate where the signed bytes of the integer network do.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = conv(channels, channels, 1)
        self.second = conv(channels, channels, 3)
        self.last = conv(channels, 16 * channels, 1)
        self.last.bias = nn.Parameter(torch.full((16 * channels,), LEVEL_OF_UNIT_SIGMA))

    @property
    def convolutions(self) -> tuple[nn.Conv2d, nn.Conv2d, nn.Conv2d]:
        """The three layers, in the order of the data path."""
        return self.first, self.second, self.last

    def forward(self, z_hat: Tensor, height: int, width: int) -> Tensor:
        """`height`, `width`: of the luma plane."""
        hidden = self.first(z_hat).clamp(0, HIDDEN_PEAK)
        hidden = self.second(hidden).clamp(0, HIDDEN_PEAK)
        return sigma_levels(self.last(hidden), height, width)


def sigma_levels(x: Tensor, height: int, width: int) -> Tensor:
    """What follows the last layer of the hyper-scale decoder: (N, 16C, hz, wz) -> (N, C, H/16, W/16), in 0..3967/128."""
    return crop(F.pixel_shuffle(x, 4), height, width, 16).abs().clamp(max=SIGMA_INDEX_PEAK / SIGMA_STEPS_PER_LEVEL)
