"""What is said of a metric, and how near it is to the official values."""

from __future__ import annotations

from dataclasses import dataclass

from ctc.records.pictures import Transfer


@dataclass(frozen=True)
class MetricInfo:
    """What a report says of a metric."""

    name: str
    label: str
    version: str
    higher_is_better: bool
    range: str
    unit: str
    reference: str
    """Paper or standard."""
    equals: str
    """The program whose values it gives, and how nearly."""
    transfer: Transfer | None = None
    """Where it is defined for pictures of one transfer only: which. It is a default one of such pictures."""


NO_OFFICIAL_VALUES = "no official values are at hand"


@dataclass(frozen=True)
class Parity:
    """How near a metric comes to the official values of the golden pairs."""

    metric: str
    pairs: int
    """Pairs with an official value for which the metric could be asked."""
    missed: int
    """Those of them where it is further off than the tolerance, undefined, not a number, or failed."""
    largest_difference: float | None
    """Over the pairs where it has a value; None where there is none."""
    tolerance: float | None
    """Of that pair; None where no official value is at hand."""
    reason: str = ""

    @property
    def holds(self) -> bool:
        """Whether every pair is within its tolerance, and there was one."""
        return self.pairs > 0 and self.missed == 0
