"""What else the machine did meanwhile."""

from __future__ import annotations

import os
import resource
import time
from dataclasses import dataclass

import psutil

from ctc.records import TimingSample
from ctc.records.timing import FROM_CODEC, PICTURE_FILE, TO_CODEC

BUSY_SHARE = 0.05
"""Of one processor: a machine on which others took more than that while a codec ran was busy."""
TICKS = 3
"""The system counts processor time in ticks, of all processes apart: less than so many is no evidence."""
OURS = (PICTURE_FILE, TO_CODEC, FROM_CODEC)
"""Stages outside the time in which others are watched."""


@dataclass(frozen=True)
class Load:
    """Processor seconds so far: of the machine, and of this process with all that it has started."""

    machine_s: float
    own_s: float

    def others_s_since(self, before: Load) -> float:
        """Seconds that neither this process nor its children took. The host of a virtual machine counts among the others."""
        return max(0.0, (self.machine_s - before.machine_s) - (self.own_s - before.own_s))


def load() -> Load:
    """At this moment."""
    times = psutil.cpu_times()
    machine_s = sum(getattr(times, name, 0.0) for name in ("user", "nice", "system", "irq", "softirq", "steal"))
    return Load(machine_s, _own_s())


def tick_s() -> float:
    """Resolution of the machine's count."""
    return float(1 / os.sysconf("SC_CLK_TCK"))


def is_busy(sample: TimingSample) -> bool:
    """Whether others wanted a processor when the codec started, or took more than `BUSY_SHARE` of one while it ran."""
    return not sample.idle_before or sample.others_s > max(BUSY_SHARE * ran_s(sample), TICKS * tick_s())


def ran_s(sample: TimingSample) -> float:
    """Wall seconds in which others were watched."""
    return sum(stage.wall_s for stage in sample.stages if stage.stage not in OURS)


def _own_s() -> float:
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime + sum(map(_alive_s, psutil.Process().children(recursive=True)))


def _alive_s(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)
