"""Runs a program without a shell, with a time limit, and measures it from a small process of its own; see `launcher`."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from ctc.complexity.machine import machine
from ctc.errors import OutOfSpace, ToolFailed
from ctc.records import Cost

LAUNCHER = Path(__file__).with_name("launcher.py")
LOG_TAIL_CHARACTERS = 2000
DEFAULT_LIMIT_S = 3600.0
_limit_s: ContextVar[float] = ContextVar("limit_s", default=DEFAULT_LIMIT_S)


@dataclass(frozen=True)
class Run:
    cost: Cost
    printed: str
    """What the program wrote to standard output."""
    log: str
    """All that it wrote, standard error first."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Within it, a program that runs longer than `seconds` is killed with all its children."""
    token = _limit_s.set(seconds)
    try:
        yield
    finally:
        _limit_s.reset(token)


def limit_s() -> float:
    """The seconds that a program may run, see `time_limit`."""
    return _limit_s.get()


def last_line(log: str) -> str:
    """Where most programs say why they end."""
    return log.splitlines()[-1].strip() if log else "it printed nothing"


def run(command: tuple[str, ...], *, threads: int = 1, device: str = "cpu", complaint: Callable[[str], str] = last_line) -> Run:
    """Runs `command` to its end. Where it fails, `complaint` finds the reason in what it wrote to standard error.

    Raises ToolFailed when it cannot be started, ends with another status than 0, or exceeds the time limit; OutOfSpace when it says
    that the disk is full."""
    allowed_s = limit_s()
    idle = is_idle()
    read_fd, write_fd = os.pipe()
    launcher = (sys.executable, "-I", "-S", str(LAUNCHER), str(write_fd), str(allowed_s))
    try:
        done = _communicate((*launcher, *command), write_fd, one_thread(os.environ, threads))
    finally:
        os.close(write_fd)
        with os.fdopen(read_fd, "rb") as pipe:
            line = pipe.read()
    log = (done.stderr + done.stdout).decode(errors="replace").strip()
    if not line:
        raise ToolFailed(f"{command[0]} could not be watched: its launcher ended with status {done.returncode}", command, _tail(log))
    report = json.loads(line)
    if report["timed_out"]:
        raise ToolFailed(f"{program_name(command)} was stopped: it ran longer than {allowed_s:g} s (--time-limit)", command, _tail(log))
    if report["status"] != 0:
        if "No space left on device" in log:
            raise OutOfSpace(f"the disk is full: {program_name(command)} could not write; free some space and run again")
        reason = complaint(done.stderr.decode(errors="replace").strip() or log)
        raise ToolFailed(_failure(command, report["status"], reason), command, _tail(log))
    cost = Cost(report["wall_s"], report["cpu_s"], report["peak_bytes"], device, threads, machine().identity, idle)
    return Run(cost, done.stdout.decode(errors="replace"), log)


def _communicate(command: tuple[str, ...], report_fd: int, environment: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    """Runs the launcher to its end. An interruption reaches the program too: the launcher is told to stop it, not just killed."""
    null, pipe = subprocess.DEVNULL, subprocess.PIPE
    with subprocess.Popen(command, pass_fds=(report_fd,), env=environment, stdin=null, stdout=pipe, stderr=pipe) as launcher:
        try:
            out, err = launcher.communicate()
        except BaseException:
            launcher.terminate()
            launcher.wait()
            raise
    return subprocess.CompletedProcess(command, launcher.returncode, out, err)


def one_thread(environment: os._Environ[str], threads: int) -> dict[str, str]:
    """The environment with the thread pools of numerical libraries held to `threads`."""
    return {**environment, **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))}


def is_idle() -> bool:
    """Whether this process is the only one that wants a processor at this moment (Linux; elsewhere the load average says it)."""
    loadavg = Path("/proc/loadavg")
    if loadavg.is_file():
        return int(loadavg.read_text().split()[3].partition("/")[0]) <= 1
    return os.getloadavg()[0] < 0.5


def program_name(command: tuple[str, ...]) -> str:
    """Short name of what runs: the program, or the module of `python -m`, also where `env` starts it."""
    if "-m" in command[: 8 if command[0] == "env" else 4]:
        return command[command.index("-m") + 1]
    return Path(command[0]).name


def shell_line(command: tuple[str, ...]) -> str:
    """The command as a line that can be pasted into a shell."""
    return shlex.join(command)


def _failure(command: tuple[str, ...], status: int, reason: str) -> str:
    ending = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
    return f"{program_name(command)} {ending}: {reason}"


def _tail(log: str) -> str:
    return log[-LOG_TAIL_CHARACTERS:]
