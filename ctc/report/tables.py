"""The tables of a campaign as rows: every format that shows them takes them from here."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from itertools import product
from typing import Literal

from ctc.records import ALL, CONDITIONS, BdRate, Campaign, CodecInfo, Cost, Failed, MetricInfo, Picture, Score, Scored, Unreachable

Status = Literal["ok", "unreachable", "unsupported", "failed", "absent"]
"""Absent: a picture of the set that is not in the folder as it should be, and was left out; a point of a codec that was not run here.
Unsupported: a picture that the codec cannot code."""
Cell = str | int | float | None

BD_COLUMNS = ("codec", "anchor", "metric", "picture", "bd_rate_percent", "overlap", "status", "reason")
VALIDITY_COLUMNS = ("codec", "picture", "target_bpp", "valid", *(f"{name}{end}" for name in CONDITIONS for end in ("", "_reason")))
FINDING_COLUMNS = ("check", "severity", "codec", "picture", "target_bpp", "message")


@dataclass(frozen=True)
class PointRow:
    """One codec, picture and target rate; units are in the names. `scores` follows `metrics_in_order`."""

    codec: str
    """Empty for a picture that could not be read or is absent: no codec ever saw it."""
    picture: str
    target_bpp: float | None
    bpp: float | None
    bytes: int | None
    deviation: float | None
    setting: float | None
    tries: int | None
    encode_s: float | None
    """Wall time; None where it was measured on another machine."""
    decode_s: float | None
    encode_peak_bytes: int | None
    decode_peak_bytes: int | None
    decoded_sha256: str
    status: Status
    reason: str
    scores: tuple[float | None, ...]

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The values in the order of `point_columns`."""
        return (*(getattr(self, name) for name in POINT_COLUMNS), *self.scores)


POINT_COLUMNS = tuple(field.name for field in fields(PointRow) if field.name != "scores")


def metrics_in_order(campaign: Campaign) -> tuple[MetricInfo, ...]:
    """The campaign's metrics in the column order of every table."""
    from ctc.bdrate.tables import ordered_metrics

    return ordered_metrics(campaign)


def point_columns(campaign: Campaign) -> tuple[str, ...]:
    return (*POINT_COLUMNS, *(metric.name for metric in metrics_in_order(campaign)))


def codec_names(campaign: Campaign) -> tuple[str, ...]:
    """The campaign's codecs, then any other that has results, in order of appearance."""
    jobs = [*(scored.coded.job for scored in campaign.scored), *(unreachable.job for unreachable in campaign.unreachable)]
    return _unique([codec.name for codec in campaign.codecs] + [job.codec for job in jobs] + [failed.codec for failed in campaign.failed])


def picture_names(campaign: Campaign) -> tuple[str, ...]:
    """The campaign's pictures; those that could not be read are not among them."""
    return _unique(picture.name for picture in campaign.pictures)


def point_rows(campaign: Campaign) -> list[PointRow]:
    """One row per codec, picture and target rate, in this order, or one per codec and picture that it cannot code; then one per picture
    that could not be read, or is absent.

    A point that left no trace at all is shown as failed: a gap in the table must not look like a point never asked for.
    """
    metrics = metrics_in_order(campaign)
    scored = {(s.coded.job.codec, s.coded.job.picture.name, s.coded.job.target_bpp): s for s in campaign.scored}
    unreachable = {(u.job.codec, u.job.picture.name, u.job.target_bpp): u for u in campaign.unreachable}
    absent = {gap.place: gap.reason for gap in campaign.absent}
    unsupported = {(u.codec, u.picture): u.reason for u in campaign.unsupported}
    failures = _Failures(campaign.failed)
    rows = []
    for codec in codec_names(campaign):
        for picture in picture_names(campaign):
            if (codec, picture) in unsupported:
                rows.append(_empty_row(codec, picture, None, "unsupported", unsupported[codec, picture], None, len(metrics)))
                continue
            for target in sorted(campaign.target_bpps):
                key = (codec, picture, target)
                errors = failures.of(*key)
                if key in scored:
                    rows.append(_ok_row(scored[key], metrics, errors))
                elif key in unreachable:
                    rows.append(_unreachable_row(unreachable[key], campaign))
                elif key in absent and not errors:
                    rows.append(_empty_row(*key, "absent", absent[key], None, len(metrics)))
                else:
                    rows.append(_failed_row(codec, picture, target, errors or ["no result was recorded"], len(metrics)))
    rows += [_failed_row("", name, None, errors, len(metrics)) for name, errors in unread_pictures(campaign).items()]
    rows += [_empty_row("", name, None, "absent", reason, None, len(metrics)) for name, reason in absent_pictures(campaign)]
    return rows


def absent_pictures(campaign: Campaign) -> tuple[tuple[str, str], ...]:
    """(picture of the set that was left out, why)"""
    return campaign.set_state.left_out if campaign.set_state is not None else ()


def set_share(campaign: Campaign) -> str:
    """ "partial set: 2 of 50 pictures"; empty where the pictures are the whole set."""
    return campaign.set_state.share if campaign.set_state is not None else ""


def unread_pictures(campaign: Campaign) -> dict[str, list[str]]:
    """Name of each picture that could not be read, and why."""
    unread: dict[str, list[str]] = {}
    known = {"", *picture_names(campaign)}
    for failed in campaign.failed:
        if not failed.codec and failed.picture not in known:
            unread.setdefault(failed.picture, []).append(f"{failed.stage}: {failed.error}")
    return unread


def bd_rows(campaign: Campaign) -> list[tuple[Cell, ...]]:
    """Rows of `BD_COLUMNS`. Status is ok, partial (mean over fewer pictures than the set has) or undefined."""
    rows: list[tuple[Cell, ...]] = []
    for bd in campaign.bd:
        share = set_share(campaign) if bd.picture == ALL else ""
        reason = "; ".join(filter(None, [bd_reason(bd), share]))
        rows.append((bd.codec, bd.anchor, bd.metric, bd.picture, bd.value_percent, bd.overlap, _bd_status(bd, share), reason))
    return rows


def _bd_status(bd: BdRate, share: str) -> Literal["ok", "partial", "undefined"]:
    if bd.value_percent is None:
        return "undefined"
    return "partial" if bd.pictures_missing or share else "ok"


def bd_reason(bd: BdRate) -> str:
    """The record's reason; for a mean over fewer pictures also how many entered it."""
    share = f"{bd.pictures} of {bd.pictures + bd.pictures_missing} pictures" if bd.pictures_missing else ""
    return "; ".join(part for part in (bd.reason, share) if part)


def finding_rows(campaign: Campaign) -> list[tuple[Cell, ...]]:
    """Rows of `FINDING_COLUMNS`."""
    return [(f.check, f.severity, f.codec, f.picture, f.target_bpp, f.message) for f in campaign.findings]


def validity_rows(campaign: Campaign) -> list[tuple[Cell, ...]]:
    """Rows of `VALIDITY_COLUMNS`."""
    rows: list[tuple[Cell, ...]] = []
    for point in campaign.validity:
        conditions = [cell for condition in point.conditions for cell in (condition.state, condition.reason)]
        asked = any(condition.state != "does not apply" for condition in point.conditions)
        valid = ("yes" if point.valid else "no") if asked else "does not apply"
        rows.append((point.codec, point.picture, point.target_bpp, valid, *conditions))
    return rows


def number_text(value: float | None) -> str:
    """Shortest text of at most ten significant digits; "inf" for infinity, empty for a missing value."""
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.10g}"


def cell_text(cell: Cell) -> str:
    return cell if isinstance(cell, str) else number_text(cell)


class _Failures:
    """Finds the failures of a point; one that names no codec, picture or target rate stands for all of them."""

    def __init__(self, failed: Iterable[Failed]) -> None:
        self._messages: dict[tuple[str, str, float | None], list[str]] = {}
        for failure in failed:
            key = (failure.codec, failure.picture, failure.target_bpp)
            self._messages.setdefault(key, []).append(f"{failure.stage}: {failure.error}")

    def of(self, codec: str, picture: str, target: float) -> list[str]:
        keys = product((codec, ""), (picture, ""), (target, None))
        return [message for key in keys for message in self._messages.get(key, ())]


def _ok_row(scored: Scored, metrics: tuple[MetricInfo, ...], errors: list[str]) -> PointRow:
    coded, by_name = scored.coded, {score.metric: score for score in scored.scores}
    scores = [_defined(by_name.get(metric.name, Score(metric.name, None, "not computed"))) for metric in metrics]
    reasons = [f"{score.metric}: {score.reason or 'no value'}" for score in scores if score.value is None]
    return PointRow(
        codec=coded.job.codec,
        picture=coded.job.picture.name,
        target_bpp=coded.job.target_bpp,
        bpp=coded.bpp,
        bytes=coded.bytes,
        deviation=coded.deviation,
        setting=coded.setting,
        tries=coded.tries,
        encode_s=wall_s(coded.encode),
        decode_s=wall_s(coded.decode),
        encode_peak_bytes=coded.encode.peak_bytes if coded.encode else None,
        decode_peak_bytes=coded.decode.peak_bytes if coded.decode else None,
        decoded_sha256=coded.decoded_sha256,
        status="ok",
        reason="; ".join([*errors, *([coded.reason] if coded.reason else []), *reasons]),
        scores=tuple(score.value for score in scores),
    )


def _defined(score: Score) -> Score:
    if score.value is not None and math.isnan(score.value):
        return Score(score.metric, None, score.reason or "the metric gave no number")
    return score


def wall_s(cost: Cost | None) -> float | None:
    return cost.wall_s if cost else None


def _unreachable_row(unreachable: Unreachable, campaign: Campaign) -> PointRow:
    knob = knob_name(next((codec for codec in campaign.codecs if codec.name == unreachable.job.codec), None), unreachable.job.picture)
    limit = f"limit: {knob} {number_text(unreachable.limit_setting)} gives {number_text(unreachable.limit_bpp)} bpp"
    reason = "; ".join(part for part in (unreachable.reason, limit) if part)
    job = unreachable.job
    return _empty_row(job.codec, job.picture.name, job.target_bpp, "unreachable", reason, unreachable.tries, len(campaign.metrics))


def knob_name(codec: CodecInfo | None, picture: Picture) -> str:
    """What the codec calls its setting for `picture`; "setting" where that is not known."""
    knob = codec.on(picture).knob if codec is not None else None
    return knob.name if knob is not None else "setting"


def _failed_row(codec: str, picture: str, target: float | None, errors: list[str], metrics: int) -> PointRow:
    return _empty_row(codec, picture, target, "failed", "; ".join(errors), None, metrics)


def _empty_row(codec: str, picture: str, target: float | None, status: Status, reason: str, tries: int | None, metrics: int) -> PointRow:
    return PointRow(
        codec=codec,
        picture=picture,
        target_bpp=target,
        bpp=None,
        bytes=None,
        deviation=None,
        setting=None,
        tries=tries,
        encode_s=None,
        decode_s=None,
        encode_peak_bytes=None,
        decode_peak_bytes=None,
        decoded_sha256="",
        status=status,
        reason=reason,
        scores=(None,) * metrics,
    )


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))
