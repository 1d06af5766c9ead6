"""MS-SSIM of IQA_pytorch in float32, with its window of two dimensions: 2.3e-6 from the official values over twelve golden pairs, up to
7e-5 over a sky.

The five windowed means are channels of one convolution: torch then sums directly, where for a single channel cuDNN may go through a
Fourier transform, whose rounding the differences of the variances would enlarge.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import avg_pool2d

from ctc.cuda.device import exact, samples
from ctc.metrics._planes import checked, defined, zero_padded
from ctc.metrics.msssim import K1, K2, MINIMUM_SIDE, WEIGHTS, WINDOW
from ctc.protocols import Codes, Scorer

LABEL = "MS-SSIM (IQA)"


def msssim_iqa(reference: Codes, peak: int, device: str) -> Scorer:
    """Scorer of luma planes (height, width); values, padding and errors as `ctc.metrics.msssim.msssim_iqa`.

    Raises OutOfDeviceMemory as well: the device must hold about 150 bytes per pixel.
    """
    checked(reference, reference, peak)
    with exact(LABEL, reference):
        scales = _scales(reference, peak, device)

    def score(distorted: Codes) -> float:
        checked(reference, distorted, peak)
        value = 1.0
        with exact(LABEL, reference):
            others = _scales(distorted, peak, device)
            for weight, x, y in zip(WEIGHTS[:-1], scales, others, strict=False):
                value *= _means(x, y)[0] ** weight
            value *= _means(scales[-1], others[-1])[1] ** (WEIGHTS[-1] * (len(WEIGHTS) - 1))
        return defined(value, "MS-SSIM (IQA) is not a number")

    return score


def _scales(codes: Codes, peak: int, device: str) -> list[torch.Tensor]:
    """(1, 1, height, width) in 0..1, and its means of 2x2 samples again and again."""
    planes = [samples(zero_padded(codes, MINIMUM_SIDE), device)[None, None] / peak]
    while len(planes) < len(WEIGHTS):
        padding = planes[-1].shape[2] % 2, planes[-1].shape[3] % 2
        planes.append(avg_pool2d(planes[-1], kernel_size=2, padding=padding))
    return planes


def _means(x: torch.Tensor, y: torch.Tensor) -> tuple[float, float]:
    """Means over one scale: contrast-structure, and the same times luminance."""
    line = torch.from_numpy(WINDOW.astype(np.float32))
    window = torch.outer(line, line).to(x.device).expand(5, 1, -1, -1).contiguous()
    c1, c2 = K1**2, K2**2
    channels = torch.cat([x, y, x * x, y * y, x * y], dim=1)
    mean_x, mean_y, square_x, square_y, product = torch.conv2d(channels, window, groups=5)[0]
    variance_x, variance_y = square_x - mean_x * mean_x, square_y - mean_y * mean_y
    contrast = torch.relu((2.0 * (product - mean_x * mean_y) + c2) / (variance_x + variance_y + c2))
    luminance = (2.0 * mean_x * mean_y + c1) / (mean_x * mean_x + mean_y * mean_y + c1)
    return float(contrast.mean()), float((luminance * contrast).mean())
