"""How far long work is, on standard error: a bar at a terminal, elsewhere a plain line now and then, so that a log shows that the work
goes on and is not filled by it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any, TypeVar

import click
from tqdm import tqdm

Item = TypeVar("Item")
Clock = Callable[[], float]
"""Seconds, never falling."""

APART_S = 30.0
"""Between two lines at least. Work that takes less says nothing."""
SILENT_S = 300.0
"""After which a line comes though no further tenth of the work is done."""


class Progress(AbstractContextManager["Progress"]):
    """Of `total` things, counted with `advance`.

    Where standard error is no terminal a line comes only when something advances: the first after 30 s, later ones at each tenth of the
    work or after 5 minutes, never two within 30 s; where there was one, the last tells the end."""

    def __init__(self, what: str, total: int, unit: str, *, failed: int = 0, clock: Clock = time.monotonic) -> None:
        """`unit` names one thing; `failed` is how many failed before."""
        self._what, self._total, self._unit, self._failed, self._clock = what, total, unit, failed, clock
        self._began, self._done, self._made = clock(), 0, 0
        self._told_s, self._told_done, self._lines = self._began, 0, 0
        self._bar: Any = tqdm(total=total, desc=what, unit=unit, file=sys.stderr) if sys.stderr.isatty() else None

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.close()
        elif self._lines and self._told_done < self._done:
            how = "in all" if self._done >= self._total else "until it ended"
            self._tell(f"{_duration(self._clock() - self._began)} {how}")

    def advance(self, number: int = 1, *, failed: int = 0, made: bool = True) -> None:
        """So many are done. What was not `made` but was there before says nothing about how long the others take."""
        self._done += number
        self._made += number if made else 0
        self._failed += failed
        if self._bar is None:
            self._tell_if_due()
            return
        if self._failed:
            self._bar.set_postfix(failed=self._failed, refresh=False)
        self._bar.update(number)

    def _tell_if_due(self) -> None:
        silent_s = self._clock() - self._told_s
        tenth = 10 * self._done // self._total > 10 * self._told_done // self._total
        if silent_s >= APART_S and (tenth or not self._lines or silent_s >= SILENT_S):
            self._tell(self._left())

    def _left(self) -> str:
        """As if the others took as long as those that were made."""
        if not self._made or self._done >= self._total:
            return ""
        seconds = (self._clock() - self._began) / self._made * (self._total - self._done)
        return f"about {_duration(seconds)} left"

    def _tell(self, how_long: str) -> None:
        failed = f"{self._failed} failed" if self._failed else ""
        units = self._unit if self._total == 1 else f"{self._unit}s"
        parts = (f"{self._what}: {self._done} of {self._total} {units}", failed, how_long)
        click.echo(", ".join(filter(None, parts)), err=True)
        self._told_s, self._told_done, self._lines = self._clock(), self._done, self._lines + 1


def shown(items: Iterable[Item], what: str, unit: str) -> Iterator[Item]:
    """The items, with how many of them are done."""
    every = list(items)
    with Progress(what, len(every), unit) as progress:
        for item in every:
            yield item
            progress.advance()


class Steps:
    """Names of steps of which nobody knows how many there will be: all at a terminal, elsewhere one at most every 30 s."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock, self._told_s = clock, clock()

    def __call__(self, what: str) -> None:
        now = self._clock()
        if sys.stderr.isatty() or now - self._told_s >= APART_S:
            click.echo(what, err=True)
            self._told_s = now


def _duration(seconds: float) -> str:
    """In words, of two figures or so."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"
