"""The process that stays tells what it reads, codes and writes, and stops the clock when the device is done."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from jpegai_ref import resident
from jpegai_ref.coder import Coder
from jpegai_ref.processes import resident as process
from jpegai_ref.weights_place import VARIABLE

from ctc import pixels, plugins
from ctc.protocols import Staying
from tests.jpegai_ref.test_plugin import interleaved

MIB = 1 << 20


def test_the_clock_runs_from_settled_to_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    clock = iter(float(number) for number in range(100))

    def now() -> float:
        events.append("clock")
        return next(clock)

    def told(what: str) -> str:
        events.append(what)
        return what

    monkeypatch.setattr(resident, "time", SimpleNamespace(perf_counter=now, process_time=lambda: 0.0))
    answer = resident._timed(lambda: told("read"), lambda _: told("code"), lambda _: told("write"), lambda: told("settle"))
    assert events == ["clock", "read", "settle", "clock", "code", "settle", "clock", "clock", "write", "clock"]
    assert (answer["read_s"], answer["wall_s"], answer["write_s"]) == (1.0, 1.0, 1.0)


def test_a_gpu_is_waited_for() -> None:
    assert resident.settling("cuda") is torch.cuda.synchronize
    assert resident.settling("cpu") is not torch.cuda.synchronize
    resident.settling("cpu")()


def test_a_task_is_settled_before_and_after_coding(coder: Coder, tmp_path: Path) -> None:
    source = pixels.write_source(interleaved(20, 30), plugins.codecs()["jpegai-bop"].pixels, tmp_path)
    settled: list[bool] = []
    task = {"task": "encode", "source": str(source), "destination": str(tmp_path / "bits"), "quality": 1500, "tools": ""}
    cost = resident.perform(coder, task, lambda: settled.append((tmp_path / "bits").exists()))
    assert settled == [False, False]
    assert set(cost) == {"wall_s", "cpu_s", "read_s", "write_s", "peak_bytes"}


@pytest.mark.slow
def test_loading_and_memory_while_this_process_holds_1_gib(
    weights_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:  # fmt: skip
    monkeypatch.setenv(VARIABLE, str(weights_path))
    codec = plugins.codecs()["jpegai-sop"]
    assert isinstance(codec, Staying)
    source = pixels.write_source(interleaved(40, 50), codec.pixels, tmp_path)
    try:
        loaded = codec.load()
        alone = codec.encode(source, tmp_path / "bits", 1500)
        ballast = bytearray(1024 * MIB)
        ballast[:: os.sysconf("SC_PAGESIZE")] = b"\x01" * len(range(0, len(ballast), os.sysconf("SC_PAGESIZE")))
        reloaded = codec.load()
        beside = codec.encode(source, tmp_path / "bits", 1500)
    finally:
        process(1).stop()
    assert loaded.start_s is not None
    assert loaded.start_s > 0
    assert (loaded.wall_s, alone.start_s) == (0.0, None)
    assert None not in (alone.read_s, alone.write_s)
    for one, other in ((loaded, reloaded), (alone, beside)):
        assert 100 * MIB < one.peak_bytes < 1000 * MIB
        assert other.peak_bytes == pytest.approx(one.peak_bytes, rel=0.1)
