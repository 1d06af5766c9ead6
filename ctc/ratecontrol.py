"""Finds the setting of a codec that gives a target rate. Knows no codec: only a function setting -> bpp, a knob and targets.

The model is the codec's own table of a typical picture, ln(bpp) over setting, plus what this picture's attempts say about the difference:
interpolated between attempts, constant beyond them. With one attempt this shifts the table; with two around the target it is the secant
on ln(rate), relative to the table. Every attempt serves all targets of the picture and none is made twice.

From picture to picture, `memory_offset` carries on by how much a set's pictures differ from the table. It is computed from a fixed few
pictures (the pilots), not from whatever happened to finish first, so that a search makes the same attempts in whatever order jobs run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctc.errors import ToolFailed
from ctc.records import Knob

MAX_TRIES = 16
"""Newly tried settings for one target. A bisection over 100 settings needs 7."""
MODEL_TRIES = 3
"""After so many tries for one target that the model led astray, the bracket is halved instead."""
SMALLEST_STEP = 1e-3
"""Relative step below which settings of a knob that is no integer count as adjacent."""


@dataclass(frozen=True)
class Choice:
    """What a search found: the nearest attempt, in tolerance unless `reason` says why not."""

    setting: float
    bpp: float
    tries: int
    reachable: bool
    reason: str = ""


class RateSearch:
    """The attempts on one picture with one codec, shared by its target rates.

    `rate` returns the real bpp at a setting; ToolFailed that it raises passes through `find`, and is raised again without another attempt
    when the same setting is wanted again. `offset` is the expected ln(bpp / bpp of the table)."""

    def __init__(self, rate: Callable[[float], float], knob: Knob, tolerance: float, offset: float = 0.0) -> None:
        self.attempts: dict[float, float] = {}
        self._failures: dict[float, ToolFailed] = {}
        self._rate, self._knob, self._tolerance, self._offset = rate, knob, tolerance, offset
        self._axis = _Axis(knob)

    def find(self, target_bpp: float) -> Choice:
        """The setting for `target_bpp`. Raises ToolFailed as `rate` does."""
        tries = 0
        while True:
            if self.attempts:
                best = self._nearest(self.attempts, target_bpp)
                within = [setting for setting, bpp in self.attempts.items() if abs(bpp / target_bpp - 1) <= self._tolerance]
                if within:
                    # Not always `best`: 10 % below a rate is further from it in the logarithm than 10 % above.
                    chosen = self._nearest(within, target_bpp)
                    return Choice(chosen, self.attempts[chosen], tries, reachable=True)
                limit = self._limit(target_bpp)
                if limit is not None:
                    return Choice(limit[0], self.attempts[limit[0]], tries, reachable=False, reason=limit[1])
                exhausted = self._candidates(target_bpp).size == 0
                if exhausted or tries >= MAX_TRIES:
                    who = f"no {self._knob.name}" if exhausted else f"none of {len(self.attempts)} tried settings"
                    reason = f"{who} gives a rate within {100 * self._tolerance:g} % of the target"
                    return Choice(best, self.attempts[best], tries, reachable=True, reason=reason)
            self._attempt(self._next(target_bpp) if tries < MODEL_TRIES else self._middle(target_bpp))
            tries += 1

    def first_guess(self, target_bpp: float) -> float:
        """The setting that a search with no attempts yet would try first."""
        return self._next(target_bpp)

    def _nearest(self, settings: Iterable[float], target_bpp: float) -> float:
        return min(settings, key=lambda setting: abs(math.log(self.attempts[setting] / target_bpp)))

    def _attempt(self, setting: float) -> None:
        if setting in self._failures:
            raise self._failures[setting]
        try:
            bpp = self._rate(setting)
        except ToolFailed as failure:
            self._failures[setting] = failure
            raise
        if not (bpp > 0 and math.isfinite(bpp)):
            raise ToolFailed(f"the encoder gave a rate of {bpp} bpp at {self._knob.name} {setting:g}")
        self.attempts[setting] = bpp

    def _bracket(self, target_bpp: float) -> tuple[float, float]:
        """Positions on the axis of rising rate between which the target lies: attempts, or the knob's limits."""
        below = [self._axis.position(s) for s, bpp in self.attempts.items() if bpp < target_bpp]
        above = [self._axis.position(s) for s, bpp in self.attempts.items() if bpp > target_bpp]
        return max(below, default=-math.inf), min(above, default=math.inf)

    def _limit(self, target_bpp: float) -> tuple[float, str] | None:
        """The setting at the end of the knob and the reason, when the target lies beyond it."""
        low, high = self._bracket(target_bpp)
        name = self._knob.name
        if low == self._axis.top:
            setting = self._axis.setting(low)
            return setting, f"the highest rate, at {name} {setting:g}, is {self.attempts[setting]:.4g} bpp"
        if high == self._axis.bottom:
            setting = self._axis.setting(high)
            return setting, f"the lowest rate, at {name} {setting:g}, is {self.attempts[setting]:.4g} bpp"
        return None

    def _candidates(self, target_bpp: float) -> NDArray[np.float64]:
        """Untried positions strictly inside the bracket, the knob's ends included where nothing was tried beyond."""
        low, high = self._bracket(target_bpp)
        grid = self._axis.grid(max(low, self._axis.bottom), min(high, self._axis.top))
        return grid[(grid > low) & (grid < high)]

    def _next(self, target_bpp: float) -> float:
        positions = self._candidates(target_bpp)
        error = np.abs(self._axis.log_rate(positions) + self._difference(positions) - math.log(target_bpp))
        return self._axis.setting(float(positions[np.argmin(error)]))

    def _middle(self, target_bpp: float) -> float:
        positions = self._candidates(target_bpp)
        return self._axis.setting(float(positions[positions.size // 2]))

    def _difference(self, positions: NDArray[np.float64]) -> NDArray[np.float64]:
        """ln(bpp of this picture / bpp of the table) as the attempts tell it."""
        if not self.attempts:
            return np.full(positions.shape, self._offset)
        tried = np.array(sorted(self._axis.position(setting) for setting in self.attempts))
        rates = np.log([self.attempts[self._axis.setting(position)] for position in tried])
        return np.interp(positions, tried, rates - self._axis.log_rate(tried))


def middle_out(target_bpps: Iterable[float]) -> list[float]:
    """The order in which targets need the fewest attempts: the middle one, then upwards, then downwards from it.

    Each search then begins next to what is known. Over dense tables of eight photographs and five targets libx265 needed 1.28 encodes per
    point so, 1.40 from the highest rate down, 1.43 from the lowest up."""
    targets = sorted(target_bpps)
    middle = len(targets) // 2
    return [*targets[middle:], *targets[:middle][::-1]]


class _Axis:
    """Settings as positions along which the rate rises: linear for an integer knob, logarithmic for another."""

    def __init__(self, knob: Knob) -> None:
        self._knob = knob
        self._sign = 1.0 if knob.rate_rises else -1.0
        self._positions: dict[float, float] = {}
        ends = sorted((self.position(knob.lowest), self.position(knob.highest)))
        self.bottom, self.top = ends
        self._settings = {end: s for s in (knob.lowest, knob.highest) for end in [self.position(s)]}
        table = sorted((self.position(setting), math.log(bpp)) for bpp, setting in knob.start)
        self._table = np.array(table).T

    def position(self, setting: float) -> float:
        """Where `setting` lies; for one that `setting` gave, exactly the position that it was asked for."""
        if setting in self._positions:
            return self._positions[setting]
        return self._sign * (setting if self._knob.integer else math.log(setting))

    def setting(self, position: float) -> float:
        if position in self._settings:
            return self._settings[position]
        value = self._sign * position
        if self._knob.integer:
            return float(round(value))
        # Six digits: a setting that a person can type again.
        setting = self._settings.setdefault(position, float(f"{math.exp(value):.6g}"))
        self._positions[setting] = position
        return setting

    def grid(self, low: float, high: float) -> NDArray[np.float64]:
        """Positions from `low` to `high`: every setting of an integer knob, else steps of a thousandth."""
        step = 1.0 if self._knob.integer else SMALLEST_STEP
        inner = np.arange(math.ceil(low / step), math.floor(high / step) + 1) * step
        return np.unique(np.concatenate(([low], inner, [high])))

    def log_rate(self, positions: NDArray[np.float64]) -> NDArray[np.float64]:
        """ln(bpp) of the table, continued by its last slopes."""
        at, rate = self._table
        inside = np.interp(positions, at, rate)
        first, last = (rate[1] - rate[0]) / (at[1] - at[0]), (rate[-1] - rate[-2]) / (at[-1] - at[-2])
        return inside + first * np.minimum(positions - at[0], 0) + last * np.maximum(positions - at[-1], 0)


def memory_offset(knob: Knob, pilots: Iterable[Mapping[float, float]]) -> float:
    """Expected ln(bpp / bpp of the table) from the attempts {setting: bpp} on some pictures; 0 without any.

    The mean over n pictures is drawn towards the table by n / (n + 1): one picture says little of the next."""
    axis = _Axis(knob)
    means = []
    for attempts in pilots:
        inside = [(s, bpp) for s, bpp in attempts.items() if s not in (knob.lowest, knob.highest)]
        if inside:
            differences = [math.log(bpp) - float(axis.log_rate(np.array([axis.position(s)]))[0]) for s, bpp in inside]
            means.append(sum(differences) / len(differences))
    return sum(means) / (len(means) + 1)
