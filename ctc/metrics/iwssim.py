"""IW-SSIM of the luma as the JPEG AI quality framework computes it: its copy of Python-IW-SSIM with the pyramid of pyrtools.

Three things differ from Wang's iwssim.m and from piq, together up to 4e-4: the parent band is enlarged with corners aligned
(MATLAB's imresize and piq align the outer edges), the scale weights are not normalised (their sum is 1.0001), and piq
computes with larger safeguards. Values here are float64, within 3e-9 of the framework's on a CPU over twelve golden pairs; on a
GPU the framework computes in float32, 5e-6 apart.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING

import numpy as np

from ctc.cuda import OnCuda
from ctc.errors import MetricUndefined
from ctc.metrics._planes import Plane, checked, defined, gaussian, installed, mirrored, zero_padded
from ctc.protocols import Codes, Metric, each_alone
from ctc.records import MetricInfo

if TYPE_CHECKING:
    from ctc.kernels.pyramid import Band, Enlarged, Enlargement
    from ctc.kernels.strips import Rows, Samples

MINIMUM_SIDE = 256
"""Smaller pictures are extended by zeros to it."""

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
WINDOW = gaussian(11, 1.5)
BINOMIAL = np.sqrt(2.0) * np.array([1.0, 4.0, 6.0, 4.0, 1.0]) / 16.0
"""Filter of the Laplacian pyramid: low-pass bands double in amplitude at every level."""

C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
NOT_A_NUMBER = "IW-SSIM: no information weight anywhere in a scale"


def iwssim(reference: Codes, distorted: Codes, peak: int) -> float:
    """Information content weighted SSIM of two luma planes (height, width), 0 to about 1, 1 for equal planes.

    Wang, Li, "Information content weighting for perceptual image quality assessment", IEEE TIP 20(5), 2011. Not symmetric.
    Sides under 256 are zero-padded to 256. Raises ValueError where the shapes differ, MetricUndefined where a band of the
    reference has no full-rank neighbourhood covariance (flat pictures, pure stripes): the weights need its inverse.
    """
    checked(reference, distorted, peak)
    if reference.min() == reference.max() and min(reference.shape) >= MINIMUM_SIDE:
        raise MetricUndefined("IW-SSIM: the reference is flat, the covariance of its neighbourhoods has no inverse")
    from ctc.kernels.ssim import mean_similarity
    from ctc.kernels.strips import Samples

    x = _pyramid(Samples(zero_padded(reference, MINIMUM_SIDE), 255.0 / peak))
    y = _pyramid(Samples(zero_padded(distorted, MINIMUM_SIDE), 255.0 / peak))
    value = 1.0
    band: Rows = _band(*x[:2])
    for scale, weight in enumerate(WEIGHTS[:-1]):
        parent = None if scale == len(WEIGHTS) - 2 else _whole_band(x[scale + 1], x[scale + 2])
        value *= abs(_weighted_contrast(band, _band(*y[scale : scale + 2]), parent)) ** weight
        band = band if parent is None else parent
    value *= abs(float(mean_similarity(x[-1], y[-1], WINDOW, C1, C2)[1])) ** WEIGHTS[-1]
    return defined(value, NOT_A_NUMBER)


def _weighted_contrast(x: Rows, y: Rows, parent: Plane | None) -> float:
    """Mean of the contrast-structure map of a band, weighted by its information content."""
    from ctc.kernels.iwssim import covariance, weighted_contrast

    near = None if parent is None else _doubled(parent, x.shape)
    neighbours = covariance(x, near)
    eigenvalues: Plane = np.linalg.eigvalsh(neighbours).astype(np.float64)
    if eigenvalues[0] <= eigenvalues[-1] * len(eigenvalues) * np.finfo(np.float64).eps:
        raise MetricUndefined("IW-SSIM: the covariance of the reference's neighbourhoods has no inverse (flat or one-dimensional content)")
    whitening: Plane = np.tril(np.linalg.inv(np.linalg.cholesky(neighbours))).astype(np.float64)
    weights, weighted = weighted_contrast(x, y, near, WINDOW, whitening, eigenvalues)
    if weights == 0.0:
        raise MetricUndefined(NOT_A_NUMBER)
    return float(weighted / weights)


def _pyramid(samples: Samples) -> list[Rows]:
    """The plane itself and its low-pass planes, each half the size of the one before."""
    from ctc.kernels.pyramid import low_pass

    planes: list[Rows] = [samples]
    while len(planes) < len(WEIGHTS):
        planes.append(low_pass(planes[-1], BINOMIAL))
    return planes


def _band(plane: Rows, low: Rows) -> Band:
    from ctc.kernels.pyramid import Band, Enlarged

    height, width = plane.shape
    return Band(plane, Enlarged(low[:], _expansion(height), _expansion(width)))


def _whole_band(plane: Rows, low: Rows) -> Plane:
    from ctc.kernels.pyramid import whole

    return whole(_band(plane, low))


def _doubled(parent: Plane, shape: tuple[int, ...]) -> Enlarged:
    from ctc.kernels.pyramid import Enlarged, doubling

    return Enlarged(parent, *(doubling(length, larger) for length, larger in zip(parent.shape, shape, strict=True)))


@lru_cache(maxsize=64)
def _expansion(length: int) -> Enlargement:
    """To `length` samples from half of them: zeros inserted, then the binomial filter with mirrored borders."""
    from ctc.kernels.pyramid import Enlargement

    return Enlargement.of(mirrored(BINOMIAL, length).tocsc()[:, ::2])


METRICS: tuple[Metric, ...] = (
    Metric(
        MetricInfo(
            name="iwssim",
            label="IW-SSIM",
            version="2",
            higher_is_better=True,
            range="0 to 1",
            unit="",
            reference="Wang, Li, IEEE TIP 20(5), 2011; values of the JPEG AI quality framework's copy of Python-IW-SSIM",
        ),
        "y",
        each_alone(iwssim),
        partial(installed, "numba"),
        on_cuda=OnCuda("iwssim", "1"),
    ),
)
