"""Constants of LEF: thresholds at quantiles of the steering channel's scale, gains by a coordinate search for the most that luma
is worth, see `fit_score`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

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
GAIN_STEPS = (64, 32, 16)
"""Of the search, in 1/1024."""

Report = Callable[[str], None]
Decoded = list[tuple[QuantisedPicture, Planes]]


def fit_lef(coder: Coder, found: Sequence[Sample], report: Report) -> dict[str, Tensor]:
    """`tools.lef.*`."""
    thresholds = np.zeros((MODELS, STEPS), np.int32)
    gains = np.full((MODELS, STEPS), UNIT, np.int32)
    neutral = with_constants(coder, _tensors(thresholds, gains))
    for model_id in range(MODELS):
        score = LumaScore(coder, found, model_id)
        pictures = [coded(neutral, sample, model_id, Tools(lef=True)).quantised for sample in found]
        decoded = [(picture, synthesised(coder, picture, OPERATING_POINT)) for picture in pictures]
        thresholds[model_id] = _thresholds(pictures)

        def tried(values: Constants, model_id: int = model_id, decoded: Decoded = decoded, score: LumaScore = score) -> float:
            gains[model_id] = values
            fitted = with_constants(coder, _tensors(thresholds, gains))
            return score([filtered(fitted, picture, planes, OPERATING_POINT)(0, picture.header.height)[0] for picture, planes in decoded])

        if score.reacts:
            gains[model_id], gain = search(tried, gains[model_id], GAIN_STEPS, (LOWEST_GAIN, HIGHEST_GAIN))
            constants = f"{thresholds[model_id].tolist()}, {gains[model_id].tolist()}"
            report(f"lef   model {model_id}: luma is worth {100 * gain:+.2f} % of the rate, {constants}")
        else:
            report(f"lef   model {model_id}: no metric reacts to the quantiser: nothing to fit")
    return _tensors(thresholds, gains)


def _tensors(thresholds: Constants, gains: Constants) -> dict[str, Tensor]:
    return {"tools.lef.thresholds": torch.tensor(thresholds), "tools.lef.gains": torch.tensor(gains)}


def _thresholds(pictures: Sequence[QuantisedPicture]) -> NDArray[np.int32]:
    scales = np.concatenate([picture.sharpening.ravel() for picture in pictures if picture.sharpening is not None])
    return np.quantile(scales, QUANTILES, method="nearest").clip(0, LARGEST_THRESHOLD).astype(np.int32)
