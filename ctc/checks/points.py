"""Checks of points one by one and beside their neighbours: rate, monotonicity, repeatability."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise, product

from ctc.records import Campaign, Finding, Scored

ROUNDING = 1e-12
"""A deviation of exactly the tolerance may come out of bpp / target - 1 this much larger."""

Valued = tuple[Scored, float]


def rate_deviation(campaign: Campaign) -> tuple[Finding, ...]:
    """A warning for every point whose bpp is further from the target, up or down, than the campaign's tolerance."""
    allowed = f"{100 * campaign.rate_tolerance:g} % are allowed"
    return tuple(
        finding_at("rate_deviation", "warning", point, f"{100 * coded.deviation:+.2f} % from the target ({coded.bpp:.4g} bpp); {allowed}")
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
    for points in by_picture(campaign).values():
        if bad := not_rising([(point, point.coded.bpp) for point in points], higher_is_better=True):
            falls = any(new < old for (_, old), (_, new) in bad)
            findings.append(_not_monotone("error" if falls else "warning", "bpp does not rise", bad))
        for info in campaign.metrics:
            values = [(point, value) for point in points if (value := point.value(info.name)) is not None]
            if bad := not_rising(values, info.higher_is_better):
                findings.append(_not_monotone("warning", f"{info.name} does not improve", bad))
    return tuple(findings)


def is_monotone(campaign: Campaign, codec: str) -> bool:
    """Whether `monotonicity` finds nothing in a codec; so also true of a codec with fewer than two points a picture."""
    return not any(finding.codec == codec for finding in monotonicity(campaign))


def decoder_repeatability(campaign: Campaign) -> tuple[Finding, ...]:
    """An error for every bitstream that decoded to other samples the second time."""
    message = "decoding the same bitstream twice gave different pictures"
    return tuple(finding_at("decoder_repeatability", "error", point, message) for point in _in_order(campaign) if point.repeatable is False)


def finding_at(check: str, severity: str, point: Scored, message: str) -> Finding:
    job = point.coded.job
    return Finding(check, severity, job.codec, job.picture.name, job.target_bpp, message)


def by_picture(campaign: Campaign) -> dict[tuple[str, str], list[Scored]]:
    """The scored points by (codec, picture), each list by rising target."""
    found: dict[tuple[str, str], list[Scored]] = {
        (codec.name, picture.name): [] for codec, picture in product(campaign.codecs, campaign.pictures)
    }
    for point in sorted(campaign.scored, key=lambda point: point.coded.job.target_bpp):
        found.setdefault((point.coded.job.codec, point.coded.job.picture.name), []).append(point)
    return found


def _in_order(campaign: Campaign) -> Iterator[Scored]:
    for points in by_picture(campaign).values():
        yield from points


def not_rising(points: Sequence[Valued], higher_is_better: bool) -> list[tuple[Valued, Valued]]:
    """Neighbours of which the second is not better. A NaN is better than no value and worse than any, so it shows here."""
    return [(old, new) for old, new in pairwise(points) if not (new[1] > old[1] if higher_is_better else new[1] < old[1])]


def _not_monotone(severity: str, what: str, bad: Sequence[tuple[Valued, Valued]]) -> Finding:
    pairs = []
    for (old, old_value), (new, new_value) in bad:
        stream = ", the same bitstream" if old.coded.bitstream_sha256 and old.coded.bitstream_sha256 == new.coded.bitstream_sha256 else ""
        targets = f"{old.coded.job.target_bpp:g} to {new.coded.job.target_bpp:g} bpp"
        pairs.append(f"{targets} ({old_value:.6g} to {new_value:.6g}{stream})")
    return finding_at("monotonicity", severity, bad[0][1][0], f"{what} from {'; '.join(pairs)}")
