"""Errors of luma as the metrics of the common test conditions see them, that can be differentiated, at a small part of what those cost.

    squared error     mean of squares
    structure lost    1 - contrast and structure of MS-SSIM, without luminance (Wang, Simoncelli and Bovik 2003)
    information lost  1 - the information of the original that VIF finds kept (Sheikh and Bovik 2006)
    detail lost       distance of Laplacian pyramids, each level divided by the amplitude around, after NLPD (Laparra et al. 2016)

Means and variances are those of square windows, without weights, in place of Gaussian ones. Planes whose sides are too short for all
scales have those that fit; nothing is lost where not even one does. All samples in [0, 255].
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

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
LEAST_CONTRAST = 1e-3
"""Of a scale: a power has no slope at 0."""
LEAST_VARIANCE = 0.1
"""Of what is divided by: below it variances of float32 are rounding, and the eye sees nothing."""
LEAST_INFORMATION = 0.01
"""In bits of a window, added to what is there and to what is kept: of a flat picture nothing can be lost."""
PYRAMID_TAPS = (0.05, 0.25, 0.4, 0.25, 0.05)
"""In both directions (Burt and Adelson 1983, a = 0.4)."""
AROUND = 5
"""Side of the square over which amplitudes are averaged."""
AMPLITUDE_FLOOR = 0.05 * PEAK
SMALLEST_DISTANCE = 1e-6
"""Of a level, whose root has no slope at 0."""
SMALLEST_ERRORS = (1.0, 2e-3, 2e-2, 5e-3)
"""Of the four, in the order above: a share of an error is taken of no less than this."""


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
    """At each scale, the finest first; (N, 1, H, W) twice. Sides of at least 128 have all scales, those below 8 none."""
    # Of bright planes the squares would take all digits of float32.
    middle = original.mean((1, 2, 3), keepdim=True)
    luma, original = luma - middle, original - middle
    for scale in range(len(SCALES)):
        if scale:
            luma, original = F.avg_pool2d(luma, 2), F.avg_pool2d(original, 2)
        if min(luma.shape[-2:]) < WINDOW:
            return
        products = torch.cat((luma, original, luma * luma, original * original, luma * original), 1)
        here, there, squares, original_squares, cross = F.avg_pool2d(products, WINDOW, STRIDE).unbind(1)
        yield Windows((squares - here * here).clamp(min=0), (original_squares - there * there).clamp(min=0), cross - here * there)


def structure_lost(scales: list[Windows]) -> Tensor:
    """1 - the product of contrast and structure over all scales; (N,)."""
    kept = torch.ones(())
    for one, exponent in zip(scales, SCALES, strict=False):
        ratio = (2 * one.covariance + CONTRAST_FLOOR) / (one.variance + one.original_variance + CONTRAST_FLOOR)
        kept = kept * ratio.mean((1, 2)).clamp(min=LEAST_CONTRAST) ** exponent
    return 1 - kept


def information_lost(scales: list[Windows]) -> Tensor:
    """1 - the information of the original that is kept, (N,), from the finest scales.

    In each window the picture is g * original + noise of variance v; kept is log2(1 + g^2 s / (v + n)) of log2(1 + s / n), s the variance
    of the original, n that of the noise of the eye. More than all is possible where contrast is raised."""
    kept = whole = torch.zeros(())
    for one in scales[:INFORMATION_SCALES]:
        gain = (one.covariance / one.original_variance.clamp(min=LEAST_VARIANCE)).clamp(min=0)
        noise = (one.variance - gain * one.covariance).clamp(min=0)
        kept = kept + (torch.log2(1 + gain * gain * one.original_variance / (noise + EYE_NOISE)) + LEAST_INFORMATION).sum((1, 2))
        whole = whole + (torch.log2(1 + one.original_variance / EYE_NOISE) + LEAST_INFORMATION).sum((1, 2))
    return 1 - kept / whole if scales else whole


def detail_lost(luma: Tensor, original: Tensor) -> Tensor:
    """Mean over the levels of the root of the mean square; (N, 1, H, W) twice -> (N,)."""
    distances = [
        (ours - theirs).square().mean((1, 2, 3)).add(SMALLEST_DISTANCE).sqrt()
        for ours, theirs in zip(_details(luma), _details(original), strict=True)
    ]
    return torch.stack(distances).mean(0) if distances else torch.zeros(())


def _details(luma: Tensor) -> Iterator[Tensor]:
    """Levels of the pyramid, the finest first, divided by the amplitude around."""
    for _ in SCALES:
        if min(luma.shape[-2:]) < WINDOW:
            return
        smaller = _weighted(luma, _reduced)
        detail = luma - _weighted(smaller, partial(_expanded, size=luma.shape[-2:]))
        around = F.avg_pool2d(detail.abs(), AROUND, 1, AROUND // 2, count_include_pad=False)
        yield detail / (around + AMPLITUDE_FLOOR)
        luma = smaller


def _weighted(luma: Tensor, filtered: Callable[[Tensor], Tensor]) -> Tensor:
    """By the taps that lie inside. Padding by repetition or reflection would have a gradient that is another every time on a GPU."""
    return filtered(luma) / filtered(torch.ones_like(luma))


def _reduced(luma: Tensor) -> Tensor:
    return F.conv2d(luma, _kernel(luma), stride=2, padding=len(PYRAMID_TAPS) // 2)


def _expanded(luma: Tensor, size: Sequence[int]) -> Tensor:
    even = [1 - side % 2 for side in size]
    return F.conv_transpose2d(luma, _kernel(luma), stride=2, padding=len(PYRAMID_TAPS) // 2, output_padding=even)


def _kernel(like: Tensor) -> Tensor:
    taps = torch.tensor(PYRAMID_TAPS).to(like)
    return (taps[:, None] * taps)[None, None]
