"""What the HDR metrics share: from PQ codes of BT.2020 to light. Holds no metric."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ctc.light import light_of_codes
from ctc.protocols import Codes

LUMINANCE = np.array([0.2627, 0.6780, 0.0593])
"""Weights of linear R, G and B of BT.2020, ITU-R BT.2100 table 6."""

ROWS_AT_A_TIME = 128


def light(codes: Codes, peak: int) -> NDArray[np.float64]:
    """cd/m2 of PQ codes, of any shape."""
    return light_of_codes(peak)[codes]


def luminance(codes: Codes, peak: int) -> NDArray[np.float64]:
    """Luminance (height, width) in cd/m2 of R, G, B codes (3, height, width)."""
    table = light_of_codes(peak)
    plane = np.zeros(codes.shape[1:])
    for weight, channel in zip(LUMINANCE, codes, strict=True):
        plane += (weight * table)[channel]
    return plane


def bands(codes: Codes) -> Iterator[slice]:
    """Rows of planes (3, height, width) to be worked on at once, so that what is made of them stays small."""
    return (slice(top, top + ROWS_AT_A_TIME) for top in range(0, codes.shape[1], ROWS_AT_A_TIME))
