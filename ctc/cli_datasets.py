"""The commands about picture sets: which there are, whether their pictures are there and what they should be, and lock files."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ctc.errors import CtcError, PictureError

if TYPE_CHECKING:
    from ctc.sets.places import NamedSet
    from ctc.store import Store

NOT_WHOLE = 4


@click.group("datasets")
def datasets_group() -> None:
    """Look at the picture sets: where they are, whether they are whole."""


@datasets_group.command("list")
def datasets_list_command() -> int:
    """List the sets: what each is, where its pictures are or are to be had. Counts files; reads none."""
    from ctc.sets.places import named_sets

    for name, entry in named_sets().items():
        click.echo(f"{name:10} {entry.about}")
        for line in _described(name, entry):
            click.echo(f"{'':10} {line}")
    return 0


@datasets_group.command("verify")
@click.argument("dataset", metavar="SET")
def datasets_verify_command(dataset: str) -> int:
    """Read every picture of SET (a name, NAME=FOLDER or a folder) and say of each that is not as it should be what is wrong."""
    from ctc.report.overview import plural
    from ctc.sets.check import verify, wrong_number
    from ctc.sets.files import picture_of
    from ctc.sets.listing import set_digest
    from ctc.sets.places import place_of

    place = place_of(dataset)
    with _forgetful_store() as store:
        expected, verdicts = verify(place, store)
        for verdict in verdicts:
            if not verdict.usable:
                click.echo(f"{verdict.name} {verdict.reason}")
        sound = [verdict.name for verdict in verdicts if verdict.usable]
        pictures = [picture_of(place.name, place.folder / name, store, place.light) for name in sound]
    counts = Counter(verdict.word for verdict in verdicts)
    others = ", ".join(f"{number} {word}" for word, number in counts.items() if word != "verified")
    whole = expected.whole if expected.whole is not None else len(verdicts) - counts["extra"]
    basis = f"compared with {expected.basis}" if expected.whole is not None else "nothing to compare with: can be read"
    click.echo(f"{place.name}: {len(sound)} of {plural(whole, 'picture')} verified{f', {others}' if others else ''}; {basis}")
    if place.entry is not None and place.entry.source and len(sound) < whole:
        click.echo(f"to be had from: {' '.join(place.entry.source.split())}")
    if pictures:
        click.echo(f"digest of names and samples: {set_digest([(picture.name, picture.sha256) for picture in pictures])}")
    wrong = wrong_number(place, len(verdicts), expected.whole) if expected.listed is None else ""
    if wrong:
        raise _NotWhole(wrong)
    return 0 if len(sound) == whole else NOT_WHOLE


@datasets_group.command("lock")
@click.argument("dataset", metavar="SET")
@click.option("--replace", "replace_other", is_flag=True, help="Also where there is a lock file that says otherwise.")
def datasets_lock_command(dataset: str, replace_other: bool) -> int:
    """Write the lock file of SET into its folder: name, size, hashes of file and samples of every picture.

    Runs compare with it where the set has no list of its own.
    """
    from ctc.sets.check import lock
    from ctc.sets.listing import set_digest
    from ctc.sets.places import place_of

    place = place_of(dataset)
    with _forgetful_store() as store:
        try:
            listed = lock(place, store, replace_other=replace_other)
        except PictureError as error:
            raise _NotWhole(f"{error}; a set is locked when all of its pictures can be read") from error
    digest = set_digest([(Path(each.name).stem, each.samples_sha256 or "") for each in listed])
    click.echo(f"{place.lock}: {len(listed)} pictures, digest {digest}")
    return 0


class _NotWhole(CtcError):
    """A set that is not as it should be, found by a command whose output has said the rest already."""

    exit_status = NOT_WHOLE


@contextmanager
def _forgetful_store() -> Iterator[Store]:
    """A store that knows nothing: everything is read again."""
    from ctc.store import Store

    with tempfile.TemporaryDirectory(prefix="ctc-datasets-") as folder:
        yield Store(Path(folder))


def _described(name: str, entry: NamedSet) -> list[str]:
    from ctc.sets.check import expected_of
    from ctc.sets.places import picture_files, place_of

    try:
        place = place_of(name)
        expected = expected_of(place)
        present = {file.name for file in picture_files(place.folder)}
    except CtcError as error:
        return [str(error)]
    if expected.listed is None:
        found, whole = str(len(present)), f" of {expected.whole}" if expected.whole is not None else ""
    else:
        found, whole = str(len(present & {each.name for each in expected.listed})), f" of {expected.whole}"
    lines = [f"{found}{whole} there, in {place.folder}; verified by {expected.basis}"]
    if entry.source and expected.whole is not None and int(found) < expected.whole:
        lines.append(f"to be had from: {' '.join(entry.source.split())}")
    return [*lines, *([f"terms: {entry.terms}"] if entry.terms else [])]
