"""Where one model ends on the axis of qualities and the next begins, so that rates meet; and where searches for a rate begin.

    python -m jpegai_ref.training.fit_axis --data PHOTOGRAPHS [--weights FILE] [--pictures N]

Training moves the gains of the four models apart from one another, so that equal displacements do not mean equal rates. Two neighbours
meet at the geometric mean of their rates without displacement. Rates are real bytes, geometric means over pictures that are spread over
the folder in the order of names. Prints the constants for `knob.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from jpegai_ref.analysed import analysed
from jpegai_ref.coder import Coder, load
from jpegai_ref.encoder import Setting, encode_analysed
from jpegai_ref.picture import Picture
from jpegai_ref.training.arguments import OneLineParser, integer
from jpegai_ref.training.data import SUFFIXES
from jpegai_ref.variable_rate import RATE_MODELS
from jpegai_ref.weights import WeightsError
from jpegai_ref.weights_place import WeightsMissing, weights_file

STEP = 64
"""Between the displacements that are measured; between them ln(rate) is interpolated."""
START_BPP = (0.06, 0.12, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
PICTURES = 12

Curve = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Displacements of a model, and the mean of ln(bpp) at each, rising."""


def curves(coder: Coder, paths: list[Path]) -> list[Curve]:
    """One for each model. Raises OSError where a picture cannot be read."""
    sources = [analysed(coder, _picture(path)) for path in paths]
    found = []
    for model_id, model in enumerate(RATE_MODELS):
        steps = np.unique([*range(model.lowest_displacement, model.highest_displacement, STEP), 0, model.highest_displacement])
        settings = [Setting(model_id, int(displacement)) for displacement in steps]
        rates = [[8 * len(encode_analysed(coder, source, setting).data) / source.samples for source in sources] for setting in settings]
        found.append((steps.astype(np.float64), np.maximum.accumulate(np.log(rates).mean(1))))
    return found


def spans(found: list[Curve]) -> list[tuple[int, int]]:
    """(first, last displacement) of each model."""
    nominal = [float(np.interp(0, *curve)) for curve in found]
    joins = [(below + above) / 2 for below, above in pairwise(nominal)]
    firsts = [int(found[0][0][0]), *(round(np.interp(join, *curve[::-1])) + 1 for join, curve in zip(joins, found[1:], strict=True))]
    lasts = [*(round(np.interp(join, *curve[::-1])) for join, curve in zip(joins, found, strict=False)), int(found[-1][0][-1])]
    return list(zip(firsts, lasts, strict=True))


def start(found: list[Curve], chosen: list[tuple[int, int]]) -> Iterator[tuple[float, int]]:
    """(bpp, quality) of a typical picture."""
    rates: list[float] = []
    for (first, last), curve in zip(chosen, found, strict=True):
        rates += np.interp(np.arange(first, last + 1), *curve).tolist()
    for bpp in START_BPP:
        yield bpp, round(np.interp(np.log(bpp), np.maximum.accumulate(rates), np.arange(len(rates))))


def _picture(path: Path) -> Picture:
    with Image.open(path) as image:
        return Picture(tuple(np.moveaxis(np.asarray(image.convert("RGB")), 2, 0)), 8, "rgb")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = OneLineParser(prog="python -m jpegai_ref.training.fit_axis", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="a folder of training pictures")
    parser.add_argument("--weights", type=Path, help="the file of weights that the constants are for [default: that in use]")
    parser.add_argument("--pictures", type=integer(1, 10_000), default=PICTURES, help=f"so many of them [default: {PICTURES}]")
    chosen = parser.parse_args(arguments)
    paths = sorted((path for path in chosen.data.rglob("*") if path.suffix.lower() in SUFFIXES), key=lambda path: path.name)
    if not paths:
        parser.error(f"{chosen.data} holds no pictures")
    try:
        found = curves(load(chosen.weights or weights_file()), paths[:: max(len(paths) // chosen.pictures, 1)][: chosen.pictures])
    except (WeightsError, WeightsMissing, OSError) as error:
        print(f"jpegai_ref.training.fit_axis: {error}", file=sys.stderr)
        return 1
    meeting = spans(found)
    print(f"SPANS = {tuple(meeting)}")
    print(f"START = {tuple(start(found, meeting))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
