"""IW-SSIM of the luma as the JPEG AI quality framework computes it: its copy of Python-IW-SSIM with the pyramid of pyrtools.

Three things differ from Wang's iwssim.m and from piq, together up to 4e-4: the parent band is enlarged with corners aligned
(MATLAB's imresize and piq align the outer edges), the scale weights are not normalised (their sum is 1.0001), and piq
computes with larger safeguards. Pyramid and covariance are float64, windowed moments float32: values are within 5e-9 of the
framework's on a CPU over twelve golden pairs; on a GPU the framework computes in float32, 5e-6 apart.
"""

from __future__ import annotations

from functools import lru_cache, partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ctc.cuda import OnCuda
from ctc.errors import MetricUndefined
from ctc.metrics._planes import Plane, checked_against, checked_alone, defined, gaussian, installed, interpolation, mirrored, zero_padded
from ctc.protocols import Codes, Metric, Scorer
from ctc.records import MetricInfo

if TYPE_CHECKING:
    from ctc.kernels.iwssim import Scale
    from ctc.kernels.patches import Single
    from ctc.kernels.pyramid import Enlargement, Samples

MINIMUM_SIDE = 256
"""Smaller pictures are extended by zeros to it."""

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
WINDOW = gaussian(11, 1.5)
BINOMIAL = np.sqrt(2.0) * np.array([1.0, 4.0, 6.0, 4.0, 1.0]) / 16.0
"""Filter of the Laplacian pyramid: low-pass bands double in amplitude at every level."""

C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
NOT_A_NUMBER = "IW-SSIM: no information weight anywhere in a scale"


def iwssim(reference: Codes, peak: int) -> Scorer:
    """Information content weighted SSIM against a luma plane (height, width), 0 to about 1, 1 for equal planes.

    Wang, Li, "Information content weighting for perceptual image quality assessment", IEEE TIP 20(5), 2011. Not symmetric.
    Sides under 256 are zero-padded to 256. Raises ValueError where the shapes differ, MetricUndefined where a band of the
    reference has no full-rank neighbourhood covariance (flat pictures, pure stripes): the weights need its inverse. The scorer
    does not look at `reference` again.
    """
    checked_alone(reference, peak)
    if reference.min() == reference.max() and min(reference.shape) >= MINIMUM_SIDE:
        raise MetricUndefined("IW-SSIM: the reference is flat, the covariance of its neighbourhoods has no inverse")
    from ctc.kernels.ssim import mean_similarity

    shape, factors = reference.shape, (255.0 / peak, *(1.0 for _ in WEIGHTS[1:]))
    planes = _pyramid(reference, factors)
    bands = [_band(*pair, factor) for pair, factor in zip(pairwise(planes), factors, strict=False)]
    last = planes.pop().astype(np.float32)
    planes.clear()
    scales = []
    while bands:
        scales.append(_scale(*bands[:2]))
        del bands[0]

    def score(distorted: Codes) -> float:
        checked_against(shape, distorted, peak)
        y = _pyramid(distorted, factors)
        value = 1.0
        for scale, pair, factor, weight in zip(scales, pairwise(y), factors, WEIGHTS, strict=False):
            information, weighted = scale.weighted_contrast(pair[0], factor, pair[1], _expansions(pair[0].shape))
            if information == 0.0:
                raise MetricUndefined(NOT_A_NUMBER)
            value *= abs(weighted / information) ** weight
        value *= abs(mean_similarity(last, y[-1].astype(np.float32), WINDOW, C1, C2)[1]) ** WEIGHTS[-1]
        return defined(value, NOT_A_NUMBER)

    return score


def _scale(x: Single, parent: Single | None = None) -> Scale:
    """What the scorer asks of one band of the reference, whose parent band the last does not have."""
    from ctc.kernels.iwssim import covariance, scale

    doubled = _doubling(x.shape)
    neighbours = covariance(x, parent, doubled)
    eigenvalues: Plane = np.linalg.eigvalsh(neighbours).astype(np.float64)
    if eigenvalues[0] <= eigenvalues[-1] * len(eigenvalues) * np.finfo(np.float64).eps:
        raise MetricUndefined("IW-SSIM: the covariance of the reference's neighbourhoods has no inverse (flat or one-dimensional content)")
    whitening: Plane = np.tril(np.linalg.inv(np.linalg.cholesky(neighbours))).astype(np.float64)
    return scale(x, parent, doubled, WINDOW, whitening, eigenvalues)


def _pyramid(codes: Codes, factors: tuple[float, ...]) -> list[Samples]:
    """The codes themselves and their low-pass planes, each half the size of the one before."""
    from ctc.kernels.pyramid import low_pass

    planes: list[Samples] = [np.ascontiguousarray(zero_padded(codes, MINIMUM_SIDE))]
    for factor in factors[:-1]:
        planes.append(low_pass(planes[-1], factor, BINOMIAL))
    return planes


def _band(plane: Samples, low: Plane, factor: float) -> Single:
    from ctc.kernels.iwssim import whole_band

    return whole_band(plane, factor, low, _expansions(plane.shape))


def _expansions(shape: tuple[int, ...]) -> tuple[Enlargement, Enlargement]:
    return _expansion(shape[0]), _expansion(shape[1])


def _doubling(shape: tuple[int, ...]) -> tuple[Enlargement, Enlargement]:
    return _doubled(shape[0]), _doubled(shape[1])


@lru_cache(maxsize=64)
def _expansion(length: int) -> Enlargement:
    """To `length` samples from half of them: zeros inserted, then the binomial filter with mirrored borders."""
    from ctc.kernels.pyramid import Enlargement

    return Enlargement.of(mirrored(BINOMIAL, length).tocsc()[:, ::2], np.float64)


@lru_cache(maxsize=64)
def _doubled(larger: int) -> Enlargement:
    """To `larger` samples from half of them: linear interpolation at k/2 - 1/4, extrapolated by a quarter sample at both ends."""
    from ctc.kernels.pyramid import Enlargement

    return Enlargement.of(interpolation(np.arange(larger) / 2.0 - 0.25, (larger + 1) // 2), np.float64)


METRICS: tuple[Metric, ...] = (
    Metric(
        MetricInfo(
            name="iwssim",
            label="IW-SSIM",
            version="3",
            higher_is_better=True,
            range="0 to 1",
            unit="",
            reference="Wang, Li, IEEE TIP 20(5), 2011",
            equals="the JPEG AI quality framework (Python-IW-SSIM)",
        ),
        "y",
        iwssim,
        partial(installed, "numba", "numpy", "scipy"),
        on_cuda=OnCuda("iwssim", "1"),
    ),
)
