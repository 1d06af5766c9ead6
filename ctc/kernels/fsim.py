"""Phase congruency and gradients of decimated pictures, and their similarity.

Planes are small: decimation brings the shorter side to 171 to 383 samples. Filter responses are in single precision as in the official
program; in double precision FSIM differs by 1e-8.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from ctc.kernels.compiled import CODES, compiled
from ctc.kernels.strips import Plane, mapped

Plane32 = NDArray[np.float32]
Stack = NDArray[np.float64]

SCALES = ORIENTATIONS = 4
SHORTEST_WAVE = 6.0
"""Wavelength of the finest filter, in samples. It doubles from scale to scale."""
BANDWIDTH = 0.55
"""Deviation of a log-Gabor filter over its centre frequency."""
ANGLE = math.pi / ORIENTATIONS / 1.2
"""Deviation of a filter's direction, in radians."""
CUTOFF, ORDER = 0.45, 15
"""Of the Butterworth low-pass filter that takes the corners off all others."""
NOISE_DEVIATIONS = 2.0
"""Standard deviations of the noise above its mean that energy has to exceed."""
NOISE_SCALE = 1.7
"""The estimate of the noise is too large by this factor for this kind of phase congruency."""

SQUARE, OFFSET = np.float32(1e-12), np.float32(1e-4)
"""Added under square roots, and to the length of the mean response: the official guards against division by zero."""
ZERO = np.float32(0.0)


@dataclass(frozen=True)
class Filters:
    """Log-Gabor filters of one size, with the zero frequency first: `radial[scale] * angular[orientation]`, both (4, height, width).

    `noise[orientation]` is the noise threshold over the root of the median squared amplitude at the finest scale.
    """

    radial: Plane32
    angular: Plane32
    noise: tuple[float, ...]


@lru_cache(maxsize=2)
def filters_of(height: int, width: int) -> Filters:
    """For planes (height, width), both above 1. Kovesi's filters, as FeatureSIM.m takes them."""
    row, column = _frequencies(height)[:, None], _frequencies(width)
    radius = np.hypot(row, column)
    low_pass = 1.0 / (1.0 + (radius / CUTOFF) ** (2 * ORDER))
    middle = height // 2, width // 2
    radius[middle] = 1.0
    octaves = np.log(radius) + np.log(SHORTEST_WAVE * 2.0 ** np.arange(SCALES))[:, None, None]
    radial = np.exp(octaves**2 / (-2.0 * math.log(BANDWIDTH) ** 2)) * low_pass
    radial[:, *middle] = 0.0
    direction = np.arctan2(-(np.arange(height) - middle[0])[:, None] / height, (np.arange(width) - middle[1]) / width)
    turned = direction - np.arange(ORIENTATIONS)[:, None, None] * math.pi / ORIENTATIONS
    turned = np.where(turned < -math.pi, turned + 2.0 * math.pi, turned)
    angular = np.exp(turned**2 / (-2.0 * ANGLE**2))
    radial, angular = (np.fft.ifftshift(part, axes=(1, 2)) for part in (radial, angular))
    noise = tuple(_noise(radial, part) for part in angular)
    return Filters(radial.astype(np.float32), angular.astype(np.float32), noise)


def _frequencies(length: int) -> Plane:
    """In cycles per sample, rising. An odd number of them ends at one half as well as begins there."""
    if length % 2:
        return np.linspace(-0.5, 0.5, length)
    return np.arange(-length / 2, length / 2) / length


def _noise(radial: Stack, angular: Plane) -> float:
    """Of one orientation.

    Sums over the samples of the filters' even impulse responses are sums over frequencies of their even parts (Parseval), and the squared
    responses with twice the products of all pairs are the square of their sum.
    """
    together = radial.sum(axis=0) * angular
    even = (together + np.roll(together[::-1, ::-1], 1, axis=(0, 1))) / 2.0
    energy = 2.0 * (even**2).sum() / (math.log(2.0) * ((radial[0] * angular) ** 2).sum())
    tau = math.sqrt(energy / 2.0)
    return tau * (math.sqrt(math.pi / 2.0) + NOISE_DEVIATIONS * math.sqrt(2.0 - math.pi / 2.0)) / NOISE_SCALE


@compiled("void(float32[:, :, ::1], float32[:, :, ::1], float32[:, :, ::1], float32[:, ::1])")
def _filtered(spectrum: Plane32, radial: Plane32, responses: Plane32, angular: Plane32) -> None:
    """Real and imaginary parts follow each other in rows of `spectrum` and of the four `responses`."""
    for scale in range(len(radial)):
        for i in range(radial.shape[1]):
            source, along, across, target = spectrum[0, i], radial[scale, i], angular[i], responses[scale, i]
            for j in range(len(along)):
                weight = along[j] * across[j]
                target[2 * j] = weight * source[2 * j]
                target[2 * j + 1] = weight * source[2 * j + 1]


@compiled("void(float32[:, :, ::1], float32[:, ::1], float32[:, ::1], float32[:, ::1])")
def _energies(responses: Plane32, finest: Plane32, energies: Plane32, amplitudes: Plane32) -> None:
    """Squared amplitude at the finest scale, energy in the mean direction and sum of amplitudes of one orientation."""
    for i in range(len(energies)):
        a, b, c, d = responses[0, i], responses[1, i], responses[2, i], responses[3, i]
        squares, energy, amplitude = finest[i], energies[i], amplitudes[i]
        for j in range(len(energy)):
            a0, b0, c0, d0 = a[2 * j], b[2 * j], c[2 * j], d[2 * j]
            a1, b1, c1, d1 = a[2 * j + 1], b[2 * j + 1], c[2 * j + 1], d[2 * j + 1]
            even, odd = a0 + b0 + c0 + d0, a1 + b1 + c1 + d1
            length = np.sqrt(even * even + odd * odd + SQUARE) + OFFSET
            even, odd = even / length, odd / length
            squares[j] = a0 * a0 + a1 * a1 + SQUARE
            amplitude[j] = (
                np.sqrt(squares[j])
                + np.sqrt(b0 * b0 + b1 * b1 + SQUARE)
                + np.sqrt(c0 * c0 + c1 * c1 + SQUARE)
                + np.sqrt(d0 * d0 + d1 * d1 + SQUARE)
            )
            energy[j] = (
                (a0 * even + a1 * odd - abs(a0 * odd - a1 * even))
                + (b0 * even + b1 * odd - abs(b0 * odd - b1 * even))
                + (c0 * even + c1 * odd - abs(c0 * odd - c1 * even))
                + (d0 * even + d1 * odd - abs(d0 * odd - d1 * even))
            )


def phase_congruency(luma: Plane, filters: Filters) -> Plane:
    """(height, width), 0 to 1: how far the responses at all scales agree in phase. Orientations run in threads."""
    height, width = luma.shape
    # Without its mean, which no filter passes, a plane loses less in single precision.
    spectrum = scipy.fft.fft2((luma - luma.mean()).astype(np.float32)).view(np.float32)[None]

    def orientation(index: int) -> tuple[Plane32, Plane32]:
        responses: Any = np.empty((SCALES, height, width), np.complex64)
        _filtered(spectrum, filters.radial, responses.view(np.float32), filters.angular[index])
        responses = scipy.fft.ifft2(responses, overwrite_x=True).view(np.float32)
        finest, energies, amplitudes = np.empty((3, height, width), np.float32)
        _energies(responses, finest, energies, amplitudes)
        middle = (finest.size - 1) // 2
        threshold = math.sqrt(np.partition(finest, middle, axis=None)[middle]) * filters.noise[index]
        return np.maximum(energies - np.float32(threshold), ZERO), amplitudes

    energy, amplitude = np.zeros((2, height, width))
    for above, whole in mapped(lambda index, _: orientation(index), ORIENTATIONS, 1):
        energy += above
        amplitude += whole
    return np.asarray(energy / amplitude)


@compiled(f"void({CODES}, int64, float64[:, ::1])")
def _boxes(codes: NDArray[np.uint16], factor: int, means: Plane) -> None:
    line = np.empty(codes.shape[1], np.uint32)
    samples = factor * factor
    for i in range(len(means)):
        line[:] = 0
        for row in range(factor * i, factor * (i + 1)):
            source = codes[row]
            for j in range(len(line)):
                line[j] += source[j]
        target = means[i]
        for j in range(len(target)):
            total = 0
            for column in range(factor * j, factor * (j + 1)):
                total += line[column]
            target[j] = total / samples


def box_means(codes: NDArray[np.uint16], factor: int) -> Stack:
    """Means of `factor` x `factor` codes (3, height, width). Rows and columns that do not fill a box are not looked at."""
    means = np.empty((3, codes.shape[1] // factor, codes.shape[2] // factor))

    def strip(start: int, stop: int) -> None:
        for plane, target in zip(codes, means, strict=True):
            _boxes(np.ascontiguousarray(plane[start * factor : stop * factor], np.uint16), factor, target[start:stop])

    for _ in mapped(strip, means.shape[1]):
        pass
    return means


@compiled("void(float64[:, ::1], float64[:, ::1])")
def _slopes(padded: Plane, slopes: Plane) -> None:
    for i in range(len(slopes)):
        above, here, below, target = padded[i], padded[i + 1], padded[i + 2], slopes[i]
        for j in range(len(target)):
            across = 3.0 * (above[j] - above[j + 2] + below[j] - below[j + 2]) + 10.0 * (here[j] - here[j + 2])
            down = 3.0 * (above[j] - below[j] + above[j + 2] - below[j + 2]) + 10.0 * (above[j + 1] - below[j + 1])
            target[j] = np.sqrt(across * across + down * down) / 16.0


def gradient(luma: Plane) -> Plane:
    """Magnitude of the gradient (height, width) by Scharr's 3x3 filters; zeros beyond the border."""
    slopes = np.empty(luma.shape)
    _slopes(np.pad(luma, 1), slopes)
    return slopes
