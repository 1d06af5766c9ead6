"""FSIMc, the chromatic FSIM, of RGB as the JPEG AI quality framework computes it.

piq.fsim is up to 5.4e-6 away over twelve golden pairs, and 3e-5 where much of a picture is flat: it rounds the YIQ matrix otherwise, has
other guards against division by zero and takes other directions of the filters at odd sizes. The authors' FeatureSIM.m is up to
7e-3 away: it decimates by a centred box filter, keeps an odd last row and rounds 2.5 up.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ctc.cuda import OnCuda
from ctc.errors import MetricUndefined
from ctc.metrics._planes import Plane, checked, defined, installed
from ctc.protocols import Codes, Metric, Scorer
from ctc.records import MetricInfo

MINIMUM_SIDE = 2
"""A line of samples has no frequencies across it: the filters of the phase congruency do not exist."""

DECIMATED_SIDE = 256
"""Pictures are averaged over boxes, so many samples wide that the shorter side comes near to it."""

TOP = 255.0
"""Samples are brought to 0..255, for which the constants are."""

YIQ = ((0.299, 0.587, 0.114), (0.596, -0.274, -0.322), (0.211, -0.523, 0.312))

CONGRUENCY, GRADIENT, CHROMA = 0.85, 160.0, 200.0
"""Stabilising constants of the three kinds of similarity: T1, T2, T3 and T4 of the paper."""
CHROMA_EXPONENT = 0.03
GUARD = 1e-12
"""Added to the similarity of chroma, as the framework does."""


@dataclass(frozen=True)
class Features:
    """Of one picture, decimated: planes (height, width)."""

    congruency: Plane
    gradient: Plane
    chroma: NDArray[np.float64]
    flat: bool


def fsim(reference: Codes, peak: int) -> Scorer:
    """FSIMc of RGB pictures against a reference (3, height, width), 0 to 1, 1 for equal pictures; luma and chroma by the YIQ matrix.

    Zhang, Zhang, Mou, Zhang, "FSIM: a feature similarity index for image quality assessment", IEEE TIP 20(8), 2011. No padding.
    Raises MetricUndefined for a side of one sample. The scorer raises ValueError where the shapes differ, MetricUndefined where both
    pictures are flat.
    """
    checked(reference, reference, peak, planes=3)
    _, height, width = reference.shape
    if min(height, width) < MINIMUM_SIDE:
        raise MetricUndefined(f"FSIM: {width}x{height} is too small, phase congruency needs {MINIMUM_SIDE} samples on each side")
    x = _features(reference, peak)

    def score(distorted: Codes) -> float:
        checked(reference, distorted, peak, planes=3)
        y = _features(distorted, peak)
        if x.flat and y.flat:
            raise MetricUndefined("FSIM: both pictures are flat and have no phase congruency, the ratio is 0/0")
        weight = np.maximum(x.congruency, y.congruency)
        chroma = np.prod(_similarity(x.chroma, y.chroma, CHROMA), axis=0)
        similarity = _similarity(x.congruency, y.congruency, CONGRUENCY) * _similarity(x.gradient, y.gradient, GRADIENT)
        similarity *= (np.abs(chroma) + GUARD) ** CHROMA_EXPONENT
        return defined(float((similarity * weight).sum() / weight.sum()), "FSIM is not a number")

    return score


def _features(picture: Codes, peak: int) -> Features:
    from ctc.kernels.fsim import box_means, filters_of, gradient, phase_congruency

    factor = max(1, round(min(picture.shape[1:]) / DECIMATED_SIDE))
    red, green, blue = box_means(picture, factor) * (TOP / peak)
    # Written out: a product of matrices would start the threads of the linear algebra library.
    luma, *chroma = (row[0] * red + row[1] * green + row[2] * blue for row in YIQ)
    congruency = phase_congruency(luma, filters_of(*luma.shape))
    return Features(congruency, gradient(luma), np.stack(chroma), bool(luma.min() == luma.max()))


def _similarity(x: NDArray[np.float64], y: NDArray[np.float64], constant: float) -> NDArray[np.float64]:
    return (2.0 * x * y + constant) / (x * x + y * y + constant)


METRICS: tuple[Metric, ...] = (
    Metric(
        MetricInfo(
            name="fsim",
            label="FSIM",
            version="2",
            higher_is_better=True,
            range="0 to 1",
            unit="",
            reference="Zhang, Zhang, Mou, Zhang, IEEE TIP 20(8), 2011; chromatic (FSIMc)",
            equals="the JPEG AI quality framework; piq.fsim to 3e-5",
        ),
        "rgb",
        fsim,
        partial(installed, "numba", "scipy"),
        on_cuda=OnCuda("fsim", "1", ("piq",)),
    ),
)
