"""What a picture's file holds, found out once: remembered in the store by path, size and time of change."""

from __future__ import annotations

from dataclasses import asdict, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ctc import light
from ctc.errors import ToolMissing
from ctc.picturefiles import read_samples
from ctc.pixels import sample_hash
from ctc.records import NOTHING_SAID, Light, Picture
from ctc.sets.listing import file_hashes
from ctc.store import Store

READERS = ("imagecodecs", "pillow", "tifffile")
"""Packages whose version decides what samples a file gives."""


def picture_of(dataset: str, file: Path, store: Store, said: Light = NOTHING_SAID) -> Picture:
    """The record of a file, of which `said` is known beside; hashed once, remembered by path, size and time of change.

    Raises PictureError, and ToolMissing where a package that reads such files is not installed."""
    path = file.resolve()
    readers = {"conversion": light.CONVERSION, **_reader_versions(path.suffix.lower())}
    identity = {**file_identity(path), "readers": readers, "light": asdict(said)}
    known = store.get("picture", identity)
    if known is None:
        found = read_samples(file, said)
        height, width, _ = found.rgb.shape
        known = {"width": width, "height": height, "bit_depth": found.bit_depth, "colour": found.colour, "transfer": found.transfer}
        known["sha256"] = sample_hash(found.rgb)
        store.put("picture", identity, known)
    return replace(Picture(dataset, file.stem, str(path), 0, 0, 0, "", "", light=said), **known)


def _reader_versions(suffix: str) -> dict[str, str]:
    """Raises ToolMissing where a package is not installed."""
    try:
        return {package: version(package) for package in (*READERS, *(["openexr"] if suffix == ".exr" else []))}
    except PackageNotFoundError as error:
        raise ToolMissing(f"the Python package {error.name} is missing: run `make setup`") from error


def hashes_of(file: Path, store: Store) -> dict[str, str]:
    """MD5 and SHA-256 of the file, by these names."""
    identity = file_identity(file.resolve())
    known = store.get("file", identity)
    if known is None:
        known = dict(file_hashes(file))
        store.put("file", identity, known)
    return {name: str(text) for name, text in known.items()}


def file_identity(path: Path) -> dict[str, str | int]:
    """What changes when a file does."""
    status = path.stat()
    return {"path": str(path), "bytes": status.st_size, "mtime_ns": status.st_mtime_ns, "inode": status.st_ino}
