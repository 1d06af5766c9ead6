"""Where two devices part: in the integers behind a bitstream, in the samples, in the metrics."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctc.pixels import Rgb
from ctc.records import Score, TensorDifference

Tensors = Mapping[str, NDArray[Any]]
"""In the order in which each follows from those before."""


def first_difference(expected: Tensors, found: Tensors, *, whole: bool) -> TensorDifference | None:
    """The first tensor of `expected` that is another in `found`; None where there is none.

    whole  whether the decoder came to its end: one that did not may lack what it had not come to"""
    for name, values in expected.items():
        if name not in found:
            return TensorDifference(name, "is not there") if whole else None
        other = found[name]
        if other.shape != values.shape:
            return TensorDifference(name, f"has the shape {other.shape}, not {values.shape}")
        differs = other != values
        if differs.any():
            place = tuple(int(index) for index in np.argwhere(differs)[0])
            count = f"{int(differs.sum())} of {differs.size} values differ"
            return TensorDifference(name, f"{count}, first at {place}: {other[place]}, not {values[place]}")
    extra = next((name for name in found if name not in expected), None)
    return None if extra is None else TensorDifference(extra, "is unknown to the encoder")


def sample_difference(expected: Rgb, found: Rgb) -> tuple[int, float]:
    """The largest difference of two pictures of one size, and the share of their samples that differ."""
    apart = np.abs(expected.astype(np.int32) - found.astype(np.int32))
    return int(apart.max(initial=0)), float(np.count_nonzero(apart) / max(1, apart.size))


def change(expected: Score, found: Score) -> float | None:
    """How much a metric changed: 0 for equal values, also infinite ones; None where one is not defined or only one is infinite."""
    if expected.value is None or found.value is None:
        return None
    if expected.value == found.value:
        return 0.0
    difference = found.value - expected.value
    return difference if math.isfinite(difference) else None
