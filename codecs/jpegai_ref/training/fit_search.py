"""A search on integers, coordinate after coordinate."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from jpegai_ref.tool_constants import Constants

ROUNDS = 3
"""Through all coordinates with a step, at most."""


def search(tried: Callable[[Constants], float], start: Constants, steps: Sequence[int], bounds: tuple[int, int]) -> tuple[Constants, float]:
    """Coordinate after coordinate, one step up or down, while that helps; the best found, and by how much it is less than
    the start.

    Steps are tried from the largest on."""
    best = start.copy()
    first = lowest = tried(best)
    for step in steps:
        for _ in range(ROUNDS):
            before = lowest
            for index in range(len(best)):
                for candidate in _neighbours(best, index, step, bounds):
                    if (found := tried(candidate)) < lowest:
                        best, lowest = candidate, found
                        break
            if lowest == before:
                break
    return best, lowest - first


def _neighbours(values: Constants, index: int, step: int, bounds: tuple[int, int]) -> Iterator[Constants]:
    for moved in (values[index] - step, values[index] + step):
        if bounds[0] <= moved <= bounds[1]:
            candidate = values.copy()
            candidate[index] = moved
            yield candidate
