"""What a run would do: its jobs, the command line that each would start with, and how long it would take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ctc import datasets, pixels, plugins
from ctc.coding import CodingResult, CodingUnit, recall_coding
from ctc.complexity.process import shell_line
from ctc.plan import Options, Plan, pilots_and_others, resolve
from ctc.ratecontrol import RateSearch
from ctc.records import Coded, Unsupported
from ctc.scoring import SCORE_S_PER_MEGAPIXEL, recall_scoring
from ctc.store import Store
from ctc.timing.estimate import Expected, estimate


def describe(options: Options) -> str:
    """The jobs, one line each, and the estimate. Writes nothing but the picture hashes in the store."""
    plan = resolve(options)
    store, partial = Store(options.cache), options.allow_partial
    dataset = datasets.load(options.dataset, store, options.images, options.limit, allow_partial=partial, locking=False)
    if options.timing is not None:
        options.timing.require_pictures(dataset.pictures, dataset.name)
    plan = plan.on(dataset.pictures)
    pilots, others = pilots_and_others(dataset.pictures)
    pilot_units = plan.coding_units(pilots)
    recalled = [result for result in map(recall_coding, pilot_units) if result is not None]
    units = [*pilot_units, *plan.coding_units(others, recalled)]
    done = {unit: recall_coding(unit) for unit in units}
    unscored = {coded for result in done.values() if result is not None for coded in result.coded if not _is_scored(plan, result, coded)}
    share = dataset.state.share if dataset.state is not None else ""
    lines = [*filter(None, [share]), *(f"cannot be used: {failed.error}" for failed in dataset.failed)]
    for unit, result in done.items():
        lines += list(_to_do(unit) if result is None else _done(result, unscored))
    timing = [estimate(_points_to_time(done), options.timing, store)] if options.timing is not None else []
    return "\n".join([*lines, "", _estimate(plan, done, unscored), *timing])


def _points_to_time(done: dict[CodingUnit, CodingResult | None]) -> list[Expected]:
    """All that are made, and all that may be."""
    expected = []
    for unit, result in done.items():
        known = {coded.job.target_bpp: coded for coded in result.coded} if result is not None else {}
        targets = unit.target_bpps if result is None else known
        expected += [Expected(unit.codec, unit.picture, target, known.get(target)) for target in targets]
    return expected


def _is_scored(plan: Plan, result: CodingResult, coded: Coded) -> bool:
    (unit,) = plan.scoring_units([replace(result, outcomes=(coded,))])
    return recall_scoring(unit) is not None


def _done(result: CodingResult, unscored: set[Coded]) -> Iterator[str]:
    if isinstance(result.outcomes[0], Unsupported):
        yield f"cannot   {result.unit.codec} {result.unit.picture.name}: {result.outcomes[0].reason}"
        return
    for target, outcome in zip(sorted(result.unit.target_bpps), result.outcomes, strict=True):
        yield f"{'to score' if outcome in unscored else 'stored  '} {_head(result.unit, target)}"


def _to_do(unit: CodingUnit) -> Iterator[str]:
    codec = plugins.codec_on(unit.codec, unit.picture)
    # Never asked for a rate: only where each search would begin is wanted.
    search = RateSearch(lambda _setting: 0.0, codec.knob, unit.rate_tolerance, unit.offset)
    width, height = pixels.coded_size(unit.picture.width, unit.picture.height, codec.pixels)
    raw = pixels.raw_name(unit.picture.name, width, height, codec.pixels, unit.picture.transfer)
    source = Path(f"{unit.picture.name}.ppm" if codec.pixels.container == "ppm" else raw)
    for target in unit.target_bpps:
        setting = search.first_guess(target)
        command = codec.encode_command(source, Path(f"{unit.picture.name}.{unit.codec}.bits"), setting)
        yield f"to do    {_head(unit, target)}, from {codec.knob.name} {setting:g}: {shell_line(command)}"


def _head(unit: CodingUnit, target_bpp: float) -> str:
    return f"{unit.codec} {unit.picture.name} {target_bpp:g} bpp"


def _estimate(plan: Plan, done: dict[CodingUnit, CodingResult | None], unscored: set[Coded]) -> str:
    workers = plan.options.workers
    todo = [unit for unit, result in done.items() if result is None]
    longest = max((unit.expected_s for unit in todo), default=0.0)
    seconds = max(sum(unit.expected_s for unit in todo) / workers, longest)
    pixels_to_score = sum(len(unit.target_bpps) * unit.picture.pixels for unit in todo) + sum(
        coded.job.picture.pixels for coded in unscored
    )
    seconds += pixels_to_score / 1e6 * SCORE_S_PER_MEGAPIXEL / workers
    left = Counter({unit.codec: 0 for unit in done})
    for unit in todo:
        left[unit.codec] += len(unit.target_bpps)
    by_codec = ", ".join(f"{codec} {number}" for codec, number in left.items())
    on = f"{workers} worker{'s' if workers > 1 else ''}" if plan.options.scheduler is None else "one worker of the cluster"
    points = sum(len(unit.target_bpps) for unit, result in done.items() if result is None or result.coded or len(result.points) > 1)
    jobs = f"{points} points, {sum(left.values())} to do ({by_codec})" + (f", {len(unscored)} to score" if unscored else "")
    return f"{jobs}; about {seconds / 60:.1f} minutes on {on}"
