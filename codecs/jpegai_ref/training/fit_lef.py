"""Constants of LEF: thresholds at quantiles of the steering channel's scale, gains by a coordinate search for the most that luma
is worth alone and behind the tools that were fitted before, the mean, see `fit_score`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jpegai_ref.coder import Coder
from jpegai_ref.lef import HIGHEST_GAIN, LARGEST_THRESHOLD, LOWEST_GAIN, STEPS, UNIT
from jpegai_ref.post_filters import Planes, filtered
from jpegai_ref.quantised_picture import QuantisedPicture
from jpegai_ref.reconstruction import synthesised
from jpegai_ref.tool_constants import MODELS, Constants
from jpegai_ref.tools import Tools
from jpegai_ref.training.fit_samples import OPERATING_POINT, Sample, coded, with_constants
from jpegai_ref.training.fit_score import LumaScore
from jpegai_ref.training.fit_search import search

QUANTILES = (0.4, 0.65, 0.85)
GAIN_STEPS = (64, 32)
"""Of the search, in 1/1024."""

Report = Callable[[str], None]
Decoded = list[tuple[QuantisedPicture, Planes]]


def fit_lef(coder: Coder, found: Sequence[Sample], before: Tools, report: Report) -> dict[str, Tensor]:
    """`tools.lef.*`; the coder has the constants of the tools `before`, none of which may change luma's rate."""
    thresholds = np.zeros((MODELS, STEPS), np.int32)
    gains = np.full((MODELS, STEPS), UNIT, np.int32)
    neutral = with_constants(coder, _tensors(thresholds, gains))
    alone = Tools(lef=True)
    for model_id in range(MODELS):
        score = LumaScore(coder, found, model_id)
        choices = [_decoded(neutral, found, model_id, tools) for tools in dict.fromkeys((alone, alone | before))]
        thresholds[model_id] = _thresholds([picture for picture, _ in choices[0]])

        def tried(values: Constants, model_id: int = model_id, choices: list[Decoded] = choices, score: LumaScore = score) -> float:
            gains[model_id] = values
            fitted = with_constants(coder, _tensors(thresholds, gains))
            return fmean(score([_luma(fitted, picture, planes) for picture, planes in decoded]) for decoded in choices)

        if score.reacts:
            gains[model_id], gain = search(tried, gains[model_id], GAIN_STEPS, (LOWEST_GAIN, HIGHEST_GAIN))
            constants = f"{thresholds[model_id].tolist()}, {gains[model_id].tolist()}"
            report(f"lef   model {model_id}: luma is worth {100 * gain:+.2f} % of the rate, {constants}")
        else:
            report(f"lef   model {model_id}: no metric reacts to the quantiser: nothing to fit")
    return _tensors(thresholds, gains)


def _decoded(coder: Coder, found: Sequence[Sample], model_id: int, tools: Tools) -> Decoded:
    """The samples as they are ahead of the filter."""
    pictures = [coded(coder, sample, model_id, tools).quantised for sample in found]
    return [(picture, synthesised(coder, picture, OPERATING_POINT)) for picture in pictures]


def _luma(coder: Coder, picture: QuantisedPicture, planes: Planes) -> Tensor:
    return filtered(coder, picture, planes, OPERATING_POINT)(0, picture.header.height)[0]


def _tensors(thresholds: Constants, gains: Constants) -> dict[str, Tensor]:
    return {"tools.lef.thresholds": torch.tensor(thresholds), "tools.lef.gains": torch.tensor(gains)}


def _thresholds(pictures: Sequence[QuantisedPicture]) -> NDArray[np.int32]:
    scales = np.concatenate([picture.sharpening.ravel() for picture in pictures if picture.sharpening is not None])
    return np.quantile(scales, QUANTILES, method="nearest").clip(0, LARGEST_THRESHOLD).astype(np.int32)
