"""A campaign and what was found in it."""

from __future__ import annotations

from dataclasses import dataclass

from ctc.records.codecs import CodecInfo
from ctc.records.complexity import Complexity, CountedCodec
from ctc.records.interop import Interop
from ctc.records.metrics import MetricInfo, Parity
from ctc.records.pictures import Picture, SetState
from ctc.records.points import Absent, Failed, Scored, Unreachable, Unsupported
from ctc.records.published import PublishedTable
from ctc.records.timing import Timing
from ctc.records.validity import PointValidity


@dataclass(frozen=True)
class BdRate:
    """A Bjontegaard delta rate. `picture` is "ALL" for the mean over pictures, `metric` "AVG" for the mean of the seven."""

    codec: str
    anchor: str
    metric: str
    picture: str
    value_percent: float | None
    overlap: float | None
    """Common quality interval over the union of both curves' intervals, 0 to 1; for ALL the smallest of the pictures."""
    reason: str = ""
    low_percent: float | None = None
    """95 % bootstrap interval over pictures; ALL rows only."""
    high_percent: float | None = None
    pictures: int = 1
    """Pictures that entered the value; for a single picture 1, or 0 where it is N/A."""
    pictures_missing: int = 0
    """Pictures of the set that are N/A; ALL rows only."""


@dataclass(frozen=True)
class Finding:
    """What a check has to say. Severity is "error" (the table is not valid), "warning" or "note"."""

    check: str
    severity: str
    codec: str
    picture: str
    target_bpp: float | None
    message: str


@dataclass(frozen=True)
class Machine:
    """Where the campaign ran."""

    identity: str
    """Short hash of what lasts: host name, processor, number of processors; the owner of its timings."""
    hostname: str
    processor: str
    cores: int
    memory_bytes: int
    system: str
    python: str


@dataclass(frozen=True)
class Counts:
    """What the run really did, and what it took from the store."""

    encodes_run: int = 0
    encodes_reused: int = 0
    decodes_run: int = 0
    decodes_reused: int = 0
    scores_run: int = 0
    scores_reused: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class Campaign:
    """Everything that a report may show."""

    dataset: str
    command: str
    codecs: tuple[CodecInfo, ...]
    metrics: tuple[MetricInfo, ...]
    pictures: tuple[Picture, ...]
    target_bpps: tuple[float, ...]
    rate_tolerance: float
    internal_bits: int
    """Grid on which the metrics saw samples."""
    metric_device: str
    """"cpu", or "cuda" for the metrics that have a path there."""
    anchor: str
    anchor_note: str
    """Why this anchor, where it is not the one of the common test conditions; else empty."""
    scored: tuple[Scored, ...]
    unreachable: tuple[Unreachable, ...]
    failed: tuple[Failed, ...]
    machine: Machine
    versions: tuple[tuple[str, str], ...]
    """(package, version) of what computes, sorted."""
    counts: Counts
    started: str
    """ISO 8601, UTC."""
    wall_s: float
    findings: tuple[Finding, ...] = ()
    bd: tuple[BdRate, ...] = ()
    parity: tuple[Parity, ...] = ()
    """One for each metric."""
    complexity: tuple[Complexity, ...] = ()
    """One for each learned codec and picture."""
    set_state: SetState | None = None
    """None where nothing says what the whole set is: a folder without a lock file."""
    absent: tuple[Absent, ...] = ()
    """Gaps of the codecs that were not run here."""
    unsupported: tuple[Unsupported, ...] = ()
    """Pictures that codecs which were run here cannot code."""
    interop: tuple[Interop, ...] = ()
    """Of the codecs that `ctc interop` was run with on this machine, as they are here."""
    validity: tuple[PointValidity, ...] = ()
    """One for each codec, picture and target rate, without the pictures that a codec cannot code."""
    counted: tuple[CountedCodec, ...] = ()
    """Of the learned codecs that `ctc complexity` was run with, as they are here."""
    beside: tuple[PublishedTable, ...] = ()
    """Tables of others that were asked for beside it."""
    timing: Timing | None = None
    """None where no timing campaign was asked for: then all times are those that coding happened to take."""
