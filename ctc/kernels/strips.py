"""Cutting pictures into strips of rows: the same whatever the number of threads, their sums added in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import pairwise, starmap
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float64]
Part = TypeVar("Part")

STRIP_ROWS = 64
"""Output rows of one strip: its input stays in a core's cache for a few thousand columns."""

SHARES_PER_THREAD = 2
"""Runs of strips that a thread gets one after the other: few, as handing over costs as much as a small strip, but more than one, as
threads are not equally quick."""


@dataclass(frozen=True)
class Pool:
    executor: ThreadPoolExecutor
    threads: int


_pool: ContextVar[Pool | None] = ContextVar("pool", default=None)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Pieces of pictures are worked on in `count` threads inside, which live that long.

    One thread is the rule, since a run scores in several processes.

    Raises ValueError where `count` is below 1.
    """
    if count < 1:
        raise ValueError(f"{count} threads; at least one is needed")
    with ThreadPoolExecutor(count) as executor:
        before = _pool.set(Pool(executor, count) if count > 1 else None)
        try:
            yield
        finally:
            _pool.reset(before)


def mapped(work: Callable[[int, int], Part], rows: int, at_once: int | None = None) -> Iterator[Part]:
    """work(first row, row after the last) of every strip of `at_once` (or STRIP_ROWS) rows out of `rows`, in order."""
    step = at_once or STRIP_ROWS
    strips = [(start, min(start + step, rows)) for start in range(0, rows, step)]
    pool = _pool.get()
    if pool is None or len(strips) == 1:
        yield from starmap(work, strips)
        return

    def worked(share: list[tuple[int, int]]) -> list[Part]:
        return list(starmap(work, share))

    number = min(len(strips), SHARES_PER_THREAD * pool.threads)
    bounds = [len(strips) * share // number for share in range(number + 1)]
    for parts in pool.executor.map(worked, (strips[first:last] for first, last in pairwise(bounds))):
        yield from parts


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
