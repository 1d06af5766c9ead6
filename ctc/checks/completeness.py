"""Whether every point has one outcome, and every score a value."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import product

from ctc.checks.points import by_picture, finding_at
from ctc.records import ALL, Campaign, Failed, Finding, MetricInfo, Scored, Unreachable


def completeness(campaign: Campaign) -> tuple[Finding, ...]:
    """Every codec, picture and target has one outcome (scored, unreachable, unsupported or failed), and every score a value.

    Errors: failures, pictures that could not be read, points without an outcome or with several, scores that were not made or
    are not a number. Warnings: metrics without a value for a picture, points that are absent. Notes: unreachable targets with the limit,
    pictures that a codec cannot code.
    """
    return (
        *(_failure(failed) for failed in campaign.failed),
        *_outcomes(campaign),
        *(_limit(unreachable) for unreachable in campaign.unreachable),
        *(Finding("completeness", "note", u.codec, u.picture, None, f"unsupported: {u.reason}") for u in campaign.unsupported),
        *_gaps(campaign),
        *_empty_scores(campaign),
    )


def _failure(failed: Failed) -> Finding:
    what = "the picture could not be used" if not failed.codec else f"{failed.stage} failed"
    return Finding("completeness", "error", failed.codec, failed.picture, failed.target_bpp, f"{what}: {failed.error}")


def _limit(unreachable: Unreachable) -> Finding:
    job = unreachable.job
    message = f"unreachable: {unreachable.reason} (limit {unreachable.limit_bpp:.4g} bpp)"
    return Finding("completeness", "note", job.codec, job.picture.name, job.target_bpp, message)


def _gaps(campaign: Campaign) -> Iterator[Finding]:
    """One finding for the absent points of a codec that share their reason and their target rates."""
    targets: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for gap in campaign.absent:
        targets[gap.codec, gap.reason, gap.picture].append(gap.target_bpp)
    pictures: dict[tuple[str, str, tuple[float, ...]], list[str]] = defaultdict(list)
    for (codec, reason, picture), of_picture in targets.items():
        pictures[codec, reason, tuple(sorted(of_picture))].append(picture)
    for (codec, reason, rates), names in pictures.items():
        at = ", ".join(f"{target:g}" for target in rates)
        message = f"no point at {at} bpp of {len(names)} of {len(campaign.pictures)} pictures ({', '.join(names)}): {reason}"
        yield Finding("completeness", "warning", codec, names[0] if len(names) == 1 else ALL, None, message)


def _outcomes(campaign: Campaign) -> Iterator[Finding]:
    """Errors for the cells that have no outcome or several."""
    count = Counter(point.place for point in campaign.scored)
    count.update(unreachable.place for unreachable in campaign.unreachable)
    count.update(gap.place for gap in campaign.absent)
    count.update((u.codec, u.picture, target) for u in campaign.unsupported for target in campaign.target_bpps)
    failures = {(failed.codec, failed.picture, failed.target_bpp) for failed in campaign.failed}
    for codec, picture, target in product(campaign.codecs, campaign.pictures, campaign.target_bpps):
        cell = (codec.name, picture.name, target)
        outcomes = count[cell] + (cell in failures)
        # A failure before codec, picture or target was known stands for all of the cells that it kept from being made.
        if outcomes == 0 and not set(product((codec.name, ""), (picture.name, ""), (target, None))) & failures:
            yield Finding("completeness", "error", *cell, "no result: neither scored, nor unreachable, nor failed")
        if outcomes > 1:
            yield Finding("completeness", "error", *cell, f"{outcomes} results for one point")


def _empty_scores(campaign: Campaign) -> Iterator[Finding]:
    """One finding per codec, picture and reason; one per codec and reason of a codec that was not run here."""
    elsewhere = [codec.name for codec in campaign.codecs if codec.source]
    yield from _empty(campaign, [points for (codec, _), points in by_picture(campaign).items() if codec not in elsewhere])
    for name in elsewhere:
        of_codec = [point for (codec, _), points in by_picture(campaign).items() if codec == name for point in points]
        yield from (replace(finding, picture=ALL, target_bpp=None) for finding in _empty(campaign, [of_codec]))


def _empty(campaign: Campaign, groups: Iterable[Sequence[Scored]]) -> Iterator[Finding]:
    for points in groups:
        causes: dict[tuple[str, str], list[tuple[Scored, str]]] = defaultdict(list)
        for point, info in product(points, campaign.metrics):
            if cause := _why_empty(point, info):
                causes[cause].append((point, info.name))
        for (severity, reason), cells in causes.items():
            names = ", ".join(dict.fromkeys(name for _, name in cells))
            targets = ", ".join(dict.fromkeys(f"{point.coded.job.target_bpp:g}" for point, _ in cells))
            yield finding_at("completeness", severity, cells[0][0], f"no value of {names} at {targets} bpp: {reason}")


def _why_empty(point: Scored, info: MetricInfo) -> tuple[str, str] | None:
    score = next((score for score in point.scores if score.metric == info.name), None)
    if score is None:
        return "error", "not scored"
    if score.value is None:
        return "warning", score.reason or "no reason was given"
    return ("error", "the metric gave something that is not a number") if math.isnan(score.value) else None
