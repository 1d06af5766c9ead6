"""What coding with `jpegai_ref` costs: every step at several sizes and numbers of threads, memory, and how near synthesis comes to a
product of matrices.

    python -m benchmarks.codec_speed [--megapixels 0.4 2 50] [--threads 1 2] [--points sop bop hop] [--repeats N]

Seconds are wall and, in brackets, CPU seconds, the least of the repeats, without the start of the process. Memory is the peak of the
process with interpreter, PyTorch, weights and picture: after encoding, and at the end.
"""

from __future__ import annotations

import argparse

from benchmarks import options
from benchmarks.processes import Limits, isolated

POINTS = ("sop", "bop", "hop")
STEPS = ("analysis", "one pass", "rate matching", "encode", "entropy decoding", "prediction")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.codec_speed", description=" ".join((__doc__ or "").split("\n\n")[0].split())
    )
    parser.add_argument("--megapixels", type=options.positive, nargs="+", default=[0.4, 2.0, 50.0])
    parser.add_argument("--threads", type=options.count, nargs="+", default=[1, 2])
    parser.add_argument("--points", choices=POINTS, nargs="+", default=list(POINTS), help="operating points [default: all]")
    parser.add_argument("--repeats", type=options.count, default=3)
    parser.add_argument("--time-limit-s", type=options.positive, default=1200.0)
    asked = parser.parse_args()
    print("\n".join(options.conditions()))
    columns = [(megapixels, threads) for megapixels in asked.megapixels for threads in asked.threads]
    limits = Limits(asked.time_limit_s, options.most_memory_gib())
    results = []
    for megapixels, threads in columns:
        request = {"megapixels": megapixels, "threads": threads, "repeats": asked.repeats, "points": asked.points}
        outcome = isolated("benchmarks.measure_codec", request, threads, limits)
        if outcome.result is None:
            parser.exit(1, f"{megapixels:g} MP with {threads} threads: {outcome.note}\n")
        results.append(outcome.result)
    print(
        f"\n| | {' | '.join(f'{megapixels:g} MP, {threads} threads' for megapixels, threads in columns)} |\n|{'---|' * (1 + len(columns))}"
    )
    for step in (*STEPS, *(f"{task} {point}" for task in ("synthesis", "decode") for point in asked.points)):
        print(f"| {step}, s | {' | '.join('{:.3f} ({:.3f})'.format(*result['times'][step]) for result in results)} |")
    for label, name in (("peak after encoding, MiB", "encode_peak_bytes"), ("peak, MiB", "peak_bytes")):
        print(f"| {label} | {' | '.join(f'{result[name] / 2**20:.0f}' for result in results)} |")
    print(f"| bpp | {' | '.join('{bpp:.3f}'.format(**result) for result in results)} |")
    for point in asked.points:
        shares = (result["synthesis_macs_per_cpu_s"][point] / result["matrix_macs_per_cpu_s"] for result in results)
        print(f"| synthesis {point} / matrix product | {' | '.join(f'{100 * share:.0f} %' for share in shares)} |")
    rate = max(result["matrix_macs_per_cpu_s"] for result in results)
    print(f"\nA float32 product of matrices on one core: {rate / 1e9:.0f} GMAC/s.")


if __name__ == "__main__":
    main()
