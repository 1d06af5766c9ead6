"""The content-addressed store: what was made once is never made again, and a result is there whole or not at all.

    ROOT/KIND/ab/<key>.bin     a file that belongs to the result (a bitstream), where there is one
    ROOT/KIND/ab/<key>.json    identity, content and hashes; written last: its presence says that the result is complete

The key is the sha256 of the canonical JSON of `identity`: everything that the result depends on. Each file is written under a temporary
name, fsynced and renamed, so a killed run leaves nothing half. Hashes are checked on read; a damaged result counts as absent and is made
again.
Any number of processes and machines may share a store on a shared folder.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ctc.errors import NotWritable, OutOfSpace, UsageError
from ctc.records import digest

FULL = {errno.ENOSPC, errno.EDQUOT}
REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENOENT, errno.EISDIR}


class Store:
    """A store under `root`, which is created. Raises OutOfSpace, NotWritable."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def get(self, kind: str, identity: dict[str, Any]) -> dict[str, Any] | None:
        """Content stored under `identity`, or None when it is absent or damaged."""
        entry = self._entry(kind, identity)
        return None if entry is None else entry["content"]

    def get_file(self, kind: str, identity: dict[str, Any]) -> Path | None:
        """The file stored under `identity`, its hash checked; None when it is absent or damaged."""
        entry = self._entry(kind, identity)
        path = self._path(kind, identity).with_suffix(".bin")
        if entry is None or not path.is_file() or file_hash(path) != entry.get("file_sha256"):
            return None
        return path

    def put(self, kind: str, identity: dict[str, Any], content: dict[str, Any], file: Path | None = None) -> None:
        """Stores `content`, and a copy of `file`, under `identity`. Floats must be finite."""
        path = self._path(kind, identity)
        entry = {"identity": identity, "content": content, "content_sha256": digest(content)}
        with explained(self.root):
            path.parent.mkdir(parents=True, exist_ok=True)
            if file is not None:
                entry["file_sha256"] = file_hash(file)
                with whole_file(path.with_suffix(".bin")) as temporary:
                    shutil.copyfile(file, temporary)
            write_whole(path, (json.dumps(entry, sort_keys=True, allow_nan=False) + "\n").encode())

    def contents(self) -> Iterator[tuple[str, int, int]]:
        """(kind, results, bytes on disk) for each kind in the store."""
        for folder in sorted(path for path in self.root.iterdir() if path.is_dir()):
            files = [path for path in folder.rglob("*") if path.is_file()]
            yield folder.name, sum(path.suffix == ".json" for path in files), sum(path.stat().st_size for path in files)

    def _entry(self, kind: str, identity: dict[str, Any]) -> dict[str, Any] | None:
        try:
            entry = json.loads(self._path(kind, identity).read_bytes())
            if entry["identity"] == identity and entry["content_sha256"] == digest(entry["content"]):
                return dict(entry)
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return None

    def _path(self, kind: str, identity: dict[str, Any]) -> Path:
        key = digest(identity)
        return self.root / kind / key[:2] / f"{key}.json"


def file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_whole(path: Path, content: bytes) -> None:
    """Writes `content` to `path` so that it is there whole or not at all, also after a power cut."""
    with whole_file(path) as temporary:
        temporary.write_bytes(content)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Gives a temporary name beside `path`; what was written there is fsynced and renamed to `path` at the end.

    Of a link the file that it names is replaced. What is no file, such as a device, is written to."""
    path = path.resolve()
    is_other = path.exists() and not path.is_file() and not path.is_dir()
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:40]}.", suffix=".part", dir=None if is_other else path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        if is_other:
            with temporary.open("rb") as file, path.open("wb") as device:
                shutil.copyfileobj(file, device)
            return
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~UMASK)
        temporary.replace(path)
        _sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turns the system's refusal to write into OutOfSpace or NotWritable with a line that says what helps."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise OutOfSpace(f"the disk of {folder} is full: free some space and run again; what was finished is kept") from error
        if error.errno in REFUSED:
            raise NotWritable(f"{folder} cannot be written ({error.strerror}): choose another folder") from error
        raise


def check_folder(option: str, folder: Path) -> None:
    """That results can be written into `folder`, which may have to be made then. Makes nothing.

    Raises UsageError where it is a file, OutOfSpace, NotWritable."""
    # Unlike those of Path, these raise nothing for a folder behind one that is closed.
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise UsageError(f"{option} {folder}: is a file, not a folder")
    # A link that leads nowhere is no place to make a folder, so it counts as there.
    nearest = next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))
    with explained(folder), tempfile.TemporaryFile(dir=nearest) as probe:
        probe.write(b"x")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    """The process's umask, which can only be read by setting it: done once, before there are threads."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


UMASK = _umask()
