"""Largest difference of every metric to a folder of golden values, and what the metric costs, as a Markdown table.

    python benchmarks/metrics_parity.py FOLDER

FOLDER holds `golden.csv` (columns reference, distorted, metric, value, tolerance) and the PNGs that it names. Exit status 3 where a
difference is above its tolerance.
"""

from __future__ import annotations

import csv
import resource
import sys
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from ctc import plugins
from ctc.pixels import metric_codes
from ctc.protocols import Codes, Metric

BITS = 10


@dataclass(frozen=True)
class Golden:
    reference: Path
    distorted: Path
    value: float
    tolerance: float


@dataclass(frozen=True)
class Parity:
    metric: str
    worst: Golden
    difference: float
    cpu_ms_per_mp: float

    @property
    def row(self) -> str:
        pair = self.worst.distorted.stem
        return f"| {self.metric} | {self.difference:.2e} | {self.worst.tolerance:g} | {pair} | {self.cpu_ms_per_mp:.0f} |"


def main(folder: Path) -> int:
    golden: dict[str, list[Golden]] = defaultdict(list)
    with (folder / "golden.csv").open(newline="") as table:
        for row in csv.DictReader(table):
            pair = Golden(folder / row["reference"], folder / row["distorted"], float(row["value"]), float(row["tolerance"]))
            golden[row["metric"]].append(pair)
    print("| metric | largest difference | tolerance | pair | CPU ms/MP |\n|---|---|---|---|---|")
    parities = [parity(metric, golden[name]) for name, metric in plugins.metrics().found.items() if name in golden]
    for each in parities:
        print(each.row)
    return 3 if any(each.difference > each.worst.tolerance for each in parities) else 0


def parity(metric: Metric, pairs: list[Golden]) -> Parity:
    """Scores all pairs; the first is scored once more before, so that imports and start-up do not count as cost."""
    differences = []
    cpu_s = samples = 0.0
    for index, pair in enumerate(pairs):
        reference, distorted = codes(pair.reference, metric), codes(pair.distorted, metric)
        if index == 0:
            metric.score(reference, distorted, 2**BITS - 1)
        before = cpu()
        value = metric.score(reference, distorted, 2**BITS - 1)
        cpu_s += cpu() - before
        samples += reference.shape[-2] * reference.shape[-1]
        differences.append(abs(value - pair.value))
    worst = max(range(len(pairs)), key=lambda index: differences[index] / pairs[index].tolerance)
    return Parity(metric.name, pairs[worst], differences[worst], cpu_s * 1e9 / samples)


@cache
def rgb(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def codes(path: Path, metric: Metric) -> Codes:
    return metric_codes(rgb(path), metric.wants, BITS)


def cpu() -> float:
    """CPU seconds of this process and of the children that it has waited for."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1])))
