"""MS-SSIM of the luma, in the two forms that the JPEG AI quality framework reports.

`msssim` equals pytorch_msssim (the float32 there is worth 3e-6, that here 1e-7) and is the one of the common test conditions. piq
and Wang's msssim.m give other values where a side is odd at some scale: this form averages 2x2 windows that start one sample
outside the picture, with zeros there that count in the mean; piq repeats the border instead and msssim.m mirrors at the far end. piq
is up to 3e-3 away, msssim.m up to 1.2e-2.

`msssim_iqa` equals the class MS_SSIM of the package IQA_pytorch. It clamps negative contrast-structure at every sample, and it
multiplies the term of the last scale into each of the four factors before it multiplies these, so that the last scale
has the exponent 4 x 0.1333. It stays in float32 as there: over large bright areas its rounding is worth 1e-5. No other
program gives its digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ctc.metrics._planes import (
    checked,
    checked_against,
    checked_alone,
    defined,
    gaussian,
    installed,
    one_torch_thread,
    own_copy,
    zero_padded,
)
from ctc.protocols import Codes, Metric, Scorer, each_alone
from ctc.records import MetricInfo

if TYPE_CHECKING:
    import torch

    from ctc.kernels.ssim import Samples

MINIMUM_SIDE = 164
"""Smaller pictures are extended by zeros to it: five scales of an 11-tap window need more than 160."""

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
WINDOW = gaussian(11, 1.5)
K1, K2 = 0.01, 0.03
"""Stabilising constants, relative to the peak."""


@dataclass(frozen=True)
class Scale:
    """Means over one scale: contrast-structure, and the same times luminance."""

    contrast: float
    similarity: float


def msssim(reference: Codes, peak: int) -> Scorer:
    """MS-SSIM against a luma plane (height, width), 0 to 1, 1 for equal planes.

    Wang, Simoncelli, Bovik, "Multiscale structural similarity for image quality assessment", Asilomar 2003, as in
    pytorch_msssim. Sides under 164 are zero-padded to 164. Raises ValueError where the shapes differ. The scorer has its own
    copy of what it needs: later changes of `reference` do not reach it.
    """
    checked_alone(reference, peak)
    from ctc.kernels.ssim import mean_similarity, quartered

    c1, c2 = (K1 * peak) ** 2, (K2 * peak) ** 2
    shape = reference.shape
    x: list[Samples] = [own_copy(zero_padded(reference, MINIMUM_SIDE))]
    while len(x) < len(WEIGHTS):
        x.append(quartered(x[-1]))

    def score(distorted: Codes) -> float:
        checked_against(shape, distorted, peak)
        y: Samples = np.ascontiguousarray(zero_padded(distorted, MINIMUM_SIDE))
        value = 1.0
        for plane, weight in zip(x[:-1], WEIGHTS[:-1], strict=True):
            contrast, _ = mean_similarity(plane, y, WINDOW, c1, c2)
            value *= max(contrast, 0.0) ** weight
            y = quartered(y)
        _, similarity = mean_similarity(x[-1], y, WINDOW, c1, c2)
        value *= max(similarity, 0.0) ** WEIGHTS[-1]
        return defined(value, "MS-SSIM is not a number")

    return score


def msssim_iqa(reference: Codes, distorted: Codes, peak: int) -> float:
    """MS-SSIM of two luma planes (height, width) as IQA_pytorch computes it, 0 to 1, 1 for equal planes.

    Its last scale weighs four times as much as in Wang's paper. Padding and errors as `msssim`.
    """
    checked(reference, distorted, peak)
    with one_torch_thread():
        x = _tensor(zero_padded(reference, MINIMUM_SIDE), peak)
        y = _tensor(zero_padded(distorted, MINIMUM_SIDE), peak)
        value = 1.0
        for weight in WEIGHTS[:-1]:
            value *= _clamped_scale(x, y).contrast ** weight
            x, y = _halved_tensor(x), _halved_tensor(y)
        value *= _clamped_scale(x, y).similarity ** (WEIGHTS[-1] * (len(WEIGHTS) - 1))
    return defined(value, "MS-SSIM (IQA) is not a number")


def _clamped_scale(x: torch.Tensor, y: torch.Tensor) -> Scale:
    """One scale in float32, with a window of two dimensions: the order of the roundings is part of the official digits."""
    import torch

    line = torch.from_numpy(WINDOW.astype(np.float32))
    window = torch.outer(line, line)[None, None]
    c1, c2 = K1**2, K2**2
    mean_x, mean_y = torch.conv2d(x, window), torch.conv2d(y, window)
    variance_x = torch.conv2d(x * x, window) - mean_x * mean_x
    variance_y = torch.conv2d(y * y, window) - mean_y * mean_y
    covariance = torch.conv2d(x * y, window) - mean_x * mean_y
    contrast = torch.relu((2.0 * covariance + c2) / (variance_x + variance_y + c2))
    luminance = (2.0 * mean_x * mean_y + c1) / (mean_x * mean_x + mean_y * mean_y + c1)
    return Scale(float(contrast.mean()), float((luminance * contrast).mean()))


def _halved_tensor(plane: torch.Tensor) -> torch.Tensor:
    from torch.nn.functional import avg_pool2d

    return avg_pool2d(plane, kernel_size=2, padding=(plane.shape[2] % 2, plane.shape[3] % 2))


def _tensor(codes: Codes, peak: int) -> torch.Tensor:
    import torch

    return torch.from_numpy(codes.astype(np.float32) / np.float32(peak))[None, None]


METRICS: tuple[Metric, ...] = (
    Metric(
        MetricInfo(
            name="msssim",
            label="MS-SSIM",
            version="3",
            higher_is_better=True,
            range="0 to 1",
            unit="",
            reference="Wang, Simoncelli, Bovik, Asilomar 2003; values of pytorch_msssim 1.0",
        ),
        "y",
        msssim,
        partial(installed, "numba"),
    ),
    Metric(
        MetricInfo(
            name="msssim_iqa",
            label="MS-SSIM (IQA)",
            version="1",
            higher_is_better=True,
            range="0 to 1",
            unit="",
            reference="Wang, Simoncelli, Bovik, Asilomar 2003; values of IQA_pytorch 0.1, whose last scale weighs four times as much",
        ),
        "y",
        each_alone(msssim_iqa),
        partial(installed, "torch"),
    ),
)
