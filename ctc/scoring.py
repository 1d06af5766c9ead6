"""From the bitstreams of one picture to scored points, each score stored as soon as it is there.

`score_unit` is the work that executors distribute: one picture with all that was made of it, so that each metric looks at the reference
once. Every bitstream is decoded here a second time; the scores are those of that decoding, and whether it gave the samples of the first
is part of the result. `recall_scoring` gives the same result from the store alone, or None.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ctc import pixels, plugins
from ctc.bench import Bench, NotStored, Source
from ctc.coding import failure
from ctc.complexity.memory import reuse_large_blocks
from ctc.complexity.process import time_limit
from ctc.errors import CtcError, NotWritable, OutOfSpace, ToolMissing
from ctc.plugins import other_version
from ctc.records import Coded, Counts, Failed, Picture, Score, Scored, digest
from ctc.store import Store
from ctc.together import Measured, Setting, at_once, measure

SCORE_S_PER_MEGAPIXEL = 0.35
"""Typical seconds of all metrics on one core, for the order of jobs and the estimate of `--dry-run`; see NOTES.md."""


@dataclass(frozen=True)
class Scoring:
    """How pictures are scored."""

    metrics: tuple[tuple[str, str], ...]
    """(name, version)"""
    setting: Setting


@dataclass(frozen=True)
class ScoringUnit:
    """One picture and all bitstreams that were made of it."""

    picture: Picture
    coded: tuple[Coded, ...]
    scoring: Scoring
    store: str
    time_limit_s: float

    @property
    def expected_s(self) -> float:
        """Rough seconds of work, for the order of jobs."""
        decode_s = sum(coded.decode.wall_s if coded.decode else 0.0 for coded in self.coded)
        return decode_s + len(self.coded) * self.picture.pixels / 1e6 * SCORE_S_PER_MEGAPIXEL


@dataclass(frozen=True)
class ScoringResult:
    unit: ScoringUnit
    points: tuple[Scored | Failed, ...]
    """In the order of `unit.coded`."""
    counts: Counts


def score_unit(unit: ScoringUnit) -> ScoringResult:
    """Scores all of `unit`. What fails becomes a Failed of its point; only a full disk raises (OutOfSpace)."""
    reuse_large_blocks()
    unfit = _unfit(unit)
    if unfit:
        return lost_scoring(unit, unfit)
    with time_limit(unit.time_limit_s), _points(unit, may_run=True) as points:
        for batch in _batches(points, unit.picture):
            _score(unit, batch)
            for point in batch:
                point.rgb = None
        return _result(unit, points)


def _unfit(unit: ScoringUnit) -> str:
    """Why this machine cannot make what the plan wants; empty where it can. Both what decodes and what scores must be of its versions."""
    wanted = {coded.job.codec: coded.job.codec_version for coded in unit.coded}
    try:
        others = [other_version(name, plugins.codec_on(name, unit.picture).version(), version) for name, version in wanted.items()]
        for name, version in unit.scoring.metrics:
            others.append(other_version(name, plugins.metrics()[name].version(unit.scoring.setting.device), version))
    except ToolMissing as missing:
        return f"worker {platform.node()}: {missing}"
    return "; ".join(filter(None, others))


def recall_scoring(unit: ScoringUnit) -> ScoringResult | None:
    """The result of `unit` if every score of it is stored, else None."""
    with _points(unit, may_run=False) as points:
        return None if any(point.missing for point in points) else _result(unit, points)


def lost_scoring(unit: ScoringUnit, reason: str) -> ScoringResult:
    """The result of a unit whose worker died: what was scored before, and a Failed for all else."""
    with _points(unit, may_run=False) as points:
        for point in points:
            if point.missing:
                point.failed = _failed(point.coded, "worker", CtcError(reason))
        return _result(unit, points)


@dataclass
class _Point:
    """A bitstream on its way to its scores."""

    coded: Coded
    bench: Bench
    scoring: Scoring
    scored_sha256: str | None = None
    """Hash of the samples that are scored: those of the second decoding."""
    scores: dict[str, Score] = field(default_factory=dict)
    rgb: pixels.Rgb | None = None
    failed: Failed | None = None
    reused: Counts = field(default_factory=Counts)

    def __post_init__(self) -> None:
        known = self.bench.store.get("repeat", self.repeat_identity)
        if known is not None:
            self.scored_sha256 = known["sha256"]
            self.reused += Counts(decodes_reused=1)
            self.recall_scores()

    @property
    def missing(self) -> set[str]:
        """Names of the metrics that are to be computed."""
        return set() if self.failed else {name for name, _ in self.scoring.metrics} - self.scores.keys()

    def decode(self) -> None:
        """Decodes now, a second time or, where scores are missing, once more. Raises CtcError, ValueError for a point made elsewhere.

        A decoder that gives other samples each time is scored on those of the last: its point stays, marked as not repeatable."""
        if self.coded.setting is None:
            raise ValueError("a point that was not made here has no bitstream to decode")
        self.rgb, _ = self.bench.decode(self.coded.setting)
        self.decoded_to(pixels.sample_hash(self.rgb))

    def decoded_to(self, sha256: str) -> None:
        """Notes the hash of the samples that are scored."""
        if self.scored_sha256 != sha256:
            self.bench.store.put("repeat", self.repeat_identity, {"sha256": sha256})
            self.scored_sha256 = sha256
            self.scores.clear()
            self.recall_scores()

    def keep(self, measured: Measured) -> None:
        """Stores a score, a value or the reason why there is none. Raises what went wrong where something did."""
        if measured.error is not None:
            raise measured.error
        reference, scored = self.bench.source.picture, self.scored_sha256 or ""
        self.scores[measured.metric] = keep_score(self.bench.store, self.scoring, measured, reference, scored)
        self.bench.counts += Counts(scores_run=1)

    def result(self) -> Scored | Failed:
        if self.failed:
            return self.failed
        repeatable = self.scored_sha256 == self.coded.decoded_sha256
        return Scored(self.coded, repeatable, tuple(self.scores[name] for name, _ in self.scoring.metrics))

    def recall_scores(self) -> None:
        for name, _ in self.scoring.metrics:
            known = recall_score(self.bench.store, self.scoring, name, self.bench.source.picture, self.scored_sha256 or "")
            if known is not None:
                self.scores[name] = known
                self.reused += Counts(scores_reused=1)

    @property
    def repeat_identity(self) -> dict[str, Any]:
        return self.bench.decode_identity(self.coded.bitstream_sha256)


def keep_score(store: Store, scoring: Scoring, measured: Measured, reference: Picture, distorted_sha256: str) -> Score:
    """Stores what a metric said of two pictures, a value or the reason why there is none."""
    content = {"value": None if measured.value is None else repr(measured.value), "reason": measured.reason}
    store.put("score", _score_identity(scoring, measured.metric, reference, distorted_sha256), content)
    return Score(measured.metric, measured.value, measured.reason)


def recall_score(store: Store, scoring: Scoring, metric: str, reference: Picture, distorted_sha256: str) -> Score | None:
    """The stored score of a metric for two pictures; None where there is none."""
    known = store.get("score", _score_identity(scoring, metric, reference, distorted_sha256))
    return None if known is None else Score(metric, None if known["value"] is None else float(known["value"]), known["reason"])


def _score_identity(scoring: Scoring, metric: str, reference: Picture, distorted_sha256: str) -> dict[str, Any]:
    return {
        "metric": metric,
        "version": dict(scoring.metrics)[metric],
        "reference": reference.sha256,
        "distorted": distorted_sha256,
        "internal_bits": scoring.setting.internal_bits,
        "preparation": pixels.preparation(reference.transfer),
    }


@contextmanager
def _points(unit: ScoringUnit, *, may_run: bool) -> Iterator[list[_Point]]:
    """A point for each bitstream; one bench for each codec, all of one source."""
    source, store = Source(unit.picture), Store(Path(unit.store))
    with ExitStack() as benches:
        versions = {coded.job.codec: coded.job.codec_version for coded in unit.coded}
        bench = {name: benches.enter_context(Bench(source, name, version, store, may_run)) for name, version in versions.items()}
        yield [_Point(coded, bench[coded.job.codec], unit.scoring) for coded in unit.coded]


def _result(unit: ScoringUnit, points: Sequence[_Point]) -> ScoringResult:
    counts = sum((point.reused for point in points), Counts())
    counts = sum((bench.counts for bench in {id(point.bench): point.bench for point in points}.values()), counts)
    return ScoringResult(unit, tuple(point.result() for point in points), counts)


def _batches(points: Iterable[_Point], picture: Picture) -> Iterator[list[_Point]]:
    """The points that miss a score, as many at once as memory is meant for."""
    todo, size = [point for point in points if point.missing], at_once(picture.pixels)
    for first in range(0, len(todo), size):
        yield todo[first : first + size]


def _score(unit: ScoringUnit, batch: Sequence[_Point]) -> None:
    """Decodes a batch and scores it, each score stored when it is there. What is the same is decoded and scored once."""
    streams: dict[str, _Point] = {}
    samples: dict[str, _Point] = {}
    for point in batch:
        first = streams.setdefault(digest(point.repeat_identity), point)
        with _failing([point], "decode"):
            if first is point:
                point.decode()
            elif first.scored_sha256 is not None:
                point.decoded_to(first.scored_sha256)
        if point.scored_sha256 is not None and not point.failed:
            samples.setdefault(point.scored_sha256, point)
    _measure(unit, [point for point in samples.values() if point.rgb is not None and point.missing])
    for point in batch:
        if point.missing and point.scored_sha256 is not None:
            point.recall_scores()
        if point.missing:
            first = samples.get(point.scored_sha256 or "", streams[digest(point.repeat_identity)])
            because = first.failed.error if first.failed else "its scores cannot be read back from the store"
            point.failed = _failed(point.coded, first.failed.stage if first.failed else "score", CtcError(because))


def _measure(unit: ScoringUnit, points: Sequence[_Point]) -> None:
    if not points:
        return
    scoring = unit.scoring
    metrics = [plugins.metrics()[name] for name, _ in scoring.metrics if any(name in point.missing for point in points)]
    with _failing(points, "score"):
        found = measure(
            points[0].bench.source.rgb,
            [point.rgb for point in points if point.rgb is not None],
            metrics,
            lambda index, name: name in points[index].missing,
            scoring.setting,
            unit.picture.transfer,
        )
        for measured in found:
            with _failing([points[measured.index]], "score"):
                points[measured.index].keep(measured)


@contextmanager
def _failing(points: Iterable[_Point], stage: str) -> Iterator[None]:
    """What goes wrong inside becomes the failure of `points`: a night's run outlives a defect in one plug-in, and shows it."""
    try:
        yield
    except (NotStored, NotWritable, OutOfSpace):
        raise
    except Exception as error:  # noqa: BLE001
        for point in points:
            point.failed = point.failed or _failed(point.coded, stage, error)


def _failed(coded: Coded, stage: str, error: Exception) -> Failed:
    return failure(coded.job.picture, coded.job.codec, coded.job.target_bpp, stage, error)
