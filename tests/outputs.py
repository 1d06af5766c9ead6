"""What holds for every output of ours, whoever writes it: a link keeps naming its file, what is no file is written to and not replaced."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

Write = Callable[[Path, bytes], None]
FULL_DEVICE = Path("/dev/full")


def check_link(write: Write, folder: Path) -> None:
    """A link goes on naming its file, which has the content then."""
    target, link = folder / "target", folder / "link"
    target.write_bytes(b"before")
    link.symlink_to(target)
    write(link, b"after")
    assert link.is_symlink()
    assert target.read_bytes() == b"after"
    assert sorted(folder.iterdir()) == [link, target]


def check_pipe(write: Write, folder: Path) -> None:
    """Who reads from a pipe gets the content."""
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write(pipe, b"through")
    reader.join(10)
    assert read == [b"through"]
    assert pipe.is_fifo()


def check_full_standard_output(module: str, name: str) -> None:
    """It is said in a line; `python -m module` calls itself `name`."""
    if not FULL_DEVICE.is_char_device():
        pytest.skip("there is no device that is always full")
    with FULL_DEVICE.open("wb") as full:
        ended = subprocess.run([sys.executable, "-m", module, "--help"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr == f"{name}: standard output cannot be written: No space left on device\n"
