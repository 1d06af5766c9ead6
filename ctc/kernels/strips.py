"""Cutting pictures into strips of rows: the same strips whatever the number of threads, their sums added in order."""

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

_threads: ContextVar[int] = ContextVar("threads", default=1)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Strips of metrics run in `count` threads inside; one thread is the rule, since a run scores in several processes.

    Raises ValueError where `count` is below 1.
    """
    if count < 1:
        raise ValueError(f"{count} threads; at least one is needed")
    before = _threads.set(count)
    try:
        yield
    finally:
        _threads.reset(before)


def mapped(work: Callable[[int, int], Part], rows: int) -> Iterator[Part]:
    """work(first row, row after the last) of every strip of `rows` rows, in order."""
    starts = range(0, rows, STRIP_ROWS)
    stops = [min(start + STRIP_ROWS, rows) for start in starts]
    if _threads.get() == 1 or len(stops) == 1:
        yield from map(work, starts, stops)
        return
    with ThreadPoolExecutor(_threads.get()) as pool:
        yield from pool.map(work, starts, stops)


def summed(work: Callable[[int, int], NDArray[np.float64]], rows: int) -> NDArray[np.float64]:
    """Sum over the strips of `rows` rows of the arrays that `work` returns."""
    parts = mapped(work, rows)
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
