"""Where one model ends on the axis of qualities and the next begins, and where searches for a rate begin.

    python -m jpegai_ref.training.fit_axis --data PHOTOGRAPHS [--weights FILE] [--pictures N]

Two neighbours meet where the one that is better below stops to be: where the sum of what each is ahead on its side is largest, in ln(rate)
at equal quality of luma behind BOP by the metrics of `fit_score`. The rate goes on through the join, at other displacements. Rates are
real bytes.
Rates and metrics are means over the centres of pictures that are spread over the folder in the order of names. Prints the constants
for `knob.py`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jpegai_ref.analysed import Analysed, analysed, planes_of
from jpegai_ref.coder import Coder, load
from jpegai_ref.distortion import SMALLEST_SIDE_FOR_MSSSIM
from jpegai_ref.encoder import Setting, encode_analysed
from jpegai_ref.picture import Picture
from jpegai_ref.reconstruction import synthesised
from jpegai_ref.training.arguments import OneLineParser, integer
from jpegai_ref.training.data import SUFFIXES, TrainingDataError, decoded
from jpegai_ref.training.fit_samples import OPERATING_POINT
from jpegai_ref.training.fit_score import Reference
from jpegai_ref.variable_rate import RATE_MODELS
from jpegai_ref.weights import WeightsError
from jpegai_ref.weights_place import WeightsMissing, weights_file

STEP = 96
"""Between the displacements that are measured; between them ln(rate) and metrics are interpolated."""
START_BPP = (0.06, 0.12, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
PICTURES = 12
SIDE = 512
"""Of the centre of a picture that is coded."""
GRID = 200
"""Rates at which neighbours are compared."""


@dataclass(frozen=True, eq=False)
class Curve:
    """A model by displacement, rising: (points,), (points,), (points, metrics)."""

    displacements: NDArray[np.float64]
    log_rates: NDArray[np.float64]
    """Mean of ln(bpp)."""
    metrics: NDArray[np.float64]
    """Means, of those of `fit_score`."""

    def metrics_at(self, log_rates: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack([np.interp(log_rates, self.log_rates, metric) for metric in self.metrics.T], axis=1)


def curves(coder: Coder, paths: list[Path]) -> list[Curve]:
    """One for each model. Raises TrainingDataError where a picture cannot be used."""
    sources = [analysed(coder, _picture(path)) for path in paths]
    references = [Reference(planes_of(source.picture, *whole(source.picture), coder.device)[0][0, 0]) for source in sources]
    found = []
    for model_id, model in enumerate(RATE_MODELS):
        steps = np.unique([*range(model.lowest_displacement, model.highest_displacement, STEP), 0, model.highest_displacement])
        points = [[_point(coder, *pair, Setting(model_id, int(step))) for pair in zip(sources, references, strict=True)] for step in steps]
        means = np.array(points).mean(1)
        found.append(Curve(steps.astype(np.float64), np.maximum.accumulate(means[:, 0]), means[:, 1:]))
    return found


def _point(coder: Coder, source: Analysed, reference: Reference, setting: Setting) -> tuple[float, ...]:
    """ln(bpp) and metrics."""
    encoded = encode_analysed(coder, source, setting)
    luma = synthesised(coder, encoded.quantised, OPERATING_POINT)[0]
    return math.log(8 * len(encoded.data) / source.samples), *reference.values(luma)


def whole(picture: Picture) -> tuple[slice, slice]:
    return slice(0, picture.height), slice(0, picture.width)


def joins(found: Sequence[Curve]) -> list[float]:
    """ln(rate) at which each model ends and the next begins, rising.

    Raises ValueError where neighbours have no rate in common, or nothing to be compared by."""
    chosen: list[float] = []
    for below, above in pairwise(found):
        low, high = max([above.log_rates[0], below.log_rates[0], *chosen[-1:]]), min(above.log_rates[-1], below.log_rates[-1])
        if low >= high:
            raise ValueError("two models that follow one another have no rate in common")
        rates = np.linspace(low, high, GRID)
        # What is gained if the model above is used from each rate on.
        chosen.append(float(rates[np.argmax(np.cumsum(_ahead(below, above, rates)[::-1])[::-1])]))
    return chosen


def _ahead(below: Curve, above: Curve, rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """By what ln(rate) the model above is ahead at each of `rates`: mean over the metrics that rise with the rate throughout."""
    lower, upper = below.metrics_at(rates), above.metrics_at(rates)
    slopes = np.gradient((lower + upper) / 2, rates, axis=0)
    rising = (slopes > 0).all(0)
    if not rising.any():
        raise ValueError("no metric rises with the rate: these weights cannot be compared")
    gains: NDArray[np.float64] = ((upper - lower)[:, rising] / slopes[:, rising]).mean(1)
    return gains


def spans(found: Sequence[Curve], meeting: Sequence[float]) -> list[tuple[int, int]]:
    """(first, last displacement) of each model, where neighbours meet at these ln(rate)."""

    def place(curve: Curve, log_rate: float) -> int:
        return round(float(np.interp(log_rate, curve.log_rates, curve.displacements)))

    firsts = [int(found[0].displacements[0]), *(place(curve, join) + 1 for join, curve in zip(meeting, found[1:], strict=True))]
    lasts = [*(place(curve, join) for join, curve in zip(meeting, found, strict=False)), int(found[-1].displacements[-1])]
    return list(zip(firsts, lasts, strict=True))


def start(found: Sequence[Curve], chosen: Sequence[tuple[int, int]]) -> Iterator[tuple[float, int]]:
    """(bpp, quality) of a typical picture."""
    rates: list[float] = []
    for (first, last), curve in zip(chosen, found, strict=True):
        rates += np.interp(np.arange(first, last + 1), curve.displacements, curve.log_rates).tolist()
    for bpp in START_BPP:
        yield bpp, round(np.interp(np.log(bpp), np.maximum.accumulate(rates), np.arange(len(rates))))


def _picture(path: Path) -> Picture:
    rgb = np.asarray(decoded(path))
    if min(rgb.shape[:2]) < SMALLEST_SIDE_FOR_MSSSIM:
        raise TrainingDataError(f"{path.name} is smaller than {SMALLEST_SIDE_FOR_MSSSIM} samples, which MS-SSIM needs")
    top, left = (max((size - SIDE) // 2, 0) for size in rgb.shape[:2])
    centre = rgb[top : top + SIDE, left : left + SIDE]
    return Picture(tuple(np.ascontiguousarray(plane) for plane in np.moveaxis(centre, 2, 0)), 8, "rgb")


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
        chosen_spans = spans(found, joins(found))
    except (WeightsError, WeightsMissing, TrainingDataError, OSError, ValueError) as error:
        print(f"jpegai_ref.training.fit_axis: {error}", file=sys.stderr)
        return 1
    print(f"SPANS = {tuple(chosen_spans)}")
    print(f"START = {tuple(start(found, chosen_spans))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
