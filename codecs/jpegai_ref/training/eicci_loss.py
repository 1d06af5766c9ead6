"""What the trained filter is trained for: what it leaves of each error, as a share of what is there without it.

    luma      0.3 MSE + 0.35 (1 - MS-SSIM) + 0.35 (1 - information kept)        chroma      MSE

Shares count alike at all rates and in all pictures. Squared error alone would smooth; the metrics of the common test conditions also ask
for contrast. The information that is kept is that of VIF, in two scales and square windows, which costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from pytorch_msssim import ms_ssim
from torch import Tensor

from jpegai_ref.colour import PEAK

WINDOW, STRIDE = 8, 4
EYE_NOISE = 2.0
"""Variance, on samples of 0..255, as in VIF."""
SCALES = 2
SMALLEST_VARIANCE = 1e-3
SMALLEST_ERRORS = (0.05, 1e-4, 1e-3)
"""Of MSE, MS-SSIM, information: a crop that is coded better than this counts less."""


@dataclass(frozen=True)
class LumaShares:
    """How much each error of luma counts."""

    mse: float = 0.3
    structure: float = 0.35
    information: float = 0.35


def squared_error(planes: Tensor, original: Tensor) -> Tensor:
    """(N, 1, H, W) twice -> (N,)"""
    return (planes - original).square().mean((1, 2, 3))


def structure_lost(luma: Tensor, original: Tensor) -> Tensor:
    """1 - MS-SSIM, (N, 1, H, W) twice -> (N,); sides of at least 161."""
    lost: Tensor = 1 - ms_ssim(luma, original, data_range=PEAK, size_average=False)
    return lost


def information_lost(luma: Tensor, original: Tensor) -> Tensor:
    """1 - the information of the original that is kept, (N, 1, H, W) twice -> (N,).

    In each window the picture is g * original + noise of variance v; kept is log2(1 + g^2 s / (v + n)) of log2(1 + s / n), s the variance
    of the original, n that of the noise of the eye. More than all is possible where contrast is raised."""
    kept, whole = torch.zeros(len(luma)), torch.zeros(len(luma))
    for scale in range(SCALES):
        if scale:
            luma, original = F.avg_pool2d(luma, 2), F.avg_pool2d(original, 2)
        pairs = torch.cat((luma, original, luma * luma, original * original, luma * original), 1)
        here, there, squares, squares_there, products = F.avg_pool2d(pairs, WINDOW, STRIDE).unbind(1)
        variance = (squares_there - there * there).clamp(min=SMALLEST_VARIANCE)
        covariance = products - here * there
        gain = (covariance / variance).clamp(min=0)
        noise = (squares - here * here - gain * covariance).clamp(min=0)
        kept = kept + torch.log2(1 + gain * gain * variance / (noise + EYE_NOISE)).sum((1, 2))
        whole = whole + torch.log2(1 + variance / EYE_NOISE).sum((1, 2))
    return 1 - kept / whole


ERRORS: tuple[Callable[[Tensor, Tensor], Tensor], ...] = (squared_error, structure_lost, information_lost)


def loss(filtered: Tensor, decoded: Tensor, original: Tensor, shares: LumaShares) -> Tensor:
    """Mean over a batch of Y, U, V (N, 3, H, W) in [0, 255], the shares of luma, of U and of V added: 3 for planes that are as decoded."""
    result = torch.zeros(())
    weights = (shares.mse, shares.structure, shares.information)
    for error, weight, smallest in zip(ERRORS, weights, SMALLEST_ERRORS, strict=True):
        if weight:
            with torch.no_grad():
                without = error(decoded[:, :1], original[:, :1]).clamp(min=smallest)
            result = result + weight * (error(filtered[:, :1], original[:, :1]) / without).mean()
    for plane in (1, 2):
        chosen = slice(plane, plane + 1)
        without = squared_error(decoded[:, chosen], original[:, chosen]).clamp(min=SMALLEST_ERRORS[0])
        result = result + (squared_error(filtered[:, chosen], original[:, chosen]) / without).mean()
    return result
