"""MS-SSIM of the luma as the class MS_SSIM of the package IQA_pytorch computes it, the second form of the JPEG AI quality framework.

It clamps negative contrast-structure at every sample, and it multiplies the term of the last scale into each of the four factors before
it multiplies these, so that the last scale has the exponent 4 x 0.1333. It is up to 1e-2 from `msssim`. No other program gives its
digits. Its single precision is part of them: in float64 it is 1.2e-5 away on the golden picture camera, 1e-4 over a sky. So the
window has two dimensions and its taps are added in the order of the official convolution.
"""

from __future__ import annotations

from functools import partial

from ctc.cuda import OnCuda
from ctc.metrics._planes import checked_against, checked_alone, defined, gaussian, installed, own_copy, zero_padded
from ctc.protocols import Codes, Metric, Scorer
from ctc.records import MetricInfo

MINIMUM_SIDE = 164
"""Smaller pictures are extended by zeros to it: five scales of an 11-tap window need more than 160."""

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
WINDOW = gaussian(11, 1.5)
C1, C2 = 0.01**2, 0.03**2
"""Stabilising constants of samples in 0..1."""


def msssim_iqa(reference: Codes, peak: int) -> Scorer:
    """MS-SSIM of luma planes against a reference (height, width), 0 to 1, 1 for equal planes.

    Wang, Simoncelli, Bovik, "Multiscale structural similarity for image quality assessment", Asilomar 2003, as in IQA_pytorch 0.1: the
    last scale weighs four times as much. Sides under 164 are zero-padded to 164. Holds 14 bytes a sample of the reference.
    The scorer raises ValueError where the shapes differ.
    """
    checked_alone(reference, peak)
    from ctc.kernels.msssim_iqa import mean_similarity, quartered
    from ctc.kernels.windows32 import Rows32, Samples32, scale_of, weights_of

    shape, weights = reference.shape, weights_of(WINDOW)
    x: Rows32 = Samples32(own_copy(zero_padded(reference, MINIMUM_SIDE)), peak, 1.0)
    scales = [scale_of(x, weights)]
    for _ in WEIGHTS[1:]:
        x = quartered(x)
        scales.append(scale_of(x, weights))

    def score(distorted: Codes) -> float:
        checked_against(shape, distorted, peak)
        y: Rows32 = Samples32(zero_padded(distorted, MINIMUM_SIDE), peak, 1.0)
        value = 1.0
        for scale, weight in zip(scales[:-1], WEIGHTS[:-1], strict=True):
            contrast, _ = mean_similarity(scale, y, C1, C2)
            value *= float(contrast) ** weight
            y = quartered(y)
        _, similarity = mean_similarity(scales[-1], y, C1, C2)
        value *= float(similarity) ** (WEIGHTS[-1] * (len(WEIGHTS) - 1))
        return defined(value, "MS-SSIM (IQA) is not a number")

    return score


METRICS: tuple[Metric, ...] = (
    Metric(
        MetricInfo(
            name="msssim_iqa",
            label="MS-SSIM (IQA)",
            version="2",
            higher_is_better=True,
            range="0 to 1",
            unit="",
            reference="Wang, Simoncelli, Bovik, Asilomar 2003; the last scale weighs four times as much",
            equals="the JPEG AI quality framework (IQA_pytorch 0.1)",
        ),
        "y",
        msssim_iqa,
        partial(installed, "numba"),
        on_cuda=OnCuda("msssim_iqa", "1"),
    ),
)
