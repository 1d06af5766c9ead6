"""From RGB to what the networks eat and back: BT.709 colour, chroma formats, padding to even sizes, normalisation.

Samples are float in [0, 255] whatever the bit depth of the picture; nothing is rounded before the networks.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from jpegai_ref.blocks import pad_to_even

KR, KG, KB = 0.2126, 0.7152, 0.0722
U_SPAN, V_SPAN = 1.8556, 1.5748
"""Range of B - Y and of R - Y for R, G, B in [0, 1]."""
PEAK = 255.0
CENTRE, HALF_RANGE = 127.5, 128.0


def ycc_from_rgb(rgb: Tensor) -> Tensor:
    """(..., 3, H, W) RGB -> Y, U, V, all in [0, 255]; ITU-R BT.709, full range, neutral chroma at 127.5."""
    red, green, blue = rgb.unbind(-3)
    luma = KR * red + KG * green + KB * blue
    return torch.stack((luma, (blue - luma) / U_SPAN + PEAK / 2, (red - luma) / V_SPAN + PEAK / 2), -3)


def rgb_from_ycc(ycc: Tensor) -> Tensor:
    """The inverse of `ycc_from_rgb`, clamped to [0, 255]."""
    luma, u, v = ycc.unbind(-3)
    u, v = u - PEAK / 2, v - PEAK / 2
    red, blue = luma + V_SPAN * v, luma + U_SPAN * u
    green = luma - (KB * U_SPAN / KG) * u - (KR * V_SPAN / KG) * v
    return torch.stack((red, green, blue), -3).clamp(0, PEAK)


def codes_from_samples(samples: Tensor, bit_depth: int) -> Tensor:
    """Samples in [0, 255] to integer codes 0..2^bit_depth - 1 (int32), ties to even."""
    peak = (1 << bit_depth) - 1
    return torch.round(samples.clamp(0, PEAK).double() * (peak / PEAK)).to(torch.int32)


def samples_from_codes(codes: Tensor, bit_depth: int) -> Tensor:
    """Integer codes 0..2^bit_depth - 1 to float32 samples in [0, 255]."""
    return (codes.double() * (PEAK / ((1 << bit_depth) - 1))).float()


def normalise(samples: Tensor) -> Tensor:
    """[0, 255] to the networks' range, about [-1, 1]."""
    return (samples - CENTRE) / HALF_RANGE


def denormalise(values: Tensor) -> Tensor:
    """The networks' range to [0, 255], clamped."""
    return (values * HALF_RANGE + CENTRE).clamp(0, PEAK)


def analysis_input(luma: Tensor, chroma: Tensor) -> tuple[Tensor, Tensor]:
    """What the two analysis transforms eat.

    luma (N, 1, H, W) and chroma (N, 2, H or H/2, W or W/2; halves rounded up), in [0, 255]. Returns the luma plane, padded to an even
    size, and 12 planes of half that size: the four phases of Y, of U, of V. Subsampled chroma is repeated, so that its phases are equal.
    Raises ValueError for a chroma size that is neither full nor half.
    """
    luma = pad_to_even(normalise(luma))
    chroma = normalise(chroma)
    for axis in (-2, -1):
        full = luma.shape[axis]
        if 2 * chroma.shape[axis] == full and chroma.shape[axis] != full:
            chroma = chroma.repeat_interleave(2, axis)
        elif chroma.shape[axis] not in (full, full - 1):
            raise ValueError(f"a chroma plane of {tuple(chroma.shape[-2:])} does not go with a luma plane of {tuple(luma.shape[-2:])}")
    chroma = pad_to_even(chroma)
    return luma, F.pixel_unshuffle(torch.cat((luma, chroma), 1), 2)


def subsampled(chroma: Tensor, vertical: int, horizontal: int) -> Tensor:
    """Keeps every `vertical`-th row and `horizontal`-th column (1 or 2) of full-size chroma from the synthesis."""
    return chroma[..., ::vertical, ::horizontal]


def upsampled(chroma: Tensor, height: int, width: int) -> Tensor:
    """Coded chroma to full size: bicubic with a = -0.75, first and last samples aligned. (N, 2, h, w) -> (N, 2, height, width)"""
    if chroma.shape[-2:] == (height, width):
        return chroma
    return F.interpolate(chroma, (height, width), mode="bicubic", align_corners=True).clamp(0, PEAK)
