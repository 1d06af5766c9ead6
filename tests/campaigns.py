"""Campaign records from plain numbers, and small changes to them, for tests."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ctc.published.points import load
from ctc.records import (
    BD_TARGET_BPPS,
    METRIC_ORDER,
    Campaign,
    CodecInfo,
    Coded,
    Counts,
    Failed,
    Job,
    Knob,
    Machine,
    MetricInfo,
    Picture,
    PixelFormat,
    Score,
    Scored,
    Unreachable,
    digest,
)

Point = tuple[float, Mapping[str, float | None]]
"""(bpp, metric name -> value)."""
Curves = Mapping[str, Mapping[str, Mapping[float, Point]]]
"""codec -> picture -> target bpp -> point."""


def metric_info(name: str) -> MetricInfo:
    return MetricInfo(name, name.upper(), "1", name != "nlpd", "0 to 1", "", "a paper", "a program")


def codec_info(name: str) -> CodecInfo:
    knob = Knob("Q", 1, 100, True, True, ((0.1, 10), (1.0, 80)))
    return CodecInfo(name, "1.0", PixelFormat("ppm"), knob, "a standard", learned=False)


def picture(name: str, width: int = 640, height: int = 400) -> Picture:
    return Picture("made", name, f"{name}.png", width, height, 8, "RGB", digest(["picture", name]))


def scored(codec: str, source: Picture, target: float, bpp: float, values: Mapping[str, float | None]) -> Scored:
    coded = Coded(
        job=Job(source, codec, "1.0", target),
        setting=round(100 * bpp, 3),
        bytes=round(bpp * source.pixels / 8),
        bpp=bpp,
        deviation=bpp / target - 1,
        tries=3,
        bitstream_sha256=digest(["stream", codec, source.name, bpp]),
        decoded_sha256=digest(["decoded", codec, source.name, bpp]),
        encode=None,
        decode=None,
        encode_command=(),
        decode_command=(),
    )
    scores = tuple(Score(name, value, "" if value is not None else "left out") for name, value in values.items())
    return Scored(coded, True, scores)


def campaign(
    curves: Curves, anchor: str, targets: Sequence[float] = BD_TARGET_BPPS, sizes: Mapping[str, tuple[int, int]] | None = None
) -> Campaign:
    """A campaign with these points and no others. Metrics are those that any point has a score of."""
    names = list(dict.fromkeys(name for pictures in curves.values() for name in pictures))
    pictures = {name: picture(name, *(sizes or {}).get(name, ())) for name in names}
    points = tuple(
        scored(codec, pictures[name], target, bpp, values)
        for codec, of_codec in curves.items()
        for name, of_picture in of_codec.items()
        for target, (bpp, values) in of_picture.items()
    )
    metrics = dict.fromkeys(score.metric for point in points for score in point.scores)
    return Campaign(
        dataset="made",
        command="ctc run --set made",
        codecs=tuple(codec_info(name) for name in curves),
        metrics=tuple(metric_info(name) for name in metrics),
        pictures=tuple(pictures.values()),
        target_bpps=tuple(targets),
        rate_tolerance=0.10,
        internal_bits=10,
        metric_device="cpu",
        anchor=anchor,
        anchor_note="",
        scored=points,
        unreachable=(),
        failed=(),
        machine=Machine("abc", "host", "processor", 2, 2**33, "Linux", "3.11"),
        versions=(("numpy", "2"),),
        counts=Counts(),
        started="2025-01-01T00:00:00Z",
        wall_s=1.0,
    )


def made(
    efficiencies: Mapping[str, float],
    pictures: int = 3,
    metrics: Sequence[str] = METRIC_ORDER,
    targets: Sequence[float] = BD_TARGET_BPPS,
    anchor: str = "anchor",
) -> Campaign:
    """Codecs whose every metric is linear in log rate: one of efficiency e has a BD-rate of exactly 1 / e - 1 against 1.0.

    Rates leave their targets by a few per cent, and differently in each picture and codec.
    """

    def point(codec: str, index: int, target: float) -> Point:
        bpp = target * (1 + 0.05 * math.sin(7 * index + 50 * target + 3 * efficiencies[codec]))
        quality = {name: 0.5 + 0.04 * (1 + 0.1 * index + 0.05 * n) * math.log2(bpp * efficiencies[codec]) for n, name in enumerate(metrics)}
        return bpp, {name: 1 - value if name == "nlpd" else value for name, value in quality.items()}

    def of_codec(codec: str) -> dict[str, dict[float, Point]]:
        return {f"p{index}": {target: point(codec, index, target) for target in targets} for index in range(pictures)}

    return campaign({codec: of_codec(codec) for codec in efficiencies}, anchor, targets)


def official_anchor() -> Campaign:
    """The published points of the VVC anchor of the common test conditions, 50 pictures at five rates, as codec "vvc-vtm"."""
    curves: dict[str, dict[float, Point]] = {}
    sizes: dict[str, tuple[int, int]] = {}
    for point in load("vvc").points:
        sizes[point.picture] = point.width, point.height
        scores = {metric: point.values[metric] for metric in METRIC_ORDER if metric in point.values}
        curves.setdefault(point.picture, {})[point.target_bpp] = point.bpp, scores
    return campaign({"vvc-vtm": curves}, "vvc-vtm", sizes=sizes)


def find(whole: Campaign, codec: str, name: str, target: float) -> Scored:
    def wanted(point: Scored) -> bool:
        job = point.coded.job
        return (job.codec, job.picture.name, job.target_bpp) == (codec, name, target)

    (point,) = filter(wanted, whole.scored)
    return point


def changed(whole: Campaign, old: Scored, *new: Scored) -> Campaign:
    """The campaign with one point replaced; by nothing: taken out; by itself twice: doubled."""
    return replace(whole, scored=tuple(point for each in whole.scored for point in (new if each is old else (each,))))


def with_value(point: Scored, metric: str, value: float | None, reason: str = "") -> Scored:
    scores = tuple(Score(metric, value, reason) if score.metric == metric else score for score in point.scores)
    return replace(point, scores=scores)


def with_bpp(point: Scored, bpp: float) -> Scored:
    return replace(point, coded=replace(point.coded, bpp=bpp, deviation=bpp / point.coded.job.target_bpp - 1))


def unreachable(point: Scored) -> Unreachable:
    return Unreachable(point.coded.job, 100.0, 0.42, 5, "the smallest setting already takes more")


def failed(point: Scored, stage: str = "encode", error: str = "exit status 3") -> Failed:
    job = point.coded.job
    return Failed(job.picture.name, job.codec, job.target_bpp, stage, error)
