"""How much faster threads score a pair with the six metrics, together as a run or `ctc score` does it: wall seconds, least of some repeats.

    python -m benchmarks.threads [--megapixels 0.4 2 9 50] [--threads 1 2] [--repeats N]

The colour conversion of both pictures is part of it. Imports and compilation are not.
"""

from __future__ import annotations

import argparse
import time

from benchmarks import options
from benchmarks.pictures import rgb_pair
from benchmarks.programs import METRICS
from ctc import plugins
from ctc.complexity.memory import reuse_large_blocks
from ctc.together import Setting, measure

SIX = [name for compared in METRICS.values() if compared.one_of_six for name in compared.names]
WARM_UP_MEGAPIXELS = 0.3


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.threads", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--megapixels", type=options.positive, nargs="+", default=[0.4, 2.0, 9.0, 50.0])
    parser.add_argument("--threads", type=options.count, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=options.count, default=5)
    asked = parser.parse_args()
    reuse_large_blocks()
    for threads in asked.threads:
        seconds(WARM_UP_MEGAPIXELS, threads, 1)
    print("\n".join(options.conditions()))
    print(
        f"\n| MP | {' | '.join(f'{threads} threads, s | ratio' for threads in asked.threads)} |\n|{'---|' * (1 + 2 * len(asked.threads))}"
    )
    for megapixels in asked.megapixels:
        walls = [seconds(megapixels, threads, asked.repeats) for threads in asked.threads]
        print(f"| {megapixels:g} | {' | '.join(f'{wall:.3f} | {walls[0] / wall:.2f}' for wall in walls)} |", flush=True)


def seconds(megapixels: float, threads: int, repeats: int) -> float:
    """Of one score with all of the six metrics."""
    reference, distorted = rgb_pair(megapixels)
    metrics = [plugins.metrics()[name] for name in SIX]
    walls = []
    for _ in range(repeats):
        start = time.perf_counter()
        for _measured in measure(reference, [distorted], metrics, lambda _index, _name: True, Setting(10, threads=threads)):
            pass
        walls.append(time.perf_counter() - start)
    return min(walls)


if __name__ == "__main__":
    main()
