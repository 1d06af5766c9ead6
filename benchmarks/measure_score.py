"""One measurement: a metric, a program, a size, a number of threads. Runs in a process of its own, see `processes`."""

from __future__ import annotations

import ctypes
import resource
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from typing import Any

from benchmarks.pictures import pictures
from benchmarks.processes import peak_resident, resident_after_reset
from benchmarks.programs import METRICS, NotInstalled, Setup
from benchmarks.records import Cost, least
from ctc.complexity.memory import reuse_large_blocks

WARM_UP_MEGAPIXELS = 0.3
QUALITY = 40


def measured(
    metric: str,
    program: str,
    megapixels: float,
    setup: dict[str, Any],
    keeps_blocks: bool,
    repeats: int,
    budget_s: float,
) -> dict[str, Any]:
    """The cost as a dictionary, or {"missing": what is not installed}.

    `keeps_blocks` asks for the setting of the allocator with which our runs score."""
    compared = METRICS[metric]
    try:
        ready = next(each for each in compared.programs if each.label == program).load(Setup(**setup))
    except NotInstalled as missing:
        return {"missing": str(missing)}
    if keeps_blocks:
        reuse_large_blocks()
    reference, (distorted,) = pictures(WARM_UP_MEGAPIXELS, compared.wants, (QUALITY,))
    ready.score(ready.picture(reference), ready.picture(distorted))
    reference, (distorted,) = pictures(megapixels, compared.wants, (QUALITY,))
    give_back_free_memory()

    costs: list[Cost] = []
    began = time.monotonic()
    while not costs or (len(costs) < repeats and time.monotonic() - began < budget_s):
        # New copies, so that none is in the caches already.
        x, y = ready.picture(reference), ready.picture(distorted)
        costs.append(cost(partial(ready.score, x, y)))
    return asdict(least(costs))


def cost(work: Callable[[], float]) -> Cost:
    """What one call costs. Children count in the processor time, but not in the peak."""
    before = resident_after_reset()
    wall, cpu = time.perf_counter(), cpu_seconds()
    score = work()
    wall, cpu = time.perf_counter() - wall, cpu_seconds() - cpu
    return Cost(wall, cpu, max(0, peak_resident() - before), score)


def cpu_seconds() -> float:
    """Of this process and of the children that have ended."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def give_back_free_memory() -> None:
    """What the warm-up has freed must not hide what is needed next."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
