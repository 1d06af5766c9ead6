"""From a picture and a codec to scored points: encode to the target rates, decode, score, each step stored as soon as it is done.

`run_unit` is the work that executors distribute: one picture with one codec at all target rates, since the rates share their attempts.
`recall_unit` gives the same result from the store alone, or None. Both replay the same search from the same start, so the result of a run
never depends on what was stored before or by whom.
"""

from __future__ import annotations

import platform
import tempfile
import traceback
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from ctc import pixels, plugins
from ctc.complexity.memory import reuse_large_blocks
from ctc.complexity.process import shell_line, time_limit
from ctc.errors import CtcError, MetricUndefined, NotWritable, OutOfSpace, PictureError, ToolFailed
from ctc.picturefiles import read_picture
from ctc.protocols import Codec, Codes, Metric
from ctc.ratecontrol import Choice, RateSearch, middle_out
from ctc.records import Coded, Cost, Counts, Failed, Job, Picture, Score, Scored, Unreachable
from ctc.scratch import scratch_prefix
from ctc.store import Store, explained, file_hash

INTERNAL_BITS = 10
Point = Scored | Unreachable | Failed

SCORE_S_PER_MEGAPIXEL = 2.0
"""Typical seconds of all metrics on one core, for the order of jobs and the estimate of `--dry-run`; see NOTES.md."""


@dataclass(frozen=True)
class Unit:
    """One picture with one codec at all its target rates."""

    picture: Picture
    codec: str
    codec_version: str
    target_bpps: tuple[float, ...]
    metrics: tuple[tuple[str, str], ...]
    """(name, version)"""
    rate_tolerance: float
    offset: float
    """Where the rate search begins; see `ratecontrol.memory_offset`."""
    store: str
    time_limit_s: float

    @property
    def expected_s(self) -> float:
        """Rough seconds of work, for the order of jobs."""
        per_megapixel = 1.5 * plugins.codecs()[self.codec].seconds_per_megapixel + SCORE_S_PER_MEGAPIXEL
        return len(self.target_bpps) * (0.5 + self.picture.pixels / 1e6 * per_megapixel)


@dataclass(frozen=True)
class UnitResult:
    unit: Unit
    points: tuple[Point, ...]
    attempts: tuple[tuple[float, float], ...]
    """(setting, bpp) of every attempt."""
    counts: Counts


class NotStored(Exception):
    """Something would have to be computed."""


def run_unit(unit: Unit) -> UnitResult:
    """Makes all points of `unit`. A failure becomes a Failed of its target; only a full disk raises (OutOfSpace)."""
    reuse_large_blocks()
    other = _other_versions(unit)
    if other:
        return lost_unit(unit, other)
    with time_limit(unit.time_limit_s), _Bench(unit, may_run=True) as bench:
        return _points(unit, bench)


def _other_versions(unit: Unit) -> str:
    """What this machine would make with other versions than the plan says; empty where there is nothing. A store is shared by machines."""
    pairs = [(unit.codec, unit.codec_version, plugins.codecs()[unit.codec].version())]
    pairs += [(name, version, plugins.metrics()[name].version()) for name, version in unit.metrics]
    return "; ".join(
        f"worker {platform.node()} has {name} {here!r}, the run wants {wanted!r}" for name, wanted, here in pairs if here != wanted
    )


def recall_unit(unit: Unit) -> UnitResult | None:
    """The result of `unit` if every step of it is stored, else None."""
    with _Bench(unit, may_run=False) as bench:
        try:
            return _points(unit, bench)
        except NotStored:
            return None


def lost_unit(unit: Unit, reason: str) -> UnitResult:
    """The result of a unit whose worker died."""
    points = tuple(_failure(unit, target, "worker", CtcError(reason)) for target in unit.target_bpps)
    return UnitResult(unit, points, (), Counts())


def _points(unit: Unit, bench: _Bench) -> UnitResult:
    search = RateSearch(bench.rate, bench.codec.knob, unit.rate_tolerance, unit.offset)
    points = {target: _point(unit, bench, search, target) for target in middle_out(unit.target_bpps)}
    return UnitResult(unit, tuple(points[target] for target in sorted(points)), tuple(sorted(search.attempts.items())), bench.counts)


def _point(unit: Unit, bench: _Bench, search: RateSearch, target_bpp: float) -> Point:
    stage = "encode"
    try:
        choice = search.find(target_bpp)
        job = Job(unit.picture, unit.codec, unit.codec_version, target_bpp)
        if not choice.reachable:
            return Unreachable(job, choice.setting, choice.bpp, choice.tries, choice.reason)
        stage = "decode"
        coded = bench.coded(job, choice)
        stage = "score"
        return Scored(coded, tuple(bench.score(coded, name, version) for name, version in unit.metrics))
    except (NotStored, NotWritable, OutOfSpace):
        raise
    except CtcError as error:
        bench.refuse_to_guess()
        return _failure(unit, target_bpp, "read" if isinstance(error, PictureError) else stage, error)
    except Exception as error:  # noqa: BLE001 - the one boundary: a night's run outlives a defect in one plug-in, and shows it
        bench.refuse_to_guess()
        failure = _failure(unit, target_bpp, stage, CtcError(f"{type(error).__name__}: {error}"))
        return replace(failure, log_tail="".join(traceback.format_exception(error)))


def _failure(unit: Unit, target_bpp: float, stage: str, error: CtcError) -> Failed:
    command, log_tail = (shell_line(error.command), error.log_tail) if isinstance(error, ToolFailed) else ("", "")
    return Failed(unit.picture.name, unit.codec, target_bpp, stage, str(error), command, log_tail)


class _MetricViews:
    """What metrics see of one picture, each kind converted once."""

    def __init__(self, rgb: pixels.Rgb) -> None:
        self._rgb = rgb
        self._codes: dict[str, Codes] = {}

    def codes(self, wants: Literal["y", "yuv", "rgb"]) -> Codes:
        if wants not in self._codes:
            self._codes[wants] = pixels.metric_codes(self._rgb, wants, INTERNAL_BITS)
        return self._codes[wants]


@dataclass
class _Bench(AbstractContextManager["_Bench"]):
    """Where one unit is worked on: the codec, a scratch folder, and what was computed so far. Reads the picture only when needed."""

    unit: Unit
    may_run: bool
    counts: Counts = field(default_factory=Counts)

    def __post_init__(self) -> None:
        self.codec: Codec = plugins.codecs()[self.unit.codec]
        self.store = Store(Path(self.unit.store))
        self._encoded: dict[float, dict[str, Any]] = {}
        self._decoded: tuple[str, _MetricViews] | None = None
        self._scratch: tempfile.TemporaryDirectory[str] | None = None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._scratch is not None:
            self._scratch.cleanup()

    @cached_property
    def folder(self) -> Path:
        with explained(Path(tempfile.gettempdir())):
            self._scratch = tempfile.TemporaryDirectory(prefix=scratch_prefix())
        return Path(self._scratch.name)

    @cached_property
    def rgb(self) -> pixels.Rgb:
        rgb, _ = read_picture(Path(self.unit.picture.path))
        if pixels.sample_hash(rgb) != self.unit.picture.sha256:
            raise PictureError(f"{self.unit.picture.name}: its samples changed since the run began; run again")
        return rgb

    @cached_property
    def source(self) -> Path:
        with explained(self.folder):
            return pixels.write_source(self.rgb, self.codec.pixels, self.folder)

    def rate(self, setting: float) -> float:
        """Real bpp at `setting`."""
        size = self.encoded(setting)["bytes"]
        return 8 * int(size) / self.unit.picture.pixels

    def encode_identity(self, setting: float) -> dict[str, Any]:
        """All that decides the bitstream. The arguments of the command line are in it, so that no constant of a codec is forgotten."""
        source, bitstream, _ = self._names("source", setting)
        arguments = self.codec.encode_command(source, bitstream, setting)[1:]
        return {"picture": self.unit.picture.sha256, **self._made_by(), "setting": float(setting), "arguments": list(arguments)}

    def encoded(self, setting: float) -> dict[str, Any]:
        """Stored facts of the bitstream at `setting`: bytes, sha256, cost."""
        if setting not in self._encoded:
            known = self.store.get("encode", self.encode_identity(setting))
            if known is None:
                self._encoded[setting] = self._encode(setting)
            else:
                self._encoded[setting] = known
                self.counts += Counts(encodes_reused=1)
        return self._encoded[setting]

    def bitstream(self, setting: float) -> Path:
        """The stored bitstream at `setting`; made again if it was damaged."""
        path = self.store.get_file("encode", self.encode_identity(setting))
        if path is None:
            before = self.encoded(setting)["sha256"]
            self._encoded[setting] = self._encode(setting)
            if self._encoded[setting]["sha256"] != before:
                raise ToolFailed(f"{self.unit.codec} does not give the same bitstream twice at {self.codec.knob.name} {setting:g}")
            path = self.store.get_file("encode", self.encode_identity(setting))
        if path is None:
            raise ToolFailed(
                f"{self.unit.codec}: its bitstream at {self.codec.knob.name} {setting:g} cannot be read back from {self.store.root}"
            )
        return path

    def _encode(self, setting: float) -> dict[str, Any]:
        self.refuse_to_guess()
        bitstream = self.folder / "bitstream"
        bitstream.unlink(missing_ok=True)
        cost = self.codec.encode(self.source, bitstream, setting)
        if not bitstream.is_file() or bitstream.stat().st_size == 0:
            command = self.codec.encode_command(self.source, bitstream, setting)
            raise ToolFailed(f"{self.unit.codec} ended well at {self.codec.knob.name} {setting:g} but wrote no bitstream", command)
        content = {"bytes": bitstream.stat().st_size, "sha256": file_hash(bitstream), "cost": asdict(cost)}
        self.store.put("encode", self.encode_identity(setting), content, bitstream)
        self.counts += Counts(encodes_run=1)
        return content

    def coded(self, job: Job, choice: Choice) -> Coded:
        """The chosen bitstream, decoded twice."""
        encoded = self.encoded(choice.setting)
        decoded = self.decoded(choice.setting, encoded["sha256"])
        source, bitstream, destination = self._names(self.unit.picture.name, choice.setting)
        return Coded(
            job=job,
            setting=choice.setting,
            bytes=encoded["bytes"],
            bpp=choice.bpp,
            deviation=choice.bpp / job.target_bpp - 1,
            tries=choice.tries,
            bitstream_sha256=encoded["sha256"],
            decoded_sha256=decoded["sha256"],
            repeatable=decoded["repeatable"],
            encode=Cost(**encoded["cost"]),
            decode=Cost(**decoded["cost"]),
            encode_command=self.codec.encode_command(source, bitstream, choice.setting),
            decode_command=self.codec.decode_command(bitstream, destination),
            reason=choice.reason,
        )

    def decoded(self, setting: float, bitstream_sha256: str) -> dict[str, Any]:
        """Stored facts of the reconstruction: sha256 of its samples, whether a second decoding gave the same, cost."""
        identity = self._decode_identity(bitstream_sha256)
        known = self.store.get("decode", identity)
        if known is not None:
            self.counts += Counts(decodes_reused=1)
            return known
        self.refuse_to_guess()
        first, cost = self._decode(setting)
        second, _ = self._decode(setting)
        sha256 = pixels.sample_hash(first)
        content = {"sha256": sha256, "repeatable": pixels.sample_hash(second) == sha256, "cost": asdict(cost)}
        self.store.put("decode", identity, content)
        self._decoded = (sha256, _MetricViews(first))
        return content

    def score(self, coded: Coded, name: str, version: str) -> Score:
        metric = plugins.metrics()[name]
        identity = {
            "metric": name,
            "version": version,
            "reference": self.unit.picture.sha256,
            "distorted": coded.decoded_sha256,
            "internal_bits": INTERNAL_BITS,
            "preparation": pixels.METRIC_PREPARATION,
        }
        known = self.store.get("score", identity)
        if known is None:
            self.refuse_to_guess()
            value, reason = self._value(metric, coded)
            known = {"value": None if value is None else repr(value), "reason": reason}
            self.store.put("score", identity, known)
            self.counts += Counts(scores_run=1)
        else:
            self.counts += Counts(scores_reused=1)
        return Score(name, None if known["value"] is None else float(known["value"]), known["reason"])

    def _value(self, metric: Metric, coded: Coded) -> tuple[float | None, str]:
        reference, distorted = self._reference.codes(metric.wants), self._distorted(coded).codes(metric.wants)
        try:
            return float(metric.score(reference, distorted, 2**INTERNAL_BITS - 1)), ""
        except MetricUndefined as undefined:
            return None, str(undefined)

    @cached_property
    def _reference(self) -> _MetricViews:
        return _MetricViews(self.rgb)

    def _distorted(self, coded: Coded) -> _MetricViews:
        if self._decoded is None or self._decoded[0] != coded.decoded_sha256:
            rgb, _ = self._decode(coded.setting)
            if pixels.sample_hash(rgb) != coded.decoded_sha256:
                raise ToolFailed(f"{self.unit.codec} decodes its bitstream to other samples than before", coded.decode_command)
            self._decoded = (coded.decoded_sha256, _MetricViews(rgb))
        return self._decoded[1]

    def _decode(self, setting: float) -> tuple[pixels.Rgb, Cost]:
        bitstream = self.bitstream(setting)
        destination = self.folder / "decoded"
        destination.unlink(missing_ok=True)
        cost = self.codec.decode(bitstream, destination)
        self.counts += Counts(decodes_run=1)
        if not destination.is_file():
            raise ToolFailed(f"{self.unit.codec} decoded nothing", self.codec.decode_command(bitstream, destination))
        picture = self.unit.picture
        bits: Literal[8, 16] = 8 if picture.bit_depth == 8 else 16
        return pixels.read_decoded(destination, self.codec.pixels, picture.width, picture.height, bits), cost

    def _decode_identity(self, bitstream_sha256: str) -> dict[str, Any]:
        picture = self.unit.picture
        size = {"width": picture.width, "height": picture.height, "bit_depth": picture.bit_depth}
        _, bitstream, destination = self._names("decoded", 0)
        arguments = self.codec.decode_command(bitstream, destination)[1:]
        return {"bitstream": bitstream_sha256, **self._made_by(), **size, "arguments": list(arguments)}

    def _made_by(self) -> dict[str, Any]:
        conversion = pixels.conversion_name(self.codec.pixels, self.unit.picture.bit_depth)
        pixel_format = asdict(self.codec.pixels)
        return {"codec": self.unit.codec, "version": self.unit.codec_version, "conversion": conversion, "pixels": pixel_format}

    def _names(self, name: str, setting: float) -> tuple[Path, Path, Path]:
        """Source, bitstream and reconstruction, as file names for the command lines that keys hold and reports show."""
        picture, stem = self.unit.picture, f"{name}.{self.unit.codec}.{setting:g}"
        if self.codec.pixels.container == "ppm":
            return Path(f"{name}.ppm"), Path(f"{stem}.bits"), Path(f"{stem}.ppm")
        width, height = pixels.coded_size(picture.width, picture.height, self.codec.pixels)
        source, decoded = (Path(pixels.raw_name(part, width, height, self.codec.pixels)) for part in (name, stem))
        return source, Path(f"{stem}.bits"), decoded

    def refuse_to_guess(self) -> None:
        """Raises NotStored unless things may be run: what cannot be recalled whole must be tried, not reported as failed."""
        if not self.may_run:
            raise NotStored
