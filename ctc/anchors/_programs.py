"""Programs that do not come with the installation: where they are, what they call themselves, and the hash of their files.

An environment variable names the program or the folder that it was built in; without it, `PATH` is searched. A program counts as found
only if it says itself that it is the one: several carry the same file name.
"""

from __future__ import annotations

import os
import re
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ctc.complexity.process import LOG_TAIL_CHARACTERS, program_name
from ctc.errors import ToolFailed, ToolMissing
from ctc.store import file_hash

PROBE_LIMIT_S = 30
PROBE_BYTES = 1 << 20
NEVER = r"(?!)"
HASH_DIGITS = 12
ANSWER_CHARACTERS = 120
PLACES = ("", "bin", "bin/umake/*/*/release", "bin/release-static")
"""Folders under a source tree in which the reference programs leave what was built."""


@dataclass(frozen=True)
class Program:
    """How a program is found and told from others."""

    title: str
    """As people call it, e.g. "VTM"."""
    variable: str
    """The environment variable that names it or its folder."""
    file_names: tuple[str, ...]
    """In order of preference."""
    banner: str
    """Regular expression for what it prints; its first group is the version."""
    remedy: str
    """What to do where it is missing, as the end of a sentence."""
    probe: tuple[str, ...] = ()
    """Arguments with which it prints the banner."""


@dataclass(frozen=True)
class Found:
    path: Path
    version: str


def find(program: Program) -> Found:
    """The program that `program.variable` names, else the first on `PATH` that is it. Raises ToolMissing."""
    others = []
    for path in _candidates(program):
        answer = printed(path, *program.probe, until=program.banner)
        version = re.search(program.banner, answer)
        if version is not None:
            return Found(path, version[1])
        said = f"says '{answer.splitlines()[-1].strip()[:ANSWER_CHARACTERS]}'" if answer else "says nothing"
        others.append(f"{path} does not answer as {program.title}, it {said}")
    if others:
        raise ToolMissing(f"{program.title} is missing: {'; '.join(others)}; {program.remedy}")
    named = _named(program.variable)
    where = f"on PATH ({', '.join(program.file_names)})" if named is None else f"at {program.variable}={named}"
    raise ToolMissing(f"{program.title} is missing: there is no such program {where}; {program.remedy}")


def beside(program: Path, file_names: tuple[str, ...], title: str, remedy: str) -> Path:
    """The other program of a pair, in the same folder as `program`, links followed or not. Raises ToolMissing."""
    folders = dict.fromkeys((program.parent, program.resolve().parent))
    for folder in folders:
        for name in file_names:
            if _is_program(folder / name):
                return folder / name
    places = " or ".join(str(folder) for folder in folders)
    raise ToolMissing(f"{title} is missing: there is no {' or '.join(file_names)} in {places}; {remedy}")


def configuration(program: Path, variable: str, file_name: str, title: str) -> Path:
    """The configuration file that `variable` names, else the one in the tree that `program` was built in. Raises ToolMissing."""
    named = _named(variable)
    if named is not None:
        if not Path(named).is_file():
            raise ToolMissing(f"the configuration of {title} is missing: {variable}={named} is no file; set it to {file_name}")
        return Path(named).absolute()
    for folder in dict.fromkeys((*program.parents, *program.resolve().parents)):
        for path in (folder / file_name, folder / "cfg" / file_name):
            if path.is_file():
                return path
    raise ToolMissing(
        f"the configuration of {title} is missing: no folder above {program} has {file_name} or cfg/{file_name}; "
        f"set {variable} to that file, which comes with the sources of {title}"
    )


def require_written(destination: Path, command: tuple[str, ...], log: str) -> None:
    """Raises ToolFailed where a decoder ended with status 0 but left no picture, as several do that find nothing to decode."""
    if not destination.is_file() or destination.stat().st_size == 0:
        last = log.splitlines()[-1].strip() if log else "it printed nothing"
        raise ToolFailed(f"{program_name(command)} ended well but decoded no picture: {last}", command, log[-LOG_TAIL_CHARACTERS:])


def printed(path: Path, *arguments: str, until: str = NEVER) -> str:
    """What the program prints, also when it fails, up to the line that the regular expression `until` is found in.

    Empty where it cannot be started or says nothing in `PROBE_LIMIT_S`. Asked once for each build, whatever it answers: one that hangs
    would be waited for again at every question."""
    return _printed(path, arguments, until, *_state(path))


def content_id(path: Path) -> str:
    """First digits of the sha256 of a file."""
    return _content_id(path, *_state(path))


def _candidates(program: Program) -> Iterator[Path]:
    named = _named(program.variable)
    if named is None:
        for name in program.file_names:
            on_path = shutil.which(name)
            if on_path is not None:
                yield Path(on_path).absolute()
        return
    place = Path(named).expanduser().absolute()
    if _is_program(place):
        yield place
    for name in program.file_names:
        for inside in PLACES:
            yield from (path for path in sorted(place.glob(f"{inside}/{name}" if inside else name)) if _is_program(path))


def _named(variable: str) -> str | None:
    """The value of an environment variable; one that is empty counts as not set."""
    return os.environ.get(variable) or None


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _state(path: Path) -> tuple[int, int]:
    """What changes when a file is built anew."""
    status = path.stat()
    return status.st_mtime_ns, status.st_size


@cache
def _printed(path: Path, arguments: tuple[str, ...], until: str, _modified: int, _size: int) -> str:
    null, pipe = subprocess.DEVNULL, subprocess.PIPE
    try:
        process = subprocess.Popen((path, *arguments), stdin=null, stdout=pipe, stderr=subprocess.STDOUT, start_new_session=True)
    except OSError:
        return ""
    with process:
        try:
            return _heard(process, until).strip()
        finally:
            # With its children, before it is waited for.
            os.killpg(process.pid, signal.SIGKILL)


def _heard(process: subprocess.Popen[bytes], until: str) -> str:
    """What the process writes until it ends, has written a whole line that `until` is found in, or goes on too long."""
    heard, deadline = b"", time.monotonic() + PROBE_LIMIT_S
    with selectors.DefaultSelector() as waiting:
        output = waiting.register(process.stdout or 0, selectors.EVENT_READ).fd
        while (left_s := deadline - time.monotonic()) > 0 and waiting.select(left_s):
            part = os.read(output, 65536)
            heard += part
            whole_lines = heard[: heard.rfind(b"\n") + 1].decode(errors="replace")
            if not part or len(heard) > PROBE_BYTES or re.search(until, whole_lines):
                break
    return heard.decode(errors="replace")


@cache
def _content_id(path: Path, _modified: int, _size: int) -> str:
    return file_hash(path)[:HASH_DIGITS]
