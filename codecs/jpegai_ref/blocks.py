"""The building blocks that the networks share: gates, residual blocks, the attention blocks of the high operating point.

N pictures, c channels, h x w positions. "C3/2 a->b" is a 3x3 convolution of stride 2 from a to b channels, "T4" a transposed one of 4x4
that doubles the size, "PS(2)" a pixel shuffle (depth to space) by 2.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jpegai_ref.dimensions import ATTENTION_HEADS, FEED_FORWARD_EXPANSION

NORMALISATION_EPSILON = 1e-12


def conv(before: int, after: int, kernel: int, stride: int = 1, groups: int = 1, bias: bool = True) -> nn.Conv2d:
    """C kernel/stride: with zero padding that keeps the size at stride 1 and halves an even size at stride 2."""
    return nn.Conv2d(before, after, kernel, stride, (kernel - 1) // 2, groups=groups, bias=bias)


def double3(before: int, after: int) -> nn.ConvTranspose2d:
    """T3: transposed convolution 3x3 that doubles the size."""
    return nn.ConvTranspose2d(before, after, 3, 2, 1, output_padding=1)


def double4(before: int, after: int) -> nn.ConvTranspose2d:
    """T4: transposed convolution 4x4 that doubles the size."""
    return nn.ConvTranspose2d(before, after, 4, 2, 1)


def pad_to_even(x: Tensor) -> Tensor:
    """Repeats the last row and column where their number is odd. (N, c, h, w) -> (N, c, h + h % 2, w + w % 2)"""
    if x.shape[-2] % 2:
        x = torch.cat((x, x[..., -1:, :]), -2)
    if x.shape[-1] % 2:
        x = torch.cat((x, x[..., -1:]), -1)
    return x


def crop(x: Tensor, height: int, width: int, divider: int) -> Tensor:
    """Keeps the top left ceil(height / divider) x ceil(width / divider); height and width are those of the luma plane."""
    # Of positive numbers alone: ONNX truncates towards 0 where Python rounds down.
    return x[..., : (height + divider - 1) // divider, : (width + divider - 1) // divider]


class ResAU(nn.Module):
    """Gate: every sample is multiplied by a factor that its neighbourhood decides.

        x (N, c, h, w) --+-- ReLU6 -- C3 c->c in g groups -- C1 c->c -- 1 + . --+
                         |                                                      * -- (N, c, h, w)
                         +------------------------------------------------------+

    The last layer starts near zero, so that the gate starts open.
    """

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.depth = conv(channels, channels, 3, groups=groups, bias=False)
        self.point = conv(channels, channels, 1, bias=False)
        nn.init.normal_(self.point.weight, std=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        return x + x * self.point(self.depth(F.relu6(x)))


class LightResidualBlock(nn.Module):
    """x (N, c, h, w) -- C3 c->c -- ReLU -- + x -- (N, c, h, w)"""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = conv(channels, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        return x + F.relu(self.conv(x))


class ResidualBlock(nn.Module):
    """x (N, c, h, w) -- C3 c->c -- ReLU -- C3 c->c -- + x -- (N, c, h, w)"""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = conv(channels, channels, 3)
        self.second = conv(channels, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.relu(self.first(x)))


class Conv2x2Pxl2(nn.Module):
    """Upsampler of the simple operating point.

    x (N, a, h, w) -- one zero column right, one zero row below -- C2 a->4b -- PS(2) -- (N, b, 2h, 2w)
    """

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, 4 * after, 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_shuffle(self.conv(F.pad(x, (0, 1, 0, 1))), 2)


class CAB(nn.Module):
    """Convolutional attention block; h and w even.

    x (N, c, h, w) --+-- 2 ResidualBlocks ------------------------------------------- * -- + x -- (N, c, h, w)
                     +-- C3/2 c->c -- 2 ResidualBlocks (h/2, w/2) -- T3 c->c -- sigmoid --+
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.trunk = nn.Sequential(ResidualBlock(channels), ResidualBlock(channels))
        self.mask = nn.Sequential(
            conv(channels, channels, 3, 2), ResidualBlock(channels), ResidualBlock(channels), double3(channels, channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.trunk(x) * torch.sigmoid(self.mask(x))


class ChannelNorm(nn.Module):
    """Layer normalisation over the channels of each position, computed in the precision of the weights. (N, c, h, w) -> the same"""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return self.norm(x.to(self.norm.weight.dtype).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ChannelAttention(nn.Module):
    """Attention among the channels of a head: the weights depend on the whole picture, not on positions.

    x (N, d, h, w) -- C1 d->3d -- depthwise C3 -- q, k, v, each (N, 4 heads, d/4, hw)
    q, k each of unit length over its hw positions
    A = softmax of rows of (q k^T * temperature of the head), (N, 4, d/4, d/4)
    A v (N, 4, d/4, hw) -- (N, d, h, w) -- C1 d->d -- (N, d, h, w)
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.temperature = nn.Parameter(torch.ones(ATTENTION_HEADS, 1, 1))
        self.mix = conv(channels, 3 * channels, 1, bias=False)
        self.spread = conv(3 * channels, 3 * channels, 3, groups=3 * channels, bias=False)
        self.project = conv(channels, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (part.reshape(x.shape[0], ATTENTION_HEADS, -1, x.shape[2] * x.shape[3]) for part in self.spread(self.mix(x)).chunk(3, 1))
        with torch.autocast(x.device.type, enabled=False):
            q, k, v = (part.to(self.temperature.dtype) for part in (q, k, v))
            q = F.normalize(q, dim=-1, eps=NORMALISATION_EPSILON)
            k = F.normalize(k, dim=-1, eps=NORMALISATION_EPSILON)
            attention = torch.softmax(q @ k.transpose(-2, -1) * self.temperature, dim=-1)
            attended = (attention @ v).reshape(x.shape)
        return self.project(attended)


class GatedFeedForward(nn.Module):
    """x (N, d, h, w) -- C1 d->8d -- depthwise C3 -- halves a, b of 4d -- ELU(a) * b -- C1 4d->d -- (N, d, h, w)"""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = 2 * FEED_FORWARD_EXPANSION * channels
        self.expand = conv(channels, inner, 1, bias=False)
        self.spread = conv(inner, inner, 3, groups=inner, bias=False)
        self.project = conv(inner // 2, channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        a, b = self.spread(self.expand(x)).chunk(2, 1)
        return self.project(F.elu(a) * b)


class TransformerBlock(nn.Module):
    """x (N, d, h, w) -- ChannelNorm -- ChannelAttention -- + x -- ChannelNorm -- GatedFeedForward -- + . -- (N, d, h, w)"""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attention_norm = ChannelNorm(channels)
        self.attention = ChannelAttention(channels)
        self.feed_norm = ChannelNorm(channels)
        self.feed = GatedFeedForward(channels)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.attention_norm(x))
        return x + self.feed(self.feed_norm(x))


class TAM(nn.Module):
    """Transformer attention module.

    x (N, d, h, w) -- [C3/2 d->d] -- 2 TransformerBlocks (N, d, h/2, w/2) -- [T3 d->d] -- (N, d, h, w)

    The layers in brackets are there with `downsample`; h and w are even then.
    """

    def __init__(self, channels: int, downsample: bool) -> None:
        super().__init__()
        blocks: list[nn.Module] = [TransformerBlock(channels), TransformerBlock(channels)]
        self.layers = nn.Sequential(*([conv(channels, channels, 3, 2), *blocks, double3(channels, channels)] if downsample else blocks))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return out
