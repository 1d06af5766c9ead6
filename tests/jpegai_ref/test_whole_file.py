"""Outputs that are no plain files: a link keeps naming its file, and what is no file is written to, not replaced."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from jpegai_ref.whole_file import obstacle, write_whole

from ctc.store import write_whole as write_whole_of_ctc

WRITERS = pytest.mark.parametrize("write", [write_whole, write_whole_of_ctc], ids=["jpegai_ref", "ctc"])
FULL_DEVICE = Path("/dev/full")


@WRITERS
def test_a_link_goes_on_naming_its_file(write: Callable[[Path, bytes], None], tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"before")
    link.symlink_to(target)
    write(link, b"after")
    assert link.is_symlink()
    assert target.read_bytes() == b"after"
    assert sorted(tmp_path.iterdir()) == [link, target]


def test_a_link_to_itself_is_replaced(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(link)
    assert obstacle(link) is None
    write_whole(link, b"after")
    assert link.read_bytes() == b"after"


@WRITERS
def test_a_pipe_is_written_to(write: Callable[[Path, bytes], None], tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write(pipe, b"through")
    reader.join(10)
    assert read == [b"through"]
    assert pipe.is_fifo()


@pytest.mark.skipif(not FULL_DEVICE.is_char_device(), reason="there is no device that is always full")
@pytest.mark.parametrize(("module", "name"), [("jpegai_ref", "jpegai_ref"), ("ctc.cli", "ctc")])
def test_standard_output_that_is_full_is_said_in_a_line(module: str, name: str) -> None:
    with FULL_DEVICE.open("wb") as full:
        ended = subprocess.run([sys.executable, "-m", module, "--help"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr == f"{name}: standard output cannot be written: No space left on device\n"
