"""What is wrong with a campaign, or worth knowing: each check is a pure function from a campaign to findings.

An "error" means that the table is not valid, a "warning" that a number needs care, a "note" is a fact to know. Findings that
share a cause are one finding, so that a list for fifty pictures can still be read.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise, product

from ctc.interop.matrix import explanation, rows
from ctc.records import ALL, AVG, NO_OFFICIAL_VALUES, BdRate, Campaign, CodecInfo, Failed, Finding, MetricInfo, Scored, Unreachable

MINIMUM_OVERLAP = 0.75
"""Below it the `bjontegaard` package warns too: most of one curve was not compared with the other."""
CTC_INTERNAL_BITS = 10
ROUNDING = 1e-12
"""A deviation of exactly the tolerance may come out of bpp / target - 1 this much larger."""


def picture_set(campaign: Campaign) -> tuple[Finding, ...]:
    """A warning where the pictures are not the whole set, with one for each reason why some were left out; notes on its folder."""
    state = campaign.set_state
    if state is None:
        return ()
    share = [Finding("picture_set", "warning", "", "", None, f"{state.share}; compared with {state.verified}")] if state.partial else []
    by_reason: dict[str, list[str]] = defaultdict(list)
    for name, reason in state.left_out:
        by_reason[reason].append(name)
    left_out = [
        Finding("picture_set", "warning", "", names[0] if len(names) == 1 else "", None, f"left out: {', '.join(names)}: {reason}")
        for reason, names in by_reason.items()
    ]
    return (*share, *left_out, *(Finding("picture_set", "note", "", "", None, remark) for remark in state.remarks))


def rate_deviation(campaign: Campaign) -> tuple[Finding, ...]:
    """A warning for every point whose bpp is further from the target, up or down, than the campaign's tolerance."""
    allowed = f"{100 * campaign.rate_tolerance:g} % are allowed"
    return tuple(
        _finding("rate_deviation", "warning", point, f"{100 * coded.deviation:+.2f} % from the target ({coded.bpp:.4g} bpp); {allowed}")
        for point in _in_order(campaign)
        if abs((coded := point.coded).deviation) - campaign.rate_tolerance > ROUNDING
    )


def largest_deviation(campaign: Campaign, codec: str) -> float | None:
    """The deviation of largest magnitude of a codec's points, with its sign (0.1 is 10 % too many bits); None without points."""
    deviations = [point.coded.deviation for point in campaign.scored if point.coded.job.codec == codec]
    return max(deviations, key=abs, default=None)


def monotonicity(campaign: Campaign) -> tuple[Finding, ...]:
    """From each target rate of a picture to the next, bpp must strictly rise and every metric strictly improve.

    One finding per codec, picture and quantity, at the upper target of its first bad pair. Falling bpp is an error, because the
    targets have been mixed up; bpp that stays (one setting is nearest to both targets) and metrics are warnings. A missing
    value is `completeness`' matter: its neighbours are compared with each other.
    """
    findings: list[Finding] = []
    for points in _by_picture(campaign).values():
        if bad := _not_rising([(point, point.coded.bpp) for point in points], higher_is_better=True):
            falls = any(new < old for (_, old), (_, new) in bad)
            findings.append(_not_monotone("error" if falls else "warning", "bpp does not rise", bad))
        for info in campaign.metrics:
            values = [(point, value) for point in points if (value := point.value(info.name)) is not None]
            if bad := _not_rising(values, info.higher_is_better):
                findings.append(_not_monotone("warning", f"{info.name} does not improve", bad))
    return tuple(findings)


def is_monotone(campaign: Campaign, codec: str) -> bool:
    """Whether `monotonicity` finds nothing in a codec; so also true of a codec with fewer than two points a picture."""
    return not any(finding.codec == codec for finding in monotonicity(campaign))


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


def decoder_repeatability(campaign: Campaign) -> tuple[Finding, ...]:
    """An error for every bitstream that decoded to other samples the second time."""
    message = "decoding the same bitstream twice gave different pictures"
    return tuple(_finding("decoder_repeatability", "error", point, message) for point in _in_order(campaign) if point.repeatable is False)


def metric_parity(campaign: Campaign) -> tuple[Finding, ...]:
    """An error for every metric that is off the official values on the golden pairs, a warning for those that could not be compared.

    The metrics without official values are none of them."""
    findings = []
    for parity in campaign.parity:
        if parity.pairs and not parity.holds:
            off = (
                ""
                if parity.largest_difference is None
                else f", by up to {parity.largest_difference:.1e} where {parity.tolerance:g} is allowed"
            )
            because = f" ({parity.reason})" if parity.reason else ""
            message = f"{parity.metric} misses the official values on {parity.missed} of {parity.pairs} golden pairs{off}{because}"
            findings.append(Finding("metric_parity", "error", "", "", None, message))
        elif not parity.pairs and parity.reason != NO_OFFICIAL_VALUES:
            findings.append(Finding("metric_parity", "warning", "", "", None, f"{parity.metric} was not compared: {parity.reason}"))
    return tuple(findings)


def curve_overlap(campaign: Campaign) -> tuple[Finding, ...]:
    """Warnings for BD-rates that are N/A and for those whose curves share less than 75 % of their quality range.

    One finding per codec, picture and cause, which names the metrics; one per codec (picture "ALL") where the cause is the same
    everywhere. Averages follow from the metrics; only that of a whole codec is reported where it is N/A.
    """
    by_codec: dict[str, list[BdRate]] = defaultdict(list)
    for row in campaign.bd:
        by_codec[row.codec].append(row)
    return tuple(finding for codec, rows in by_codec.items() for finding in _codec_overlap(codec, rows))


Valued = tuple[Scored, float]


def interoperability(campaign: Campaign) -> tuple[Finding, ...]:
    """An error for each pair of devices between which a codec's bitstreams cannot travel, a warning where a BD-rate to judge by is missing.

    Nothing for codecs that `ctc interop` was not run with on this machine."""
    findings = []
    for interop in campaign.interop:
        for cell in (cell for row in rows(interop) for cell in row if not cell.holds):
            message = f"{cell.encoder} to {cell.decoder}: {cell.state}; {explanation(cell)}"
            findings.append(
                Finding("interoperability", "warning" if cell.state == "undecided" else "error", interop.codec, "", None, message)
            )
        findings += [Finding("interoperability", "error", interop.codec, "", None, f"{device}: {why}") for device, why in interop.failed]
    return tuple(findings)


def comparability(campaign: Campaign) -> tuple[Finding, ...]:
    """Notes on what the BD-rates compare: an anchor that is not the one of the common test conditions, and what a codec's name hides."""
    anchor = (
        [Finding("comparability", "note", campaign.anchor, "", None, f"anchor: {campaign.anchor_note}")] if campaign.anchor_note else []
    )
    if campaign.internal_bits != CTC_INTERNAL_BITS:
        message = f"metrics saw samples of {campaign.internal_bits} bits; the common test conditions use {CTC_INTERNAL_BITS}"
        anchor.append(Finding("comparability", "note", "", "", None, message))
    anchor += _high_bit_depth(campaign)
    return (*anchor, *(Finding("comparability", "note", codec.name, "", None, codec.note) for codec in campaign.codecs if codec.note))


def _high_bit_depth(campaign: Campaign) -> list[Finding]:
    """What the metrics saw of HDR pictures, and codecs that got fewer bits than the pictures have."""
    hdr = [picture for picture in campaign.pictures if picture.transfer == "pq"]
    found = [Finding("comparability", "note", "", picture.name, None, f"HDR: {picture.colour}") for picture in hdr]
    names = ", ".join(info.name for info in campaign.metrics if info.transfer is None)
    if hdr and names:
        message = f"of HDR pictures {names} saw PQ codes of BT.2020, for which none of them was made; what is made for HDR says so"
        found.append(Finding("comparability", "note", "", "", None, message))
    deep = [picture for picture in campaign.pictures if picture.transfer == "sdr" and picture.bit_depth > 8]
    for codec in campaign.codecs:
        if names := ", ".join(picture.name for picture in deep if _gets_8_bits(codec.on(picture))):
            found.append(
                Finding("comparability", "note", codec.name, "", None, f"codes 8 bits; these pictures have 16 and were rounded: {names}")
            )
    return found


def _gets_8_bits(codec: CodecInfo) -> bool:
    return codec.pixels is not None and codec.pixels.bit_depth == 8


CHECKS: tuple[Callable[[Campaign], tuple[Finding, ...]], ...] = (
    picture_set,
    completeness,
    rate_deviation,
    monotonicity,
    decoder_repeatability,
    metric_parity,
    curve_overlap,
    interoperability,
    comparability,
)


def run_checks(campaign: Campaign) -> tuple[Finding, ...]:
    """The findings of all checks, in the order of CHECKS; within a check in the campaign's order of codecs and pictures."""
    return tuple(finding for check in CHECKS for finding in check(campaign))


def _finding(check: str, severity: str, point: Scored, message: str) -> Finding:
    job = point.coded.job
    return Finding(check, severity, job.codec, job.picture.name, job.target_bpp, message)


def _by_picture(campaign: Campaign) -> dict[tuple[str, str], list[Scored]]:
    """The scored points by (codec, picture), each list by rising target."""
    found: dict[tuple[str, str], list[Scored]] = {
        (codec.name, picture.name): [] for codec, picture in product(campaign.codecs, campaign.pictures)
    }
    for point in sorted(campaign.scored, key=lambda point: point.coded.job.target_bpp):
        found.setdefault((point.coded.job.codec, point.coded.job.picture.name), []).append(point)
    return found


def _in_order(campaign: Campaign) -> Iterator[Scored]:
    for points in _by_picture(campaign).values():
        yield from points


def _not_rising(points: Sequence[Valued], higher_is_better: bool) -> list[tuple[Valued, Valued]]:
    """Neighbours of which the second is not better. A NaN is better than no value and worse than any, so it shows here."""
    return [(old, new) for old, new in pairwise(points) if not (new[1] > old[1] if higher_is_better else new[1] < old[1])]


def _not_monotone(severity: str, what: str, bad: Sequence[tuple[Valued, Valued]]) -> Finding:
    pairs = []
    for (old, old_value), (new, new_value) in bad:
        stream = ", the same bitstream" if old.coded.bitstream_sha256 and old.coded.bitstream_sha256 == new.coded.bitstream_sha256 else ""
        targets = f"{old.coded.job.target_bpp:g} to {new.coded.job.target_bpp:g} bpp"
        pairs.append(f"{targets} ({old_value:.6g} to {new_value:.6g}{stream})")
    return _finding("monotonicity", severity, bad[0][1][0], f"{what} from {'; '.join(pairs)}")


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
    yield from _empty(campaign, [points for (codec, _), points in _by_picture(campaign).items() if codec not in elsewhere])
    for name in elsewhere:
        of_codec = [point for (codec, _), points in _by_picture(campaign).items() if codec == name for point in points]
        yield from (replace(finding, picture=ALL, target_bpp=None) for finding in _empty(campaign, [of_codec]))


def _empty(campaign: Campaign, groups: Iterable[Sequence[Scored]]) -> Iterator[Finding]:
    for points in groups:
        causes: dict[tuple[str, str], list[tuple[Scored, str]]] = defaultdict(list)
        for point, info in product(points, campaign.metrics):
            if cause := _why_empty(point, info):
                causes[cause].append((point, info.name))
        for (severity, reason), cells in causes.items():
            names = ", ".join(_unique(name for _, name in cells))
            targets = ", ".join(_unique(f"{point.coded.job.target_bpp:g}" for point, _ in cells))
            yield _finding("completeness", severity, cells[0][0], f"no value of {names} at {targets} bpp: {reason}")


def _why_empty(point: Scored, info: MetricInfo) -> tuple[str, str] | None:
    score = next((score for score in point.scores if score.metric == info.name), None)
    if score is None:
        return "error", "not scored"
    if score.value is None:
        return "warning", score.reason or "no reason was given"
    return ("error", "the metric gave something that is not a number") if math.isnan(score.value) else None


def _codec_overlap(codec: str, rows: Sequence[BdRate]) -> Iterator[Finding]:
    single = [row for row in rows if row.picture != ALL and row.metric != AVG]
    missing = [row for row in single if row.value_percent is None]
    reasons = {row.reason for row in missing}
    if single and len(missing) == len(single) and len(reasons) == 1:
        yield Finding("curve_overlap", "warning", codec, ALL, None, f"BD-rates are N/A: {missing[0].reason}")
        return
    common = _common_reasons(single)
    for reason, metrics in common.items():
        yield Finding("curve_overlap", "warning", codec, ALL, None, f"BD-rate of {', '.join(metrics)} is N/A: {reason}")
    told = {metric for metrics in common.values() for metric in metrics}
    single = [row for row in single if row.metric not in told]
    for picture in _unique(row.picture for row in single):
        yield from _picture_overlap(codec, picture, [row for row in single if row.picture == picture])
    average = next((row for row in rows if (row.metric, row.picture) == (AVG, ALL)), None)
    if average is not None and average.value_percent is None:
        yield Finding("curve_overlap", "warning", codec, ALL, None, f"AVG is N/A: {average.reason}")


def _common_reasons(rows: Sequence[BdRate]) -> dict[str, list[str]]:
    """The metrics that are N/A for one reason on all of several pictures, by the reason."""
    by_metric: dict[str, list[BdRate]] = defaultdict(list)
    for row in rows:
        by_metric[row.metric].append(row)
    found: dict[str, list[str]] = defaultdict(list)
    for metric, of_metric in by_metric.items():
        reasons = {row.reason for row in of_metric if row.value_percent is None}
        if len(of_metric) > 1 and len(reasons) == 1 and all(row.value_percent is None for row in of_metric):
            found[reasons.pop()].append(metric)
    return found


def _picture_overlap(codec: str, picture: str, rows: Sequence[BdRate]) -> Iterator[Finding]:
    by_reason: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row.value_percent is None:
            by_reason[row.reason].append(row.metric)
    for reason, without in by_reason.items():
        yield Finding("curve_overlap", "warning", codec, picture, None, f"BD-rate of {', '.join(without)} is N/A: {reason}")
    narrow = [(row.overlap, row.metric) for row in rows if row.overlap is not None and row.overlap < MINIMUM_OVERLAP]
    if narrow:
        # Rounded down, so that no overlap below the limit is shown as the limit.
        percents = _unique(str(math.floor(100 * overlap)) for overlap, _ in (min(narrow), max(narrow)))
        metrics = ", ".join(metric for _, metric in narrow)
        message = f"common quality interval covers only {' to '.join(percents)} % of both curves' range in {metrics}"
        yield Finding("curve_overlap", "warning", codec, picture, None, message)


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
