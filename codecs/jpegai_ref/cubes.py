"""Cube flags of the skip mode: which blocks of the latent may skip the positions where little is expected.

The latent is taken apart into its four phases (row, column) = (0,0), (0,1), (1,0), (1,1) of 2x2 positions; each phase plane is cut into
blocks of 8x8 positions through all channels: 16x16 of the latent, 256x256 samples of the picture. Flags have the shape (4,
ceil(ceil(h/2)/8), ceil(ceil(w/2)/8)) and go through the header in that order. A flag of 0 has all positions of its cube coded.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PHASES = ((0, 0), (0, 1), (1, 0), (1, 1))
SIDE = 8
LARGEST_ERROR = 3.0
"""How far a reconstructed latent may be off in a cube that may skip, at the encoder."""


def cube_shape(height: int, width: int) -> tuple[int, int, int]:
    """Shape of the flags for a latent of this size."""
    return 4, -(-height // (2 * SIDE)), -(-width // (2 * SIDE))


def cube_count(height: int, width: int) -> int:
    phases, rows, columns = cube_shape(height, width)
    return phases * rows * columns


def flags_of_phase(error: NDArray[np.floating], rows: int, columns: int, largest: float = LARGEST_ERROR) -> NDArray[np.bool_]:
    """Flags (rows, columns) of one phase plane from |reconstructed - latent| (C, ceil(h/2) or one less, ceil(w/2) or one less)."""
    _, height, width = error.shape
    padded = np.zeros((rows * SIDE, columns * SIDE), error.dtype)
    padded[:height, :width] = error.max(axis=0, initial=0)
    return padded.reshape(rows, SIDE, columns, SIDE).max(axis=(1, 3)) <= largest


def cube_flags(error: NDArray[np.floating], largest: float = LARGEST_ERROR) -> NDArray[np.bool_]:
    """Flags of a latent from |reconstructed - latent| (C, h, w) with the positions of small scale skipped; True: may skip."""
    phases, rows, columns = cube_shape(*error.shape[1:])
    flags = np.empty((phases, rows, columns), np.bool_)
    for index, (row, column) in enumerate(PHASES):
        flags[index] = flags_of_phase(error[:, row::2, column::2], rows, columns, largest)
    return flags


def forced_positions(flags: NDArray[np.bool_], height: int, width: int) -> NDArray[np.bool_]:
    """Positions (height, width) of the latent in cubes that may not skip. Raises ValueError where the flags are of another size."""
    if flags.shape != cube_shape(height, width) or flags.dtype != np.bool_:
        raise ValueError(f"the cube flags of a latent of {height}x{width} are bool {cube_shape(height, width)}, not {flags.shape}")
    forced = np.empty((height, width), np.bool_)
    for index, (row, column) in enumerate(PHASES):
        plane = forced[row::2, column::2]
        plane[:] = np.repeat(np.repeat(~flags[index], SIDE, axis=0), SIDE, axis=1)[: plane.shape[0], : plane.shape[1]]
    return forced
