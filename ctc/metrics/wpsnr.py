"""Weighted PSNR of PQ pictures, as JVET's HDR test conditions have it: errors count by the luma of the original.

The weight is 2^(dQP / 3) of the QP offset that the HDR anchors give to a luma code, dQP = 0.015 Y - 7.5 within -3 and 6, with Y a 10-bit
code of the narrow range. Codes here are of the full range, so Y = 64 + 876 / 1023 x code. The sum is divided by the number of samples,
not by the sum of weights. VTM prints it for such pictures (LMCSSignalType=1), of narrow-range codes and with a peak of 1020.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ctc.metrics._planes import checked
from ctc.protocols import Codes, Metric, each_alone
from ctc.records import MetricInfo

LOWEST, HIGHEST = -3.0, 6.0


def weight_of_luma(narrow: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weight of an error where the original has this 10-bit narrow-range luma code: 0.5 to 4."""
    return np.asarray(2.0 ** (np.clip(0.015 * narrow - 7.5, LOWEST, HIGHEST) / 3))


def weighted_psnr(luma: Codes, reference: Codes, distorted: Codes, weights: NDArray[np.float64], peak: float) -> float:
    """PSNR in dB of planes (height, width) whose squared errors are weighted by `weights` of the original's luma code."""
    difference = reference.astype(np.int64) - distorted
    error = float((weights[luma] * (difference * difference)).mean())
    return math.inf if error == 0 else 20 * math.log10(peak) - 10 * math.log10(error)


@lru_cache
def _weights(peak: int) -> NDArray[np.float64]:
    return weight_of_luma(64 + 876 / peak * np.arange(peak + 1, dtype=np.float64))


def _of_plane(index: int) -> Callable[[Codes, Codes, int], float]:
    def score(reference: Codes, distorted: Codes, peak: int) -> float:
        """Weighted PSNR in dB of one plane of Y', Cb and Cr (3, height, width); infinite where it is equal. Raises ValueError."""
        checked(reference, distorted, peak, planes=3)
        return weighted_psnr(reference[0], reference[index], distorted[index], _weights(peak), peak)

    return score


def _metric(index: int, plane: str) -> Metric:
    info = MetricInfo(
        name=f"wpsnr_{plane}",
        label=f"wPSNR {plane.upper()}",
        version="1",
        higher_is_better=True,
        range="0 to infinity",
        unit="dB",
        reference="JVET-AC2011, HDR test conditions; weights of JCTVC-X1020",
        equals="VTM 11.1, its equation on full-range codes",
        transfer="pq",
    )
    return Metric(info, "yuv", each_alone(_of_plane(index)))


METRICS: tuple[Metric, ...] = tuple(_metric(index, plane) for index, plane in enumerate("yuv"))
