"""Options that the benchmarks share, and what they say about the machine."""

from __future__ import annotations

import argparse
import math
import os
import platform
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

PACKAGES = ("numpy", "numba", "scipy", "torch", "piq", "pytorch-msssim", "psnr-hvsm")
GIB = 1 << 30
BUSY = 0.3
"""Load average from which on figures are called provisional."""


def positive(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is below 1")
    return value


def existing(text: str) -> str:
    path = Path(text)
    if not path.exists():
        raise argparse.ArgumentTypeError(f"{text} does not exist")
    return str(path.resolve())


def add_limits(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--repeats", type=count, default=10, help="at most so many times the same [default: 10]")
    parser.add_argument("--budget-s", type=positive, default=10.0, help="no further repeat after so many seconds [default: 10]")
    parser.add_argument("--time-limit-s", type=positive, default=300.0, help="for one process, its preparation included [default: 300]")
    most = most_memory_gib()
    parser.add_argument("--memory-limit-gib", type=positive, default=most, help=f"for one process [default: {most:g}, 70 %% of all]")


def most_memory_gib() -> float:
    """What one process may take: 70 % of all."""
    return round(0.7 * _memory() / GIB, 1)


def conditions() -> Iterator[str]:
    """What the figures depend on."""
    yield f"{_processor()}, {os.cpu_count()} cores, {_memory() / GIB:.0f} GiB, Python {platform.python_version()}"
    installed = {each.metadata["Name"].lower().replace("_", "-"): each.version for each in metadata.distributions()}
    yield ", ".join(f"{name} {installed[name]}" for name in PACKAGES if name in installed)
    load = os.getloadavg()[0]
    if load > BUSY:
        yield f"**Provisional: the machine was busy when this began (load {load:.1f}).**"


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _memory() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
