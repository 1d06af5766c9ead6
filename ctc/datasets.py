"""Picture sets: the named ones of `datasets.yaml`, and any folder of picture files.

A picture is known by the hash of its samples, so renaming or moving a set never repeats work.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ctc import light
from ctc.errors import DataSetMissing, PictureError, ToolMissing, UsageError
from ctc.picturefiles import SUFFIXES, read_samples
from ctc.pixels import sample_hash
from ctc.records import ALL, NOTHING_SAID, Failed, Light, Picture, Transfer
from ctc.store import Store

READERS = ("imagecodecs", "pillow", "tifffile")
"""Packages whose version decides what samples a file gives."""
DATASETS_FILE = Path(__file__).parent.parent / "datasets.yaml"


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
    terms: str = ""
    light: LightOfSet = LightOfSet()


@dataclass(frozen=True)
class Dataset:
    """The pictures of a set that can be used, smallest name first, and a Failed for each that cannot."""

    name: str
    pictures: tuple[Picture, ...]
    failed: tuple[Failed, ...]


def named_sets() -> dict[str, NamedSet]:
    """The sets of datasets.yaml, or of the file that CTC_DATASETS names. Raises UsageError with the place of a mistake."""
    path = Path(os.environ.get("CTC_DATASETS", DATASETS_FILE))
    try:
        entries = yaml.safe_load(path.read_text()) or {}
        return {str(name): NamedSet.model_validate(entry) for name, entry in entries.items()}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    except (yaml.YAMLError, AttributeError) as error:
        raise UsageError(f"{path} is no valid YAML mapping of sets: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{path}: {place or 'a set'}: {first['msg']}") from error


def picture_files(name_or_folder: str) -> tuple[str, list[Path]]:
    """Name and files of a set. Raises UsageError for an unknown name, DataSetMissing where folder or files are not there."""
    sets = named_sets()
    if name_or_folder in sets:
        return name_or_folder, _files_of_set(name_or_folder, sets[name_or_folder])
    if not name_or_folder.strip():
        raise UsageError("--set: an empty name; name a set or a folder")
    folder = Path(name_or_folder).expanduser()
    if folder.is_dir():
        return folder.resolve().name, _files_of_folder(folder)
    if folder.exists():
        raise UsageError(f"--set {name_or_folder}: is a file; name the folder that it is in, and --images {folder.name}")
    if os.sep in name_or_folder:
        raise DataSetMissing(f"--set {name_or_folder}: there is no such folder")
    raise UsageError(f"--set {name_or_folder}: is neither a set ({', '.join(sets)}) nor a folder")


def load(name_or_folder: str, store: Store, patterns: Sequence[str] = (), limit: int | None = None) -> Dataset:
    """Reads the pictures of a set, those whose name or file name matches one of `patterns`, at most `limit` of them.

    Raises UsageError where two pictures have one name or no picture matches, DataSetMissing where there are none."""
    name, files = picture_files(name_or_folder)
    said = light_of_set(name_or_folder)
    if patterns:
        files = [file for file in files if any(fnmatchcase(file.name, p) or fnmatchcase(file.stem, p) for p in patterns)]
        if not files:
            raise UsageError(f"--images {' '.join(patterns)}: matches no picture of {name_or_folder}")
    _refuse_same_names(files)
    pictures: list[Picture] = []
    failed: list[Failed] = []
    for file in files[:limit]:
        try:
            file.name.encode()
            pictures.append(_picture(name, file, store, said))
        except UnicodeEncodeError:
            error_line = f"{file.name!a}: its name is not UTF-8; rename it"
            failed.append(Failed(picture=ascii(file.stem), codec="", target_bpp=None, stage="read", error=error_line))
        except PictureError as error:
            failed.append(Failed(picture=file.stem, codec="", target_bpp=None, stage="read", error=str(error)))
    return Dataset(name, tuple(pictures), tuple(failed))


def light_of_set(name_or_folder: str) -> Light:
    """What the entry of a set says of the light in its pictures; nothing of a folder. Raises UsageError as `named_sets`."""
    entry = named_sets().get(name_or_folder)
    return NOTHING_SAID if entry is None else Light(**entry.light.model_dump())


def _files_of_set(name: str, entry: NamedSet) -> list[Path]:
    root = DATASETS_FILE.parent if "CTC_DATASETS" not in os.environ else Path(os.environ["CTC_DATASETS"]).parent
    if entry.package is not None:
        spec = find_spec(entry.package)
        if spec is None or not spec.submodule_search_locations:
            raise DataSetMissing(f"set {name}: its pictures are in the Python package {entry.package}, which is missing: run `make setup`")
        root = Path(spec.submodule_search_locations[0])
    folder = root / os.path.expandvars(entry.folder)
    if entry.pictures is None:
        if not folder.is_dir():
            raise DataSetMissing(f"set {name}: there is no folder {folder}")
        return _files_of_folder(folder)
    missing = [file for file in entry.pictures if not (folder / file).is_file()]
    if missing:
        raise DataSetMissing(f"set {name}: {len(missing)} of {len(entry.pictures)} pictures are missing in {folder}: {', '.join(missing)}")
    return [folder / file for file in entry.pictures]


def _files_of_folder(folder: Path) -> list[Path]:
    try:
        files = sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES and file.is_file())
    except OSError as error:
        raise DataSetMissing(f"{folder} cannot be listed: {error.strerror}") from error
    if not files:
        raise DataSetMissing(f"{folder}: there are no pictures in it ({', '.join(sorted(SUFFIXES))})")
    return files


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


def _reader_versions(suffix: str) -> dict[str, str]:
    """Raises ToolMissing where a package is not installed."""
    try:
        return {package: version(package) for package in (*READERS, *(["openexr"] if suffix == ".exr" else []))}
    except PackageNotFoundError as error:
        raise ToolMissing(f"the Python package {error.name} is missing: run `make setup`") from error


def _picture(dataset: str, file: Path, store: Store, said: Light) -> Picture:
    """The record of a file; hashed once, remembered by path, size and time of change."""
    path = file.resolve()
    status = path.stat()
    file_identity = {"path": str(path), "bytes": status.st_size, "mtime_ns": status.st_mtime_ns, "inode": status.st_ino}
    readers = {"conversion": light.CONVERSION, **_reader_versions(file.suffix.lower())}
    identity = {**file_identity, "readers": readers, "light": asdict(said)}
    known = store.get("picture", identity)
    if known is None:
        found = read_samples(file, said)
        height, width, _ = found.rgb.shape
        known = {"width": width, "height": height, "bit_depth": found.bit_depth, "colour": found.colour, "transfer": found.transfer}
        known["sha256"] = sample_hash(found.rgb)
        store.put("picture", identity, known)
    return replace(Picture(dataset, file.stem, str(path), 0, 0, 0, "", "", light=said), **known)
