"""IW-SSIM in float64: the definition of `ctc.metrics.iwssim`, some rows at a time.

The JPEG AI quality framework on a GPU computes in float32 and is 5e-6 from these values.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ctc.cuda.device import exact, real, samples
from ctc.cuda.pyramid import Band, Enlarged, Enlargement, Rows, Samples, chunks, filtered, low_pass, whole, zeros_between
from ctc.errors import MetricUndefined
from ctc.metrics._planes import Plane, checked, defined, interpolation, zero_padded
from ctc.metrics.iwssim import BINOMIAL, C1, C2, MINIMUM_SIDE, NOT_A_NUMBER, WEIGHTS, WINDOW
from ctc.protocols import Codes, Scorer

LABEL = "IW-SSIM"
NOISE = 0.4
"""Variance of the visual channel's noise, for samples in 0..255."""
TINY = 1e-15
BOX = np.full(3, 1.0 / 3.0)


@dataclass(frozen=True)
class Scale:
    """What the reference says of one scale."""

    band: Rows
    near: Rows | None
    """The next band, enlarged to this one's size; None at the last."""
    whitening: torch.Tensor
    """Lower triangular: makes the covariance of the neighbourhoods the identity."""
    eigenvalues: torch.Tensor
    """Of that covariance."""


def iwssim(reference: Codes, peak: int, device: str) -> Scorer:
    """Scorer of luma planes (height, width); values, padding and errors as `ctc.metrics.iwssim.iwssim`.

    Raises OutOfDeviceMemory as well: the device must hold about 27 bytes per pixel and 400 MB.
    """
    checked(reference, reference, peak)
    if reference.min() == reference.max() and min(reference.shape) >= MINIMUM_SIDE:
        raise MetricUndefined("IW-SSIM: the reference is flat, the covariance of its neighbourhoods has no inverse")
    with exact(LABEL, reference):
        *bands, rest = _bands(reference, peak, device)
        scales = _scales(bands, device)

    def score(distorted: Codes) -> float:
        checked(reference, distorted, peak)
        value = 1.0
        with exact(LABEL, reference):
            *others, other_rest = _bands(distorted, peak, device)
            for scale, other, weight in zip(scales, others, WEIGHTS, strict=False):
                value *= abs(_weighted_contrast(scale, other, device)) ** weight
            value *= abs(_similarity(rest, other_rest, device)) ** WEIGHTS[-1]
        return defined(value, NOT_A_NUMBER)

    return score


def _bands(codes: Codes, peak: int, device: str) -> list[Rows]:
    """The bands from fine to coarse, and the low-pass rest."""
    planes: list[Rows] = [Samples(samples(zero_padded(codes, MINIMUM_SIDE), device), 255.0 / peak)]
    bands: list[Rows] = []
    while len(planes) < len(WEIGHTS):
        low = low_pass(planes[-1], BINOMIAL, device)
        bands.append(Band(planes[-1], Enlarged(low, *(zeros_between(BINOMIAL, side, device) for side in planes[-1].shape))))
        planes.append(low)
    return [*bands, planes[-1]]


def _scales(bands: list[Rows], device: str) -> list[Scale]:
    scales = []
    for band, parent in zip(bands, [*bands[1:], None], strict=True):
        near = None if parent is None else Enlarged(whole(parent, device), *map(_doubling, parent.shape, band.shape, [device, device]))
        neighbours = _covariance(band, near, device)
        eigenvalues: Plane = np.linalg.eigvalsh(neighbours).astype(np.float64)
        if eigenvalues[0] <= eigenvalues[-1] * len(eigenvalues) * np.finfo(np.float64).eps:
            reason = "the covariance of the reference's neighbourhoods has no inverse (flat or one-dimensional content)"
            raise MetricUndefined(f"IW-SSIM: {reason}")
        whitening: Plane = np.tril(np.linalg.inv(np.linalg.cholesky(neighbours))).astype(np.float64)
        scales.append(Scale(band, near, real(whitening, device), real(eigenvalues, device)))
    return scales


def _doubling(length: int, larger: int, device: str) -> Enlargement:
    """Linear interpolation at k/2 - 1/4, extrapolated by a quarter sample at both ends, cut to `larger` samples."""
    return Enlargement.of(interpolation(np.arange(larger) / 2.0 - 0.25, length), device)


def _neighbourhoods(band: torch.Tensor, near: torch.Tensor | None) -> torch.Tensor:
    """(9 or 10, positions): the 3x3 samples around each inner position, and the one of `near` there."""
    height, width = band.shape[0] - 2, band.shape[1] - 2
    around = [band[down : down + height, right : right + width] for down in range(3) for right in range(3)]
    parents = [] if near is None else [near[1:-1, 1:-1]]
    return torch.stack([*around, *parents]).flatten(1)


def _covariance(band: Rows, near: Rows | None, device: str) -> Plane:
    """(9, 9), or (10, 10) with the parent's samples: mean products of the neighbourhoods of all inner positions."""
    height, width = band.shape[0] - 2, band.shape[1] - 2
    size = 9 if near is None else 10
    total = torch.zeros((size, size), dtype=torch.float64, device=device)
    for start, stop in chunks((height, width)):
        rows = torch.arange(start, stop + 2, device=device)
        around = _neighbourhoods(band[rows], None if near is None else near[rows])
        total += around @ around.T
    mean: Plane = (total / (height * width)).cpu().numpy()
    return mean


def _weighted_contrast(scale: Scale, other: Rows, device: str) -> float:
    """Mean of the contrast-structure map of a band, weighted by its information content."""
    reach = len(WINDOW) - 1
    weights = weighted = 0.0
    for start, stop in chunks((other.shape[0] - reach, other.shape[1])):
        rows = torch.arange(start, stop + reach, device=device)
        x, y = scale.band[rows], other[rows]
        _, _, variance_x, variance_y, covariance = _moments(x, y, WINDOW)
        contrast = (2.0 * covariance + C2) / (variance_x.relu() + variance_y.relu() + C2)
        inner = slice(reach // 2 - 1, 1 - reach // 2)
        near = None if scale.near is None else scale.near[rows][inner, inner]
        bits = _information(x[inner, inner], y[inner, inner], near, scale)
        weights += float(bits.sum())
        weighted += float((bits * contrast).sum())
    if weights == 0.0:
        raise MetricUndefined(NOT_A_NUMBER)
    return weighted / weights


def _information(x: torch.Tensor, y: torch.Tensor, near: torch.Tensor | None, scale: Scale) -> torch.Tensor:
    """Information content in bit at each inner position."""
    _, _, variance_x, variance_y, covariance = _moments(x, y, BOX)
    variance_x, variance_y = variance_x.relu_(), variance_y.relu_()
    zero = torch.zeros((), dtype=x.dtype, device=x.device)
    gain = covariance / (variance_x + TINY)
    rest = variance_y - gain * covariance
    rest = torch.where(variance_x < TINY, variance_y, rest)
    gain = torch.where((variance_x < TINY) | (variance_y < TINY), zero, gain)
    rest = torch.where(variance_y < TINY, zero, rest)
    white = scale.whitening @ _neighbourhoods(x, near)
    surround = white.square_().sum(dim=0).view_as(gain)
    size = len(scale.eigenvalues)
    s = (rest + (1.0 + gain.square_()) * NOISE) * surround / (size * NOISE * NOISE)
    f = 1.0 + rest / NOISE
    bits = torch.zeros_like(s)
    for value in scale.eigenvalues:
        bits += torch.log2(f + s * value)
    return torch.where(bits < TINY, zero, bits)


def _similarity(x: Rows, y: Rows, device: str) -> float:
    """Mean of SSIM over the low-pass rest."""
    rows = torch.arange(x.shape[0], device=device)
    mean_x, mean_y, variance_x, variance_y, covariance = _moments(x[rows], y[rows], WINDOW)
    contrast = (2.0 * covariance + C2) / (variance_x + variance_y + C2)
    luminance = (2.0 * mean_x * mean_y + C1) / (mean_x * mean_x + mean_y * mean_y + C1)
    return float((contrast * luminance).mean())


def _moments(x: torch.Tensor, y: torch.Tensor, window: Plane) -> tuple[torch.Tensor, ...]:
    """Windowed means of x and y, their variances, their covariance; the valid region."""
    mean_x, mean_y, square_x, square_y, product = filtered(torch.stack([x, y, x * x, y * y, x * y]), window)
    return mean_x, mean_y, square_x - mean_x * mean_x, square_y - mean_y * mean_y, product - mean_x * mean_y
