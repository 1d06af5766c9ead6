"""Counts the instructions of a program, where this machine can: by the processor's counters through perf, else in valgrind's emulation.

Either counts user instructions of the whole process and its children: a codec that is a Python library has the interpreter's start in it.
Valgrind runs a program some fifty times slower, and on a processor without AVX-512: a program that chooses its code by the processor may
take another path there.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from ctc.complexity.process import run
from ctc.errors import ToolFailed, ToolMissing

Counter = Literal["perf", "valgrind"]
ASKED = ("auto", "perf", "valgrind", "no")
"""What a user may ask for: "auto" is the first that counts here."""
TRIAL = ("/bin/true",)


@dataclass(frozen=True)
class Counting:
    """With what instructions are counted here, and why not with another."""

    counter: Counter | None
    note: str


@lru_cache
def counting(asked: str) -> Counting:
    """Raises ToolMissing where the counter that is asked for by name cannot count here."""
    if asked == "no":
        return Counting(None, "instructions were not asked for: CPU seconds")
    reasons: list[str] = []
    counters: tuple[Counter, ...] = ("perf", "valgrind")
    for counter in counters:
        if asked not in ("auto", counter):
            continue
        reason = _why_not(counter)
        if not reason:
            return Counting(counter, "; ".join([*reasons, f"instructions counted with {counter}"]))
        reasons.append(reason)
    if asked != "auto":
        raise ToolMissing(f"--instructions {asked}: {'; '.join(reasons)}; `--instructions no` gives CPU seconds")
    return Counting(None, "; ".join([*reasons, "instructions cannot be counted here: CPU seconds"]))


def instructions(counter: Counter, command: tuple[str, ...]) -> int:
    """User instructions of a command and its children. Raises ToolFailed where it fails, or the counter says nothing."""
    with tempfile.TemporaryDirectory(prefix="ctc-instructions-") as folder:
        # One file for each process: %p is valgrind's word for its number.
        written = Path(folder) / ("counts" if counter == "perf" else "counts.%p")
        prefix = {
            "perf": ("perf", "stat", "-x", ";", "-e", "instructions:u", "-o", str(written), "--"),
            "valgrind": (
                "valgrind", "--tool=cachegrind", "--cache-sim=no", "--trace-children=yes", "--cachegrind-out-file=/dev/null",
                f"--log-file={written}",
            ),
        }[counter]  # fmt: skip
        run((*prefix, *command))
        texts = [path.read_text(errors="replace") for path in Path(folder).iterdir()]
    found = [int(number.replace(",", "")) for text in texts for number in re.findall(PATTERNS[counter], text, re.MULTILINE)]
    if not found:
        said = " ".join(texts).strip().splitlines()
        raise ToolFailed(f"{counter} counted no instructions: {said[-1] if said else 'it said nothing'}", (*prefix, *command))
    return sum(found)


PATTERNS = {"perf": r"^(\d+);[^;]*;instructions:u", "valgrind": r"I +refs: +([\d,]+)"}


def _why_not(counter: Counter) -> str:
    if shutil.which(counter) is None:
        return f"{counter} is not installed"
    try:
        instructions(counter, TRIAL)
    except ToolFailed as error:
        return f"{counter} cannot count here ({error})" if counter == "valgrind" else "perf cannot count here (no counter of the processor)"
    return ""
