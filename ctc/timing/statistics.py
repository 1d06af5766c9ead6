"""What is said of a handful of times: median, quartiles, an interval that holds the median whatever their distribution, outliers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

import numpy as np

FEWEST = 5
"""Samples. From the lowest to the highest of so many lies the median 15 times of 16; of four only 7 times of 8."""
CONFIDENCE = 0.90
"""The interval of a median is the shortest of its kind that holds it at least so often."""
FAR = 3.5
MAD_TO_SIGMA, MEAN_DEVIATION_TO_SIGMA = 1.4826, 1.2533
"""Of normal samples: standard deviation over median, and over mean, absolute deviation."""


@dataclass(frozen=True)
class Spread:
    """Of samples, in their unit."""

    samples: int
    median: float
    quartile_low: float
    quartile_high: float
    low: float
    """This and `high`: an interval that holds the median of what was sampled, with the probability `coverage`."""
    high: float
    coverage: float

    @property
    def interquartile_range(self) -> float:
        return self.quartile_high - self.quartile_low


def spread(values: Sequence[float]) -> Spread:
    """Quartiles are interpolated linearly, as NumPy does. Raises ValueError for no values."""
    if not values:
        raise ValueError("no samples have no median")
    ordered = sorted(values)
    low, high = (float(quartile) for quartile in np.percentile(ordered, (25, 75)))
    rank = interval_rank(len(ordered))
    return Spread(len(ordered), median(ordered), low, high, ordered[rank - 1], ordered[-rank], coverage(len(ordered), rank))


def coverage(samples: int, rank: int) -> float:
    """How often the median of a continuous distribution lies from the `rank`-th lowest to the `rank`-th highest of so many samples.

    H. A. David and H. N. Nagaraja, Order Statistics, 2003, section 7.1: the number of samples below the median is binomial."""
    return 1 - 2 * sum(math.comb(samples, below) for below in range(rank)) / 2**samples


def interval_rank(samples: int) -> int:
    """The highest rank whose interval has `CONFIDENCE`; 1, from lowest to highest, where none has."""
    return max((rank for rank in range(1, (samples + 1) // 2 + 1) if coverage(samples, rank) >= CONFIDENCE), default=1)


def outliers(values: Sequence[float]) -> tuple[bool, ...]:
    """Which samples lie further from the median than 3.5 robust standard deviations; they are to be told, not dropped.

    B. Iglewicz and D. Hoaglin, How to Detect and Handle Outliers, 1993: by the median absolute deviation, or where that is 0 by the mean
    absolute deviation. Of normal samples, five at a time, it marks one in nineteen."""
    centre = median(values)
    deviations = [abs(value - centre) for value in values]
    sigma = MAD_TO_SIGMA * median(deviations) or MEAN_DEVIATION_TO_SIGMA * fmean(deviations)
    return tuple(deviation > FAR * sigma for deviation in deviations)
