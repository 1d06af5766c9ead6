"""What others made, as records beside those of a run. Every report says of such a codec that it was not run here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ctc.published.points import PREFIX, Published
from ctc.records import Absent, Campaign, CodecInfo, Coded, Counts, Failed, Job, MetricInfo, Picture, Score, Scored


@dataclass(frozen=True)
class Outside:
    """Codecs that were not run here, with an outcome for each of the campaign's pictures and target rates."""

    codecs: tuple[CodecInfo, ...]
    scored: tuple[Scored, ...]
    absent: tuple[Absent, ...]
    failed: tuple[Failed, ...] = ()
    counts: Counts = field(default_factory=Counts)
    """What was done here for it."""


def joined(campaign: Campaign, outside: Outside) -> Campaign:
    """The campaign with the points of others beside its own."""
    return replace(
        campaign,
        codecs=(*campaign.codecs, *outside.codecs),
        scored=(*campaign.scored, *outside.scored),
        absent=(*campaign.absent, *outside.absent),
        failed=(*campaign.failed, *outside.failed),
        counts=campaign.counts + outside.counts,
    )


def outside_codec(name: str, source: str, note: str, *, gives: tuple[str, ...] | None = None, learned: bool | None = None) -> CodecInfo:
    """`gives`: the metrics that the source has values of, None where its pictures are scored here. `learned`: None where nobody says."""
    return CodecInfo(name, f"not run here: {source}", None, None, source, note, source=source, gives=gives, learned=learned)


def outside_point(codec: CodecInfo, picture: Picture, target_bpp: float, size: int, bpp: float, scores: Iterable[Score]) -> Scored:
    """A point of which the numbers are known: bytes `size`, `bpp` and scores."""
    coded = Coded(
        job=Job(picture, codec.name, codec.version, target_bpp),
        setting=None,
        bytes=size,
        bpp=bpp,
        deviation=bpp / target_bpp - 1,
        tries=None,
        bitstream_sha256="",
        decoded_sha256="",
        encode=None,
        decode=None,
        encode_command=(),
        decode_command=(),
    )
    return Scored(coded, None, tuple(scores))


def scores_of(values: Mapping[str, float | None], metrics: Iterable[MetricInfo], why_not: str) -> tuple[Score, ...]:
    """A score of each metric: its value, or None with the reason."""
    return tuple(
        Score(metric.name, value, "" if value is not None else why_not) for metric in metrics for value in [values.get(metric.name)]
    )


def published_points(
    published: Published, pictures: Sequence[Picture], target_bpps: Sequence[float], metrics: Sequence[MetricInfo]
) -> Outside:
    """The published points of `pictures`, joined by name, as those of a codec `published:NAME`."""
    # What a note would say of it, the anchor's says already.
    source = f"published values, {published.source}"
    codec = outside_codec(f"{PREFIX}{published.name}", source, note="", gives=published.metrics, learned=published.learned)
    scored: list[Scored] = []
    absent: list[Absent] = []
    for picture in pictures:
        points = {point.target_bpp: point for point in published.of(picture.name)}
        reason = why_absent(published, picture)
        for target in target_bpps:
            point = points.get(target)
            if reason or point is None:
                absent.append(Absent(codec.name, picture.name, target, reason or "no point of this rate was published"))
                continue
            scores = scores_of(point.values, metrics, "not published")
            scored.append(outside_point(codec, picture, target, point.bytes, point.bpp, scores))
    return Outside((codec,), tuple(scored), tuple(absent))


def why_absent(published: Published, picture: Picture) -> str:
    """Why nothing was published of `picture`; empty where it was."""
    points = published.of(picture.name)
    if not points:
        return "no points of this picture were published"
    sizes = [f"{width}x{height}" for width, height in ((points[0].width, points[0].height), (picture.width, picture.height))]
    if sizes[0] != sizes[1]:
        return f"the published picture of this name has {sizes[0]} samples, not {sizes[1]}"
    return ""
