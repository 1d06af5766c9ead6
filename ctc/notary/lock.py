"""The lock file of an anchor: what its bitstreams and reconstructions are, so that another laboratory can show that it has the same.

A CSV file with a line for each picture and rate, to be read by people and compared by any program. Pictures are known by the hash of their
samples. Nothing is searched when it is verified: each point is coded at the setting that the line names.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from ctc.coding import CodingResult, CodingUnit, code_unit, recall_coding
from ctc.errors import DataSetMissing, UsageError
from ctc.line import Line
from ctc.notary.pictures import left_out_lines, pictures_there
from ctc.notary.verdict import Compared, Verdict, failures_of
from ctc.plan import Options, Plan, pilots_and_others, resolve
from ctc.records import Coded, Failed, Picture, Unreachable, Unsupported
from ctc.report.tables import number_text

HEADING = "# An anchor, locked by `ctc anchors lock`. To show that yours is the same: ctc anchors verify --lock THIS_FILE --data FOLDER"

ANY_RATE = 1e9
"""Rate tolerance of a point whose setting is given."""


@dataclass(frozen=True)
class Locked:
    """One point of the anchor: a line of the file, its fields in this order."""

    picture: str
    picture_sha256: str
    """Of the samples; see `pixels.sample_hash`."""
    target_bpp: float
    codec: str
    version: str
    """All that decides the bits, as the codec says it."""
    setting: float
    bytes: int
    bitstream_sha256: str
    decoded_sha256: str


COLUMNS = tuple(field.name for field in fields(Locked))


def make(options: Options) -> tuple[bytes, list[str], list[Failed]]:
    """The lock file of the first codec of `options` over its pictures and rates, what is not in it, and what failed."""
    plan = resolve(options)
    dataset = pictures_there(options)
    pilots, others = pilots_and_others(dataset.pictures)
    with Line(options, len(dataset.pictures) * len(options.target_bpps), len(dataset.failed)) as line:
        results = line.work(recall_coding, code_unit, plan.coding_units(pilots))
        results += line.work(recall_coding, code_unit, plan.coding_units(others, results))
    coded = sorted((each for result in results for each in result.coded), key=lambda each: (each.job.picture.name, each.job.target_bpp))
    ended = [point for result in results for point in result.points]
    unreachable = [point for point in ended if isinstance(point, Unreachable)]
    left_out = [f"not in it: {point.job.picture.name} at {point.job.target_bpp:g} bpp: {point.reason}" for point in unreachable]
    left_out += [f"not in it: {point.picture}: {point.reason}" for point in ended if isinstance(point, Unsupported)]
    left_out += left_out_lines(dataset)
    return _text(coded), left_out, [*dataset.failed, *(point for point in ended if isinstance(point, Failed))]


def _text(coded: Sequence[Coded]) -> bytes:
    text = io.StringIO(newline="")
    text.write(f"{HEADING}\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for each in coded:
        job = each.job
        made = (number_text(each.setting), each.bytes, each.bitstream_sha256, each.decoded_sha256)
        writer.writerow([job.picture.name, job.picture.sha256, number_text(job.target_bpp), job.codec, job.codec_version, *made])
    return text.getvalue().encode()


def read(path: Path) -> list[Locked]:
    """The lines of a lock file. Raises DataSetMissing, and UsageError where it is no such file, or is of several codecs."""
    if not path.is_file():
        raise DataSetMissing(f"--lock {path}: there is no such file; `ctc anchors lock` makes one")
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
        rows = list(csv.DictReader(lines))
        found = [
            Locked(
                **{name: row[name] for name in ("picture", "picture_sha256", "codec", "version", "bitstream_sha256", "decoded_sha256")},
                target_bpp=float(row["target_bpp"]), setting=float(row["setting"]), bytes=int(row["bytes"]),
            )
            for row in rows
        ]  # fmt: skip
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise UsageError(f"--lock {path}: not a lock file with the columns {', '.join(COLUMNS)} ({error})") from error
    for locked in found:
        if not 0 < locked.target_bpp < math.inf or locked.bytes < 1:
            raise UsageError(f"--lock {path}: {locked.picture}: rates and bytes are above 0, not {locked.target_bpp:g} bpp, {locked.bytes}")
    if len({locked.codec for locked in found}) != 1:
        raise UsageError(f"--lock {path}: {'there is no point' if not found else 'there are several codecs'} in it; one codec is wanted")
    return found


def verify(options: Options, lock: Sequence[Locked], name: str) -> Verdict:
    """The locked points whose pictures are in `options.dataset`, coded again by the first codec of `options` at the locked settings.

    Raises DataSetMissing where no picture of the lock is there, UsageError for a setting that the codec has not, ToolMissing."""
    plan = resolve(options)
    dataset = pictures_there(options)
    by_samples = {picture.sha256: picture for picture in dataset.pictures}
    here = [locked for locked in lock if locked.picture_sha256 in by_samples]
    others = _other_samples(lock, dataset.pictures)
    if not here and not dataset.failed and not others:
        raise DataSetMissing(f"{options.dataset}: none of the {len({each.picture for each in lock})} pictures of {name} is in it")
    units = [_unit(plan, by_samples[locked.picture_sha256], locked, name) for locked in here]
    with Line(options, len(units), len(dataset.failed)) as line:
        results = line.work(recall_coding, code_unit, sorted(units, key=lambda unit: -unit.expected_s))
    codec = plan.codecs[0]
    # What coded them: pictures of more than 8 bits may be coded in another way than the others.
    used = [codec.on(by_samples[locked.picture_sha256]) for locked in here] or [codec]
    return Verdict(
        codec=codec.name,
        knob=" or ".join(dict.fromkeys(each.knob.name if each.knob else "setting" for each in used)),
        version="; ".join(dict.fromkeys(each.version for each in used)),
        against=name,
        source=f"{lock[0].codec}: {'; '.join(dict.fromkeys(locked.version for locked in lock))}",
        compared=tuple(_compared(here, by_samples, results)),
        failed=(*dataset.failed, *others, *failures_of(point for result in results for point in result.points)),
        notes=(*_notes(plan, lock, here, by_samples), *left_out_lines(dataset)),
    )


def _other_samples(lock: Sequence[Locked], pictures: Sequence[Picture]) -> list[Failed]:
    """The pictures that are called as one of the lock but hold other samples."""
    locked = {each.picture: each.picture_sha256 for each in lock}
    known = set(locked.values())
    message = "its samples are not those of the locked picture of this name"
    return [
        Failed(picture.name, "", None, "read", message)
        for picture in pictures
        if picture.name in locked and picture.sha256 != locked[picture.name] and picture.sha256 not in known
    ]


def _unit(plan: Plan, picture: Picture, locked: Locked, name: str) -> CodingUnit:
    """Raises UsageError for a setting that the codec has not."""
    codec, options = plan.codecs[0].on(picture), plan.options
    knob = codec.knob
    if knob and not (knob.lowest <= locked.setting <= knob.highest and (locked.setting.is_integer() or not knob.integer)):
        limits = f"{knob.lowest:g} to {knob.highest:g}{' in whole numbers' if knob.integer else ''}"
        raise UsageError(f"--lock {name}: {locked.setting:g} is no {knob.name} of {codec.name}, which goes from {limits}")
    targets, settings = (locked.target_bpp,), (locked.setting,)
    return CodingUnit(
        picture, codec.name, codec.version, targets, ANY_RATE, 0.0, str(options.cache), options.time_limit_s, settings=settings
    )  # fmt: skip


def _compared(lock: Sequence[Locked], pictures: dict[str, Picture], results: Sequence[CodingResult]) -> Iterator[Compared]:
    coded = {(each.job.picture.name, each.job.target_bpp): each for result in results for each in result.coded}
    for locked in sorted(lock, key=lambda each: (each.picture, each.target_bpp)):
        each = coded.get((pictures[locked.picture_sha256].name, locked.target_bpp))
        if each is not None:
            for quantity, here, wanted in (
                ("bytes", each.bytes, locked.bytes),
                ("bitstream_sha256", each.bitstream_sha256, locked.bitstream_sha256),
                ("decoded_sha256", each.decoded_sha256, locked.decoded_sha256),
            ):
                yield Compared(locked.picture, locked.target_bpp, locked.setting, quantity, here, wanted, 0.0)


def _notes(plan: Plan, lock: Sequence[Locked], here: Sequence[Locked], by_samples: dict[str, Picture]) -> Iterator[str]:
    """What was not compared, and where the program says that it is another."""
    compared, locked = {each.picture for each in here}, {each.picture_sha256 for each in lock}
    missing = dict.fromkeys(each.picture for each in lock if each.picture not in compared)
    if missing:
        yield f"locked, but not among the pictures here: {', '.join(missing)}"
    names = {each.picture for each in lock}
    beyond = [picture.name for picture in by_samples.values() if picture.sha256 not in locked and picture.name not in names]
    if beyond:
        yield f"left out, not in the lock: {', '.join(beyond)}"
    if any(each.version != plan.codecs[0].on(by_samples[each.picture_sha256]).version for each in here):
        yield "the program here calls itself another version than that of the lock: what it gives decides"
