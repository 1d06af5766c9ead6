"""Normalised Laplacian pyramid distance of the luma, the variant of the JPEG AI quality framework.

Equals the class NLPD of the package IQA_pytorch: its float32 apart, which is worth 5e-8 over twelve golden pairs. Laparra's own
NLP_dist.m is another metric in its details and up to 1e-2 away: there the expansion inserts zeros instead of interpolating,
borders repeat instead of mirroring, and the last band is the low-pass rest; here it is a sixth band-pass. pyiqa and plenoptic
follow neither to the digit.
"""

from __future__ import annotations

import math
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import numpy as np

from ctc.cuda import OnCuda
from ctc.metrics._planes import checked, defined, installed, interpolation, mirrored, zero_padded
from ctc.protocols import Codes, Metric, each_alone
from ctc.records import MetricInfo

if TYPE_CHECKING:
    from ctc.kernels.pyramid import Enlargement
    from ctc.kernels.strips import Rows

MINIMUM_SIDE = 128
"""Smaller pictures are extended by zeros to it: six levels with mirrored borders need it."""

LOW_PASS = np.array([0.05, 0.25, 0.4, 0.25, 0.05])

SIGMAS = (0.0248, 0.0185, 0.0179, 0.0191, 0.0220, 0.2782)
"""Saturation constant of the divisive normalisation, by level."""

NEIGHBOURS = (
    (0.1011, 0.1493, 0.1460, 0.1015),
    (0.0757, 0.1986, 0.1846, 0.0837),
    (0.0477, 0.2138, 0.2243, 0.0467),
    (0.0, 0.2503, 0.2616, 0.0),
    (0.0, 0.2598, 0.2552, 0.0),
    (0.0, 0.2215, 0.0717, 0.0),
)
"""Weights of the samples above, left, right and below in the divisive normalisation, by level."""


def nlpd(reference: Codes, distorted: Codes, peak: int) -> float:
    """Mean over six levels of the root mean squared difference of the normalised bands; 0 for equal planes, lower is better.

    Planes are (height, width); sides under 128 are zero-padded to 128. Laparra, Balle, Berardino, Simoncelli, "Perceptual image
    quality assessment using a normalized Laplacian pyramid", HVEI 2016. Raises ValueError where the shapes differ.
    """
    checked(reference, distorted, peak)
    from ctc.kernels.nlpd import mean_squared_difference
    from ctc.kernels.strips import Samples

    x: Rows = Samples(zero_padded(reference, MINIMUM_SIDE), 1.0 / peak)
    y: Rows = Samples(zero_padded(distorted, MINIMUM_SIDE), 1.0 / peak)
    distance = 0.0
    for sigma, neighbours in zip(SIGMAS, NEIGHBOURS, strict=True):
        x, x_band = _split(x)
        y, y_band = _split(y)
        distance += math.sqrt(mean_squared_difference(x_band, y_band, sigma, neighbours))
    return defined(distance / len(SIGMAS), "NLPD is not a number")


def _split(plane: Rows) -> tuple[Rows, Rows]:
    """(low-pass plane of half the size rounded up, band-pass plane of the same size)."""
    from ctc.kernels.pyramid import Band, Enlarged, low_pass

    low = low_pass(plane, LOW_PASS)
    return low, Band(plane, Enlarged(low, *(_expansion(side) for side in plane.shape)))


@lru_cache(maxsize=64)
def _expansion(length: int) -> Enlargement:
    """To `length` samples from half of them: linear interpolation with both ends kept, low-pass, cut."""
    from ctc.kernels.pyramid import Enlargement

    half = (length + 1) // 2
    position = np.arange(2 * half, dtype=np.float64) * ((half - 1) / (2 * half - 1))
    return Enlargement.of((mirrored(LOW_PASS, 2 * half) @ interpolation(position, half))[:length])


METRICS: tuple[Metric, ...] = (
    Metric(
        MetricInfo(
            name="nlpd",
            label="NLPD",
            version="2",
            higher_is_better=False,
            range="0 to infinity",
            unit="",
            reference="Laparra et al., HVEI 2016; values of IQA_pytorch 0.1",
        ),
        "y",
        each_alone(nlpd),
        partial(installed, "numba"),
        on_cuda=OnCuda("nlpd", "1"),
    ),
)
