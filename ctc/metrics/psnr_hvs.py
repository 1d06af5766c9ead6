"""PSNR-HVS and PSNR-HVS-M of the luma, in float64.

Both equal the package psnr_hvsm (1e-9 dB), whose numbers the JPEG AI quality framework reports, and the authors' psnrhvsm.m where
both sides are multiples of 8: elsewhere the framework repeats the last row and column, MATLAB cuts them off. libvmaf's
"psnr_hvs" is another metric, 1 to 3 dB away. The column of the common test conditions is PSNR-HVS, without masking. The
framework shows 100 dB at most; here equal planes give infinity.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ctc.metrics._planes import checked_against, checked_alone, defined, installed
from ctc.protocols import Codes, Metric, one_of
from ctc.records import MetricInfo

if TYPE_CHECKING:
    from ctc.kernels.psnr_hvs import Blocks

BLOCK = 8


@dataclass(frozen=True)
class Errors:
    """Mean squared error of samples in 0..1 as seen, without and with masking."""

    plain: float
    masked: float


def both(reference: Codes, peak: int) -> Callable[[Codes], dict[str, float]]:
    """`psnr_hvs` and `psnr_hvs_m` in dB against a luma plane (height, width), each block transformed once for both.

    Sides are extended to multiples of 8 by repeating the last row and column. Infinite where both planes are equal, and with masking
    where no difference is above its threshold. Raises ValueError where the shapes differ. Later changes of `reference` do not reach the
    scorer.

    Egiazarian et al., "New full-reference quality metrics based on HVS", VPQM 2006; Ponomarenko et al., "On between-coefficient contrast
    masking of DCT basis functions", VPQM 2007.
    """
    checked_alone(reference, peak)
    from ctc.kernels.psnr_hvs import Blocks

    shape, blocks = reference.shape, Blocks(np.ascontiguousarray(reference))

    def score(distorted: Codes) -> dict[str, float]:
        checked_against(shape, distorted, peak)
        errors = _measured(blocks, distorted, peak)
        return {"psnr_hvs": _decibel(errors.plain), "psnr_hvs_m": _decibel(errors.masked)}

    return score


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
    Metric(_info(name, label, paper), "y", one_of(both, name), partial(installed, "numba"), joint=both)
    for name, label, paper in (
        ("psnr_hvs", "PSNR-HVS", "Egiazarian et al., VPQM 2006"),
        ("psnr_hvs_m", "PSNR-HVS-M", "Ponomarenko et al., VPQM 2007"),
    )
)
