"""A measurement in a process of its own, under a limit of time and of memory. Linux only: peaks come from /proc."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
POLL_S = 0.02
GIB = 1 << 30
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
NO_MEMORY = ("MemoryError", "allocate memory", "not enough memory")


@dataclass(frozen=True)
class Limits:
    time_s: float
    memory_gib: float


@dataclass(frozen=True)
class Outcome:
    """What the measurement returned, or a note that says why there is nothing."""

    result: dict[str, Any] | None
    note: str = ""
    children_peak_bytes: int = 0
    """Most memory of the programs that the measurement started itself."""


def isolated(module: str, request: dict[str, Any], threads: int, limits: Limits) -> Outcome:
    """`measured(**request)` of `module` in a new process with `threads` threads for numerical libraries."""
    environment = os.environ | dict.fromkeys(THREAD_VARIABLES, str(threads))
    command = [sys.executable, "-m", "benchmarks.processes", module, json.dumps(request)]
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=ROOT, env=environment, process_group=0)
        try:
            stopped, children_peak = _watched(process, limits)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if stopped:
            return Outcome(None, stopped)
        out.seek(0)
        err.seek(0)
        return _ended(process.returncode, out.read(), err.read(), children_peak)


def _watched(process: subprocess.Popen[bytes], limits: Limits) -> tuple[str, int]:
    """(why the process must be stopped or "" where it ended by itself, peak of its children in bytes)."""
    deadline = time.monotonic() + limits.time_s
    children_peak = 0
    while process.poll() is None:
        children = list(_children(process.pid))
        children_peak = max(children_peak, sum(_bytes(child, "VmHWM") for child in children))
        if sum(_bytes(pid, "VmRSS") for pid in (process.pid, *children)) > limits.memory_gib * GIB:
            return f"does not fit in {limits.memory_gib:g} GiB", children_peak
        if time.monotonic() > deadline:
            return f"over {limits.time_s:g} s", children_peak
        time.sleep(POLL_S)
    return "", children_peak


def _children(pid: int) -> Iterator[int]:
    """Programs that a process runs; not those that are still copies of itself, which share its memory."""
    with suppress(OSError):
        program = os.readlink(f"/proc/{pid}/exe")
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            with suppress(OSError):
                if os.readlink(f"/proc/{child}/exe") != program:
                    yield int(child)


def _bytes(pid: int | str, field: str) -> int:
    """A line of /proc/PID/status in bytes; 0 of a process that has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * 1024
    return 0


def _ended(status: int, out: str, err: str, children_peak: int) -> Outcome:
    last_words = (err.strip().splitlines() or [f"ended with status {status}"])[-1]
    if status == 0:
        return Outcome(json.loads(out.splitlines()[-1]), children_peak_bytes=children_peak)
    if any(words in last_words for words in NO_MEMORY):
        return Outcome(None, "does not fit in memory")
    return Outcome(None, f"fails: {last_words[:200]}")


def resident_after_reset() -> int:
    """Bytes in memory now; from here on `peak_resident` counts anew."""
    Path("/proc/self/clear_refs").write_text("5")
    return _bytes("self", "VmRSS")


def peak_resident() -> int:
    return _bytes("self", "VmHWM")


if __name__ == "__main__":
    print("\n" + json.dumps(importlib.import_module(sys.argv[1]).measured(**json.loads(sys.argv[2]))))
