"""What ten reconstructions of one reference cost, in single scores: the reference is prepared once, as a run does.

    python -m benchmarks.ten_reconstructions [--megapixels 2] [--metrics NAME ...]

CPU time on one thread of ours, least of some repeats, in a process per metric after a small picture; JPEGs of qualities 10 to 95. A
single score prepares the reference and scores one reconstruction; it is the mean over the ten. The peak is above the eleven pictures.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace

from benchmarks import options
from benchmarks.processes import Limits, isolated
from benchmarks.programs import METRICS

TARGET = 6.5
"""Single scores, for the six metrics together."""


COLUMNS = ("metric", "MP", "one, CPU s", "ten, CPU s", "ten = so many single scores", "peak MiB")


@dataclass(frozen=True)
class Ten:
    one_cpu_s: float
    ten_cpu_s: float
    peak_bytes: int


def main() -> None:
    asked = arguments()
    print("\n".join(options.conditions()))
    print(f"\n| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}", flush=True)
    six: list[Ten] = []
    for name in asked.metrics:
        ten, note = measured_ten(name, asked)
        if ten is None:
            print(f"| {METRICS[name].label} | {asked.megapixels:g} | {note} |{' |' * (len(COLUMNS) - 3)}", flush=True)
            continue
        print(line(METRICS[name].label, asked.megapixels, ten), flush=True)
        if METRICS[name].one_of_six:
            six.append(ten)
    print("\n".join(summary(six, asked.megapixels)))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ten_reconstructions", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--megapixels", type=options.positive, default=2.0)
    parser.add_argument("--metrics", choices=METRICS, nargs="+", default=list(METRICS))
    options.add_limits(parser)
    return parser.parse_args()


def measured_ten(name: str, asked: argparse.Namespace) -> tuple[Ten | None, str]:
    """What was measured, or None and why not."""
    request = {"metric": name, "megapixels": asked.megapixels, "repeats": asked.repeats, "budget_s": asked.budget_s}
    outcome = isolated("benchmarks.measure_ten", request, 1, Limits(asked.time_limit_s, asked.memory_limit_gib))
    if outcome.result is None:
        return None, outcome.note
    ten = Ten(**outcome.result)
    return replace(ten, peak_bytes=ten.peak_bytes + outcome.children_peak_bytes), ""


def summary(six: list[Ten], megapixels: float) -> Iterator[str]:
    if len(six) < sum(compared.one_of_six for compared in METRICS.values()):
        yield f"\n- not measured: the six together (target: at most {TARGET:g})"
        return
    total = Ten(sum(ten.one_cpu_s for ten in six), sum(ten.ten_cpu_s for ten in six), max(ten.peak_bytes for ten in six))
    yield line("the six", megapixels, total)
    single = total.ten_cpu_s / total.one_cpu_s
    verdict = "met" if single <= TARGET else "NOT MET"
    yield f"\n- {verdict}: ten cost {single:.2f} single scores, the six together (target: at most {TARGET:g})"


def line(label: str, megapixels: float, ten: Ten) -> str:
    ratio = ten.ten_cpu_s / ten.one_cpu_s
    return f"| {label} | {megapixels:g} | {ten.one_cpu_s:.4f} | {ten.ten_cpu_s:.4f} | {ratio:.2f} | {ten.peak_bytes / 2**20:.1f} |"


if __name__ == "__main__":
    main()
