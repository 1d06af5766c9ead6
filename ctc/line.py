"""Takes units to their results: from the store where every step of them is there, else by the executor that the options name."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any, TypeVar

from tqdm import tqdm

from ctc.coding import CodingResult, CodingUnit, lost_coding
from ctc.execute import OnDemand
from ctc.plan import Options
from ctc.records import Failed
from ctc.scoring import ScoringResult, ScoringUnit, lost_scoring

Unit = TypeVar("Unit", CodingUnit, ScoringUnit)
Done = TypeVar("Done", CodingResult, ScoringResult)


class Line(AbstractContextManager["Line"]):
    """Works on units stage by stage, shows how far it is, and stops at the first failure with `--fail-fast`."""

    def __init__(self, options: Options, points: int, failed: int) -> None:
        self._fail_fast, self._stopped, self._failed = options.fail_fast, False, failed
        self._executor = OnDemand(options.workers, options.scheduler, _lost)
        # Each point is two steps: a bitstream that decodes, and its scores.
        self._bar = tqdm(total=2 * points, unit="step", file=sys.stderr, disable=not sys.stderr.isatty())
        self._open = ExitStack()
        self._open.enter_context(self._bar)
        self._open.enter_context(self._executor)

    def __exit__(self, *error: Any) -> None:
        self._open.__exit__(*error)

    def work(self, recall: Callable[[Unit], Done | None], work: Callable[[Unit], Done], units: Sequence[Unit]) -> list[Done]:
        """Results of `units`, in the order in which they came; none once the line has stopped."""
        results: list[Done] = []
        todo: list[Unit] = []
        for unit in () if self._stopped else units:
            recalled = recall(unit)
            if recalled is None:
                todo.append(unit)
            else:
                results.append(self._noted(recalled))
        for result in self._executor(work, todo) if todo else ():
            results.append(self._noted(result))
            if self._stopped:
                break
        return results

    def _noted(self, result: Done) -> Done:
        failed = sum(isinstance(point, Failed) for point in result.points)
        self._failed += failed
        self._stopped = self._stopped or bool(self._fail_fast and failed)
        self._bar.set_postfix(failed=self._failed, refresh=False)
        self._bar.update(_steps(result))
        return result


def _steps(result: CodingResult | ScoringResult) -> int:
    """What has no bitstream is not scored either: both steps are done."""
    if isinstance(result, CodingResult):
        return 2 * len(result.unit.target_bpps) - len(result.coded)
    return len(result.points)


def _lost(unit: CodingUnit | ScoringUnit, reason: str) -> CodingResult | ScoringResult:
    return lost_coding(unit, reason) if isinstance(unit, CodingUnit) else lost_scoring(unit, reason)
