"""Normalised Laplacian pyramid distance of the luma, the variant of the JPEG AI quality framework.

Equals the class NLPD of the package IQA_pytorch: the float32 of both apart, which is worth 7e-8 over twelve golden pairs. Laparra's own
NLP_dist.m is another metric in its details and up to 1e-2 away: there the expansion inserts zeros instead of interpolating,
borders repeat instead of mirroring, and the last band is the low-pass rest; here it is a sixth band-pass. pyiqa and plenoptic
follow neither to the digit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import numpy as np

from ctc.cuda import OnCuda
from ctc.metrics._planes import checked_against, checked_alone, defined, installed, interpolation, mirrored, zero_padded
from ctc.protocols import Codes, Metric, Scorer
from ctc.records import MetricInfo

if TYPE_CHECKING:
    from ctc.kernels.nlpd import Normalisation
    from ctc.kernels.patches import Single
    from ctc.kernels.pyramid import Enlargement, Samples

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


def nlpd(reference: Codes, peak: int) -> Scorer:
    """Mean over six levels of the root mean squared difference of the normalised bands; 0 for equal planes, lower is better.

    Planes are (height, width); sides under 128 are zero-padded to 128. Laparra, Balle, Berardino, Simoncelli, "Perceptual image
    quality assessment using a normalized Laplacian pyramid", HVEI 2016. Raises ValueError where the shapes differ. The scorer
    does not look at `reference` again.
    """
    checked_alone(reference, peak)
    shape = reference.shape
    levels = _levels((max(shape[0], MINIMUM_SIDE), max(shape[1], MINIMUM_SIDE)), peak)
    x = [level.whole(plane, low) for level, (plane, low) in zip(levels, _splits(reference, peak), strict=True)]

    def score(distorted: Codes) -> float:
        checked_against(shape, distorted, peak)
        distance = 0.0
        for level, band, (plane, low) in zip(levels, x, _splits(distorted, peak), strict=True):
            distance += math.sqrt(level.mean_squared_difference(band, plane, low))
        return defined(distance / len(SIGMAS), "NLPD is not a number")

    return score


def _levels(shape: tuple[int, int], peak: int) -> list[Normalisation]:
    from ctc.kernels.nlpd import Normalisation

    levels: list[Normalisation] = []
    for sigma, neighbours in zip(SIGMAS, NEIGHBOURS, strict=True):
        expansion = _expansion(shape[0]), _expansion(shape[1])
        levels.append(Normalisation(shape, 1.0 if levels else 1.0 / peak, expansion, (sigma, *neighbours)))
        shape = (shape[0] + 1) // 2, (shape[1] + 1) // 2
    return levels


def _splits(codes: Codes, peak: int) -> Iterator[tuple[Samples, Single]]:
    """By level the plane, codes at first and samples of 0..1 later, and the low-pass plane of half the size rounded up."""
    from ctc.kernels.pyramid import low_pass

    window = LOW_PASS.astype(np.float32)
    plane: Samples = np.ascontiguousarray(zero_padded(codes, MINIMUM_SIDE))
    for level in range(len(SIGMAS)):
        low = low_pass(plane, 1.0 if level else 1.0 / peak, window)
        yield plane, low
        plane = low


@lru_cache(maxsize=64)
def _expansion(length: int) -> Enlargement:
    """To `length` samples from half of them: linear interpolation with both ends kept, low-pass, cut."""
    from ctc.kernels.pyramid import Enlargement

    half = (length + 1) // 2
    position = np.arange(2 * half, dtype=np.float64) * ((half - 1) / (2 * half - 1))
    return Enlargement.of((mirrored(LOW_PASS, 2 * half) @ interpolation(position, half))[:length], np.float32)


METRICS: tuple[Metric, ...] = (
    Metric(
        MetricInfo(
            name="nlpd",
            label="NLPD",
            version="3",
            higher_is_better=False,
            range="0 to infinity",
            unit="",
            reference="Laparra et al., HVEI 2016",
            equals="the JPEG AI quality framework (IQA_pytorch 0.1)",
        ),
        "y",
        nlpd,
        partial(installed, "numba", "scipy"),
        on_cuda=OnCuda("nlpd", "1"),
    ),
)
