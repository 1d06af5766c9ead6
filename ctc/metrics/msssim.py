"""MS-SSIM of the luma, in the form of the common test conditions. The JPEG AI quality framework reports another too: `msssim_iqa`.

`msssim` equals pytorch_msssim up to the float32 there, which is worth 2.6e-6 over twelve golden pairs and up to 2e-5 over a clear sky or
on screens; in float64 that package and this are 1e-7 apart on photographs, 2e-6 over a sky. piq and Wang's msssim.m give other values
where a side is odd at some scale: this form averages 2x2 windows that start one sample outside the picture, with zeros there that count
in the mean; piq repeats the border instead and msssim.m mirrors at the far end. piq is up to 3e-3 away, msssim.m up to 1.2e-2.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ctc.cuda import OnCuda
from ctc.metrics._planes import checked_against, checked_alone, defined, gaussian, installed, own_copy, zero_padded
from ctc.protocols import Codes, Metric, Scorer
from ctc.records import MetricInfo

if TYPE_CHECKING:
    from ctc.kernels.ssim import Samples

MINIMUM_SIDE = 164
"""Smaller pictures are extended by zeros to it: five scales of an 11-tap window need more than 160."""

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
WINDOW = gaussian(11, 1.5)
K1, K2 = 0.01, 0.03
"""Stabilising constants, relative to the peak."""


def msssim(reference: Codes, peak: int) -> Scorer:
    """MS-SSIM against a luma plane (height, width), 0 to 1, 1 for equal planes.

    Wang, Simoncelli, Bovik, "Multiscale structural similarity for image quality assessment", Asilomar 2003, as in
    pytorch_msssim. Sides under 164 are zero-padded to 164. Raises ValueError where the shapes differ. The scorer has its own
    copy of what it needs: later changes of `reference` do not reach it.
    """
    checked_alone(reference, peak)
    shape, score_plane = reference.shape, similarity(reference, peak)

    def score(distorted: Codes) -> float:
        checked_against(shape, distorted, peak)
        return score_plane(distorted)

    return score


def similarity(reference: Samples, peak: float) -> Callable[[Samples], float]:
    """MS-SSIM against a plane (height, width) of codes in uint16 or of samples in float32, without a check of either."""
    from ctc.kernels.ssim import mean_similarity, quartered

    c1, c2 = (K1 * peak) ** 2, (K2 * peak) ** 2
    x: list[Samples] = [own_copy(zero_padded(reference, MINIMUM_SIDE))]
    while len(x) < len(WEIGHTS):
        x.append(quartered(x[-1]))

    def score(distorted: Samples) -> float:
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


METRICS: tuple[Metric, ...] = (
    Metric(
        MetricInfo(
            name="msssim",
            label="MS-SSIM",
            version="3",
            higher_is_better=True,
            range="0 to 1",
            unit="",
            reference="Wang, Simoncelli, Bovik, Asilomar 2003",
            equals="the JPEG AI quality framework (pytorch_msssim 1.0)",
        ),
        "y",
        msssim,
        partial(installed, "numba"),
        on_cuda=OnCuda("msssim", "1", ("pytorch-msssim",)),
    ),
)
