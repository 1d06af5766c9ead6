"""python -m jpegai_ref.training.fit_gains: moves the gains of each model, by trial with the real coder.

    gain_log'[c] = gain_log[c] + tilt * (level[c] - mean level) + band[k(c)] + offset
    level[c]: mean of sigma index + gain_log, over crops        k(c): 0..7, the eighth of the channels, by level, that c is of

Networks are trained by a loss of squared errors and MS-SSIM; by the metrics that codecs are compared by, coarse structure is worth more
and fine structure less. Channels with much to say are mostly coarse. Each move is tried with the real coder: the offset is such that
the bytes stay what they were, and the move is kept that leaves the best picture, see `fit_judge`. First the tilt is searched, then the
bands, one after the other. Last comes chroma's share: an offset of all its gains, which moves bytes between the components, see
`fit_share`. Constants of tools are for the gains that were, so they go; networks of eICCI stay, since the encoder switches off what does
not help.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from jpegai_ref.coder import Coder, load
from jpegai_ref.dimensions import MODELS
from jpegai_ref.eicci_network import PREFIX
from jpegai_ref.exact import ExactComponent
from jpegai_ref.latents import CHROMA, LUMA
from jpegai_ref.tool_constants import Constants
from jpegai_ref.tools import tools_of_tensors
from jpegai_ref.training.data import load_pictures
from jpegai_ref.training.fit_judge import Judge
from jpegai_ref.training.fit_samples import SIDE, STEP, Sample, samples
from jpegai_ref.training.fit_search import search
from jpegai_ref.training.fit_share import ShareCost
from jpegai_ref.training.weights_fit import add_crops, parser_of, run
from jpegai_ref.variable_rate import HIGHEST_GAIN_LOG, LOWEST_GAIN_LOG
from jpegai_ref.weights import read, write

NAMES = ("luma", "chroma")
TILT_STEPS = (0.16, 0.04)
LARGEST_TILT = 0.8
BANDS = 8
BAND_STEPS = (96,)
BAND_BOUNDS = (-768, 768)
"""In 1/128 level; at the lower end a band's step is 3.3 times as large as it was."""
SHARE_STEPS = (128, 32)
"""Of chroma's offset."""
CORRECTIONS = 2
"""Of the offset, at most, until the bytes are those that were."""
SAME_RATE = 0.001
"""Of bytes: what does not need to be corrected."""

Logs = NDArray[np.int16]


@dataclass(frozen=True)
class Move:
    """Of the gains of a component and model, in 1/128 level, but for the tilt, which is a share of a level's difference from the mean."""

    tilt: float = 0.0
    bands: tuple[int, ...] = (0,) * BANDS
    """From the channels of the highest levels to those of the lowest."""
    offset: float = 0.0


@dataclass(frozen=True)
class Component:
    """LUMA or CHROMA of a model: its gains at the start, and the levels of its channels with these gains."""

    index: int
    model_id: int
    gain_logs: Logs
    levels: NDArray[np.float64]

    def moved(self, coder: Coder, move: Move) -> Coder:
        """The coder with other gains of this component and model."""
        rank = np.empty(len(self.levels), np.int64)
        rank[np.argsort(-self.levels, kind="stable")] = np.arange(len(self.levels))
        bands = np.array(move.bands)[rank * BANDS // len(self.levels)]
        levels = self.gain_logs + move.tilt * (self.levels - self.levels.mean()) + bands + move.offset
        exact = _components(coder)[self.index]
        gain_logs = exact.gain_logs.copy()
        gain_logs[self.model_id] = np.rint(levels).clip(LOWEST_GAIN_LOG, HIGHEST_GAIN_LOG)
        changed = replace(exact, gain_logs=gain_logs)
        luma, chroma = (changed, coder.exact.chroma) if self.index == LUMA else (coder.exact.luma, changed)
        return replace(coder, exact=replace(coder.exact, luma=luma, chroma=chroma))


def fit_component(coder: Coder, found: Sequence[Sample], component: Component, report: Callable[[str], None]) -> Coder:
    """The coder with the best gains of a component and model."""
    judge = Judge(coder, found, component.model_id, component.index)
    rate = judge.start.rate
    slope = (judge.coded(component.moved(coder, Move(offset=STEP))).rate - rate) / STEP
    name = f"{NAMES[component.index]} model {component.model_id}"
    if slope <= 0 or not judge.reacts:
        report(f"gains {name}: next to nothing is coded: nothing to fit")
        return coder

    def tried(move: Move) -> tuple[float, Move]:
        """What a move costs, and the move with the offset that keeps the bytes."""
        outcome = judge.coded(component.moved(coder, move))
        for _ in range(CORRECTIONS):
            if abs(outcome.rate - rate) < SAME_RATE:
                break
            move = replace(move, offset=move.offset - (outcome.rate - rate) / slope)
            outcome = judge.coded(component.moved(coder, move))
        return judge.cost(outcome), move

    least, best = 0.0, Move()
    for step in TILT_STEPS:
        for direction in (step, -step):
            while abs(best.tilt + direction) <= LARGEST_TILT:
                outcome = tried(replace(best, tilt=best.tilt + direction))
                if outcome[0] >= least:
                    break
                least, best = outcome
    bands, _ = search(
        lambda bands: tried(replace(best, bands=tuple(bands.tolist())))[0], np.zeros(BANDS, np.int32), BAND_STEPS, BAND_BOUNDS
    )
    least, best = tried(replace(best, bands=tuple(bands.tolist())))
    report(
        f"gains {name}: tilt {best.tilt:+.2f}, bands {list(best.bands)}, offset {best.offset:+.0f}, worth {100 * least:+.2f} % of its rate"
    )
    return component.moved(coder, best)


def fit_chroma_share(coder: Coder, found: Sequence[Sample], chroma: Component, report: Callable[[str], None]) -> Coder:
    """The coder with the best share of a model's chroma."""
    cost = ShareCost(coder, found, chroma.model_id)
    if not cost.reacts:
        report(f"share of chroma model {chroma.model_id}: it does not rise with the rate: nothing to fit")
        return coder

    def moved(offset: Constants) -> Coder:
        return chroma.moved(coder, Move(offset=float(offset[0])))

    best, gain = search(lambda offset: cost(moved(offset)), np.zeros(1, np.int32), SHARE_STEPS, BAND_BOUNDS)
    report(f"share of chroma model {chroma.model_id}: offset {best[0]:+d}, worth {100 * gain:+.2f} % of the rate of all")
    return moved(best)


def fit(weights: Path, folders: Sequence[Path], out: Path, number: int, seed: int) -> str:
    """Writes the weights with other gains to `out`, without constants of tools where a gain has changed; their id.

    Raises WeightsError where weights cannot be used, TrainingDataError where pictures cannot."""
    coder = load(weights)
    found = samples(coder, load_pictures(folders, coder.device, SIDE).training, number, seed)
    for (index, step), model_id in product(((LUMA, fit_component), (CHROMA, fit_component), (CHROMA, fit_chroma_share)), range(MODELS)):
        gain_logs = _components(coder)[index].gain_logs[model_id].copy()
        component = Component(index, model_id, gain_logs, _mean_index(found, index) + gain_logs)
        coder = step(coder, found, component, _report)
    tensors = dict(read(weights).tensors)
    gains = {f"{name}.gain_logs": torch.from_numpy(exact.gain_logs) for name, exact in zip(NAMES, _components(coder), strict=True)}
    if any(not torch.equal(tensors[name], gain_logs) for name, gain_logs in gains.items()):
        kept = {name: tensor for name, tensor in tensors.items() if not name.startswith("tools.") or name.startswith(PREFIX)}
        if dropped := sorted(tools_of_tensors(tensors) - tools_of_tensors(kept)):
            _report(f"constants of {', '.join(dropped)} were for the gains before and are dropped")
        tensors = kept | gains
    return write(out, tensors)


def _components(coder: Coder) -> tuple[ExactComponent, ExactComponent]:
    return coder.exact.luma, coder.exact.chroma


def _mean_index(found: Sequence[Sample], index: int) -> NDArray[np.float64]:
    """Mean sigma index of each channel, (C,), in 1/128 level."""
    parts = [sample.source.luma if index == LUMA else sample.source.chroma for sample in found]
    means = [part.sigma_index.mean((1, 2)) for part in parts if part is not None]
    return np.asarray(np.mean(means, axis=0), np.float64)


def _report(line: str) -> None:
    print(line, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = parser_of("fit_gains", (__doc__ or "").splitlines()[0])
    add_crops(parser, 16)
    return run(parser, arguments, lambda chosen: fit(chosen.weights, chosen.data, chosen.out, chosen.crops, chosen.seed))


if __name__ == "__main__":
    sys.exit(main())
