"""Programs are measured from a small process, stopped at their limit, and fail with one clear line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from ctc.complexity.process import run, time_limit
from ctc.errors import OutOfSpace, ToolFailed

MIB = 1 << 20


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", "-c", code)


def test_peak_memory_is_the_programs_own_while_this_process_holds_1_gib() -> None:
    ballast = bytearray(1024 * MIB)
    ballast[:: os.sysconf("SC_PAGESIZE")] = b"\x01" * len(range(0, len(ballast), os.sysconf("SC_PAGESIZE")))
    small = run(python("pass")).cost.peak_bytes
    large = run(python("x = b'\\x01' * (300 << 20)")).cost.peak_bytes
    assert small < 40 * MIB
    assert 300 * MIB < large < 340 * MIB


def test_processor_time_and_output() -> None:
    done = run(python("print('hello'); sum(range(3_000_000))"))
    assert done.printed == "hello\n"
    assert 0.01 < done.cost.cpu_s <= done.cost.wall_s * 1.5


def test_limit_kills_the_program_and_its_children(tmp_path: Path) -> None:
    child = tmp_path / "pid"
    code = f"import os, time\npid = os.fork()\nif pid: open({str(child)!r}, 'w').write(str(pid))\ntime.sleep(60)"
    started = time.monotonic()
    with pytest.raises(ToolFailed, match=r"was stopped: it ran longer than 0.5 s"), time_limit(0.5):
        run(python(code))
    assert time.monotonic() - started < 10
    time.sleep(0.2)
    pid = int(child.read_text())
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_failures_carry_command_and_log() -> None:
    command = python("import sys; print('first'); sys.exit('the last line')")
    # What it complained of on standard error, wherever it ended its standard output.
    with pytest.raises(ToolFailed, match="ended with status 1: the last line") as caught:
        run(command)
    assert caught.value.command == command
    assert "the last line" in caught.value.log_tail
    assert "first" in caught.value.log_tail
    with pytest.raises(ToolFailed, match="was killed by signal 11"):
        run(python("import os; os.kill(os.getpid(), 11)"))
    with pytest.raises(ToolFailed, match="no-such-program: No such file"):
        run(("no-such-program",))
    with pytest.raises(OutOfSpace, match="the disk is full"):
        run(python("import sys; sys.exit('x: No space left on device')"))


def test_program_ends_when_the_harness_is_killed(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    program = f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    code = f"from ctc.complexity.process import run; run({python(program)!r})"
    harness = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 20
    while not (pid_file.exists() and pid_file.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    harness.send_signal(signal.SIGKILL)
    harness.wait()
    pid = int(pid_file.read_text())
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_interruption_ends_the_program(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    program = f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    # A job that was started in the background may have been told to ignore the signal.
    listening = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    running = f"from ctc.complexity.process import run\ntry: run({python(program)!r})\nexcept KeyboardInterrupt: raise SystemExit(130)"
    with subprocess.Popen([sys.executable, "-c", f"{listening}\n{running}"]) as harness:
        deadline = time.monotonic() + 20
        while not (pid_file.exists() and pid_file.read_text()) and time.monotonic() < deadline:
            time.sleep(0.05)
        harness.send_signal(signal.SIGINT)
        assert harness.wait(20) == 130
    pid = int(pid_file.read_text())
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
