"""Takes units to their results: from the store where every step of them is there, else by the executor that the options name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any, TypeVar

from ctc.coding import CodingResult, CodingUnit, lost_coding
from ctc.execute import OnDemand
from ctc.plan import Options
from ctc.progress import Progress
from ctc.records import Failed
from ctc.scoring import ScoringResult, ScoringUnit, lost_scoring

Unit = TypeVar("Unit", CodingUnit, ScoringUnit)
Done = TypeVar("Done", CodingResult, ScoringResult)


class Line(AbstractContextManager["Line"]):
    """Works on units stage by stage, shows how far it is, and stops at the first failure with `--fail-fast`."""

    def __init__(self, options: Options, points: int, failed: int) -> None:
        self._fail_fast, self._stopped, self._points, self._failed = options.fail_fast, False, points, failed
        self._executor = OnDemand(options.workers, options.scheduler, _lost)
        self._stage, self._shown = "", ExitStack()

    def __exit__(self, *error: Any) -> None:
        self._shown.close()
        self._executor.__exit__(*error)

    def work(self, recall: Callable[[Unit], Done | None], work: Callable[[Unit], Done], units: Sequence[Unit]) -> list[Done]:
        """Results of `units`, in the order in which they came; none once the line has stopped."""
        if units:
            self._show(units)
        results: list[Done] = []
        todo: list[Unit] = []
        for unit in () if self._stopped else units:
            recalled = recall(unit)
            if recalled is None:
                todo.append(unit)
            else:
                results.append(self._noted(recalled, made=False))
        for result in self._executor(work, todo) if todo else ():
            results.append(self._noted(result, made=True))
            if self._stopped:
                break
        return results

    def _show(self, units: Sequence[CodingUnit] | Sequence[ScoringUnit]) -> None:
        """Units after the pilots go on with the stage that there is."""
        coding = isinstance(units[0], CodingUnit)
        stage, points = ("coding", self._points) if coding else ("scoring", sum(map(_points_of, units)))
        if stage != self._stage:
            self._shown.close()
            self._stage = stage
            self._progress = self._shown.enter_context(Progress(stage, points, "point", failed=self._failed))

    def _noted(self, result: Done, *, made: bool) -> Done:
        failed = sum(isinstance(point, Failed) for point in result.points)
        self._failed += failed
        self._stopped = self._stopped or bool(self._fail_fast and failed)
        self._progress.advance(_points_of(result.unit), failed=failed, made=made)
        return result


def _points_of(unit: CodingUnit | ScoringUnit) -> int:
    return len(unit.target_bpps if isinstance(unit, CodingUnit) else unit.coded)


def _lost(unit: CodingUnit | ScoringUnit, reason: str) -> CodingResult | ScoringResult:
    return lost_coding(unit, reason) if isinstance(unit, CodingUnit) else lost_scoring(unit, reason)
