"""Which machine this is: the owner of its timings."""

from __future__ import annotations

import os
import platform
from functools import lru_cache
from pathlib import Path

import psutil

from ctc.records import Machine, digest


@lru_cache
def machine() -> Machine:
    """This machine. Its identity is host name, processor and number of processors: what does not change with a reboot or an update."""
    lasting = {"hostname": platform.node(), "processor": _processor(), "processors": os.cpu_count()}
    return Machine(
        identity=digest(lasting)[:12],
        hostname=platform.node(),
        processor=_processor(),
        cores=len(psutil.Process().cpu_affinity()),
        memory_bytes=psutil.virtual_memory().total,
        system=platform.platform(),
        python=platform.python_version(),
    )


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
