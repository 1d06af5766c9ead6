"""The likely scale of a block: what the tools RVS and LSBS go by. Integers only.

    likely[c, i, j] = clamp((sum of skip_scale over the block + 32) >> 6, 0, 4351)

A block is 8x8 positions of a channel of the latent; where it reaches beyond the latent, a position counts 1411, a standard deviation of 1.
A block's segment is the number of thresholds that its likely scale is strictly above.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from jpegai_ref.integer_loops import block_sums

SIDE = 8
OUTSIDE = 1411
LARGEST_LIKELY = 4351


def likely_scale(skip_scale: NDArray[np.int32]) -> NDArray[np.int32]:
    """int32 (C, ceil(h/8), ceil(w/8)), 0..4351, from `sigma.skip_scale` (C, h, w)."""
    channels, height, width = skip_scale.shape
    sums = np.empty((channels, -(-height // SIDE), -(-width // SIDE)), np.int32)
    block_sums(np.ascontiguousarray(skip_scale), OUTSIDE, sums)
    return np.clip((sums + SIDE * SIDE // 2) >> 6, 0, LARGEST_LIKELY).astype(np.int32)


def segment(likely: NDArray[np.int32], thresholds: NDArray[np.int32]) -> NDArray[np.intp]:
    """Segments 0..n, of the shape of `likely`, by n rising thresholds."""
    return np.searchsorted(thresholds, likely, side="left")
