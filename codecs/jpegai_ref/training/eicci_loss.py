"""What the trained filter is trained for: what it leaves of each error, as a share of what is there without it.

    luma      0.3 MSE + 0.35 structure lost + 0.35 information lost        chroma      MSE

Shares count alike at all rates and in all pictures. Squared error alone would smooth; the metrics of the common test conditions also ask
for contrast. Structure is that of MS-SSIM, information that of VIF, both from the means and variances of square windows at five scales,
at a small part of what Gaussian windows cost.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from jpegai_ref.colour import PEAK

WINDOW, STRIDE = 8, 4
SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of MS-SSIM, the finest scale first."""
INFORMATION_SCALES = 3
EYE_NOISE = 2.0
"""Variance, on samples of 0..255, as in VIF."""
CONTRAST_FLOOR = (0.03 * PEAK) ** 2
"""Of SSIM."""
SMALLEST_VARIANCE = 1e-3
SMALLEST_ERRORS = (1.0, 2e-3, 2e-2)
"""Of MSE, structure, information: a crop that is coded better than this counts less. Shares of next to nothing are mere noise."""


@dataclass(frozen=True)
class LumaShares:
    """How much each error of luma counts."""

    mse: float = 0.3
    structure: float = 0.35
    information: float = 0.35


@dataclass(frozen=True, eq=False)
class Windows:
    """Of a picture and its original at one scale, (N, rows, columns) windows each."""

    variance: Tensor
    original_variance: Tensor
    covariance: Tensor


def squared_error(planes: Tensor, original: Tensor) -> Tensor:
    """(N, 1, H, W) twice -> (N,)"""
    return (planes - original).square().mean((1, 2, 3))


def windows(luma: Tensor, original: Tensor) -> Iterator[Windows]:
    """At each scale, the finest first; (N, 1, H, W) twice, sides of at least 128."""
    for scale in range(len(SCALES)):
        if scale:
            luma, original = F.avg_pool2d(luma, 2), F.avg_pool2d(original, 2)
        products = torch.cat((luma, original, luma * luma, original * original, luma * original), 1)
        here, there, squares, original_squares, cross = F.avg_pool2d(products, WINDOW, STRIDE).unbind(1)
        yield Windows(
            (squares - here * here).clamp(min=0), (original_squares - there * there).clamp(min=SMALLEST_VARIANCE), cross - here * there
        )


def structure_lost(scales: list[Windows]) -> Tensor:
    """1 - the product of contrast and structure over all scales, as MS-SSIM has it without luminance; (N,)."""
    kept = torch.ones(())
    for one, exponent in zip(scales, SCALES, strict=True):
        ratio = (2 * one.covariance + CONTRAST_FLOOR) / (one.variance + one.original_variance + CONTRAST_FLOOR)
        kept = kept * ratio.mean((1, 2)).clamp(min=SMALLEST_VARIANCE) ** exponent
    return 1 - kept


def information_lost(scales: list[Windows]) -> Tensor:
    """1 - the information of the original that is kept, (N,), from the finest scales.

    In each window the picture is g * original + noise of variance v; kept is log2(1 + g^2 s / (v + n)) of log2(1 + s / n), s the variance
    of the original, n that of the noise of the eye. More than all is possible where contrast is raised."""
    kept = whole = torch.zeros(())
    for one in scales[:INFORMATION_SCALES]:
        gain = (one.covariance / one.original_variance).clamp(min=0)
        noise = (one.variance - gain * one.covariance).clamp(min=0)
        kept = kept + torch.log2(1 + gain * gain * one.original_variance / (noise + EYE_NOISE)).sum((1, 2))
        whole = whole + torch.log2(1 + one.original_variance / EYE_NOISE).sum((1, 2))
    return 1 - kept / whole


def _luma_errors(luma: Tensor, original: Tensor) -> list[Tensor]:
    scales = list(windows(luma, original))
    return [squared_error(luma, original), structure_lost(scales), information_lost(scales)]


def loss(filtered: Tensor, decoded: Tensor, original: Tensor, shares: LumaShares) -> Tensor:
    """Mean over a batch of Y, U, V (N, 3, H, W) in [0, 255], the shares of luma, of U and of V added: 3 for planes that are as decoded."""
    result = torch.zeros(())
    with torch.no_grad():
        without = _luma_errors(decoded[:, :1], original[:, :1])
    errors, weights = _luma_errors(filtered[:, :1], original[:, :1]), (shares.mse, shares.structure, shares.information)
    for error, other, weight, smallest in zip(errors, without, weights, SMALLEST_ERRORS, strict=True):
        result = result + weight * (error / other.clamp(min=smallest)).mean()
    for plane in (1, 2):
        chosen = slice(plane, plane + 1)
        other = squared_error(decoded[:, chosen], original[:, chosen]).clamp(min=SMALLEST_ERRORS[0])
        result = result + (squared_error(filtered[:, chosen], original[:, chosen]) / other).mean()
    return result
