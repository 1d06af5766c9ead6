"""PSNR-HVS and PSNR-HVS-M of the luma, by the package psnr_hvsm.

Its NumPy code in float64 gives the values of the JPEG AI quality framework, and of the authors' psnrhvsm.m where both sides are
multiples of 8 (1e-12 dB): elsewhere the framework repeats the last row and column, MATLAB cuts them off. libvmaf's "psnr_hvs"
is another metric, 1 to 3 dB away. The column of the common test conditions is PSNR-HVS, without masking. The framework
shows 100 dB at most; here equal planes give infinity.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ctc.metrics._planes import checked, defined, installed
from ctc.protocols import Codes, Metric
from ctc.records import MetricInfo

BLOCK = 8
STRIP_ROWS = 32 * BLOCK
"""Rows given to the package at once: it needs some 80 bytes for each of their samples."""

Plane = NDArray[np.float64]
TileErrors = Callable[[Plane, Plane], tuple[Plane, Plane]]


def psnr_hvs(reference: Codes, distorted: Codes, peak: int) -> float:
    """PSNR-HVS in dB of two luma planes (height, width); infinite where they are equal.

    Egiazarian et al., "New full-reference quality metrics based on HVS", VPQM 2006. Sides are extended to multiples of 8 by
    repeating the last row and column. Raises ValueError where the shapes differ.
    """
    return _decibel(_tile_errors(reference, distorted, peak)[0])


def psnr_hvs_m(reference: Codes, distorted: Codes, peak: int) -> float:
    """PSNR-HVS-M in dB of two luma planes (height, width); infinite where no difference is above the masking threshold.

    Ponomarenko et al., "On between-coefficient contrast masking of DCT basis functions", VPQM 2007. Sides and errors as `psnr_hvs`.
    """
    return _decibel(_tile_errors(reference, distorted, peak)[1])


def _tile_errors(reference: Codes, distorted: Codes, peak: int) -> tuple[Plane, Plane]:
    """(weighted, weighted and masked) mean squared error of every 8x8 block, of samples in 0..1."""
    checked(reference, distorted, peak)
    measure = _package()
    x, y = _extended(reference), _extended(distorted)
    parts = []
    # The package divides by the variance of every block and drops the result where it is 0.
    with np.errstate(divide="ignore", invalid="ignore"):
        for start in range(0, x.shape[0], STRIP_ROWS):
            rows = slice(start, start + STRIP_ROWS)
            parts.append(measure(x[rows] / float(peak), y[rows] / float(peak)))
    plain, masked = zip(*parts, strict=True)
    return np.concatenate(plain), np.concatenate(masked)


def _extended(codes: Codes) -> Codes:
    height, width = codes.shape
    return np.pad(codes, ((0, -height % BLOCK), (0, -width % BLOCK)), mode="edge")


def _decibel(tile_errors: Plane) -> float:
    error = defined(float(tile_errors.mean()), "PSNR-HVS is not a number")
    return math.inf if error == 0.0 else -10.0 * math.log10(error)


@lru_cache(maxsize=1)
def _package() -> TileErrors:
    # On import the package prints that its optional torch code is not installed; results may share stdout with that.
    with redirect_stdout(io.StringIO()):
        from psnr_hvsm import BACKENDS
    measure: TileErrors = BACKENDS["numpy"]["hvs_hvsm_mse_tiles"]
    return measure


def _info(name: str, label: str, reference: str) -> MetricInfo:
    return MetricInfo(
        name=name,
        label=label,
        version=f"1, {installed('psnr_hvsm')}",
        higher_is_better=True,
        range="0 to infinity",
        unit="dB",
        reference=reference,
    )


METRICS: tuple[Metric, ...] = (
    Metric(_info("psnr_hvs", "PSNR-HVS", "Egiazarian et al., VPQM 2006; values of psnr_hvsm"), "y", psnr_hvs),
    Metric(_info("psnr_hvs_m", "PSNR-HVS-M", "Ponomarenko et al., VPQM 2007; values of psnr_hvsm"), "y", psnr_hvs_m),
)
