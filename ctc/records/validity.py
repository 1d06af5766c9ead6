"""Whether a point may stand behind a number that a table stresses: one state for each condition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ConditionState = Literal["holds", "fails", "not run", "does not apply"]
"""Not run: nobody has looked, so that it cannot be said to hold. Does not apply: there is nothing that it could be said of."""

CONDITIONS = ("rate", "monotone", "complete", "repeatable", "interop", "overlap")
"""Rate within the tolerance; its curve rises in bpp and every metric; every metric has a value; the decoder gives the same twice; devices
can be mixed; its curve has enough of its quality range in common with the anchor's."""


@dataclass(frozen=True)
class Fault:
    """Why a condition does not hold, of one metric or, where that is empty, of all."""

    metric: str
    reason: str


@dataclass(frozen=True)
class Condition:
    """What is known of one condition of a point."""

    name: str
    """One of `CONDITIONS`."""
    state: ConditionState
    note: str = ""
    """How far it holds, or why it does not apply; or empty."""
    faults: tuple[Fault, ...] = ()
    """One or more where it fails or was not run, else none."""

    @property
    def reason(self) -> str:
        """Why the state is what it is, in one line; metrics that share a cause are named together."""
        causes: dict[str, list[str]] = {}
        for fault in self.faults:
            causes.setdefault(fault.reason, []).append(fault.metric)
        told = [": ".join(filter(None, [", ".join(filter(None, metrics)), cause])) for cause, metrics in causes.items()]
        return "; ".join(filter(None, [*told, self.note]))


@dataclass(frozen=True)
class PointValidity:
    """The conditions of a point, in the order of `CONDITIONS`."""

    codec: str
    picture: str
    target_bpp: float
    conditions: tuple[Condition, ...]

    @property
    def valid(self) -> bool:
        """Whether every condition that applies holds."""
        return not any(condition.faults for condition in self.conditions)
