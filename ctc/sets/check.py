"""Compares the pictures of a set with what they must be, before they are used.

What they must be is said by the set's list, else by the lock file in its folder, else, the first time, by their number alone: then the lock
file is written. A folder of one's own has a lock file where `ctc datasets lock` has written one.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ctc.errors import DataSetMissing, NotWritable, PictureError, UsageError
from ctc.records import Picture, SetState
from ctc.sets.files import hashes_of, picture_of
from ctc.sets.listing import Listed, Seen, Verdict, is_of, judge, read_list, set_digest, write_list
from ctc.sets.places import LOCK, Place, files_of_folder, list_file, matching, picture_files
from ctc.store import Store

WITHOUT = "; to go on without them: --allow-partial"
NAMED_AT_ONCE = 3
"""Pictures that an error line names; `ctc datasets verify` names all."""


@dataclass(frozen=True)
class Expected:
    """What the pictures of a set must be."""

    listed: tuple[Listed, ...] | None
    """None where only their number is known, or nothing."""
    whole: int | None
    """Pictures of the whole set; None for a folder that nothing is known of."""
    basis: str
    """What says so, in words."""


@dataclass(frozen=True)
class Chosen:
    """The files of a set that are to be used, and what was found on the way."""

    files: tuple[Path, ...]
    expected: Expected
    left_out: tuple[Verdict, ...] = ()
    remarks: tuple[str, ...] = ()


def expected_of(place: Place, *, locked: bool = True) -> Expected:
    """What the list of the set says, or its lock file unless `locked` is off. Raises UsageError where one of them is no such thing."""
    entry = place.entry
    if entry is not None and entry.list is not None:
        listed = read_list(list_file(entry.list))
        return Expected(listed, len(listed), f"the list {Path(entry.list).name}")
    if entry is not None and entry.pictures is not None:
        return Expected(tuple(map(Listed, entry.pictures)), len(entry.pictures), "their names alone")
    if locked and place.lock.is_file():
        listed = read_list(place.lock)
        if entry is not None and entry.count not in (None, len(listed)):
            raise UsageError(f"{place.lock} lists {len(listed)} pictures, the set has {entry.count}; remove it, or write it anew")
        return Expected(listed, len(listed), f"the lock file {LOCK}")
    return Expected(None, entry.count if entry is not None else None, "their number alone")


def checked_files(place: Place, store: Store, patterns: Sequence[str], limit: int | None, *, allow_partial: bool, locking: bool) -> Chosen:
    """The files to be used; the first time, with `locking`, a lock file is written where the set is to have one.

    Raises DataSetMissing where there are none, or not all that are asked for and `allow_partial` is off."""
    expected = expected_of(place)
    if expected.listed is not None:
        return _listed_files(place, store, expected, patterns, limit, allow_partial=allow_partial)
    if expected.whole is None:
        names = matching([file.name for file in files_of_folder(place.folder)], patterns, place.name)[:limit]
        return Chosen(tuple(place.folder / name for name in names), expected)
    return _counted_files(place, store, expected, patterns, limit, allow_partial=allow_partial, locking=locking)


def verify(place: Place, store: Store) -> tuple[Expected, list[Verdict]]:
    """A verdict of every picture of the set, in its order, then of those in the folder that are not of it.

    Raises UsageError as `expected_of`, DataSetMissing where there is no folder."""
    expected = expected_of(place)
    if not place.folder.is_dir():
        raise DataSetMissing(_none(place, expected.whole or 0))
    present = {file.name: file for file in picture_files(place.folder)}
    if expected.listed is None:
        return expected, [_readable(file, place, store) for file in present.values()]
    verdicts = [_verdict(listed, present.get(listed.name), place, store) for listed in expected.listed]
    verdicts = _with_renamed(verdicts, expected.listed, present, place, store)
    if not _is_folder_of_its_own(place):
        return expected, verdicts
    strangers = sorted(present.keys() - {listed.name for listed in expected.listed})
    return expected, [*verdicts, *(Verdict(name, "extra", "is not of the set") for name in strangers)]


def wrong_number(place: Place, found: int, whole: int | None) -> str:
    """What to say where a folder has not as many pictures as its set; empty where it has, or where their number is not known."""
    if whole is None or found == whole:
        return ""
    if not found:
        return _none(place, whole)
    said = f"set {place.name}: {found} pictures in {place.folder}, {whole} expected"
    if found > whole:
        return f"{said}: {found - whole} too many, and no list says which; move what is not of the set elsewhere"
    return f"{said}: {whole - found} missing; {_remedy(place)}"


def lock(place: Place, store: Store, *, replace_other: bool = False) -> tuple[Listed, ...]:
    """Writes the lock file of a set whose pictures are all there and as they should be.

    Raises DataSetMissing where they are not, PictureError for one that cannot be read, UsageError where there is another lock file already
    unless `replace_other` is on, or the folder is not the set's own, NotWritable, OutOfSpace."""
    if not _is_folder_of_its_own(place):
        raise UsageError(f"set {place.name} is some pictures of {place.folder}, which is not locked")
    files = files_of_folder(place.folder) if place.folder.is_dir() or place.entry is None else []
    expected = expected_of(place, locked=False)
    if expected.listed is None and (wrong := wrong_number(place, len(files), expected.whole)):
        raise DataSetMissing(wrong)
    if expected.listed is not None:
        bad = [verdict for verdict in verify(place, store)[1] if not verdict.usable]
        if bad:
            raise DataSetMissing(not_whole(place, bad, len(expected.listed), way_on=""))
    listed = tuple(_facts(file, place, store) for file in files)
    if not replace_other and place.lock.is_file() and (old := read_list(place.lock)) != listed:
        other = sorted({each.name for each in {*old} ^ {*listed}})
        raise UsageError(f"{place.lock} says otherwise of {several(other)}; --replace writes a new one")
    write_list(place.lock, listed)
    return listed


def state_of(chosen: Chosen, pictures: Sequence[Picture]) -> SetState | None:
    """What reports say of the set; None where nothing says what the whole of it is."""
    if chosen.expected.whole is None:
        return None
    left_out = tuple((Path(verdict.name).stem, verdict.reason) for verdict in chosen.left_out)
    digest = set_digest([(picture.name, picture.sha256) for picture in pictures])
    return SetState(chosen.expected.whole, len(pictures), left_out, chosen.expected.basis, digest, chosen.remarks)


def not_whole(place: Place, bad: Sequence[Verdict], asked: int, way_on: str = WITHOUT) -> str:
    """One line: what is wrong with which pictures, where they are to be had, how to go on without."""
    if all(verdict.word == "missing" for verdict in bad) and len(bad) == asked:
        return _none(place, asked)
    by_reason: dict[str, list[str]] = {}
    for verdict in bad:
        by_reason.setdefault(verdict.reason if verdict.word != "missing" else "", []).append(verdict.name)
    missing = by_reason.pop("", [])
    are = "is" if len(missing) == 1 else "are"
    said = [f"{len(missing)} of {asked} pictures {are} missing in {place.folder}: {several(missing)}"] if missing else []
    reasons = [f"{several(names)} {reason}" for reason, names in by_reason.items()]
    said += [*reasons[:NAMED_AT_ONCE], *([f"and {len(reasons) - NAMED_AT_ONCE} more not as listed"] if reasons[NAMED_AT_ONCE:] else [])]
    return f"set {place.name}: {'; '.join(said)}; {_remedy(place)}{way_on}"


def several(names: Sequence[str]) -> str:
    """ "a, b, c and 45 more" """
    shown, more = ", ".join(names[:NAMED_AT_ONCE]), len(names) - NAMED_AT_ONCE
    return f"{shown} and {more} more" if more > 0 else shown


def _listed_files(
    place: Place, store: Store, expected: Expected, patterns: Sequence[str], limit: int | None, *, allow_partial: bool
) -> Chosen:
    listed = expected.listed or ()
    names = matching([each.name for each in listed], patterns, place.name)
    # What is there is counted where the rest may be missing, what is asked for where it may not.
    names = names if allow_partial else names[:limit]
    asked = [each for each in listed if each.name in set(names)]
    present = {file.name: file for file in picture_files(place.folder)}
    verdicts = [_verdict(each, present.get(each.name), place, store) for each in asked]
    bad = [verdict for verdict in _with_renamed(verdicts, listed, present, place, store) if not verdict.usable]
    if bad and (len(bad) == len(asked) or not allow_partial):
        raise DataSetMissing(not_whole(place, bad, len(asked)))
    left_out = {verdict.name for verdict in bad}
    files = [place.folder / each.name for each in asked if each.name not in left_out][:limit]
    strangers = sorted(present.keys() - {each.name for each in listed}) if _is_folder_of_its_own(place) else []
    remarks = (f"not of the set and not used: {several(strangers)}",) if strangers else ()
    return Chosen(tuple(files), expected, tuple(bad), remarks)


def _counted_files(
    place: Place, store: Store, expected: Expected, patterns: Sequence[str], limit: int | None, *, allow_partial: bool, locking: bool
) -> Chosen:
    """Of a set of which the number alone is known. Only what is asked for is read.

    Raises DataSetMissing where there are too few, or one that is asked for cannot be read, and `allow_partial` is off; also where there are
    too many."""
    files, whole = picture_files(place.folder), expected.whole or 0
    wrong = wrong_number(place, len(files), whole)
    if wrong and not (allow_partial and 0 < len(files) < whole):
        raise DataSetMissing(wrong + (WITHOUT if files and len(files) < whole else ""))
    sound: list[Path] = []
    bad: list[Verdict] = []
    for name in matching([file.name for file in files], patterns, place.name):
        # What is there is counted where the rest may be missing, what is asked for where it may not.
        if limit is not None and len(sound) + (0 if allow_partial else len(bad)) >= limit:
            break
        verdict = _readable(place.folder / name, place, store)
        sound += [place.folder / name] if verdict.usable else []
        bad += [] if verdict.usable else [verdict]
    if bad and not (sound and allow_partial):
        raise DataSetMissing(not_whole(place, bad, len(sound) + len(bad)))
    state = "the set is not whole" if bad or len(files) < whole else "" if len(sound) == whole else "not all of the set was asked for"
    return Chosen(tuple(sound), expected, tuple(bad), (_locked_now(place, store, state),) if locking else ())


def _locked_now(place: Place, store: Store, why_not: str) -> str:
    """Writes the lock file of a set that is whole, and says so, or why there is none."""
    if why_not:
        return f"no lock file was written: {why_not}"
    try:
        lock(place, store)
    except NotWritable:
        return f"no lock file was written: {place.folder} cannot be written"
    return f"{LOCK} was written on this first use"


def _verdict(listed: Listed, file: Path | None, place: Place, store: Store) -> Verdict:
    return judge(listed, None if file is None else _seen(file, listed, place, store))


def _seen(file: Path, listed: Listed, place: Place, store: Store) -> Seen:
    """What the list speaks of. The picture is not read where the file's hash says all, nor where only its name is listed."""
    hashes = hashes_of(file, store) if listed.md5 or listed.sha256 else {}
    seen = Seen(file.stat().st_size, md5=hashes.get("md5"), sha256=hashes.get("sha256"))
    if listed.samples_sha256 is None and (is_of(listed, seen) or listed == Listed(listed.name)):
        return seen
    try:
        picture = picture_of("", file, store, place.light)
    except PictureError as error:
        return replace(seen, unreadable=_without_name(error, file))
    return replace(seen, width=picture.width, height=picture.height, samples_sha256=picture.sha256)


def _with_renamed(
    verdicts: Sequence[Verdict], listed: Sequence[Listed], present: dict[str, Path], place: Place, store: Store
) -> list[Verdict]:
    """The verdicts, with those told apart whose picture is in the folder under another name."""
    by_name = {each.name: each for each in listed}
    lost = [by_name[verdict.name] for verdict in verdicts if verdict.word in ("missing", "altered", "wrong size")]
    sound = {verdict.name for verdict in verdicts if verdict.usable}
    strays = [file for name, file in present.items() if lost and name not in sound]
    found: dict[str, str] = {}
    for file in strays:
        held = next((each for each in lost if each.name != file.name and is_of(each, _seen(file, each, place, store))), None)
        if held is not None:
            found[held.name] = file.name
    renamed = {name: Verdict(name, "renamed", f"is there under the name {other}") for name, other in found.items()}
    return [renamed.get(verdict.name, verdict) for verdict in verdicts]


def _readable(file: Path, place: Place, store: Store) -> Verdict:
    """A verdict where no list says what the picture must be."""
    try:
        picture_of("", file, store, place.light)
    except PictureError as error:
        return Verdict(file.name, "damaged", f"is damaged: {_without_name(error, file)}")
    return Verdict(file.name, "verified")


def _facts(file: Path, place: Place, store: Store) -> Listed:
    picture, hashes = picture_of("", file, store, place.light), hashes_of(file, store)
    return Listed(file.name, picture.width, picture.height, file.stat().st_size, hashes["md5"], hashes["sha256"], picture.sha256)


def _is_folder_of_its_own(place: Place) -> bool:
    """Whether the folder is to hold nothing but the set: not where `pictures` picks some of it."""
    return place.entry is None or place.entry.pictures is None


def _none(place: Place, whole: int) -> str:
    what = "there is no folder" if not place.folder.is_dir() else "none of them is in"
    return f"set {place.name}: all {whole} pictures are missing, {what} {place.folder}; {'; '.join(_remedies(place))}"


def _remedy(place: Place) -> str:
    """What to do where some are missing or not as they should be."""
    return "; ".join([f"`ctc datasets verify {shlex.quote(place.text)}` tells of each", *_remedies(place)])


def _remedies(place: Place) -> list[str]:
    """Where pictures are to be had and how to say where they are."""
    entry = place.entry
    source = [f"get them from {' '.join(entry.source.split())}"] if entry is not None and entry.source else []
    return [*source, *([f"if they are elsewhere: {place.name}=FOLDER"] if entry is not None and entry.package is None else [])]


def _without_name(error: PictureError, file: Path) -> str:
    return str(error).removeprefix(f"{file.name}: ")
