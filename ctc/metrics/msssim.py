"""MS-SSIM of the luma, in the form of the common test conditions. The JPEG AI quality framework reports another too: `msssim_iqa`.

`msssim` equals pytorch_msssim (its float32 apart: 2e-6) and is the one of the common test conditions. piq and Wang's msssim.m
give other values where a side is odd at some scale: this form averages 2x2 windows that start one sample outside the
picture, with zeros there that count in the mean; piq repeats the border instead and msssim.m mirrors at the far end. piq
is up to 3e-3 away, msssim.m up to 1.2e-2.
"""

from __future__ import annotations

from functools import partial

from ctc.cuda import OnCuda
from ctc.metrics._planes import checked, defined, gaussian, installed, zero_padded
from ctc.protocols import Codes, Metric, each_alone
from ctc.records import MetricInfo

MINIMUM_SIDE = 164
"""Smaller pictures are extended by zeros to it: five scales of an 11-tap window need more than 160."""

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
WINDOW = gaussian(11, 1.5)
K1, K2 = 0.01, 0.03
"""Stabilising constants, relative to the peak."""


def msssim(reference: Codes, distorted: Codes, peak: int) -> float:
    """MS-SSIM of two luma planes (height, width), 0 to 1, 1 for equal planes.

    Wang, Simoncelli, Bovik, "Multiscale structural similarity for image quality assessment", Asilomar 2003, as in
    pytorch_msssim. Sides under 164 are zero-padded to 164. Raises ValueError where the shapes differ.
    """
    checked(reference, distorted, peak)
    from ctc.kernels.ssim import mean_similarity
    from ctc.kernels.strips import Rows, Samples
    from ctc.kernels.windows import quartered

    c1, c2 = (K1 * peak) ** 2, (K2 * peak) ** 2
    x: Rows = Samples(zero_padded(reference, MINIMUM_SIDE), 1.0)
    y: Rows = Samples(zero_padded(distorted, MINIMUM_SIDE), 1.0)
    value = 1.0
    for weight in WEIGHTS[:-1]:
        contrast, _ = mean_similarity(x, y, WINDOW, c1, c2)
        value *= max(float(contrast), 0.0) ** weight
        x, y = quartered(x), quartered(y)
    _, similarity = mean_similarity(x, y, WINDOW, c1, c2)
    value *= max(float(similarity), 0.0) ** WEIGHTS[-1]
    return defined(value, "MS-SSIM is not a number")


METRICS: tuple[Metric, ...] = (
    Metric(
        MetricInfo(
            name="msssim",
            label="MS-SSIM",
            version="2",
            higher_is_better=True,
            range="0 to 1",
            unit="",
            reference="Wang, Simoncelli, Bovik, Asilomar 2003; values of pytorch_msssim 1.0",
        ),
        "y",
        each_alone(msssim),
        partial(installed, "numba"),
        on_cuda=OnCuda("msssim", "1", ("pytorch-msssim",)),
    ),
)
