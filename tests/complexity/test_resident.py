"""A child that stays: answers, failures, deaths, time limits, forks."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator

import pytest

from ctc.complexity.process import time_limit
from ctc.complexity.resident import Resident
from ctc.errors import ToolFailed

CHILD = """
import json, os, sys, time
print("{}", flush=True)
for number, line in enumerate(sys.stdin):
    task = json.loads(line)
    if task["do"] == "die":
        print("something broke", file=sys.stderr, flush=True)
        os._exit(3)
    if task["do"] == "sleep":
        time.sleep(60)
    answer = {"wall_s": number, "cpu_s": os.getpid(), "peak_bytes": int(os.environ["OMP_NUM_THREADS"])}
    print(json.dumps({"error": "no such picture"} if task["do"] == "fail" else answer), flush=True)
"""
COMMAND = ("codec", "--alone")


@pytest.fixture
def start() -> Iterator[Callable[..., Resident]]:
    started: list[Resident] = []

    def begin(code: str = CHILD, threads: int = 1) -> Resident:
        started.append(Resident((sys.executable, "-c", code), {}, threads))
        return started[-1]

    yield begin
    for resident in started:
        resident.stop()


def test_one_process_does_all_tasks(start: Callable[..., Resident]) -> None:
    resident = start(threads=2)
    first, second = (resident.run({"do": "work"}, COMMAND) for _ in range(2))
    assert (first.wall_s, second.wall_s) == (0, 1)
    assert first.cpu_s == second.cpu_s != os.getpid()
    assert (first.peak_bytes, first.threads, first.device) == (2, 2, "cpu")


def test_a_failure_is_told_and_the_process_stays(start: Callable[..., Resident]) -> None:
    resident = start()
    with pytest.raises(ToolFailed, match="codec: no such picture") as caught:
        resident.run({"do": "fail"}, COMMAND)
    assert (caught.value.command, caught.value.log_tail) == (COMMAND, "no such picture")
    assert resident.run({"do": "work"}, COMMAND).wall_s == 1


def test_a_dead_process_is_explained_and_replaced(start: Callable[..., Resident]) -> None:
    resident = start()
    before = resident.run({"do": "work"}, COMMAND).cpu_s
    with pytest.raises(ToolFailed, match="codec ended with status 3: something broke") as caught:
        resident.run({"do": "die"}, COMMAND)
    assert caught.value.log_tail == "something broke"
    after = resident.run({"do": "work"}, COMMAND)
    assert after.wall_s == 0
    assert after.cpu_s != before


def test_a_process_that_cannot_start(start: Callable[..., Resident]) -> None:
    with pytest.raises(ToolFailed, match="ended with status 4: no weights"):
        start("import sys; print('no weights', file=sys.stderr); sys.exit(4)").run({"do": "work"}, COMMAND)


def test_the_time_limit(start: Callable[..., Resident]) -> None:
    resident = start()
    resident.run({"do": "work"}, COMMAND)
    with time_limit(0.3), pytest.raises(ToolFailed, match=r"ran longer than 0\.3 s"):
        resident.run({"do": "sleep"}, COMMAND)
    assert resident.run({"do": "work"}, COMMAND).wall_s == 0


def test_stopping_twice(start: Callable[..., Resident]) -> None:
    resident = start()
    pid = int(resident.run({"do": "work"}, COMMAND).cpu_s)
    resident.stop()
    resident.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
