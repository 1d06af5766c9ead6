"""Lists of a set's pictures with what each is verified by, and what is to be said of a picture that is not as its list says.

A list is a CSV file with the column `name` and any of `width`, `height`, `bytes`, `md5`, `sha256` (of the file) and `samples_sha256` (of
what it decodes to, see `pixels.sample_hash`). Where the samples are listed they alone decide: a picture that was losslessly compressed
again is the same picture. The lists of sets whose pictures are publicly known lie beside this file; for others one is written into the
set's folder, the lock file. Where the hashes come from:

* `jpegai_test.csv`: MD5, bytes and sizes of the pointers in the JPEG AI reference software's repository.
* `kodak.csv`: the samples of three public copies, which are equal: two with the files as r0k.us has them, one compressed again.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from ctc.errors import UsageError
from ctc.records import digest
from ctc.store import explained, write_whole

Word = Literal["verified", "missing", "renamed", "damaged", "wrong size", "altered", "extra"]


@dataclass(frozen=True)
class Listed:
    """One picture of a list; what the list does not say is None."""

    name: str
    """Of the file."""
    width: int | None = None
    height: int | None = None
    bytes: int | None = None
    md5: str | None = None
    sha256: str | None = None
    samples_sha256: str | None = None


@dataclass(frozen=True)
class Seen:
    """What a file is; None where it was not asked for."""

    bytes: int
    width: int | None = None
    height: int | None = None
    md5: str | None = None
    sha256: str | None = None
    samples_sha256: str | None = None
    unreadable: str = ""
    """Why it cannot be read as a picture."""


@dataclass(frozen=True)
class Verdict:
    """What a check found of one picture."""

    name: str
    word: Word
    reason: str = ""
    """What is wrong, in words, for all but "verified"."""

    @property
    def usable(self) -> bool:
        return self.word == "verified"


def judge(listed: Listed, seen: Seen | None) -> Verdict:
    """A file beside its line of the list. `seen` is None where there is no such file, and has all that `listed` has otherwise."""
    if seen is None:
        return Verdict(listed.name, "missing", "is missing")
    if seen.unreadable:
        share = f"; {seen.bytes} bytes, {listed.bytes} expected" if listed.bytes not in (None, seen.bytes) else ""
        return Verdict(listed.name, "damaged", f"is damaged: {seen.unreadable}{share}")
    size, wanted = (seen.width, seen.height), (listed.width, listed.height)
    if None not in (*size, *wanted) and size != wanted:
        return Verdict(
            listed.name, "wrong size", f"has the wrong size: {seen.width}x{seen.height}, {listed.width}x{listed.height} expected"
        )
    wrong = differing_hash(listed, seen)
    if wrong:
        return Verdict(listed.name, "altered", f"is altered, or another picture: {wrong} is not that of the list")
    return Verdict(listed.name, "verified")


def differing_hash(listed: Listed, seen: Seen) -> str:
    """Which hash is not that of the list, in words; empty where the one that decides is equal."""
    if listed.samples_sha256 is not None:
        return "" if seen.samples_sha256 == listed.samples_sha256 else "the hash of its samples"
    for name, label in (("sha256", "SHA-256"), ("md5", "MD5"), ("bytes", "number of bytes")):
        expected = getattr(listed, name)
        if expected is not None and getattr(seen, name) != expected:
            return f"its {label}"
    return ""


def is_of(listed: Listed, seen: Seen) -> bool:
    """Whether a file of another name certainly is this picture: by a hash, not by its size."""
    return bool(listed.samples_sha256 or listed.sha256 or listed.md5) and not differing_hash(listed, seen)


def read_list(path: Path) -> tuple[Listed, ...]:
    """The pictures of a list, in its order. Raises UsageError where it cannot be read, is no such table or names a picture twice."""
    known = {field.name for field in fields(Listed)}
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
        listed = tuple(_listed({key: text for key, text in row.items() if key in known}) for row in rows)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, csv.Error) as error:
        raise UsageError(f"{path}: not a list of pictures with the column name and width, height, bytes, md5… ({error})") from error
    names = [each.name for each in listed]
    twice = [name for number, name in enumerate(names) if name in names[:number]]
    if twice or not names:
        raise UsageError(f"{path}: {f'{twice[0]} is listed twice' if twice else 'names no picture'}")
    return listed


def write_list(path: Path, listed: Iterable[Listed]) -> None:
    """Writes all columns. Raises OutOfSpace, NotWritable."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [field.name for field in fields(Listed)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(vars(each) for each in listed)
    with explained(path.parent):
        write_whole(path, text.getvalue().encode())


def file_hashes(path: Path) -> dict[str, str]:
    """MD5 and SHA-256 of a file."""
    with path.open("rb") as file:
        md5 = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        file.seek(0)
        return {"md5": md5, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def set_digest(samples: Sequence[tuple[str, str]]) -> str:
    """Sixteen digits that two laboratories can compare: of (name, hash of the samples) of every picture, in whatever order."""
    return digest(sorted(samples))[:16]


def _listed(row: dict[str, str | None]) -> Listed:
    """Raises KeyError, ValueError for a line that is no such thing."""
    name = row["name"] or ""
    if not name or Path(name).name != name:
        raise ValueError(f"{name!r} is no name of a file")
    width, height, size = (int(text) if (text := row.get(key)) else None for key in ("width", "height", "bytes"))
    md5, sha256, samples = (text.lower() if (text := row.get(key)) else None for key in ("md5", "sha256", "samples_sha256"))
    return Listed(name, width, height, size, md5, sha256, samples)
