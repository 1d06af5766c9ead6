"""PSNR-HVS and PSNR-HVS-M of the luma, in float64.

Both equal the package psnr_hvsm (1e-9 dB), whose numbers the JPEG AI quality framework reports, and the authors' psnrhvsm.m where
both sides are multiples of 8: elsewhere the framework repeats the last row and column, MATLAB cuts them off. libvmaf's
"psnr_hvs" is another metric, 1 to 3 dB away. The column of the common test conditions is PSNR-HVS, without masking. The
framework shows 100 dB at most; here equal planes give infinity.
"""

from __future__ import annotations

import math
import weakref
import zlib
from dataclasses import dataclass
from functools import partial

import numpy as np

from ctc.metrics._planes import checked, defined, installed
from ctc.protocols import Codes, Metric, each_alone
from ctc.records import MetricInfo

BLOCK = 8


@dataclass(frozen=True)
class Errors:
    """Mean squared error of samples in 0..1 as seen, without and with masking."""

    plain: float
    masked: float


@dataclass(frozen=True)
class Scored:
    """The pair scored last, which is not kept alive, and checksums of its samples: an array may have been written to since."""

    reference: weakref.ref[Codes]
    distorted: weakref.ref[Codes]
    checksums: tuple[int, int]
    peak: int
    errors: Errors


_last: Scored | None = None


def psnr_hvs(reference: Codes, distorted: Codes, peak: int) -> float:
    """PSNR-HVS in dB of two luma planes (height, width); infinite where they are equal.

    Egiazarian et al., "New full-reference quality metrics based on HVS", VPQM 2006. Sides are extended to multiples of 8 by
    repeating the last row and column. Raises ValueError where the shapes differ.
    """
    return _decibel(_errors(reference, distorted, peak).plain)


def psnr_hvs_m(reference: Codes, distorted: Codes, peak: int) -> float:
    """PSNR-HVS-M in dB of two luma planes (height, width); infinite where no difference is above the masking threshold.

    Ponomarenko et al., "On between-coefficient contrast masking of DCT basis functions", VPQM 2007. Sides and errors as `psnr_hvs`.
    """
    return _decibel(_errors(reference, distorted, peak).masked)


def _errors(reference: Codes, distorted: Codes, peak: int) -> Errors:
    """Both errors of a pair: each block is transformed once for the two metrics, which are asked for one after the other."""
    global _last
    checked(reference, distorted, peak)
    checksums = zlib.crc32(np.ascontiguousarray(reference).data), zlib.crc32(np.ascontiguousarray(distorted).data)
    last = _last
    same = last is not None and last.reference() is reference and last.distorted() is distorted
    if last is not None and same and (last.checksums, last.peak) == (checksums, peak):
        return last.errors
    errors = _measured(reference, distorted, peak)
    _last = Scored(weakref.ref(reference), weakref.ref(distorted), checksums, peak, errors)
    return errors


def _measured(reference: Codes, distorted: Codes, peak: int) -> Errors:
    from ctc.kernels.psnr_hvs import squared_errors
    from ctc.kernels.strips import Samples

    blocks = math.prod(-(-side // BLOCK) for side in reference.shape)
    plain, masked = squared_errors(Samples(reference, 1.0), Samples(distorted, 1.0)) / (blocks * BLOCK * BLOCK * float(peak) ** 2)
    return Errors(float(plain), float(masked))


def _decibel(error: float) -> float:
    defined(error, "PSNR-HVS is not a number")
    return math.inf if error == 0.0 else -10.0 * math.log10(error)


def _info(name: str, label: str, reference: str) -> MetricInfo:
    return MetricInfo(
        name=name,
        label=label,
        version="2",
        higher_is_better=True,
        range="0 to infinity",
        unit="dB",
        reference=reference,
    )


METRICS: tuple[Metric, ...] = tuple(
    Metric(_info(*texts), "y", each_alone(score), partial(installed, "numba"), family="psnr_hvs")
    for score, texts in (
        (psnr_hvs, ("psnr_hvs", "PSNR-HVS", "Egiazarian et al., VPQM 2006; values of psnr_hvsm")),
        (psnr_hvs_m, ("psnr_hvs_m", "PSNR-HVS-M", "Ponomarenko et al., VPQM 2007; values of psnr_hvsm")),
    )
)
