"""What the reports for people say of a codec in one line, and of the whole campaign in one banner."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from ctc.records import ALL, AVG, AVG_METRICS, BdRate, Campaign, CodecInfo, Cost, PointValidity
from ctc.report.grounds import Ground, grounds, points_behind
from ctc.report.tables import bd_reason, codec_names, metrics_in_order, point_rows, set_share
from ctc.timing.results import busy_points, decode_s, encode_s


@dataclass(frozen=True)
class BdCell:
    """One cell of the BD-rate table. `value_percent` is None where it is not available, and `reason` says why."""

    metric: str
    value_percent: float | None
    reason: str = ""
    low_percent: float | None = None
    high_percent: float | None = None
    pictures: int = 0
    pictures_missing: int = 0
    grounds: tuple[Ground, ...] = ()
    """Why it may not be stressed, where it has a value."""

    @property
    def sound(self) -> bool:
        """Whether a report may stress it: it is over all pictures of a whole set, without errors, and all points behind it are valid."""
        return self.value_percent is not None and not self.grounds

    @property
    def pictures_asked(self) -> int:
        return self.pictures + self.pictures_missing

    @property
    def share(self) -> str:
        """ "(7/8)" where pictures are missing, else empty."""
        return f"({self.pictures}/{self.pictures_asked})" if self.pictures_missing else ""


@dataclass(frozen=True)
class CodecLine:
    """One line of the BD-rate table, in the layout of the verification model's result tables."""

    codec: str
    version: str
    note: str
    is_anchor: bool
    average: BdCell
    metrics: tuple[BdCell, ...]
    """The seven that enter the average, in its column order."""
    others: tuple[BdCell, ...]
    """The campaign's other metrics."""
    monotone: bool | None
    """Whether rate and every quality rise from target to target; None where the codec has no points."""
    largest_deviation: float | None
    """Signed, as a fraction of the target rate."""
    tries_per_point: float | None
    """Newly tried settings per reached or unreachable point, the mean."""
    encode_s: float | None
    """Mean wall time over the points that were measured here; of the timing campaign where there is one."""
    decode_s: float | None
    busy: int
    """Points of which a time was taken while the machine was not otherwise idle."""
    points: int
    points_ok: int
    points_unreachable: int
    points_failed: int
    pictures_unsupported: int
    """Pictures that the codec cannot code."""
    errors: int
    """Findings of severity error that name this codec."""


@dataclass(frozen=True)
class Status:
    """Whether the table may be used, and what was counted to say so."""

    errors: int
    warnings: int
    notes: int
    points: int
    points_ok: int
    points_unreachable: int
    points_failed: int
    points_absent: int
    """Of codecs that were not run here."""
    pictures_unread: int
    share: str = ""
    """That the pictures are not the whole set, and how many of it they are; empty where they are."""
    pictures_unsupported: int = 0
    """Counted for each codec that cannot code them; they have no points."""

    @property
    def valid(self) -> bool:
        """No error, no failure, and something that was measured: an empty table is not valid."""
        return not (self.errors or self.points_failed or self.pictures_unread) and self.points_ok > 0

    @property
    def headline(self) -> str:
        return ", ".join(filter(None, ["Valid" if self.valid else "Not valid", self.share]))


def status_of(campaign: Campaign) -> Status:
    severities = Counter(finding.severity for finding in campaign.findings)
    rows = point_rows(campaign)
    points = Counter(row.status for row in rows if row.codec and row.status != "unsupported")
    return Status(
        errors=severities["error"],
        warnings=severities["warning"],
        notes=severities["note"],
        points=points.total(),
        points_ok=points["ok"],
        points_unreachable=points["unreachable"],
        points_failed=points["failed"],
        points_absent=points["absent"],
        pictures_unread=sum(not row.codec and row.status == "failed" for row in rows),
        share=set_share(campaign),
        pictures_unsupported=sum(row.status == "unsupported" for row in rows),
    )


def codec_lines(campaign: Campaign) -> tuple[CodecLine, ...]:
    """The anchor first where it was coded in this campaign, then the codecs in the campaign's order."""
    infos = {codec.name: codec for codec in campaign.codecs}
    statuses: dict[str, Counter[str]] = {}
    for row in point_rows(campaign):
        statuses.setdefault(row.codec, Counter())[row.status] += 1
    names = sorted(codec_names(campaign), key=lambda name: name != campaign.anchor)
    return tuple(_codec_line(campaign, name, infos.get(name), statuses.get(name, Counter())) for name in names)


def bd_cells(campaign: Campaign, codec: str, picture: str, metrics: Iterable[str]) -> tuple[BdCell, ...]:
    """The BD-rates of one codec and picture ("ALL": the mean over pictures) in the order of `metrics`."""
    found = {bd.metric: bd for bd in campaign.bd if bd.codec == codec and bd.picture == picture}
    behind = points_behind(campaign, codec, picture)
    return tuple(_bd_cell(campaign, metric, found.get(metric), behind) for metric in metrics)


def metrics_outside_average(campaign: Campaign) -> tuple[str, ...]:
    return tuple(metric.name for metric in metrics_in_order(campaign) if metric.name not in AVG_METRICS)


def metric_label(campaign: Campaign, metric: str) -> str:
    """The metric's own label; its name where the campaign does not have it."""
    return next((info.label for info in campaign.metrics if info.name == metric), metric)


def status_text(status: Status) -> str:
    """One line of counts, e.g. "2 errors, 1 warning, 0 notes; 150 of 160 points ok, 6 unreachable, 4 failed"."""
    found = f"{plural(status.errors, 'error')}, {plural(status.warnings, 'warning')}, {plural(status.notes, 'note')}"
    points = plural(status.points, "point")
    counted = f"{status.points_ok} of {points} ok, {status.points_unreachable} unreachable, {status.points_failed} failed"
    counted += f", {status.points_absent} absent" if status.points_absent else ""
    unread = f"; {plural(status.pictures_unread, 'picture')} not read" if status.pictures_unread else ""
    cannot = f"; {status.pictures_unsupported} unsupported by a codec" if status.pictures_unsupported else ""
    return f"{found}; {counted}{unread}{cannot}"


def rates_text(target_bpps: Iterable[float]) -> str:
    """Each once, rising: "0.06, 0.25"."""
    return ", ".join(f"{rate:g}" for rate in sorted(set(target_bpps)))


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _codec_line(campaign: Campaign, codec: str, info: CodecInfo | None, statuses: Counter[str]) -> CodecLine:
    from ctc import checks

    coded = [scored.coded for scored in campaign.scored if scored.coded.job.codec == codec]
    timed = campaign.timing is not None
    tries = [c.tries for c in coded if c.tries is not None] + [u.tries for u in campaign.unreachable if u.job.codec == codec]
    return CodecLine(
        codec=codec,
        version=info.version if info else "",
        note=info.note if info else "",
        is_anchor=codec == campaign.anchor,
        average=bd_cells(campaign, codec, ALL, (AVG,))[0],
        metrics=bd_cells(campaign, codec, ALL, AVG_METRICS),
        others=bd_cells(campaign, codec, ALL, metrics_outside_average(campaign)),
        monotone=checks.is_monotone(campaign, codec) if coded else None,
        largest_deviation=checks.largest_deviation(campaign, codec),
        tries_per_point=fmean(tries) if tries else None,
        encode_s=encode_s(campaign, codec).value if timed else _mean_s(c.encode for c in coded),
        decode_s=decode_s(campaign, codec).value if timed else _mean_s(c.decode for c in coded),
        busy=busy_points(campaign, codec)
        if timed
        else sum(any(cost is not None and not cost.machine_idle for cost in (c.encode, c.decode)) for c in coded),
        points=statuses.total() - statuses["unsupported"],
        points_ok=statuses["ok"],
        points_unreachable=statuses["unreachable"],
        points_failed=statuses["failed"],
        pictures_unsupported=statuses["unsupported"],
        errors=sum(finding.severity == "error" and finding.codec == codec for finding in campaign.findings),
    )


def _mean_s(costs: Iterable[Cost | None]) -> float | None:
    seconds = [cost.wall_s for cost in costs if cost is not None]
    return fmean(seconds) if seconds else None


def _bd_cell(campaign: Campaign, metric: str, bd: BdRate | None, behind: Sequence[PointValidity]) -> BdCell:
    if bd is None:
        known = metric == AVG or any(info.name == metric for info in campaign.metrics)
        return BdCell(metric, None, "no BD-rate was computed" if known else "the metric was not asked for")
    return BdCell(
        metric=metric,
        value_percent=bd.value_percent,
        reason=bd_reason(bd) or ("" if bd.value_percent is not None else "no reason was recorded"),
        low_percent=bd.low_percent,
        high_percent=bd.high_percent,
        pictures=bd.pictures,
        pictures_missing=bd.pictures_missing,
        grounds=grounds(campaign, bd, behind) if bd.value_percent is not None else (),
    )
