"""The pipeline: from a set of pictures to BD-rate tables. Read it top to bottom.

    python run_ctc.py --set demo             is the same as             ctc run --set demo

Plan, subtract, run, aggregate: every job is listed first, those in the store are dropped, the rest is run longest first and each step is
stored the moment it is there; tables and page are then made from what is stored. With `--timing` the points are then timed, one at a
time, and the reports written once more.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    # Ahead of the other modules, which take seconds to load: see `ctc.start`.
    from ctc.start import main

    main(["run", *sys.argv[1:]])

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from ctc import checks, datasets, plugins
from ctc.bdrate.tables import bd_rates
from ctc.coding import CodingResult, code_unit, recall_coding
from ctc.complexity.machine import machine
from ctc.complexity.versions import package_versions
from ctc.errors import PictureError
from ctc.line import Line
from ctc.plan import Options, Plan, pilots_and_others, resolve
from ctc.records import BD_TARGET_BPPS, Campaign, Counts, Failed, Scored, Unreachable, Unsupported
from ctc.scoring import ScoringResult, recall_scoring, score_unit
from ctc.scratch import remove_abandoned
from ctc.store import Store, check_folder, explained, write_whole
from ctc.timing.measure import measure
from ctc.validity import point_validity


def run(options: Options, dataset: datasets.Dataset | None = None) -> Campaign:
    """Runs a campaign and writes its files. `dataset` has the pictures where nobody has more of them than names.

    Raises CtcError; everything finished before that is in the store."""
    started, clock = datetime.now(UTC), time.monotonic()
    options = replace(options, target_bpps=options.target_bpps or BD_TARGET_BPPS)
    check_output(options)
    plan = resolve(options)
    dataset = dataset or datasets.load(
        options.dataset, Store(options.cache), options.images, options.limit, allow_partial=options.allow_partial
    )
    if options.fail_fast and dataset.failed:
        raise PictureError(dataset.failed[0].error)
    if options.timing is not None:
        options.timing.require_pictures(dataset.pictures, dataset.name)
    plan = plan.on(dataset.pictures)

    pilots, others = pilots_and_others(dataset.pictures)
    points = len(dataset.pictures) * len(plan.codecs) * len(options.target_bpps)
    with Line(options, points, len(dataset.failed)) as line:
        coded = line.work(recall_coding, code_unit, plan.coding_units(pilots))
        coded += line.work(recall_coding, code_unit, plan.coding_units(others, coded))
        scored = line.work(recall_scoring, score_unit, plan.scoring_units(coded))

    campaign = plan.with_others(gather(plan, dataset, coded, scored))
    campaign = replace(campaign, started=started.isoformat(timespec="seconds"), wall_s=round(time.monotonic() - clock, 3))
    campaign = replace(campaign, bd=bd_rates(campaign), parity=plan.certificate(), complexity=plan.complexity(dataset.pictures))
    campaign = replace(campaign, interop=plan.interop(), counted=plan.counted(dataset.pictures), beside=options.beside)
    campaign = replace(campaign, findings=checks.run_checks(campaign), validity=point_validity(campaign))
    write_reports(campaign, options)
    if options.timing is not None:
        # It may take hours and be stopped: until it is whole the reports are those of a run without it.
        timing = measure(campaign, options.timing, Store(options.cache), options.time_limit_s)
        campaign = replace(campaign, timing=timing, wall_s=round(time.monotonic() - clock, 3))
        write_reports(campaign, options)
    return campaign


def check_output(options: Options) -> None:
    """Before any work is done for them; the folders are made with what is first written. Raises OutOfSpace, NotWritable, UsageError."""
    check_folder("--out", options.out)
    check_folder("--cache", options.cache)
    remove_abandoned()


def gather(plan: Plan, dataset: datasets.Dataset, coded: Sequence[CodingResult], scored: Sequence[ScoringResult]) -> Campaign:
    """The campaign of all points, in the order of the plan whatever the order in which they came."""
    results: tuple[CodingResult | ScoringResult, ...] = (*coded, *scored)
    codecs, pictures = [codec.name for codec in plan.codecs], [picture.name for picture in dataset.pictures]
    places = {(codec, picture): (place, rank) for place, codec in enumerate(codecs) for rank, picture in enumerate(pictures)}
    points = [measured_here(point) for result in results for point in result.points]
    points.sort(key=lambda point: (places[point.place[:2]], point.place[2] or 0.0))
    return Campaign(
        dataset=dataset.name,
        command=plan.options.command,
        codecs=plan.codecs,
        metrics=plan.metrics,
        pictures=dataset.pictures,
        target_bpps=plan.options.target_bpps,
        rate_tolerance=plan.options.rate_tolerance,
        internal_bits=plan.options.internal_bits,
        metric_device=plan.options.metric_device,
        anchor=plan.anchor,
        anchor_note=plan.anchor_note,
        scored=tuple(point for point in points if isinstance(point, Scored)),
        unreachable=tuple(point for point in points if isinstance(point, Unreachable)),
        unsupported=tuple(point for point in points if isinstance(point, Unsupported)),
        set_state=dataset.state,
        failed=(*dataset.failed, *(point for point in points if isinstance(point, Failed))),
        machine=machine(),
        versions=package_versions(),
        counts=sum((result.counts for result in results), Counts()),
        started="",
        wall_s=0.0,
    )


def measured_here(point: Scored | Unreachable | Unsupported | Failed) -> Scored | Unreachable | Unsupported | Failed:
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
            options.out.mkdir(parents=True, exist_ok=True)
            write_whole(options.out / report.file_name, content)
