"""Library codecs run in a Python process of their own, like programs, so that their time, memory and crashes are theirs.

The child times the library call alone and prints it; reading and writing files are timed by themselves, and what is left of the
process is its start: the interpreter and its imports.
Peak memory is the whole child's, about 25 MB of which are the interpreter and Pillow.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from ctc.records import Cost

Read = TypeVar("Read")
Result = TypeVar("Result")


def python_command(module: str, *arguments: str) -> tuple[str, ...]:
    """Command line that runs `module` in this Python. `-P` keeps the current folder off the import path."""
    return (sys.executable, "-P", "-m", module, *arguments)


def run_child(command: tuple[str, ...]) -> Cost:
    """Runs a command made by `python_command` whose module prints `timed` values. Raises ToolFailed."""
    from ctc.complexity.process import run

    done = run(command)
    measured: dict[str, float] = json.loads(done.printed)
    wall_s, read_s, write_s = (measured[name] for name in ("wall_s", "read_s", "write_s"))
    start_s = max(0.0, done.cost.wall_s - read_s - wall_s - write_s)
    return replace(done.cost, wall_s=wall_s, cpu_s=measured["cpu_s"], start_s=start_s, read_s=read_s, write_s=write_s)


def timed(read: Callable[[], Read], code: Callable[[Read], Result], write: Callable[[Result], object]) -> dict[str, float]:
    """In the child: seconds of the three in turn, of `code` also those of the processor."""
    started = time.perf_counter()
    content = read()
    cpu, begun = time.process_time(), time.perf_counter()
    result = code(content)
    ended, cpu_s = time.perf_counter(), time.process_time() - cpu
    write(result)
    return {"wall_s": ended - begun, "cpu_s": cpu_s, "read_s": begun - started, "write_s": time.perf_counter() - ended}
