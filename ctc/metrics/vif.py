"""VIF in the pixel domain (VIFp) of the luma, as the JPEG AI quality framework computes it: in single precision.

The cancellation in its variances is part of the official digits: an error of a few hundredths stands beside the noise's variance of 2.
So the window has two dimensions and its taps are added in the order of the official convolution. In float64, as in Sheikh's
vifp_mscale.m, VIFp is 5e-5 away on photographs and up to 1e-3 over a flat sky. piq.vif_p rounds its window otherwise and is up to 1e-5
away on photographs, 6e-4 on screens. Not the wavelet VIF, and not libvmaf's.
"""

from __future__ import annotations

from functools import partial

from ctc.cuda import OnCuda
from ctc.errors import MetricUndefined
from ctc.metrics._planes import checked_against, checked_alone, defined, gaussian, installed, own_copy, zero_padded
from ctc.protocols import Codes, Metric, Scorer
from ctc.records import MetricInfo

MINIMUM_SIDE = 64
"""Smaller pictures are extended by zeros to it."""

TOP = 255.0
"""Samples are brought to 0..255, where the noise of the visual channel has the variance 2."""

WINDOWS = tuple(gaussian(taps, taps / 5) for taps in (17, 9, 5, 3))
"""Of the scales, finest first. From the second on the scale before is filtered by the same window, and every second sample kept."""


def vif(reference: Codes, peak: int) -> Scorer:
    """VIFp of luma planes against a reference (height, width): 0 to 1, above 1 where the distorted picture has more contrast.

    Sheikh, Bovik, "Image information and visual quality", IEEE TIP 15(2), 2006. Not symmetric. Sides under 64 are zero-padded
    to 64. Holds 14 bytes a sample of the reference. Raises MetricUndefined where the reference is flat: it carries no
    information; the scorer raises ValueError where the shapes differ.
    """
    checked_alone(reference, peak)
    shape, padded = reference.shape, own_copy(zero_padded(reference, MINIMUM_SIDE))
    if padded.min() == padded.max():
        raise MetricUndefined("VIF: the reference is flat and carries no information, the ratio is 0/0")
    from ctc.kernels.vif import halved, information_held, information_seen
    from ctc.kernels.windows32 import Rows32, Samples32, scale_of, weights_of

    x: Rows32 = Samples32(padded, peak, TOP)
    scales = [scale_of(x, weights_of(WINDOWS[0]))]
    for window in WINDOWS[1:]:
        weights = weights_of(window)
        x = halved(x, weights)
        scales.append(scale_of(x, weights))
    held = sum(information_held(scale) for scale in scales)
    if held == 0.0:
        raise MetricUndefined("VIF: the reference is flat up to rounding and carries no information, the ratio is 0/0")

    def score(distorted: Codes) -> float:
        checked_against(shape, distorted, peak)
        y: Rows32 = Samples32(zero_padded(distorted, MINIMUM_SIDE), peak, TOP)
        seen = information_seen(scales[0], y)
        for scale in scales[1:]:
            y = halved(y, scale.weights)
            seen += information_seen(scale, y)
        return defined(seen / held, "VIF is not a number")

    return score


METRICS: tuple[Metric, ...] = (
    Metric(
        MetricInfo(
            name="vif",
            label="VIF",
            version="2",
            higher_is_better=True,
            range="0 to 1, above 1 for enhanced contrast",
            unit="",
            reference="Sheikh, Bovik, IEEE TIP 15(2), 2006; pixel domain (VIFp)",
            equals="the JPEG AI quality framework (IQA_pytorch 0.1, single precision)",
        ),
        "y",
        vif,
        partial(installed, "numba"),
        on_cuda=OnCuda("vif", "1", ("piq",)),
    ),
)
