"""PSNR of the luma and of both colour-difference planes, each at full resolution and on its own.

Equals the JPEG AI quality framework up to the float32 of its mean (below 1e-6 dB), except that identical planes give
infinity here and the stand-in 100 there. The peak is that of the codes (1023 at 10 bits), not the 1020 or 1024 of
JVET's software.

Of a grey picture neutral chroma lies half way between two codes of the grid, so rounding alone decides it: the PSNR of its chroma,
near 70 dB and not monotone in the rate, says nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ctc.metrics._planes import checked
from ctc.protocols import Codes, Metric, each_alone
from ctc.records import MetricInfo


def psnr(reference: Codes, distorted: Codes, peak: int) -> float:
    """20 log10(peak) - 10 log10(mean squared error) in dB of two planes (height, width); infinite where they are equal.

    Raises ValueError where the shapes differ or a code is above `peak`.
    """
    checked(reference, distorted, peak)
    difference = reference.astype(np.int64) - distorted
    squared_error = int(np.vdot(difference, difference))
    if squared_error == 0:
        return math.inf
    return 20.0 * math.log10(peak) - 10.0 * math.log10(squared_error / reference.size)


def _of_plane(index: int) -> Callable[[Codes, Codes, int], float]:
    def score(reference: Codes, distorted: Codes, peak: int) -> float:
        """PSNR in dB of one plane of (3, height, width); see `psnr`."""
        checked(reference, distorted, peak, planes=3)
        return psnr(reference[index], distorted[index], peak)

    return score


def _info(name: str, label: str) -> MetricInfo:
    return MetricInfo(
        name=name,
        label=label,
        version="1",
        higher_is_better=True,
        range="0 to infinity",
        unit="dB",
        reference="10-bit BT.709 full-range planes at 4:4:4, each at full resolution",
        equals="the JPEG AI quality framework",
    )


METRICS: tuple[Metric, ...] = (
    Metric(_info("psnr_y", "PSNR Y"), "y", each_alone(psnr)),
    Metric(_info("psnr_u", "PSNR U"), "yuv", each_alone(_of_plane(1))),
    Metric(_info("psnr_v", "PSNR V"), "yuv", each_alone(_of_plane(2))),
)
