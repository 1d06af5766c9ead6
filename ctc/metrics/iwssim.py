"""IW-SSIM of the luma as the JPEG AI quality framework computes it: its copy of Python-IW-SSIM with the pyramid of pyrtools.

Three things differ from Wang's iwssim.m and from piq, together up to 4e-4: the parent band is enlarged with corners aligned
(MATLAB's imresize and piq align the outer edges), the scale weights are not normalised (their sum is 1.0001), and piq
computes with larger safeguards. Values here are float64, within 3e-9 of the framework's on a CPU over twelve golden pairs; on a
GPU the framework computes in float32, 5e-6 apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ctc.errors import MetricUndefined
from ctc.metrics._planes import (
    Plane,
    applied,
    checked,
    defined,
    filtered,
    gaussian,
    interpolation,
    mirrored,
    one_blas_thread,
    strips,
    zero_padded,
)
from ctc.protocols import Codes, Metric
from ctc.records import MetricInfo

if TYPE_CHECKING:
    from scipy.sparse import csr_array

MINIMUM_SIDE = 256
"""Smaller pictures are extended by zeros to it."""

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
WINDOW = gaussian(11, 1.5)
BINOMIAL = np.sqrt(2.0) * np.array([1.0, 4.0, 6.0, 4.0, 1.0]) / 16.0
"""Filter of the Laplacian pyramid: low-pass bands double in amplitude at every level."""

C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
NOISE = 0.4
"""Variance of the visual channel's noise, for samples in 0..255."""
TINY = 1e-15
NOT_A_NUMBER = "IW-SSIM: no information weight anywhere in a scale"

MARGIN = len(WINDOW) // 2
"""Samples at each border for which the 11-tap window is not whole; the weights are cut by them."""


@dataclass(frozen=True)
class Content:
    """Second-order model of a reference band: neighbourhoods whitened by `whitening` (n, n), eigenvalues (n,) of their covariance."""

    whitening: NDArray[np.float64]
    eigenvalues: NDArray[np.float64]


def iwssim(reference: Codes, distorted: Codes, peak: int) -> float:
    """Information content weighted SSIM of two luma planes (height, width), 0 to about 1, 1 for equal planes.

    Wang, Li, "Information content weighting for perceptual image quality assessment", IEEE TIP 20(5), 2011. Not symmetric.
    Sides under 256 are zero-padded to 256. Raises ValueError where the shapes differ, MetricUndefined where a band of the
    reference has no full-rank neighbourhood covariance (flat pictures, pure stripes): the weights need its inverse.
    """
    checked(reference, distorted, peak)
    if reference.min() == reference.max() and min(reference.shape) >= MINIMUM_SIDE:
        raise MetricUndefined("IW-SSIM: the reference is flat, the covariance of its neighbourhoods has no inverse")
    with one_blas_thread():
        x = _pyramid(zero_padded(reference, MINIMUM_SIDE).astype(np.float64) * (255.0 / peak))
        y = _pyramid(zero_padded(distorted, MINIMUM_SIDE).astype(np.float64) * (255.0 / peak))
        value = 1.0
        for scale, weight in enumerate(WEIGHTS[:-1]):
            parent = x[scale + 1] if scale < len(WEIGHTS) - 2 else None
            value *= abs(_weighted_contrast(x[scale], y[scale], parent)) ** weight
        value *= abs(_mean_similarity(x[-1], y[-1])) ** WEIGHTS[-1]
    return defined(value, NOT_A_NUMBER)


def _weighted_contrast(x: Plane, y: Plane, parent: Plane | None) -> float:
    """Mean of the contrast-structure map of a band, weighted by its information content."""
    enlarged = None if parent is None else _enlarged(parent, x.shape)
    content = _content(x, enlarged)
    weight_sum = weighted_sum = 0.0
    for rows in strips(x.shape[0], 2 * MARGIN):
        a, b = x[rows], y[rows]
        contrast = _contrast(a, b)[0]
        inner = slice(MARGIN - 1, 1 - MARGIN)
        near = None if enlarged is None else enlarged[rows][inner, inner]
        weights = _information(a[inner, inner], b[inner, inner], near, content)
        weight_sum += float(weights.sum())
        weighted_sum += float((contrast * weights).sum())
    if weight_sum == 0.0:
        raise MetricUndefined(NOT_A_NUMBER)
    return weighted_sum / weight_sum


def _mean_similarity(x: Plane, y: Plane) -> float:
    contrast, mean_x, mean_y = _contrast(x, y)
    luminance = (2.0 * mean_x * mean_y + C1) / (mean_x * mean_x + mean_y * mean_y + C1)
    return float((contrast * luminance).mean())


def _contrast(x: Plane, y: Plane) -> tuple[Plane, Plane, Plane]:
    """(contrast-structure, mean of x, mean of y), valid region of the 11-tap window."""
    mean_x, mean_y = filtered(x, WINDOW), filtered(y, WINDOW)
    variance_x = np.maximum(filtered(x * x, WINDOW) - mean_x * mean_x, 0.0)
    variance_y = np.maximum(filtered(y * y, WINDOW) - mean_y * mean_y, 0.0)
    covariance = filtered(x * y, WINDOW) - mean_x * mean_y
    contrast: Plane = (2.0 * covariance + C2) / (variance_x + variance_y + C2)
    return contrast, mean_x, mean_y


def _information(x: Plane, y: Plane, parent: Plane | None, content: Content) -> Plane:
    """Information content in bit of every sample that has eight neighbours: (height - 2, width - 2)."""
    gain, rest = _channel(x, y)
    whitened = content.whitening @ _neighbourhoods(x, parent)
    surround = np.einsum("ij,ij->j", whitened, whitened).reshape(gain.shape) / len(content.eigenvalues)
    signal = (rest + (1.0 + gain * gain) * NOISE) * surround / NOISE**2
    floor = 1.0 + rest / NOISE
    bits = np.zeros_like(signal)
    for half in np.array_split(content.eigenvalues, 2):
        # One logarithm for five factors: their product stays far inside the range of a double.
        product = floor + signal * half[0]
        for eigenvalue in half[1:]:
            product *= floor + signal * eigenvalue
        bits += np.log2(product)
    return np.where(bits < TINY, 0.0, bits)


def _channel(x: Plane, y: Plane) -> tuple[Plane, Plane]:
    """(gain, remaining variance) of the linear model y = gain x + noise over 3x3 samples."""
    mean_x, mean_y = _box(x), _box(y)
    variance_x = np.maximum(_box(x * x) - mean_x * mean_x, 0.0)
    variance_y = np.maximum(_box(y * y) - mean_y * mean_y, 0.0)
    covariance = _box(x * y) - mean_x * mean_y
    gain = covariance / (variance_x + TINY)
    rest = variance_y - gain * covariance
    flat_x, flat_y = variance_x < TINY, variance_y < TINY
    gain[flat_x] = 0.0
    rest[flat_x] = variance_y[flat_x]
    gain[flat_y] = 0.0
    rest[flat_y] = 0.0
    return gain, rest


def _box(plane: Plane) -> Plane:
    rows = plane[:-2] + plane[1:-1] + plane[2:]
    return np.asarray((rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / 9.0)


def _content(band: Plane, parent: Plane | None) -> Content:
    """Model of a reference band. Raises MetricUndefined where the covariance is singular."""
    size = 9 if parent is None else 10
    covariance = np.zeros((size, size))
    for rows in strips(band.shape[0], 2):
        vectors = _neighbourhoods(band[rows], None if parent is None else parent[rows])
        covariance += vectors @ vectors.T
    covariance /= (band.shape[0] - 2) * (band.shape[1] - 2)
    eigenvalues, eigenvectors = np.linalg.eigh(covariance)
    if eigenvalues[0] <= eigenvalues[-1] * size * np.finfo(np.float64).eps:
        raise MetricUndefined("IW-SSIM: the covariance of the reference's neighbourhoods has no inverse (flat or one-dimensional content)")
    return Content(eigenvectors.T / np.sqrt(eigenvalues)[:, None], eigenvalues)


def _neighbourhoods(band: Plane, parent: Plane | None) -> NDArray[np.float64]:
    """(9 or 10, positions): the 3x3 samples around every inner position and the parent's sample there."""
    height, width = band.shape[0] - 2, band.shape[1] - 2
    vectors = np.empty((9 if parent is None else 10, height, width))
    for index in range(9):
        row, column = divmod(index, 3)
        vectors[index] = band[row : row + height, column : column + width]
    if parent is not None:
        vectors[9] = parent[1:-1, 1:-1]
    return vectors.reshape(len(vectors), height * width)


def _pyramid(plane: Plane) -> list[Plane]:
    """Four band-pass planes, finest first, and the low-pass rest."""
    bands: list[Plane] = []
    while len(bands) < len(WEIGHTS) - 1:
        height, width = plane.shape
        low = applied(_reduction(height), _reduction(width), plane)
        bands.append(plane - applied(_expansion(height), _expansion(width), low))
        plane = low
    return [*bands, plane]


def _enlarged(plane: Plane, shape: tuple[int, ...]) -> Plane:
    """`plane` at about twice its size, cut to `shape`."""
    return applied(_doubling(plane.shape[0])[: shape[0]], _doubling(plane.shape[1])[: shape[1]], plane)


@lru_cache(maxsize=64)
def _reduction(length: int) -> csr_array:
    """(ceil(length / 2), length): binomial filter with mirrored borders, every second sample kept."""
    return mirrored(BINOMIAL, length)[::2]


@lru_cache(maxsize=64)
def _expansion(length: int) -> csr_array:
    """(length, ceil(length / 2)): zeros inserted, then the binomial filter with mirrored borders."""
    return mirrored(BINOMIAL, length).tocsc()[:, ::2].tocsr()


@lru_cache(maxsize=64)
def _doubling(length: int) -> csr_array:
    """(2 length, length): linear interpolation at k/2 - 1/4, extrapolated by a quarter sample at both ends."""
    return interpolation(np.arange(2 * length) / 2.0 - 0.25, length)


METRICS: tuple[Metric, ...] = (
    Metric(
        MetricInfo(
            name="iwssim",
            label="IW-SSIM",
            version="1",
            higher_is_better=True,
            range="0 to 1",
            unit="",
            reference="Wang, Li, IEEE TIP 20(5), 2011; values of the JPEG AI quality framework's copy of Python-IW-SSIM",
        ),
        "y",
        iwssim,
    ),
)
