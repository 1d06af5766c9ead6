"""What a notarisation found: each quantity of each point beside what it should be."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ctc.records import Failed, Scored, Unreachable, Unsupported

Value = int | float | str | None


@dataclass(frozen=True)
class Compared:
    """One quantity of one point: bytes, bpp, a metric, or a hash."""

    picture: str
    target_bpp: float
    setting: float | None
    """None where no setting of the codec was chosen."""
    quantity: str
    here: Value
    wanted: Value
    tolerance: float
    """Absolute; 0 for what must be the same."""
    reason: str = ""
    """Why there is no value here, or why it is another."""

    @property
    def difference(self) -> float | None:
        """Here less wanted; None where either is no number. Infinite values that are equal differ by nothing."""
        if self.here is None or self.wanted is None or isinstance(self.here, str) or isinstance(self.wanted, str):
            return None
        return 0.0 if self.here == self.wanted else float(self.here - self.wanted)

    @property
    def holds(self) -> bool:
        # Written so that a difference that is not a number does not hold.
        return self.here == self.wanted if self.difference is None else abs(self.difference) <= self.tolerance

    @property
    def badness(self) -> float:
        """How many tolerances it is off, infinity where that cannot be said."""
        if self.holds and self.difference in (None, 0.0):
            return 0.0
        if self.difference is None or math.isnan(self.difference) or not self.tolerance:
            return math.inf
        return abs(self.difference) / self.tolerance

    @property
    def size(self) -> float:
        """What is largest where it is worst: the difference, or infinity where there is none and it should be."""
        if self.difference is None or math.isnan(self.difference):
            return 0.0 if self.holds else math.inf
        return abs(self.difference)


@dataclass(frozen=True)
class Verdict:
    """All that was compared of one codec."""

    codec: str
    knob: str
    """The codec's word for its setting."""
    version: str
    against: str
    """What it is compared with, e.g. "published:vvc"."""
    source: str
    """Who made that."""
    compared: tuple[Compared, ...]
    """By picture, rising rate, and quantity, bytes first."""
    failed: tuple[Failed, ...]
    notes: tuple[str, ...]
    """What was left out, and why."""
    tolerances: tuple[str, ...] = ()
    """Where the tolerances come from."""

    @property
    def points(self) -> dict[tuple[str, float], list[Compared]]:
        """The quantities of each point by picture and target rate."""
        found: dict[tuple[str, float], list[Compared]] = {}
        for each in self.compared:
            found.setdefault((each.picture, each.target_bpp), []).append(each)
        return found

    @property
    def quantities(self) -> dict[str, list[Compared]]:
        """The points of each quantity."""
        found: dict[str, list[Compared]] = {}
        for each in self.compared:
            found.setdefault(each.quantity, []).append(each)
        return found

    @property
    def holds(self) -> bool:
        """Whether every quantity of every point is what it should be, nothing failed, and there was a point."""
        return bool(self.compared) and not self.failed and all(each.holds for each in self.compared)

    @property
    def same(self) -> int:
        """Points of which every quantity holds."""
        return sum(all(each.holds for each in quantities) for quantities in self.points.values())


def failures_of(outcomes: Iterable[Scored | Unreachable | Unsupported | Failed]) -> Iterator[Failed]:
    """What kept points from being compared: also that the codec cannot code a picture, which was to be coded."""
    for outcome in outcomes:
        if isinstance(outcome, Failed):
            yield outcome
        elif isinstance(outcome, Unsupported):
            yield Failed(outcome.picture, outcome.codec, None, "encode", outcome.reason)


def worst(compared: Iterable[Compared]) -> Compared:
    """The one that is furthest off, measured in tolerances; of those that must be the same, by its size."""
    return max(compared, key=lambda each: (each.badness, each.size))
