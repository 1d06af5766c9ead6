"""How near the bitrate matcher of `jpegai_ref` comes to target rates, in real bytes, and in how many passes.

    python -m benchmarks.codec_rates PICTURE... [--bpp 0.06 0.12 ...] [--threads N]

A cell is bytes / target - 1 in percent and, in brackets, the passes of quantisation and entropy coding. Analysis runs once a picture.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from jpegai_ref.analysed import analysed
from jpegai_ref.coder import load
from jpegai_ref.pictures import PictureFileError, read_picture
from jpegai_ref.rate_matching import TOLERANCE, Matched, matched
from jpegai_ref.weights import WeightsError
from jpegai_ref.weights_place import WeightsMissing, weights_file

from benchmarks import options

TARGETS = (0.06, 0.12, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.codec_rates", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pictures", type=options.existing, nargs="+", metavar="PICTURE")
    parser.add_argument("--bpp", type=options.positive, nargs="+", default=list(TARGETS))
    parser.add_argument("--threads", type=options.count, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    try:
        coder = load(weights_file())
        print(f"weights {coder.weights_id.hex()}\n")
        print(f"| picture | {' | '.join(f'{rate:g} bpp' for rate in asked.bpp)} |\n|{'---|' * (1 + len(asked.bpp))}")
        found: list[Matched] = []
        for name in asked.pictures:
            source = analysed(coder, read_picture(Path(name)))
            row = [matched(coder, source, rate) for rate in asked.bpp]
            found += row
            cells = " | ".join(f"{100 * each.deviation:+.2f} ({each.passes})" for each in row)
            print(f"| {Path(name).stem} | {cells} |", flush=True)
    except (WeightsMissing, WeightsError, PictureFileError) as error:
        parser.error(str(error))
    passes = sum(each.passes for each in found) / len(found)
    within = sum(abs(each.deviation) <= TOLERANCE for each in found)
    worst = max(abs(each.deviation) for each in found)
    print(f"\n{within} of {len(found)} within {100 * TOLERANCE:g} %, the largest {100 * worst:.2f} %; {passes:.1f} passes on the average")


if __name__ == "__main__":
    main()
