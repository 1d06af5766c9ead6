"""The pipeline: from a set of pictures to BD-rate tables. Read it top to bottom.

    python run_ctc.py --set demo             is the same as             ctc run --set demo

Plan, subtract, run, aggregate: every job is listed first, those in the store are dropped, the rest is run longest first and each step is
stored the moment it is there; tables and page are then made from what is stored.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain

from tqdm import tqdm

from ctc import checks, datasets, plugins
from ctc.bdrate.tables import bd_rates
from ctc.complexity.machine import machine
from ctc.complexity.versions import package_versions
from ctc.errors import PictureError, UsageError
from ctc.execute import executor
from ctc.plan import Options, Plan, pilots_and_others, resolve
from ctc.records import BD_TARGET_BPPS, Campaign, Counts, Failed, Scored, Unreachable
from ctc.scratch import remove_abandoned
from ctc.stages import Point, Unit, UnitResult, lost_unit, recall_unit, run_unit
from ctc.store import Store, explained, write_whole

Work = Callable[[Iterable[Unit]], list[UnitResult]]


def run(options: Options) -> Campaign:
    """Runs a campaign and writes its files. Raises CtcError; everything finished before that is in the store."""
    started, clock = datetime.now(UTC), time.monotonic()
    options = replace(options, target_bpps=options.target_bpps or BD_TARGET_BPPS)
    prepare_output(options)
    plan = resolve(options)
    dataset = datasets.load(options.dataset, Store(options.cache), options.images, options.limit)
    if options.fail_fast and dataset.failed:
        raise PictureError(dataset.failed[0].error)

    pilots, others = pilots_and_others(dataset.pictures)
    points = len(dataset.pictures) * len(plan.codecs) * len(options.target_bpps)
    with Progress(points, len(dataset.failed)) as progress:
        results = work_on(plan, plan.units(pilots), progress)
        if not (options.fail_fast and has_failed(results)):
            results += work_on(plan, plan.units(others, results), progress)

    campaign = gather(plan, dataset, results)
    campaign = replace(campaign, started=started.isoformat(timespec="seconds"), wall_s=round(time.monotonic() - clock, 3))
    campaign = replace(campaign, bd=bd_rates(campaign))
    campaign = replace(campaign, findings=checks.run_checks(campaign))
    write_reports(campaign, options)
    return campaign


def prepare_output(options: Options) -> None:
    """Makes the folders before any work is done for them. Raises OutOfSpace, NotWritable, UsageError."""
    for option, folder in (("--out", options.out), ("--cache", options.cache)):
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{option} {folder}: is a file, not a folder")
        with explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder) as probe:
                probe.write(b"x")
    remove_abandoned()


def work_on(plan: Plan, units: Sequence[Unit], progress: Progress) -> list[UnitResult]:
    """Results of `units`: from the store where every step is there, else by the executor that the options name."""
    recalled = [recall_unit(unit) for unit in units]
    results = [result for result in recalled if result is not None]
    for result in results:
        progress.add(result)
    todo = [unit for unit, result in zip(units, recalled, strict=True) if result is None]
    if todo:
        with executor(plan.options.workers, plan.options.scheduler, lost_unit) as execute:
            for result in execute(run_unit, todo):
                results.append(result)
                progress.add(result)
                if plan.options.fail_fast and has_failed([result]):
                    break
    return results


def has_failed(results: Iterable[UnitResult]) -> bool:
    return any(isinstance(point, Failed) for result in results for point in result.points)


def gather(plan: Plan, dataset: datasets.Dataset, results: Sequence[UnitResult]) -> Campaign:
    """The campaign of all points, in the order of the plan whatever the order in which they came."""
    codecs, pictures = [codec.name for codec in plan.codecs], [picture.name for picture in dataset.pictures]
    results = sorted(results, key=lambda result: (codecs.index(result.unit.codec), pictures.index(result.unit.picture.name)))
    points = [measured_here(point) for point in chain.from_iterable(result.points for result in results)]
    return Campaign(
        dataset=dataset.name,
        command=plan.options.command,
        codecs=plan.codecs,
        metrics=plan.metrics,
        pictures=dataset.pictures,
        target_bpps=plan.options.target_bpps,
        rate_tolerance=plan.options.rate_tolerance,
        anchor=plan.anchor,
        anchor_note=plan.anchor_note,
        scored=tuple(point for point in points if isinstance(point, Scored)),
        unreachable=tuple(point for point in points if isinstance(point, Unreachable)),
        failed=(*dataset.failed, *(point for point in points if isinstance(point, Failed))),
        machine=machine(),
        versions=package_versions(),
        counts=sum((result.counts for result in results), Counts()),
        started="",
        wall_s=0.0,
    )


def measured_here(point: Point) -> Point:
    """The point without the times that another machine took: they do not belong beside this machine's."""
    if not isinstance(point, Scored):
        return point
    here = machine().identity
    encode, decode = (cost if cost and cost.machine == here else None for cost in (point.coded.encode, point.coded.decode))
    return replace(point, coded=replace(point.coded, encode=encode, decode=decode))


def write_reports(campaign: Campaign, options: Options) -> None:
    """Writes every report into the output folder. Raises OutOfSpace, NotWritable."""
    for report in plugins.reports().found.values():
        content = report.render(campaign)
        with explained(options.out):
            write_whole(options.out / report.file_name, content)


class Progress:
    """Points done, failures, and time left, on stderr when it is a terminal."""

    def __init__(self, points: int, failed: int) -> None:
        self._failed = failed
        self._bar = tqdm(total=points, unit="point", file=sys.stderr, disable=not sys.stderr.isatty())

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.close()

    def add(self, result: UnitResult) -> None:
        self._failed += sum(isinstance(point, Failed) for point in result.points)
        self._bar.set_postfix(failed=self._failed, refresh=False)
        self._bar.update(len(result.points))


if __name__ == "__main__":
    from ctc.cli import main

    main(["run", *sys.argv[1:]])
