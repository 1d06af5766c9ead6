"""A point of a rate-distortion curve: as it is asked for, coded, scored, or why it is not there."""

from __future__ import annotations

from dataclasses import dataclass

from ctc.records.pictures import Picture


@dataclass(frozen=True)
class Job:
    """One point to be made: a picture, a codec, a target rate."""

    picture: Picture
    codec: str
    codec_version: str
    target_bpp: float


@dataclass(frozen=True)
class Cost:
    """One measured execution. `machine` names where; a cost is never shown as another machine's."""

    wall_s: float
    cpu_s: float
    peak_bytes: int
    """Peak resident memory of the process that coded, its interpreter included where it has one."""
    device: str
    threads: int
    machine: str
    machine_idle: bool
    """Whether, at the moment it started, no other process wanted a processor."""
    start_s: float | None = None
    """Of starting the process and loading its libraries, outside `wall_s`; None where it is in `wall_s`, or was done before."""
    read_s: float | None = None
    """Of reading what is coded, outside `wall_s`; None where it is in `wall_s`, as of a program that is timed from start to end."""
    write_s: float | None = None
    """Of writing what was made, likewise."""


@dataclass(frozen=True)
class Coded:
    """A bitstream made for a job and the hash of what it decodes to."""

    job: Job
    setting: float | None
    """This and `tries`: None for a point that was not made here."""
    bytes: int
    bpp: float
    deviation: float
    """bpp / target - 1."""
    tries: int | None
    """Settings that were newly tried for this target; those shared from other targets of the picture are not counted."""
    bitstream_sha256: str
    """Empty, as `decoded_sha256`, where only numbers are known of the point."""
    decoded_sha256: str
    encode: Cost | None
    """None in a campaign where another machine took the time, or nobody."""
    decode: Cost | None
    encode_command: tuple[str, ...]
    decode_command: tuple[str, ...]
    reason: str = ""
    """Why the rate is further from the target than the tolerance, where it is."""


@dataclass(frozen=True)
class Score:
    """One metric's value, or None with the reason why it has none."""

    metric: str
    value: float | None
    reason: str = ""


@dataclass(frozen=True)
class Scored:
    coded: Coded
    repeatable: bool | None
    """Whether decoding a second time gave the same samples; those of the second time are scored. None where it was not decoded here."""
    scores: tuple[Score, ...]

    @property
    def place(self) -> tuple[str, str, float]:
        """(codec, picture, target bpp)"""
        return self.coded.job.codec, self.coded.job.picture.name, self.coded.job.target_bpp

    def value(self, metric: str) -> float | None:
        """Value of `metric`, None where it is missing or was not asked for."""
        return next((score.value for score in self.scores if score.metric == metric), None)


@dataclass(frozen=True)
class Unreachable:
    """A target rate that the codec cannot give for this picture; a fact, not a failure."""

    job: Job
    limit_setting: float
    limit_bpp: float
    tries: int
    reason: str

    @property
    def place(self) -> tuple[str, str, float]:
        """(codec, picture, target bpp)"""
        return self.job.codec, self.job.picture.name, self.job.target_bpp


@dataclass(frozen=True)
class Absent:
    """A point that nobody has made or published; of a codec that is not run here. A gap, not a failure."""

    codec: str
    picture: str
    target_bpp: float
    reason: str

    @property
    def place(self) -> tuple[str, str, float]:
        """(codec, picture, target bpp)"""
        return self.codec, self.picture, self.target_bpp


@dataclass(frozen=True)
class Unsupported:
    """A picture that the codec cannot code at any rate, because of what it is; a fact, not a failure. It stands for all target rates."""

    codec: str
    picture: str
    reason: str

    @property
    def place(self) -> tuple[str, str, None]:
        """(codec, picture, no target)"""
        return self.codec, self.picture, None


@dataclass(frozen=True)
class Failed:
    """A failure, stored as data. Fields that did not exist yet are empty or None."""

    picture: str
    codec: str
    target_bpp: float | None
    stage: str
    """"read", "encode", "decode", "score", "rate" or "worker"."""
    error: str
    command: str = ""
    log_tail: str = ""

    @property
    def place(self) -> tuple[str, str, float | None]:
        """(codec, picture, target bpp)"""
        return self.codec, self.picture, self.target_bpp
