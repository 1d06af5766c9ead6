"""Makes a timing campaign: one execution at a time, bound to its processors, in a shuffled order, each sample stored when it is there."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ctc.complexity.machine import machine
from ctc.complexity.process import run, time_limit
from ctc.errors import PictureError, ToolFailed
from ctc.progress import Progress
from ctc.protocols import Staying
from ctc.records import Campaign, Coded, Timing, TimingFailure, TimingSample
from ctc.scratch import scratch_prefix
from ctc.store import Store
from ctc.timing.desk import Desk
from ctc.timing.gpu import device_memory, searched, tries_at_most
from ctc.timing.kept import Kept, begun, conditions_key, held, latest_whole
from ctc.timing.schedule import Cell, Job, Place, cells, loading, shuffled, timed_points
from ctc.timing.wanted import TimingWanted, bound_to, chosen_processors

WARM_UP = -1
"""In place of the index of a sample and of its order, of executions that do not count."""
ASK_PROCESSORS = "import os, sys; sys.stdout.write(repr(sorted(os.sched_getaffinity(0))))"


def measure(campaign: Campaign, wanted: TimingWanted, store: Store, limit_s: float) -> Timing:
    """Times every point of `campaign` that was coded here, of the pictures and at the rates wanted.

    A codec that fails becomes a `TimingFailure`. Raises OutOfSpace, NotWritable, and UsageError where another campaign is under way;
    what was taken before that is kept."""
    points = timed_points(campaign, wanted)
    todo, loads = cells(points), loading(points, wanted.threads)
    conditions = conditions_of(wanted, [*todo, *loads])
    if wanted.reuse and (known := latest_whole(store, conditions)) is not None:
        return _gathered(known, wanted, [*todo, *loads], continued=False)
    with held(store, machine().identity):
        return _measured(points, todo, loads, wanted, begun(store, conditions), limit_s)


def _measured(
    points: Sequence[Coded], todo: Sequence[Cell], loads: Sequence[Cell], wanted: TimingWanted, kept: Kept, limit_s: float
) -> Timing:
    jobs, store = shuffled(todo, wanted.samples, kept.seed), kept.store
    to_load = [Job(cell, index) for cell in loads for index in range(wanted.samples)]
    unloaded, missing = [job for job in to_load if kept.sample(job) is None], [job for job in jobs if kept.sample(job) is None]
    continued = len(unloaded) + len(missing) < len(to_load) + len(jobs)
    to_warm = dict.fromkeys(job.cell for job in missing)
    executions = len(loads) + len(unloaded) + len(to_warm) + len(missing) + _tries(points, wanted)
    with (
        bound_to(chosen_processors(wanted.threads)),
        time_limit(limit_s),
        tempfile.TemporaryDirectory(prefix=scratch_prefix()) as folder,
        _Line(Desk(Path(folder), store, wanted.threads), kept, executions) as line,
        _left(loads, wanted.threads),
    ):
        for cell in loads:
            # Loaded anew in any case: what an earlier part of the run has left is bound to other processors.
            line.warm_up([cell])
            line.take([Job(cell, index) for index in range(wanted.samples)], first=0)
        line.warm_up(to_warm)
        line.take(jobs, first=len(loads) * wanted.samples)
        kept.finish(line.failed, device_memory(points, Desk(Path(folder), store, wanted.threads), line.tried))
    return _gathered(kept, wanted, [*todo, *loads], continued=continued)


def _tries(points: Sequence[Coded], wanted: TimingWanted) -> int:
    """Executions that the searches for the memory of a GPU take at most."""
    return sum(tries_at_most(cell.codec(wanted.threads)) for cell in searched(points))


def conditions_of(wanted: TimingWanted, todo: Sequence[Cell]) -> str:
    """The conditions of a campaign: machine, processors, threads, samples, and what is timed in which version."""
    facts: dict[str, Any] = {"machine": machine().identity, "cpus": chosen_processors(wanted.threads), "threads": wanted.threads}
    return conditions_key({**facts, "samples": wanted.samples, "cells": [cell.identity for cell in todo]})


@dataclass
class _Line(AbstractContextManager["_Line"]):
    """Works on jobs one after the other, keeps samples, shows how far it is."""

    desk: Desk
    kept: Kept
    executions: int
    """That there are to be, warming up included."""
    failures: dict[Place, TimingFailure] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._progress = Progress("timing", self.executions, "execution")

    def __exit__(self, *error: object) -> None:
        self._progress.__exit__(*error)

    @property
    def failed(self) -> tuple[TimingFailure, ...]:
        return tuple(self.failures.values())

    def tried(self) -> None:
        """An execution that is no sample begins."""
        self._progress.advance()

    def warm_up(self, todo: Iterable[Cell]) -> None:
        """Each once, not counted."""
        for cell in todo:
            self._tried(Job(cell, WARM_UP), WARM_UP)

    def take(self, jobs: Sequence[Job], first: int) -> None:
        """Samples of those that have none, in their order, which is counted from `first`."""
        for order, job in enumerate(jobs, start=first):
            if self.kept.sample(job) is None:
                sample = self._tried(job, order)
                if sample is not None:
                    self.kept.keep(job, sample)

    def _tried(self, job: Job, order: int) -> TimingSample | None:
        """None where it fails, or has failed before."""
        sample = None
        if tried := job.cell.place not in self.failures:
            sample = self._sample(job, order)
        self._progress.advance(failed=tried and sample is None, made=tried)
        return sample

    def _sample(self, job: Job, order: int) -> TimingSample | None:
        try:
            return self.desk.sample(job, order)
        except (ToolFailed, PictureError) as error:
            self.failures[job.cell.place] = TimingFailure(*job.cell.place, str(error))
            return None


@contextmanager
def _left(loads: Sequence[Cell], threads: int) -> Iterator[None]:
    """At the end no process stays that is bound to the processors of the campaign."""
    try:
        yield
    finally:
        for cell in loads:
            codec = cell.codec(threads)
            if isinstance(codec, Staying):
                codec.leave()


def _gathered(kept: Kept, wanted: TimingWanted, todo: Sequence[Cell], *, continued: bool) -> Timing:
    found = [kept.sample(Job(cell, index)) for cell in todo for index in range(wanted.samples)]
    failed, memory = kept.whole or ((), ())
    with bound_to(chosen_processors(wanted.threads)):
        cpus = processors_of_a_child()
    return Timing(
        machine=machine().identity,
        started=kept.started,
        continued=continued,
        round=kept.round,
        seed=kept.seed,
        samples_each=wanted.samples,
        threads=wanted.threads,
        cpus=cpus,
        target_bpps=wanted.target_bpps,
        samples=tuple(sorted((sample for sample in found if sample is not None), key=lambda sample: sample.order)),
        failed=failed,
        device_memory=memory,
    )


def processors_of_a_child() -> tuple[int, ...]:
    """To which processors a program that is started now is bound, as it sees it itself."""
    return tuple(json.loads(run((sys.executable, "-I", "-S", "-c", ASK_PROCESSORS)).printed))
