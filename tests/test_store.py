"""The store: whole or absent, checked on read, safe for many writers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ctc.errors import NotWritable, OutOfSpace
from ctc.store import Store, explained, write_whole
from tests.outputs import check_link, check_pipe

IDENTITY = {"picture": "ab", "setting": 32.0}


def test_round_trip(tmp_path: Path) -> None:
    store = Store(tmp_path / "new" / "store")
    assert store.get("encode", IDENTITY) is None
    assert store.get_file("encode", IDENTITY) is None
    bitstream = tmp_path / "b"
    bitstream.write_bytes(b"bits")
    store.put("encode", IDENTITY, {"bytes": 4, "wall_s": 0.125}, bitstream)
    assert store.get("encode", IDENTITY) == {"bytes": 4, "wall_s": 0.125}
    path = store.get_file("encode", IDENTITY)
    assert path is not None
    assert path.read_bytes() == b"bits"
    assert store.get("decode", IDENTITY) is None
    assert store.get("encode", {**IDENTITY, "setting": 33.0}) is None
    assert [entry[:2] for entry in store.contents()] == [("encode", 1)]
    assert not list(tmp_path.rglob("*.part"))


def test_damage_counts_as_absent(tmp_path: Path) -> None:
    store = Store(tmp_path)
    bitstream = tmp_path / "b"
    bitstream.write_bytes(b"bits")
    store.put("encode", IDENTITY, {"bytes": 4}, bitstream)
    entry = next(tmp_path.rglob("*.json"))
    whole = entry.read_text()
    for damaged in (whole[:-20], "", "[]", whole.replace('"bytes": 4', '"bytes": 5'), whole.replace("ab", "cd"), "\x00" * 40):
        entry.write_text(damaged)
        assert store.get("encode", IDENTITY) is None
    entry.write_text(whole)
    next(tmp_path.rglob("*.bin")).write_bytes(b"bitz")
    assert store.get("encode", IDENTITY) is not None
    assert store.get_file("encode", IDENTITY) is None


def test_infinite_floats_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        Store(tmp_path).put("score", IDENTITY, {"value": float("inf")})


def test_many_writers_of_one_key(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: store.put("score", IDENTITY, {"value": "1.5"}), range(64)))
    assert store.get("score", IDENTITY) == {"value": "1.5"}
    assert len(list(tmp_path.rglob("*"))) == 3


def test_a_write_that_is_killed_leaves_nothing_that_counts(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from ctc import store\n"
        "store.Path.replace = lambda *_: os.kill(os.getpid(), 9)\n"
        f"store.Store(Path({str(tmp_path)!r})).put('score', {IDENTITY!r}, {{'value': '1'}})\n"
    )
    assert subprocess.run([sys.executable, "-c", script]).returncode == -9
    store = Store(tmp_path)
    assert store.get("score", IDENTITY) is None
    store.put("score", IDENTITY, {"value": "1"})
    assert store.get("score", IDENTITY) == {"value": "1"}


def test_identity_is_stored_for_people(tmp_path: Path) -> None:
    Store(tmp_path).put("score", IDENTITY, {"value": "1"})
    assert json.loads(next(tmp_path.rglob("*.json")).read_text())["identity"] == IDENTITY


def test_full_disk_says_what_helps(tmp_path: Path) -> None:
    if not os.access("/dev/full", os.W_OK):
        pytest.skip("this system has no /dev/full")
    with pytest.raises(OutOfSpace, match="is full: free some space and run again"), explained(tmp_path):
        Path("/dev/full").write_bytes(b"x")


def test_unwritable_folder_says_what_helps(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotWritable, match="choose another folder"), explained(tmp_path / "file"):
        write_whole(tmp_path / "file" / "x", b"")


def test_a_link_goes_on_naming_its_file(tmp_path: Path) -> None:
    check_link(write_whole, tmp_path)


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    check_pipe(write_whole, tmp_path)
