"""From a picture and a codec to bitstreams at the target rates, each step stored as soon as it is done.

`code_unit` is the work that executors distribute: one picture with one codec at all target rates, since the rates share their attempts.
`recall_coding` gives the same result from the store alone, or None. Both replay the same search from the same start, so the result of a
run never depends on what was stored before or by whom.
"""

from __future__ import annotations

import platform
import traceback
from dataclasses import dataclass
from pathlib import Path

from ctc import plugins
from ctc.bench import Bench, NotStored, Source
from ctc.complexity.memory import reuse_large_blocks
from ctc.complexity.process import shell_line, time_limit
from ctc.errors import CtcError, NotWritable, OutOfSpace, PictureError, ToolFailed, ToolMissing
from ctc.plugins import other_version
from ctc.protocols import Codec
from ctc.ratecontrol import Choice, RateSearch, middle_out
from ctc.records import Coded, Cost, Counts, Failed, Job, Picture, Transfer, Unreachable, Unsupported
from ctc.store import Store

Outcome = Coded | Unreachable | Unsupported | Failed

PQ_BITS = 10
"""Fewer do not do: ITU-R BT.2100 has PQ of 10 and 12 bits, and at 8 its steps are seen."""


@dataclass(frozen=True)
class CodingUnit:
    """One picture with one codec at all its target rates."""

    picture: Picture
    codec: str
    codec_version: str
    target_bpps: tuple[float, ...]
    rate_tolerance: float
    offset: float
    """Where the rate search begins; see `ratecontrol.memory_offset`."""
    store: str
    time_limit_s: float
    settings: tuple[float, ...] = ()
    """One for each target rate where they are known: then nothing is searched."""
    stored_first: bool = False
    """Whether what is stored of other settings counts as tried. For a search that has one right end, to which all tries lead."""

    @property
    def expected_s(self) -> float:
        """Rough seconds of work, for the order of jobs."""
        per_megapixel = 1.5 * plugins.codec_on(self.codec, self.picture).seconds_per_megapixel
        return len(self.target_bpps) * (0.5 + self.picture.pixels / 1e6 * per_megapixel)


@dataclass(frozen=True)
class CodingResult:
    unit: CodingUnit
    outcomes: tuple[Outcome, ...]
    """In order of rising target rate; of a picture that the codec cannot code just one, Unsupported."""
    attempts: tuple[tuple[float, float], ...]
    """(setting, bpp) of every attempt."""
    counts: Counts

    @property
    def coded(self) -> tuple[Coded, ...]:
        """What goes on to be scored."""
        return tuple(outcome for outcome in self.outcomes if isinstance(outcome, Coded))

    @property
    def points(self) -> tuple[Unreachable | Unsupported | Failed, ...]:
        """What ends here."""
        return tuple(outcome for outcome in self.outcomes if not isinstance(outcome, Coded))


def code_unit(unit: CodingUnit) -> CodingResult:
    """Makes the bitstreams of `unit`, decodes each once. A failure becomes a Failed of its target; only a full disk raises (OutOfSpace)."""
    reuse_large_blocks()
    if why := unsupported(plugins.codec_on(unit.codec, unit.picture), unit.picture.transfer):
        return _unsupported(unit, why)
    try:
        unfit = other_version(unit.codec, plugins.codec_on(unit.codec, unit.picture).version(), unit.codec_version)
    except ToolMissing as missing:
        unfit = f"worker {platform.node()}: {missing}"
    if unfit:
        return lost_coding(unit, unfit)
    with time_limit(unit.time_limit_s), _bench(unit, may_run=True) as bench:
        return _coded_at_all_rates(unit, bench)


def recall_coding(unit: CodingUnit) -> CodingResult | None:
    """The result of `unit` if every step of it is stored, or there is none to make, else None."""
    if why := unsupported(plugins.codec_on(unit.codec, unit.picture), unit.picture.transfer):
        return _unsupported(unit, why)
    with _bench(unit, may_run=False) as bench:
        try:
            return _coded_at_all_rates(unit, bench)
        except NotStored:
            return None


def unsupported(codec: Codec, transfer: Transfer) -> str:
    """Why the codec cannot code pictures of this transfer at any rate; empty where it can."""
    bits = codec.pixels.bit_depth
    return f"is HDR (PQ of {PQ_BITS} bits), {codec.name} codes {bits} bits" if transfer == "pq" and bits < PQ_BITS else ""


def _unsupported(unit: CodingUnit, why: str) -> CodingResult:
    return CodingResult(unit, (Unsupported(unit.codec, unit.picture.name, f"the picture {why}"),), (), Counts())


def lost_coding(unit: CodingUnit, reason: str) -> CodingResult:
    """The result of a unit whose worker died."""
    outcomes = tuple(failure(unit.picture, unit.codec, target, "worker", CtcError(reason)) for target in unit.target_bpps)
    return CodingResult(unit, outcomes, (), Counts())


def failure(picture: Picture, codec: str, target_bpp: float, stage: str, error: Exception) -> Failed:
    """The record of a failure: the command line and the end of its log where a program failed, the traceback where one of us did."""
    command, log_tail = (shell_line(error.command), error.log_tail) if isinstance(error, ToolFailed) else ("", "")
    if isinstance(error, PictureError):
        stage = "read"
    if isinstance(error, CtcError):
        return Failed(picture.name, codec, target_bpp, stage, str(error), command, log_tail)
    trace = "".join(traceback.format_exception(error))
    return Failed(picture.name, codec, target_bpp, stage, f"{type(error).__name__}: {error}", command, trace)


def _bench(unit: CodingUnit, *, may_run: bool) -> Bench:
    return Bench(Source(unit.picture), unit.codec, unit.codec_version, Store(Path(unit.store)), may_run)


def _coded_at_all_rates(unit: CodingUnit, bench: Bench) -> CodingResult:
    search = RateSearch(bench.rate, bench.codec.knob, unit.rate_tolerance, unit.offset)
    if unit.stored_first:
        search.attempts |= bench.stored_rates()
    outcomes = {target: _outcome(unit, bench, search, target) for target in middle_out(unit.target_bpps)}
    return CodingResult(unit, tuple(outcomes[target] for target in sorted(outcomes)), tuple(sorted(search.attempts.items())), bench.counts)


def _outcome(unit: CodingUnit, bench: Bench, search: RateSearch, target_bpp: float) -> Outcome:
    stage = "encode"
    try:
        choice = _known(unit, bench, target_bpp) or search.find(target_bpp)
        job = Job(unit.picture, unit.codec, unit.codec_version, target_bpp)
        if not choice.reachable:
            return Unreachable(job, choice.setting, choice.bpp, choice.tries, choice.reason)
        stage = "decode"
        return _coded(bench, job, choice)
    except (NotStored, NotWritable, OutOfSpace):
        raise
    except Exception as error:  # noqa: BLE001 - the one boundary: a night's run outlives a defect in one plug-in, and shows it
        bench.refuse_to_guess()
        return failure(unit.picture, unit.codec, target_bpp, stage, error)


def _known(unit: CodingUnit, bench: Bench, target_bpp: float) -> Choice | None:
    """The setting of a target where the unit has it."""
    if not unit.settings:
        return None
    setting = unit.settings[unit.target_bpps.index(target_bpp)]
    return Choice(setting, bench.rate(setting), 1, reachable=True)


def _coded(bench: Bench, job: Job, choice: Choice) -> Coded:
    """The record of the chosen bitstream, decoded once."""
    encoded, decoded = bench.encoded(choice.setting), bench.decoded(choice.setting)
    encode_command, decode_command = bench.command_lines(choice.setting)
    return Coded(
        job=job,
        setting=choice.setting,
        bytes=encoded["bytes"],
        bpp=choice.bpp,
        deviation=choice.bpp / job.target_bpp - 1,
        tries=choice.tries,
        bitstream_sha256=encoded["sha256"],
        decoded_sha256=decoded["sha256"],
        encode=Cost(**encoded["cost"]),
        decode=Cost(**decoded["cost"]),
        encode_command=encode_command,
        decode_command=decode_command,
        reason=choice.reason,
    )
