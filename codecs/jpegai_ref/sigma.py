"""From the hyper-scale decoder's output to what is coded and by which distribution: integers only, the same at encoder and decoder.

    sigma index (C, h, w) + gain_log[c] + displacement
                            + offset (quality map)     = skip_scale -> coded where > 382, or where a cube may not skip
                            + addition (RVS, CWG)      = scale_log  -> distribution = clamp((scale_log + 64) >> 7, 0, 31)

All are logarithms of the standard deviation in 1/128 of a level (see `distributions`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from jpegai_ref.cubes import forced_positions
from jpegai_ref.distributions import LARGEST_INDEX
from jpegai_ref.integer_loops import nearest_levels, nearest_levels_of_blocks

SKIP_THRESHOLD = 382
"""Positions of this scale and below are skipped: a standard deviation of 0.200."""
LOWEST_ADDITION = -(1 << 13)
HIGHEST_ADDITION = (1 << 13) - 1


def skip_scale(
    sigma_index: NDArray[np.int32], gain_log: NDArray[np.integer], displacement: int, offsets: NDArray[np.int32] | None = None
) -> NDArray[np.int32]:
    """Scales (C, h, w), int32, from the sigma index (C, h, w) in 0..3967 and what a channel's gain (C,), the displacement and a quality
    map's offsets (h, w) add.

    Raises ValueError where something is out of range or of another shape.
    """
    if sigma_index.ndim != 3 or sigma_index.dtype != np.int32 or gain_log.shape != sigma_index.shape[:1]:
        raise ValueError(
            f"a sigma index is int32 (C, h, w) with C gains, not {sigma_index.dtype} {sigma_index.shape} with {gain_log.shape}"
        )
    if sigma_index.min(initial=0) < 0 or sigma_index.max(initial=0) > LARGEST_INDEX:
        raise ValueError(f"a sigma index is in 0..{LARGEST_INDEX}")
    if offsets is not None and offsets.shape != sigma_index.shape[1:]:
        raise ValueError(f"the offsets of a latent {sigma_index.shape} are of {sigma_index.shape[1:]}, not {offsets.shape}")
    least, most = (0, 0) if offsets is None else (int(offsets.min(initial=0)), int(offsets.max(initial=0)))
    addition = gain_log.astype(np.int64) + displacement
    if addition.min(initial=0) + least < LOWEST_ADDITION or addition.max(initial=0) + most > HIGHEST_ADDITION:
        raise ValueError(f"gain and displacement add to something outside of {LOWEST_ADDITION}..{HIGHEST_ADDITION}")
    scale = sigma_index + addition.astype(np.int32)[:, None, None]
    if offsets is not None:
        scale += offsets
    return scale


def coded_positions(scale: NDArray[np.int32], may_skip: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
    """Where symbols are coded, bool (C, h, w), from `skip_scale` and the cube flags (None: all set). Raises ValueError for flags of another
    shape."""
    coded = scale > SKIP_THRESHOLD
    if may_skip is not None:
        coded |= forced_positions(may_skip, *scale.shape[1:])
    return coded


def distribution_index(scale: NDArray[np.int32], additions: NDArray[np.int32] | None = None) -> NDArray[np.uint8]:
    """Which of the 32 distributions codes each position (C, h, w), uint8: the nearest level of the scale and, where there are any, what is
    added in blocks of 8x8, (C, ceil(h/8), ceil(w/8))."""
    levels = np.empty(scale.shape, np.uint8)
    if additions is None:
        nearest_levels(np.ascontiguousarray(scale).ravel(), levels.ravel())
    else:
        nearest_levels_of_blocks(np.ascontiguousarray(scale), np.ascontiguousarray(additions), levels)
    return levels
