"""Instructions of programs: by stand-ins that say what perf says, and by valgrind itself where it is installed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ctc.complexity.instructions import counting, instructions
from ctc.errors import ToolFailed, ToolMissing

PERF = """#!/bin/sh
while [ "$1" != "--" ]; do [ "$1" = "-o" ] && out="$2"; shift; done
shift
printf '# started on\\n\\n%s;;instructions:u;1;100.00;;\\n' "{count}" > "$out"
exec "$@"
"""


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    counting.cache_clear()
    yield
    counting.cache_clear()


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, count: str) -> None:
    """A `perf`, and no valgrind."""
    program = folder / "perf"
    program.write_text(PERF.format(count=count))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/nowhere")
    for tool in ("sh", "true", "false"):
        (folder / tool).symlink_to(shutil.which(tool, path="/usr/bin:/bin") or "/bin/sh")


def test_perf_is_asked_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, monkeypatch, "81234567")
    assert counting("auto").counter == "perf"
    assert instructions("perf", ("/bin/true",)) == 81234567
    with pytest.raises(ToolFailed, match="ended with status 1"):
        instructions("perf", ("/bin/false",))


def test_where_nothing_counts_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, monkeypatch, "<not supported>")
    found = counting("auto")
    assert found.counter is None
    assert found.note == (
        "perf cannot count here (no counter of the processor); valgrind is not installed; instructions cannot be counted here: CPU seconds"
    )
    assert counting("no").counter is None
    with pytest.raises(ToolMissing, match="--instructions perf: perf cannot count here"):
        counting("perf")
    with pytest.raises(ToolMissing, match="--instructions valgrind: valgrind is not installed"):
        counting("valgrind")


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
@pytest.mark.slow
def test_valgrind_counts_a_loop() -> None:
    """A shell that counts to 2000 needs more than one that does not, by some hundred instructions each time, and the same twice over."""
    loop = ("/bin/sh", "-c", "i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done")
    base, once, again = (instructions("valgrind", command) for command in (("/bin/sh", "-c", ":"), loop, loop))
    assert 2000 * 50 < once - base < 2000 * 20_000
    assert once == pytest.approx(again, rel=0.01)
