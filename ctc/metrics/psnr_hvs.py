"""PSNR-HVS and PSNR-HVS-M of the luma, in float64.

Both equal the package psnr_hvsm (1e-9 dB), whose numbers the JPEG AI quality framework reports, and the authors' psnrhvsm.m where
both sides are multiples of 8: elsewhere the framework repeats the last row and column, MATLAB cuts them off. libvmaf's
"psnr_hvs" is another metric, 1 to 3 dB away. The column of the common test conditions is PSNR-HVS, without masking. The
framework shows 100 dB at most; here equal planes give infinity.
"""

from __future__ import annotations

import hashlib
import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np

from ctc.metrics._planes import checked_against, checked_alone, defined, installed, own_copy
from ctc.protocols import Codes, Metric, Scorer
from ctc.records import MetricInfo

if TYPE_CHECKING:
    from ctc.kernels.psnr_hvs import Blocks

BLOCK = 8


@dataclass(frozen=True)
class Errors:
    """Mean squared error of samples in 0..1 as seen, without and with masking."""

    plain: float
    masked: float


Pair = tuple[bytes, bytes, int]
"""Digests of the samples of both pictures, and the peak."""

KEPT = 256
"""Pairs whose errors are remembered: what one metric of the family computed, the other asks for after all reconstructions."""

_errors: OrderedDict[Pair, Errors] = OrderedDict()


def psnr_hvs(reference: Codes, peak: int) -> Scorer:
    """PSNR-HVS in dB against a luma plane (height, width); infinite where both are equal.

    Egiazarian et al., "New full-reference quality metrics based on HVS", VPQM 2006. Sides are extended to multiples of 8 by
    repeating the last row and column. Raises ValueError where the shapes differ. Later changes of `reference` do not reach the scorer.
    """
    errors = _against(reference, peak)
    return lambda distorted: _decibel(errors(distorted).plain)


def psnr_hvs_m(reference: Codes, peak: int) -> Scorer:
    """PSNR-HVS-M in dB against a luma plane (height, width); infinite where no difference is above the masking threshold.

    Ponomarenko et al., "On between-coefficient contrast masking of DCT basis functions", VPQM 2007. Otherwise as `psnr_hvs`.
    """
    errors = _against(reference, peak)
    return lambda distorted: _decibel(errors(distorted).masked)


def _against(reference: Codes, peak: int) -> Callable[[Codes], Errors]:
    """Both errors of a distorted picture: each block is transformed once for the two metrics, which are asked for one after the other.

    The blocks of the reference are transformed when the first pair comes that the other metric has not measured.
    """
    checked_alone(reference, peak)
    x, digest_x = own_copy(reference), _digest(reference)

    @cache
    def blocks() -> Blocks:
        from ctc.kernels.psnr_hvs import Blocks

        return Blocks(x)

    def errors(distorted: Codes) -> Errors:
        checked_against(x.shape, distorted, peak)
        pair = digest_x, _digest(distorted), peak
        known = _errors.get(pair)
        if known is None:
            known = _errors[pair] = _measured(blocks(), distorted, peak)
            while len(_errors) > KEPT:
                _errors.popitem(last=False)
        return known

    return errors


def _digest(codes: Codes) -> bytes:
    """Of shape and samples. Hashed by strips, so that threads can share the work."""
    from ctc.kernels.strips import mapped

    def strip(start: int, stop: int) -> bytes:
        return hashlib.sha1(np.ascontiguousarray(codes[start:stop]).data, usedforsecurity=False).digest()

    return str(codes.shape).encode() + b"".join(mapped(strip, len(codes)))


def _measured(reference: Blocks, distorted: Codes, peak: int) -> Errors:
    blocks = math.prod(-(-side // BLOCK) for side in distorted.shape)
    plain, masked = reference.squared_errors(np.ascontiguousarray(distorted)) / (blocks * BLOCK * BLOCK * float(peak) ** 2)
    return Errors(float(plain), float(masked))


def _decibel(error: float) -> float:
    defined(error, "PSNR-HVS is not a number")
    return math.inf if error == 0.0 else -10.0 * math.log10(error)


def _info(name: str, label: str, reference: str) -> MetricInfo:
    return MetricInfo(
        name=name,
        label=label,
        version="3",
        higher_is_better=True,
        range="0 to infinity",
        unit="dB",
        reference=reference,
        equals="the JPEG AI quality framework (psnr_hvsm)",
    )


METRICS: tuple[Metric, ...] = tuple(
    Metric(_info(*texts), "y", score, partial(installed, "numba"), family="psnr_hvs")
    for score, texts in (
        (psnr_hvs, ("psnr_hvs", "PSNR-HVS", "Egiazarian et al., VPQM 2006")),
        (psnr_hvs_m, ("psnr_hvs_m", "PSNR-HVS-M", "Ponomarenko et al., VPQM 2007")),
    )
)
