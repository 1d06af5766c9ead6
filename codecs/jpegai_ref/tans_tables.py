"""Tables of a tANS coder of 256 states for a set of distributions given as masses of 1/256.

A state is a byte s that stands for x = 256 + s. A symbol with the cumulative interval [a, b) has p = b - a units of mass and owns as many
states: a - a//2 .. b - b//2 in the lower half of 0..255 and 128 + a//2 .. 128 + b//2 in the upper. Its k-th state decodes to p + k, which
is shifted left by as many bits as bring it back to 256..511; those bits are read from the stream.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jpegai_ref.tans_loops import ESCAPED

STATES = 256


@dataclass(frozen=True)
class CodingTables:
    """A set of R distributions, ready for coding.

    decoding  (R, 256) uint32: symbol position << 16 | escape bit | bits to read << 8 | next state
    states    (R, 256) uint8: the states owned by the symbols, in the order of the positions
    starts    (R, 257) int16: where the states of each position begin in `states`; up to the start of the next it is as many as its mass
    escapes   (R,) int32: the position of the escape
    """

    decoding: NDArray[np.uint32]
    states: NDArray[np.uint8]
    starts: NDArray[np.int16]
    escapes: NDArray[np.int32]
    free_runs: NDArray[np.int64]
    """(R,): how many symbols of a distribution one state can give at most before a bit must be read."""

    def fewest_bits(self, counts: Sequence[int], threads: int) -> int:
        """No stream with counts[i] symbols of distribution i, those of one distribution together, has fewer bits than this."""
        runs = self.free_runs.tolist()
        return sum(max(0, count // (run + 1) - max(2, threads)) for count, run in zip(counts, runs, strict=True))


def coding_tables(masses: NDArray[np.int64], escapes: NDArray[np.int64]) -> CodingTables:
    """Tables for `masses` (R, up to 256), each row of sum 256, and the position of each row's escape.

    Raises ValueError where a row is no such distribution or an escape has no mass.
    """
    rows = len(masses)
    if masses.ndim != 2 or masses.shape[1] > STATES or masses.min(initial=0) < 0 or np.any(masses.sum(axis=1) != STATES):
        raise ValueError("a distribution is at most 256 masses of sum 256")
    if escapes.shape != (rows,) or np.any(masses[np.arange(rows), escapes] < 1):
        raise ValueError("the escape of a distribution has no mass")
    starts = np.full((rows, STATES + 1), STATES, np.int16)
    starts[:, 0] = 0
    starts[:, 1 : masses.shape[1] + 1] = np.cumsum(masses, axis=1)
    decoding = np.empty((rows, STATES), np.uint32)
    states = np.empty((rows, STATES), np.uint8)
    for row in range(rows):
        states[row] = _states_in_order(starts[row])
        decoding[row] = _entries(masses[row], starts[row], states[row], int(escapes[row]))
    return CodingTables(decoding, states, starts, escapes.astype(np.int32), _free_runs(decoding))


def _states_in_order(starts: NDArray[np.int16]) -> NDArray[np.uint8]:
    owned = []
    for a, b in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        owned += [*range(a - a // 2, b - b // 2), *range(STATES // 2 + a // 2, STATES // 2 + b // 2)]
    return np.array(owned, np.uint8)


def _entries(masses: NDArray[np.int64], starts: NDArray[np.int16], states: NDArray[np.uint8], escape: int) -> NDArray[np.uint32]:
    position = np.repeat(np.arange(len(masses)), masses)
    mass = masses[position]
    following = mass + np.arange(STATES) - starts[position]
    bits = 9 - np.array([int(value).bit_length() for value in following])
    entries = np.empty(STATES, np.uint32)
    entries[states] = position << 16 | np.where(position == escape, ESCAPED, 0) | bits << 8 | ((following << bits) ^ STATES)
    return entries


def _free_runs(decoding: NDArray[np.uint32]) -> NDArray[np.int64]:
    """A step that reads nothing leads to a lower state (p + k < 256 + s, since p < 256), so the runs are paths without circles."""
    free = (decoding >> 8) & 15 == 0
    following = decoding & 255
    run = np.zeros(decoding.shape, np.int64)
    every = np.arange(len(decoding))
    for state in range(STATES):
        run[:, state] = np.where(free[:, state], 1 + run[every, following[:, state]], 0)
    return run.max(axis=1)
