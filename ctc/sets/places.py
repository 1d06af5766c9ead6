"""Where the picture sets are: the named ones of `datasets.yaml`, and any folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ctc.errors import DataSetMissing, UsageError
from ctc.picturefiles import SUFFIXES
from ctc.records import NOTHING_SAID, Light, Transfer

DATASETS_FILE = Path(__file__).parent.parent.parent / "datasets.yaml"
DATA_FOLDER = "CTC_DATA"
LOCK = "ctc-lock.csv"
"""Of the list in the folder of a set whose pictures are not publicly known; see `listing`."""


class LightOfSet(BaseModel):
    """`light` of an entry of datasets.yaml; see `records.Light`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    transfer: Transfer | None = None
    cd_m2_per_unit: float | None = Field(default=None, gt=0, le=1e6, allow_inf_nan=False)
    primaries: Literal["bt709", "p3-d65", "bt2020"] | None = None


class NamedSet(BaseModel):
    """One entry of datasets.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    about: str
    package: str | None = None
    """An installed Python package that `folder` is inside of; else `folder` is relative to datasets.yaml."""
    folder: str
    pictures: tuple[str, ...] | None = None
    """File names, in order; None takes every picture of the folder."""
    list: str | None = None
    """A table of what each picture must be, see `listing`: relative to datasets.yaml, or one that comes with the package."""
    count: int | None = Field(default=None, ge=1)
    """How many pictures there are, where only the folder's lock file says which."""
    source: str = ""
    """Where the pictures are to be had."""
    terms: str = ""
    light: LightOfSet = LightOfSet()
    anchor: str | None = Field(default=None, pattern=r"^published:\w+$")
    """Published points of its pictures, with which BD-rates compare where neither another anchor is named nor `vvc-vtm` is run."""

    @model_validator(mode="after")
    def _one_of_three(self) -> NamedSet:
        if sum(each is not None for each in (self.pictures, self.list, self.count)) > 1:
            raise ValueError("has more than one of pictures, list and count")
        return self


@dataclass(frozen=True)
class Place:
    """A set and where its pictures are, whether they are there or not."""

    name: str
    folder: Path
    entry: NamedSet | None
    """None for a folder that is no named set."""
    text: str
    """As it was asked for."""

    @property
    def lock(self) -> Path:
        return self.folder / LOCK

    @property
    def light(self) -> Light:
        """What the entry says of the light in its pictures; nothing of a folder."""
        return NOTHING_SAID if self.entry is None else Light(**self.entry.light.model_dump())


def datasets_file() -> Path:
    return Path(os.environ.get("CTC_DATASETS", DATASETS_FILE))


def named_sets() -> dict[str, NamedSet]:
    """The sets of datasets.yaml, or of the file that CTC_DATASETS names. Raises UsageError with the place of a mistake."""
    path = datasets_file()
    try:
        entries = yaml.safe_load(path.read_text()) or {}
        return {str(name): _validated(path, str(name), entry) for name, entry in entries.items()}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    except (yaml.YAMLError, AttributeError) as error:
        raise UsageError(f"{path} is no valid YAML mapping of sets: {' '.join(str(error).split())}") from error


def _validated(path: Path, name: str, entry: object) -> NamedSet:
    try:
        return NamedSet.model_validate(entry)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join([name, *(str(part) for part in first["loc"])])
        raise UsageError(f"{path}: {place}: {first['msg']}") from error


def list_file(name: str) -> Path:
    """The table of a set: beside datasets.yaml, else the one of this name that comes with the package."""
    own = datasets_file().parent / name
    return own if own.is_file() else Path(__file__).with_name(Path(name).name)


def place_of(text: str) -> Place:
    """What `--set` names: a set, NAME=FOLDER, or a folder. Raises UsageError for an unknown name, DataSetMissing for an absent folder."""
    name, _, elsewhere = text.partition("=")
    entry = entry_named_in(text)
    if entry is not None:
        return Place(name, Path(elsewhere).expanduser() if elsewhere else _folder_of(name, entry), entry, text)
    if not text.strip():
        raise UsageError("--set: an empty name; name a set or a folder")
    folder = Path(text).expanduser()
    if folder.is_dir():
        return Place(folder.resolve().name, folder, None, text)
    if folder.exists():
        raise UsageError(f"--set {text}: is a file; name the folder that it is in, and --images {folder.name}")
    if os.sep in text:
        raise DataSetMissing(f"--set {text}: there is no such folder")
    raise UsageError(f"--set {text}: is neither a set ({', '.join(named_sets())}) nor a folder")


def entry_named_in(text: str) -> NamedSet | None:
    """The entry of the set in NAME or NAME=FOLDER; None for anything else. Raises UsageError as `named_sets`."""
    name, equals, elsewhere = text.partition("=")
    return named_sets().get(name) if not equals or elsewhere.strip() else None


def matching(names: Iterable[str], patterns: Sequence[str], name_or_folder: str, option: str = "--images") -> list[str]:
    """The file names that match one of the patterns of `option`, see `matches`. Raises UsageError where none does."""
    every = list(names)
    found = [name for name in every if matches(name, patterns)]
    if every and not found:
        raise UsageError(f"{option} {' '.join(patterns)}: matches no picture of {name_or_folder}")
    return found


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Whether a file name matches one of the patterns, by name or stem; every name does without patterns."""
    return not patterns or any(fnmatchcase(name, pattern) or fnmatchcase(Path(name).stem, pattern) for pattern in patterns)


def picture_files(folder: Path) -> list[Path]:
    """The files that have a picture's suffix, by name; none where there is no such folder. Raises DataSetMissing where it is closed."""
    if not folder.is_dir():
        return []
    try:
        return sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES and file.is_file())
    except OSError as error:
        raise DataSetMissing(f"{folder} cannot be listed: {error.strerror}") from error


def files_of_folder(folder: Path) -> list[Path]:
    """The picture files of a folder, by name. Raises DataSetMissing where there are none."""
    files = picture_files(folder)
    if not files:
        what = f"there are no pictures in it ({', '.join(sorted(SUFFIXES))})" if folder.is_dir() else "there is no such folder"
        raise DataSetMissing(f"{folder}: {what}")
    return files


def _folder_of(name: str, entry: NamedSet) -> Path:
    root = datasets_file().parent
    if entry.package is not None:
        spec = find_spec(entry.package)
        if spec is None or not spec.submodule_search_locations:
            raise DataSetMissing(f"set {name}: its pictures are in the Python package {entry.package}, which is missing: run `make setup`")
        root = Path(spec.submodule_search_locations[0])
    # Relative to the current folder where the environment names it, as every path that a user gives; else beside datasets.yaml.
    data = str(Path(os.environ[DATA_FOLDER]).expanduser().absolute()) if os.environ.get(DATA_FOLDER) else "data"
    own = entry.folder.replace(f"${{{DATA_FOLDER}}}", data).replace(f"${DATA_FOLDER}", data)
    return root / os.path.expandvars(own)
