"""Library codecs run in a Python process of their own, like programs, so that their time, memory and crashes are theirs.

The child times the library call alone and prints it; reading and writing files, the interpreter and its imports are not in the time.
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

Result = TypeVar("Result")


def python_command(module: str, *arguments: str) -> tuple[str, ...]:
    """Command line that runs `module` in this Python. `-P` keeps the current folder off the import path."""
    return (sys.executable, "-P", "-m", module, *arguments)


def run_child(command: tuple[str, ...]) -> Cost:
    """Runs a command made by `python_command` whose module prints `timed` values. Raises ToolFailed."""
    from ctc.complexity.process import run

    done = run(command)
    measured = json.loads(done.printed)
    return replace(done.cost, wall_s=measured["wall_s"], cpu_s=measured["cpu_s"])


def timed(call: Callable[[], Result]) -> tuple[Result, dict[str, float]]:
    """In the child: the result of `call`, and its wall and processor seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = call()
    return result, {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
