"""A child process that stays: for codecs that take seconds to start, such as learned ones, whose weights are then loaded once.

The child is sent a line of JSON for each task and answers with one: `wall_s`, `cpu_s` and `peak_bytes` of that task, `read_s` and
`write_s` where it knows them, or `error`. It says `{}` when it is ready, with `cpu_s` and `peak_bytes` so far where it knows them. Its
standard error is kept for what it may have to say when it dies. It ends when its standard input does.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from typing import IO, Any

from ctc.complexity.machine import machine
from ctc.complexity.process import LOG_TAIL_CHARACTERS, is_idle, limit_s, one_thread, program_name
from ctc.errors import ToolFailed
from ctc.records import Cost

START_LIMIT_S = 300.0
CHUNK_BYTES = 1 << 16


class Resident:
    """Starts `command` at the first task, and again after it died or was stopped, or in a process forked from this one."""

    def __init__(self, command: tuple[str, ...], environment: Mapping[str, str], threads: int = 1) -> None:
        self._command, self._environment, self._threads = command, dict(environment), threads
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None
        self._owner = 0
        self._ready: dict[str, Any] = {}
        self._lock = threading.Lock()
        atexit.register(self.stop)

    def run(self, task: Mapping[str, Any], command: tuple[str, ...], device: str = "cpu") -> Cost:
        """What a task cost, the child's start not counted. `command` does the same alone, for whoever reads of a failure.

        Raises ToolFailed where the child says so, dies, or takes longer than `process.time_limit` allows."""
        with self._lock:
            idle = is_idle()
            try:
                answer = self._asked(task, command)
            except BaseException:
                self.stop()
                raise
        if "error" in answer:
            raise ToolFailed(f"{program_name(command)}: {answer['error']}", command, str(answer["error"]))
        return Cost(
            float(answer["wall_s"]),
            float(answer["cpu_s"]),
            int(answer["peak_bytes"]),
            device,
            self._threads,
            machine().identity,
            idle,
            read_s=answer.get("read_s"),
            write_s=answer.get("write_s"),
        )

    def load(self, command: tuple[str, ...], device: str = "cpu") -> Cost:
        """Ends the child, if there is one, and starts it anew. All the time until it is ready is `start_s`; `wall_s`, coding, is 0.

        Raises ToolFailed where it does not come to that."""
        with self._lock:
            self.stop()
            idle, begun = is_idle(), time.perf_counter()
            try:
                self._started(command)
            except BaseException:
                self.stop()
                raise
            start_s, ready = time.perf_counter() - begun, self._ready
        peak, cpu_s = int(ready.get("peak_bytes", 0)), float(ready.get("cpu_s", 0.0))
        return Cost(0.0, cpu_s, peak, device, self._threads, machine().identity, idle, start_s=start_s)

    def stop(self) -> None:
        """Ends the child, if this process has one."""
        process, log, self._process, self._log = self._process, self._log, None, None
        if log is not None:
            log.close()
        if process is not None and self._owner == os.getpid():
            process.kill()
            process.communicate()

    def _asked(self, task: Mapping[str, Any], command: tuple[str, ...]) -> dict[str, Any]:
        process = self._started(command)
        try:
            os.write(_fd(process.stdin), json.dumps(task).encode() + b"\n")
        except BrokenPipeError:
            raise self._died(process, command) from None
        return self._answer(process, command, limit_s())

    def _started(self, command: tuple[str, ...]) -> subprocess.Popen[bytes]:
        if self._process is not None and self._owner == os.getpid() and self._process.poll() is None:
            return self._process
        self.stop()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the child
        environment = one_thread(os.environ, self._threads) | self._environment
        pipe = subprocess.PIPE
        # A session of its own: an interruption from the keyboard is for the harness, which stops the child.
        process = subprocess.Popen(self._command, stdin=pipe, stdout=pipe, stderr=self._log, env=environment, start_new_session=True)
        self._process, self._owner = process, os.getpid()
        self._ready = self._answer(process, command, START_LIMIT_S)
        return process

    def _answer(self, process: subprocess.Popen[bytes], command: tuple[str, ...], allowed_s: float) -> dict[str, Any]:
        fd, line, deadline = _fd(process.stdout), b"", time.monotonic() + allowed_s
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([fd], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise ToolFailed(f"{program_name(command)} was stopped: it ran longer than {allowed_s:g} s (--time-limit)", command)
            part = os.read(fd, CHUNK_BYTES)
            if not part:
                raise self._died(process, command)
            line += part
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _died(self, process: subprocess.Popen[bytes], command: tuple[str, ...]) -> ToolFailed:
        status = process.wait()
        log = ""
        if self._log is not None:
            self._log.seek(0)
            log = self._log.read().decode(errors="replace").strip()
        ending = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        last = log.splitlines()[-1].strip() if log else "it printed nothing"
        return ToolFailed(f"{program_name(command)} {ending}: {last}", command, log[-LOG_TAIL_CHARACTERS:])


def _fd(pipe: IO[bytes] | None) -> int:
    if pipe is None:
        raise ValueError("a resident child has pipes")
    return pipe.fileno()
