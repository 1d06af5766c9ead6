"""NLPD in float64: the definition of `ctc.metrics.nlpd`, some rows at a time."""

from __future__ import annotations

import math

import numpy as np
import torch

from ctc.cuda.device import exact, samples
from ctc.cuda.pyramid import Band, Enlarged, Enlargement, Rows, Samples, chunks, low_pass, reflected
from ctc.metrics._planes import checked, defined, interpolation, mirrored, zero_padded
from ctc.metrics.nlpd import LOW_PASS, MINIMUM_SIDE, NEIGHBOURS, SIGMAS
from ctc.protocols import Codes, Scorer

LABEL = "NLPD"


def nlpd(reference: Codes, peak: int, device: str) -> Scorer:
    """Scorer of luma planes (height, width); values, padding and errors as `ctc.metrics.nlpd.nlpd`.

    Raises OutOfDeviceMemory as well: the device must hold about 21 bytes per pixel and 100 MB.
    """
    checked(reference, reference, peak)
    with exact(LABEL, reference):
        bands = _bands(reference, peak, device)

    def score(distorted: Codes) -> float:
        checked(reference, distorted, peak)
        with exact(LABEL, reference):
            distances = map(_distance, bands, _bands(distorted, peak, device), SIGMAS, NEIGHBOURS)
            value = sum(distances) / len(SIGMAS)
        return defined(value, "NLPD is not a number")

    return score


def _bands(codes: Codes, peak: int, device: str) -> list[Band]:
    plane: Rows = Samples(samples(zero_padded(codes, MINIMUM_SIDE), device), 1.0 / peak)
    bands = []
    for _ in SIGMAS:
        low = low_pass(plane, LOW_PASS, device)
        bands.append(Band(plane, Enlarged(low, *(_expansion(side, device) for side in plane.shape))))
        plane = low
    return bands


def _expansion(length: int, device: str) -> Enlargement:
    """To `length` samples from half of them: linear interpolation with both ends kept, low-pass, cut."""
    half = (length + 1) // 2
    position = np.arange(2 * half, dtype=np.float64) * ((half - 1) / (2 * half - 1))
    return Enlargement.of((mirrored(LOW_PASS, 2 * half) @ interpolation(position, half))[:length], device)


def _distance(x: Band, y: Band, sigma: float, neighbours: tuple[float, float, float, float]) -> float:
    """Root mean squared difference of two bands, divided by `sigma` plus the magnitudes above, left, right and below."""
    height, width = x.shape
    total = 0.0
    device = str(x.low.plane.device)
    columns = reflected(-1, width + 1, width, device)
    for start, stop in chunks(x.shape):
        rows = reflected(start - 1, stop + 1, height, device)
        difference = _normalised(x[rows][:, columns], sigma, neighbours) - _normalised(y[rows][:, columns], sigma, neighbours)
        total += float(difference.square_().sum())
    return math.sqrt(total / (height * width))


def _normalised(band: torch.Tensor, sigma: float, neighbours: tuple[float, float, float, float]) -> torch.Tensor:
    above, left, right, below = neighbours
    size = band.abs()
    around = sigma + above * size[:-2, 1:-1] + left * size[1:-1, :-2] + right * size[1:-1, 2:] + below * size[2:, 1:-1]
    return band[1:-1, 1:-1] / around
