"""How far a mean over pictures depends on which pictures were in the set."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 10_000
LEVEL = 0.95
SEED = 6048
"""Fixed, so that a table is the same each time it is made, and every codec is judged on the same draws of pictures."""
BLOCK_CELLS = 4_000_000
"""Draws x pictures held in memory at a time; only memory depends on it."""


def resampled_means(values: NDArray[np.float64], present: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Means of all columns over pictures drawn with replacement, shape (resamples, columns).

    `values` and `present` have shape (pictures, columns); a cell that is not present never enters, whatever it holds. Pictures
    are drawn jointly for all columns, as metrics of one picture go together. NaN where a draw has no present cell in a column.
    """
    pictures = values.shape[0]
    filled = np.where(present, values, 0.0)
    generator = np.random.default_rng(SEED)
    block = max(1, BLOCK_CELLS // max(1, pictures))
    means = []
    for start in range(0, RESAMPLES, block):
        size = min(block, RESAMPLES - start)
        drawn = generator.multinomial(pictures, np.full(pictures, 1.0 / pictures), size=size).astype(np.float64)
        count = drawn @ present
        means.append(np.divide(drawn @ filled, count, out=np.full(count.shape, np.nan), where=count > 0))
    return np.concatenate(means)


def percentile_interval(means: NDArray[np.float64]) -> tuple[float, float] | None:
    """The central 95 % of bootstrap means of shape (resamples,), draws without a mean left out; None where none has one.

    B. Efron and R. Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13 (percentile interval).
    """
    defined = means[~np.isnan(means)]
    if defined.size == 0:
        return None
    tail = 100.0 * (1.0 - LEVEL) / 2.0
    low, high = np.percentile(defined, (tail, 100.0 - tail))
    return float(low), float(high)
