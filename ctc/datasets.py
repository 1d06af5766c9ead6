"""Picture sets: the named ones of `datasets.yaml`, and any folder of picture files.

A picture is known by the hash of its samples, so renaming or moving a set never repeats work. Where a list or a lock file says what the
pictures must be, they are compared with it before they are used; see `sets.check`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ctc.errors import PictureError, UsageError
from ctc.records import ALL, Failed, Picture, SetState
from ctc.sets.check import checked_files, state_of
from ctc.sets.files import picture_of
from ctc.sets.places import place_of
from ctc.store import Store


@dataclass(frozen=True)
class Dataset:
    """The pictures of a set that can be used, in its order, and a Failed for each that cannot."""

    name: str
    pictures: tuple[Picture, ...]
    failed: tuple[Failed, ...]
    state: SetState | None = None


def load(
    name_or_folder: str,
    store: Store,
    patterns: Sequence[str] = (),
    limit: int | None = None,
    *,
    allow_partial: bool = False,
    locking: bool = True,
) -> Dataset:
    """Reads the pictures of a set, those whose name or file name matches one of `patterns`, at most `limit` of them.

    With `allow_partial` the pictures that are missing or not as they should be are left out; without it they are an error. With `locking`
    the first use of a set that has no public list writes a lock file into its folder.

    Raises UsageError where two pictures have one name or no picture matches, DataSetMissing where there are none or not all."""
    place = place_of(name_or_folder)
    chosen = checked_files(place, store, patterns, limit, allow_partial=allow_partial, locking=locking)
    _refuse_same_names(chosen.files)
    pictures: list[Picture] = []
    failed: list[Failed] = []
    for file in chosen.files:
        try:
            file.name.encode()
            pictures.append(picture_of(place.name, file, store, place.light))
        except UnicodeEncodeError:
            error_line = f"{file.name!a}: its name is not UTF-8; rename it"
            failed.append(Failed(picture=ascii(file.stem), codec="", target_bpp=None, stage="read", error=error_line))
        except PictureError as error:
            failed.append(Failed(picture=file.stem, codec="", target_bpp=None, stage="read", error=str(error)))
    return Dataset(place.name, tuple(pictures), tuple(failed), state_of(chosen, pictures))


def _refuse_same_names(files: Iterable[Path]) -> None:
    by_name: dict[str, Path] = {}
    for file in files:
        if file.stem == ALL:
            raise UsageError(f"a picture cannot be called {ALL}, which stands for the mean over pictures: rename {file.name}")
        if file.stem in by_name:
            raise UsageError(
                f"two pictures are called {file.stem!r}: {by_name[file.stem].name} and {file.name}; rename one, or pick with --images"
            )
        by_name[file.stem] = file
