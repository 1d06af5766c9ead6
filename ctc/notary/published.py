"""Codes pictures at published points and compares bytes, bpp and metrics.

A published table names rates and bytes, not settings: the setting of a point is the one that gives the published number of bytes. A
search for exactly that rate finds it, or ends between the two settings around it; then the nearer one is shown beside the point it misses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from ctc import parity
from ctc.coding import CodingUnit, code_unit, recall_coding
from ctc.errors import DataSetMissing, UsageError
from ctc.line import Line
from ctc.notary.pictures import left_out_lines, pictures_there
from ctc.notary.verdict import Compared, Verdict, failures_of
from ctc.outside.anchor import PUBLISHED_BITS
from ctc.outside.points import why_absent
from ctc.plan import Options, Plan, resolve
from ctc.published.points import PREFIX, Published, PublishedPoint
from ctc.records import Failed, Picture, Scored, Unreachable, Unsupported
from ctc.scoring import recall_scoring, score_unit

EXACT = 1e-9
"""Relative rate tolerance that only the same number of bytes meets: one byte of a gigabyte."""

BPP_TOLERANCE = 1e-9
"""Published bpp have nine decimals."""

WHY = (
    "bytes: none; a bitstream is the anchor's or it is not",
    "bpp: 1e-09, the last published digit",
    "metrics: those of the parity certificate (`ctc metrics verify`); the published values were computed in float32 on a device unknown, "
    "VMAF by libvmaf 2.2.1",
)
"""Where the tolerances come from. Over five published points of two pictures, VTM 11.1 gave at most 1.7e-4 dB in luma PSNR, 3.2e-5 in
IW-SSIM, 1.3e-6 in MS-SSIM and less than 2e-6 elsewhere: these three are sums in float32, which depend on the order of adding."""

Points = dict[Picture, list[PublishedPoint]]
Outcome = Scored | Unreachable | Unsupported | Failed


def metrics_of(published: Published, chosen: Sequence[str]) -> tuple[str, ...]:
    """The published metrics that have a tolerance, of those that were `chosen` if any. Raises UsageError where none is left."""
    known = [metric for metric in published.metrics if metric in parity.tolerances()]
    wanted = tuple(metric for metric in known if not chosen or metric in chosen)
    if not wanted:
        raise UsageError(f"--metrics {','.join(chosen)}: published are {', '.join(known) or 'none that has a tolerance'}")
    return wanted


def verify(options: Options, published: Published) -> Verdict:
    """The pictures of `options.dataset` that were published, coded by the first codec of `options` at the published points.

    Raises DataSetMissing where none of them was published, UsageError for samples on another grid, ToolMissing."""
    if options.internal_bits != PUBLISHED_BITS:
        raise UsageError(f"--internal-bits {options.internal_bits}: published values are of the {PUBLISHED_BITS}-bit grid")
    plan = resolve(options)
    dataset = pictures_there(options)
    wanted = {picture: published.of(picture.name) for picture in dataset.pictures if not why_absent(published, picture)}
    if not wanted and not dataset.failed:
        raise DataSetMissing(f"{options.dataset}: no points of its pictures were published ({PREFIX}{published.name}: {published.source})")
    units = _units(plan, wanted)
    with Line(options, len(units), len(dataset.failed)) as line:
        coded = line.work(recall_coding, code_unit, units)
        scored = line.work(recall_scoring, score_unit, plan.scoring_units(coded))
    outcomes = [outcome for result in coded for outcome in result.points] + [point for result in scored for point in result.points]
    codec = plan.codecs[0]
    return Verdict(
        codec=codec.name,
        knob=codec.knob.name if codec.knob else "setting",
        version=codec.version,
        against=f"{PREFIX}{published.name}",
        source=published.source,
        compared=tuple(_compared(wanted, outcomes)),
        failed=(*dataset.failed, *_failures(wanted, outcomes)),
        notes=(*_left_out(dataset.pictures, published), *left_out_lines(dataset)),
        tolerances=WHY,
    )


def _units(plan: Plan, wanted: Points) -> list[CodingUnit]:
    """One unit for each point, longest first: pictures that are few would leave workers idle."""
    options = plan.options
    store, limit = str(options.cache), options.time_limit_s
    units = [
        CodingUnit(picture, codec.name, codec.version, (_bpp(picture, point),), EXACT, 0.0, store, limit, stored_first=True)
        for picture, points in wanted.items()
        for codec in [plan.codecs[0].on(picture)]
        for point in points
    ]
    return sorted(units, key=lambda unit: (-unit.picture.pixels * unit.target_bpps[0], unit.picture.name))


def _bpp(picture: Picture, point: PublishedPoint) -> float:
    """The rate of exactly the published bytes."""
    return 8 * point.bytes / picture.pixels


def _by_place(outcomes: Iterable[Outcome]) -> Mapping[tuple[str, float | None], Outcome]:
    return {outcome.place[1:]: outcome for outcome in outcomes}


def _compared(wanted: Points, outcomes: Sequence[Outcome]) -> Iterator[Compared]:
    found = _by_place(outcomes)
    for picture, points in wanted.items():
        for point in points:
            outcome = found.get((picture.name, _bpp(picture, point)))
            if isinstance(outcome, Unreachable):
                size = round(outcome.limit_bpp * picture.pixels / 8)
                yield _same(point, outcome.limit_setting, "bytes", size, point.bytes, outcome.reason)
            elif isinstance(outcome, Scored):
                yield from _of_point(point, outcome)


def _of_point(point: PublishedPoint, scored: Scored) -> Iterator[Compared]:
    coded = scored.coded
    missed = "" if coded.bytes == point.bytes else "no setting gives the published bytes; this one comes nearest"
    yield _same(point, coded.setting, "bytes", coded.bytes, point.bytes, missed)
    yield Compared(point.picture, point.target_bpp, coded.setting, "bpp", coded.bpp, point.bpp, BPP_TOLERANCE)
    tolerances = parity.tolerances()
    for score in scored.scores:
        tolerance, published = tolerances[score.metric], point.values.get(score.metric)
        if published is not None:
            yield Compared(
                point.picture, point.target_bpp, coded.setting, score.metric, score.value, published, tolerance, score.reason
            )  # fmt: skip


def _same(point: PublishedPoint, setting: float | None, quantity: str, here: int, wanted: int, reason: str) -> Compared:
    return Compared(point.picture, point.target_bpp, setting, quantity, here, wanted, 0.0, reason)


def _failures(wanted: Points, outcomes: Iterable[Outcome]) -> Iterator[Failed]:
    """The failures, each at the published rate instead of the exact one."""
    rates = {(picture.name, _bpp(picture, point)): point.target_bpp for picture, points in wanted.items() for point in points}
    for failed in failures_of(outcomes):
        rate = None if failed.target_bpp is None else rates[failed.picture, failed.target_bpp]
        yield replace(failed, target_bpp=rate)


def _left_out(pictures: Iterable[Picture], published: Published) -> Iterator[str]:
    """The pictures that were not published, by the reason."""
    names: dict[str, list[str]] = {}
    for picture in pictures:
        reason = why_absent(published, picture)
        if reason:
            names.setdefault(reason, []).append(picture.name)
    yield from (f"left out, {reason}: {', '.join(of_reason)}" for reason, of_reason in names.items())
