"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def obstacle(path: Path) -> str | None:
    """Why a file cannot be written to `path`, where that can be told before there is anything to write."""
    target = Path(os.path.realpath(path))
    if target.is_dir():
        return "it is a folder"
    if not target.parent.is_dir():
        return "there is no such folder"
    # What is no file is written to, and needs nothing of its folder.
    if (target.is_file() or not target.exists()) and not os.access(target.parent, os.W_OK | os.X_OK):
        return "the folder does not allow it"
    return None


def write_whole(path: Path, content: bytes) -> None:
    """Replaces a file once all of the content is on the disk; of a link the file that it names.

    What is no file, such as a device, is written to. Raises OSError with the name of `path`; a file that was there then stays."""
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        target.write_bytes(content)
        return
    partial = target.with_name(f".{target.name}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error
