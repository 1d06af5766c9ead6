"""MS-SSIM by pytorch_msssim in float32, whose values the metric has.

The metric on the CPU is 1e-6 away over twelve golden pairs, 2e-5 over a clear sky, and 1e-4 where both pictures are flat: there the
variances of the float32 are rounding alone.
"""

from __future__ import annotations

import torch

from ctc.cuda.device import exact, samples
from ctc.metrics._planes import checked, defined, zero_padded
from ctc.metrics.msssim import MINIMUM_SIDE
from ctc.protocols import Codes, Scorer

LABEL = "MS-SSIM"


def msssim(reference: Codes, peak: int, device: str) -> Scorer:
    """Scorer of luma planes (height, width); values, padding and errors as `ctc.metrics.msssim.msssim`.

    Raises OutOfDeviceMemory as well: the device must hold about 130 bytes per pixel.
    """
    checked(reference, reference, peak)
    with exact(LABEL, reference):
        x = _plane(reference, peak, device)

    def score(distorted: Codes) -> float:
        from pytorch_msssim import ms_ssim

        checked(reference, distorted, peak)
        with exact(LABEL, reference):
            value = float(ms_ssim(x, _plane(distorted, peak, device), data_range=255.0))
        return defined(value, "MS-SSIM is not a number")

    return score


def _plane(codes: Codes, peak: int, device: str) -> torch.Tensor:
    """(1, 1, height, width) in 0..255."""
    return samples(zero_padded(codes, MINIMUM_SIDE), device)[None, None] * (255.0 / peak)
