"""Cutting pictures into strips of rows: the same whatever the number of threads, their sums added in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float64]
Part = TypeVar("Part")

STRIP_ROWS = 64
"""Output rows of one strip: its input stays in a core's cache for a few thousand columns."""

_pool: ContextVar[ThreadPoolExecutor | None] = ContextVar("pool", default=None)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Pieces of pictures are worked on in `count` threads inside, which live that long.

    One thread is the rule, since a run scores in several processes.

    Raises ValueError where `count` is below 1.
    """
    if count < 1:
        raise ValueError(f"{count} threads; at least one is needed")
    with ThreadPoolExecutor(count) as pool:
        before = _pool.set(pool if count > 1 else None)
        try:
            yield
        finally:
            _pool.reset(before)


def mapped(work: Callable[[int, int], Part], rows: int, at_once: int | None = None) -> Iterator[Part]:
    """work(first row, row after the last) of every strip of `at_once` (or STRIP_ROWS) rows out of `rows`, in order."""
    step = at_once or STRIP_ROWS
    starts = range(0, rows, step)
    stops = [min(start + step, rows) for start in starts]
    pool = _pool.get()
    return map(work, starts, stops) if pool is None or len(stops) == 1 else pool.map(work, starts, stops)


def done(work: Callable[[int, int], None], rows: int, at_once: int | None = None) -> None:
    """Runs `work` as `mapped` does: what it writes is its result."""
    for _ in mapped(work, rows, at_once):
        pass


def summed(work: Callable[[int, int], NDArray[np.float64]], rows: int, at_once: int | None = None) -> NDArray[np.float64]:
    """Sum over the strips of `rows` rows, as `mapped` cuts them, of the arrays that `work` returns."""
    parts = mapped(work, rows, at_once)
    total = next(parts).copy()
    for part in parts:
        total += part
    return total


class Rows(Protocol):
    """A plane (height, width) of which rows can be had, stored or computed."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, rows: slice, /) -> Plane: ...


class Samples:
    """Codes (height, width) as real numbers of another range, converted a strip at a time."""

    def __init__(self, codes: NDArray[Any], factor: float) -> None:
        self.codes, self.factor, self.shape = codes, factor, codes.shape

    def __getitem__(self, rows: slice) -> Plane:
        return np.multiply(self.codes[rows], self.factor, dtype=np.float64)
