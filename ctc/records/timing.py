"""A timing campaign: encoder and decoder of every codec, timed again and again at its points, one at a time, on one machine."""

from __future__ import annotations

from dataclasses import dataclass

ENCODER, DECODER, LOADING = "encoder", "decoder", "loading"
SMALLEST = "(smallest picture)"
"""In place of a picture's name: one of 16x16 samples, extended for codecs that take none so small; its time is what starting takes."""
PICTURE_FILE, TO_CODEC, START, READ, CODEC, WRITE, FROM_CODEC = (
    "picture file", "to codec", "start", "read", "codec", "write", "from codec",
)  # fmt: skip
"""Stages: the harness reads the picture file, converts and writes what the codec takes; the process starts and loads its libraries; it
reads its input; codes; writes its output; the harness reads that and converts it back."""


@dataclass(frozen=True)
class StageTime:
    """What one stage of an execution took."""

    stage: str
    wall_s: float
    cpu_s: float | None
    """Processor time, where it was measured for the stage alone."""


@dataclass(frozen=True)
class TimingSample:
    """One execution that counts."""

    codec: str
    """Of loading the name of what is loaded, which several codecs may share."""
    picture: str
    """Or `SMALLEST`; empty of loading."""
    target_bpp: float | None
    """None of the smallest picture, and of loading."""
    side: str
    """"encoder", "decoder", or "loading": the start of a process that stays, with all that it loads before it codes."""
    index: int
    """Which of the samples of this codec, picture, rate and side, from 0."""
    order: int
    """In which place of the campaign it was taken, from 0."""
    stages: tuple[StageTime, ...]
    peak_bytes: int
    """Peak resident memory of the process that codes, its own."""
    device: str
    threads: int
    others_s: float
    """Processor seconds that other processes, and the machine's host, took while the codec ran."""
    idle_before: bool
    """Whether no other process wanted a processor at the moment it started."""
    same_output: bool
    """Whether the bitstream, or the decoded picture, is that of the campaign's point; True where there is none to compare with."""

    @property
    def time_s(self) -> float:
        """Wall time in the sense of the common test conditions: an encoder's with reading its input and writing the bitstream, a
        decoder's with reading the bitstream; without starting, loading, colour conversion, and writing the decoded picture. Where the
        process is timed as a whole all of what it does is in it."""
        return sum(stage.wall_s for stage in self.stages if stage.stage in self.counted)

    @property
    def counted(self) -> tuple[str, ...]:
        """The stages of `time_s`."""
        return {ENCODER: (READ, CODEC, WRITE), DECODER: (READ, CODEC)}.get(self.side, (START,))

    @property
    def whole_process(self) -> bool:
        """Whether the codec is a program that could only be timed from its start to its end."""
        return self.side != LOADING and all(stage.stage != READ for stage in self.stages)


@dataclass(frozen=True)
class TimingFailure:
    """Something that could be coded, but not timed."""

    codec: str
    picture: str
    target_bpp: float | None
    side: str
    error: str


@dataclass(frozen=True)
class DeviceMemory:
    """The least memory of a GPU with which a codec still gives the same output for the largest picture of the campaign."""

    codec: str
    side: str
    picture: str
    needed_bytes: int | None
    """None with the reason."""
    reason: str = ""


@dataclass(frozen=True)
class Timing:
    """A timing campaign."""

    machine: str
    """Identity of the machine."""
    started: str
    """ISO 8601, UTC: when its first sample was taken."""
    continued: bool
    """Whether it was interrupted, and part of it is of an earlier run of the command."""
    round: int
    """Which campaign under the same conditions on this machine this is, from 1."""
    seed: int
    """That of the shuffled order."""
    samples_each: int
    """Kept of each codec, picture, rate and side, after one that warms up and does not count."""
    threads: int
    """That codecs were allowed."""
    cpus: tuple[int, ...]
    """Processors to which harness and codecs were bound, as a child process reads them back."""
    target_bpps: tuple[float, ...]
    samples: tuple[TimingSample, ...]
    failed: tuple[TimingFailure, ...] = ()
    device_memory: tuple[DeviceMemory, ...] = ()

    @property
    def pictures(self) -> tuple[str, ...]:
        """Names of those of which a point was timed, sorted."""
        return tuple(sorted({sample.picture for sample in self.samples if sample.target_bpp is not None}))
