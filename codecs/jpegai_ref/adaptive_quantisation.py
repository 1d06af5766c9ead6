"""Adaptive quantisation by a quality map: coarser steps where luma varies everywhere, which hides what is lost.

    activity of a latent = least variance of the 4x4 blocks among its 16x16 samples
    qp = -(number of thresholds 0.8, 1.5, 2.5, 4 that activity / mean activity of the picture is above)

An edge in a smooth place keeps its quality, since some block there is smooth. Thresholds are those of the reference software.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from jpegai_ref.picture_header import LATENT_STRIDE
from jpegai_ref.quality_map import Qps

BLOCK = 4
THRESHOLDS = (0.8, 1.5, 2.5, 4.0)
STRIP = 16 * LATENT_STRIDE
"""Rows that are looked at together, to bound memory."""

Rows = Callable[[slice], NDArray[np.float32]]
"""Rows of luma, (rows, width), as float32."""


def adaptive_map(height: int, luma: Rows) -> Qps:
    """qp -4..0 of each position of the latent, from luma of `height` rows. A picture of one value everywhere gets 0."""
    found = np.concatenate([activity(luma(slice(top, min(top + STRIP, height)))) for top in range(0, height, STRIP)])
    limits = np.array(THRESHOLDS) * found.mean()
    return -np.searchsorted(limits, found, side="left").astype(np.int8)


def activity(luma: NDArray[np.float32]) -> NDArray[np.float64]:
    """The least variance of a 4x4 block in each 16x16 samples of luma (h, w), (ceil(h/16), ceil(w/16)). Sides that are no multiple of 16
    are completed by the last row and column."""
    height, width = luma.shape
    whole = np.pad(luma, ((0, -height % LATENT_STRIDE), (0, -width % LATENT_STRIDE)), mode="edge").astype(np.float64)
    rows, columns = (side // BLOCK for side in whole.shape)
    variances = whole.reshape(rows, BLOCK, columns, BLOCK).var(axis=(1, 3))
    blocks = LATENT_STRIDE // BLOCK
    least: NDArray[np.float64] = variances.reshape(rows // blocks, blocks, columns // blocks, blocks).min(axis=(1, 3))
    return least
