"""The processes that code for the harness: one for the processor, one for a GPU, one for each other device that is asked for.

They are `resident`, and stay: PyTorch and the weights are loaded once in each. Here PyTorch is not imported.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import Any

from ctc.complexity.child import python_command
from ctc.complexity.resident import Resident
from ctc.errors import ToolMissing, UsageError
from ctc.records import Cost
from jpegai_ref.devices import Device

PACKAGE = Path(__file__).parent
GPU_ENGINE = "cuda"
GPU_DRIVER = "libcuda.so.1"
WHOLE = 1.0
"""All of the memory of a GPU."""


@lru_cache
def resident(threads: int) -> Resident:
    """The process that codes with so many threads, for all three codecs."""
    return Resident(python_command("jpegai_ref.resident"), environment(), threads)


def environment() -> dict[str, str]:
    """In which a process finds this package."""
    return {"PYTHONPATH": os.pathsep.join([str(PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])])}


@lru_cache
def devices() -> tuple[Device, ...]:
    """All, asked of a process, since PyTorch says whether there is a GPU. Raises ToolMissing where it does not answer."""
    command = python_command("jpegai_ref.devices")
    done = subprocess.run(command, env={**os.environ, **environment()}, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip() or "it printed nothing").splitlines()[-1]
        raise ToolMissing(f"jpegai_ref cannot say on what it could be run: {last}")
    return tuple(Device(**fields) for fields in json.loads(done.stdout))


class DeviceProcesses:
    """A process for each device that was asked for, until it is left: they are asked in turns, and start slowly."""

    def __init__(self) -> None:
        self._started: dict[str, Resident] = {}

    def run(self, device: Device, task: dict[str, Any], command: tuple[str, ...]) -> Cost:
        """Raises ToolFailed as `Resident.run`."""
        if device.name not in self._started:
            self._started[device.name] = Resident(python_command("jpegai_ref.resident", device.engine), environment(), device.threads)
        return self._started[device.name].run(task, command, "cuda" if device.engine == "cuda" else "cpu")

    def leave(self) -> None:
        for process in self._started.values():
            process.stop()


@lru_cache
def device_processes() -> DeviceProcesses:
    """Of all three codecs."""
    return DeviceProcesses()


class GpuProcess:
    """The process that decodes on the GPU. There is one at a time, since each takes memory of it."""

    def __init__(self) -> None:
        self._kind: tuple[int, float] | None = None
        self._process: Resident | None = None

    def of(self, threads: int, share: float) -> Resident:
        """With so many threads, and so much of the memory; another one is ended."""
        if self._process is None or self._kind != (threads, share):
            self.stop()
            part = () if share == WHOLE else (repr(share),)
            self._kind = threads, share
            self._process = Resident(python_command("jpegai_ref.resident", GPU_ENGINE, *part), environment(), threads)
        return self._process

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop()
            self._process = None


@lru_cache
def gpu_process() -> GpuProcess:
    """Of all three codecs."""
    return GpuProcess()


@lru_cache
def gpu_driver() -> bool:
    """Whether there is one, which is known at once; whether PyTorch can use it, `devices` knows."""
    try:
        ctypes.CDLL(GPU_DRIVER)
    except OSError:
        return False
    return True


def device_called(name: str) -> Device:
    """Raises UsageError where there is none of this name, ToolMissing as `devices`."""
    found = next((device for device in devices() if device.name == name), None)
    if found is None:
        raise UsageError(f"unknown device {name!r}: there are {', '.join(device.name for device in devices())}")
    return found
