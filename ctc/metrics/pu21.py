"""PSNR and MS-SSIM of perceptually uniform light (PU21): what SDR metrics become for HDR pictures.

Light in cd/m2, as a display of 0.005 to 10000 cd/m2 would emit it, is encoded so that equal steps are about equally visible and 100 cd/m2
comes to about 256, the range of an 8-bit picture; the metrics then see it with a peak of 256. As `pu21_metric.m` of the authors does for
"PSNR" (R, G and B of BT.2020 each, one mean) and "PSNRY" (luminance). Their "MSSSIM" is MATLAB's `multissim`, whose weights of the scales
are not Wang's; ours is MS-SSIM as in `msssim`, and equals pytorch_msssim on the same plane.

Other peaks are in use too: with the code of 10000 cd/m2 (595.4) for the peak a PSNR is 7.33 dB higher.
"""

from __future__ import annotations

import math
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from ctc.light import light_of_codes
from ctc.metrics._light import luminance
from ctc.metrics._planes import checked, checked_against, checked_alone, installed
from ctc.metrics.msssim import similarity
from ctc.protocols import Codes, Metric, Scorer, each_alone
from ctc.records import MetricInfo

BANDING_GLARE = (0.353487901, 0.3734658629, 8.277049286e-05, 0.9062562627, 0.09150303166, 0.9099517204, 596.3148142)
"""The variant that the authors recommend, as published with the paper (github.com/gfxdisp/pu21)."""
DARKEST, BRIGHTEST = 0.005, 10000.0
"""cd/m2; beyond them the encoding is not defined, and light is clipped."""
PEAK = 256.0

Plane = NDArray[np.float64]


def encoded(light: Plane) -> Plane:
    """PU21 of light in cd/m2, of any shape: 0 at 0.005 cd/m2 to 595.4 at 10000."""
    p = BANDING_GLARE
    power = np.clip(light, DARKEST, BRIGHTEST) ** p[3]
    return np.asarray(np.maximum(p[6] * (((p[0] + p[1] * power) / (1 + p[2] * power)) ** p[4] - p[5]), 0.0))


@lru_cache
def _encoded_codes(peak: int) -> Plane:
    return encoded(light_of_codes(peak))


def pu21_psnr(reference: Codes, distorted: Codes, peak: int) -> float:
    """PSNR in dB of R, G and B codes (3, height, width) of PQ in PU21, one mean over the three; infinite where they are equal.

    Raises ValueError where the shapes differ or a code is above `peak`.
    """
    checked(reference, distorted, peak, planes=3)
    table = _encoded_codes(peak)
    return _psnr(sum(float(((table[one] - table[other]) ** 2).mean()) for one, other in zip(reference, distorted, strict=True)) / 3)


def pu21_psnr_y(reference: Codes, distorted: Codes, peak: int) -> float:
    """PSNR in dB of the luminance of R, G and B codes (3, height, width) of PQ in PU21; infinite where it is equal.

    Raises ValueError where the shapes differ or a code is above `peak`.
    """
    checked(reference, distorted, peak, planes=3)
    return _psnr(float(((encoded(luminance(reference, peak)) - encoded(luminance(distorted, peak))) ** 2).mean()))


def _psnr(mean_squared_error: float) -> float:
    return math.inf if mean_squared_error == 0 else 20 * math.log10(PEAK) - 10 * math.log10(mean_squared_error)


def pu21_msssim(reference: Codes, peak: int) -> Scorer:
    """MS-SSIM of the luminance in PU21 against R, G and B codes (3, height, width) of PQ; 0 to 1, 1 for equal luminance.

    Raises ValueError where the shapes differ or a code is above `peak`.
    """
    checked_alone(reference, peak, planes=3)
    shape = reference.shape
    score_plane = similarity(encoded(luminance(reference, peak)).astype(np.float32), PEAK)

    def score(distorted: Codes) -> float:
        checked_against(shape, distorted, peak)
        return score_plane(encoded(luminance(distorted, peak)).astype(np.float32))

    return score


def _info(name: str, label: str, unit: str, equals: str) -> MetricInfo:
    return MetricInfo(
        name=name,
        label=label,
        version="1",
        higher_is_better=True,
        range="0 to infinity" if unit else "0 to 1",
        unit=unit,
        reference="Mantiuk, Azimi, PCS 2021 (PU21, banding and glare)",
        equals=equals,
        transfer="pq",
    )


METRICS: tuple[Metric, ...] = (
    Metric(_info("pu21_psnr", "PU21-PSNR", "dB", "pu21_metric.m, PSNR"), "rgb", each_alone(pu21_psnr)),
    Metric(_info("pu21_psnr_y", "PU21-PSNR Y", "dB", "pu21_metric.m, PSNRY"), "rgb", each_alone(pu21_psnr_y)),
    Metric(_info("pu21_msssim", "PU21-MS-SSIM", "", "pytorch_msssim of PU21 luminance"), "rgb", pu21_msssim, partial(installed, "numba")),
)
