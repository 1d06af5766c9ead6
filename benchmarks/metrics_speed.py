"""Seconds and memory of our metrics and of other programs for the same, as Markdown tables; then whether the targets are met.

    python -m benchmarks.metrics_speed [--megapixels 0.4 2 9 50] [--threads 1 2] [--packages FOLDER] [--iw-ssim FILE]

Every program scores a photograph against its JPEG in a process of its own, after a small pair, so that imports, compilation and caches
are not timed. Least of some repeats for the times, largest for the memory, which counts what is above the pictures. What is not
installed is left out, with a line that says so; IQA_pytorch and pyiqa can be installed beside the environment by
`pip install --no-deps --target FOLDER`, with whatever they need to run on a newer torch than theirs. The exit status is 0 whatever
the figures: this is no test.

Ours runs as in a run of the pipeline, where the allocator keeps large blocks that were freed; the others run as they come, unless
--same-allocator gives them the same setting, with which programs by torch take about half the time.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict

from benchmarks import options
from benchmarks.pictures import pixel_count
from benchmarks.processes import Limits, isolated
from benchmarks.programs import METRICS, Program, Setup
from benchmarks.records import Cost, Row, together
from benchmarks.summary import summary

COLUMNS = ("metric", "program", "MP", "threads", "wall s", "CPU s", "CPU ms/MP", "wall s / ours", "peak MiB", "score")


def main() -> None:
    asked = arguments()
    print("\n".join(options.conditions()))
    print(f"Allocator of the other programs: {'as in a run of ours' if asked.same_allocator else 'as it comes'}.")
    print(f"\n| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}", flush=True)
    rows: list[Row] = []
    for row in measured_rows(asked):
        rows.append(row)
        if not row.missing:
            print(line(row, rows), flush=True)
    print("\n".join(summary(rows)))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.metrics_speed", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--megapixels", type=options.positive, nargs="+", default=[0.4, 2.0, 9.0, 50.0])
    parser.add_argument("--threads", type=options.count, nargs="+", default=[1, 2])
    parser.add_argument("--metrics", choices=METRICS, nargs="+", default=list(METRICS))
    parser.add_argument("--packages", type=options.existing, default="", help="folder that `pip install --target` filled")
    parser.add_argument("--iw-ssim", type=options.existing, default="", help="IW_SSIM_PyTorch.py of github.com/Jack-guo-xy/Python-IW-SSIM")
    parser.add_argument("--same-allocator", action="store_true", help="other programs, too, keep freed blocks of memory, as our runs do")
    options.add_limits(parser)
    return parser.parse_args()


def measured_rows(asked: argparse.Namespace) -> Iterator[Row]:
    for name in asked.metrics:
        absent: set[str] = set()
        for megapixels in sorted(set(asked.megapixels)):
            for threads in sorted(set(asked.threads)):
                setup = Setup(threads, asked.packages, asked.iw_ssim)
                for program in METRICS[name].programs:
                    if program.label in absent:
                        continue
                    row = measured_row(name, program, megapixels, setup, asked)
                    if row.missing:
                        absent.add(program.label)
                    yield row


def measured_row(name: str, program: Program, megapixels: float, setup: Setup, asked: argparse.Namespace) -> Row:
    request = {
        "metric": name,
        "program": program.label,
        "megapixels": megapixels,
        "setup": asdict(setup),
        "keeps_blocks": asked.same_allocator or program.label == "ours",
        "repeats": asked.repeats,
        "budget_s": asked.budget_s,
    }
    outcome = isolated("benchmarks.measure_score", request, setup.threads, Limits(asked.time_limit_s, asked.memory_limit_gib))
    found = outcome.result or {}
    missing = found.get("missing", "")
    cost = None if outcome.result is None or missing else Cost(**found).with_children(outcome.children_peak_bytes)
    return Row(name, program.label, program.official, megapixels, setup.threads, cost, outcome.note, missing)


def line(row: Row, rows: list[Row]) -> str:
    """The row as a line of the table; ours of the same kind is among `rows`, since it came before."""
    first = (METRICS[row.metric].label, row.program, f"{row.megapixels:g}", str(row.threads))
    if row.cost is None:
        return f"| {' | '.join(first)} | {row.note} |{' |' * (len(COLUMNS) - len(first) - 1)}"
    cost, ours = row.cost, together(rows, (row.metric,), row.megapixels, row.threads, lambda each: each.ours)
    ratio = f"{cost.wall_s / ours.wall_s:.1f}" if ours else "–"
    per_megapixel = cost.cpu_s * 1e9 / pixel_count(row.megapixels)
    times = (f"{cost.wall_s:.4f}", f"{cost.cpu_s:.4f}", f"{per_megapixel:.1f}", ratio)
    figures = (*times, f"{cost.peak_bytes / 2**20:.1f}", f"{cost.score:.6f}")
    return f"| {' | '.join((*first, *figures))} |"


if __name__ == "__main__":
    main()
