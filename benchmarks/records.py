"""What a measurement gives, and sums of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from benchmarks.pictures import pixel_count


@dataclass(frozen=True)
class Cost:
    """Of one score. Times are the least of the repeats, the peak the largest; it counts what is above the pictures."""

    wall_s: float
    cpu_s: float
    peak_bytes: int
    score: float

    def with_children(self, peak_bytes: int) -> Cost:
        """Peaks are added as if they came at once."""
        return replace(self, peak_bytes=self.peak_bytes + peak_bytes)


def least(costs: Sequence[Cost]) -> Cost:
    return Cost(min(c.wall_s for c in costs), min(c.cpu_s for c in costs), max(c.peak_bytes for c in costs), costs[0].score)


@dataclass(frozen=True)
class Row:
    metric: str
    program: str
    official: bool
    megapixels: float
    threads: int
    cost: Cost | None
    note: str = ""
    """Why there is no cost."""
    missing: str = ""
    """What is not installed."""

    @property
    def ours(self) -> bool:
        return self.program == "ours"


@dataclass(frozen=True)
class Sum:
    wall_s: float
    cpu_s: float
    pixels: int

    @property
    def cpu_ms_per_mp(self) -> float:
        return self.cpu_s * 1e9 / self.pixels


def together(rows: Iterable[Row], metrics: Sequence[str], megapixels: float, threads: int, wanted: Callable[[Row], bool]) -> Sum | None:
    """What `metrics` cost one after the other, each by the fastest of the wanted programs; None unless all were measured."""
    best: dict[str, Cost] = {}
    for row in rows:
        if row.cost and row.metric in metrics and (row.megapixels, row.threads) == (megapixels, threads) and wanted(row):
            known = best.get(row.metric, row.cost)
            best[row.metric] = min(known, row.cost, key=lambda cost: cost.wall_s)
    if len(best) < len(metrics):
        return None
    return Sum(sum(cost.wall_s for cost in best.values()), sum(cost.cpu_s for cost in best.values()), pixel_count(megapixels))
