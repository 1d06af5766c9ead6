"""BD-rate of what one device decodes against what another decodes of the same bitstreams: the rates are equal, the qualities nearly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ctc.bdrate.curves import CurveError, quality_of, rate_curve
from ctc.bdrate.delta import delta_rate
from ctc.records import ALL, InteropMismatch, MetricInfo, Score

LIMIT_PERCENT = 0.5
"""Largest difference in BD-rate, either way, with which two devices count as interoperable in the common test conditions."""

Scores = Mapping[str, Score]


@dataclass(frozen=True)
class Decodings:
    """The bitstreams that one device made of a picture: their scores as it decodes them, and as another does."""

    picture: str
    bpps: tuple[float, ...] = ()
    expected: tuple[Scores, ...] = ()
    found: tuple[Scores, ...] = ()
    """Both empty where all pictures are identical."""
    reason: str = ""
    """Why there is nothing to compare, or empty."""


def mismatches(encoder: str, decoder: str, decodings: Sequence[Decodings], metrics: Sequence[MetricInfo]) -> Iterator[InteropMismatch]:
    """Of every picture by every metric, and the mean over pictures. A metric for HDR is not asked about the SDR pictures beside them."""
    for info in metrics:
        asked = [each for each in decodings if not _is_of_another_kind(each, info)] or decodings
        rows = [InteropMismatch(encoder, decoder, info.name, each.picture, *_mismatch(each, info)) for each in asked]
        yield from rows
        values = [row.value_percent for row in rows if row.value_percent is not None]
        missing = [row.reason for row in rows if row.value_percent is None]
        mean = sum(values) / len(values) if values and not missing else None
        yield InteropMismatch(encoder, decoder, info.name, ALL, mean, missing[0] if missing else "")


def _is_of_another_kind(decodings: Decodings, info: MetricInfo) -> bool:
    """Whether a metric that is made for one kind of pictures has no value of any decoding of this one."""
    scores = (*decodings.expected, *decodings.found)
    return info.transfer is not None and bool(scores) and all(each[info.name].value is None for each in scores)


def _mismatch(decodings: Decodings, info: MetricInfo) -> tuple[float | None, str]:
    if decodings.reason:
        return None, decodings.reason
    if not decodings.found:
        return 0.0, ""
    try:
        there, here = ([_quality(info, scores) for scores in side] for side in (decodings.expected, decodings.found))
        return delta_rate(rate_curve(decodings.bpps, there), rate_curve(decodings.bpps, here))[0], ""
    except CurveError as error:
        return None, str(error)


def _quality(info: MetricInfo, scores: Scores) -> float:
    score = scores[info.name]
    if score.value is None:
        raise CurveError(f"{info.name} is undefined: {score.reason}")
    return quality_of(info, score.value)
