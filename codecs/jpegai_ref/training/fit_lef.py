"""Constants of LEF: thresholds at quantiles of the steering channel's scale, gains by a coordinate search for the best MS-SSIM of luma.

Squared error would have it smooth instead: a reconstruction lacks detail because that is what squared error asks of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_msssim import ms_ssim
from torch import Tensor

from jpegai_ref.coder import Coder
from jpegai_ref.lef import HIGHEST_GAIN, LARGEST_THRESHOLD, LOWEST_GAIN, PEAK, STEPS, UNIT
from jpegai_ref.post_filters import Planes, filtered
from jpegai_ref.quantised_picture import QuantisedPicture
from jpegai_ref.reconstruction import synthesised
from jpegai_ref.tool_constants import MODELS, Constants
from jpegai_ref.tools import Tools
from jpegai_ref.training.fit_samples import OPERATING_POINT, Sample, coded, with_constants
from jpegai_ref.training.fit_search import search

QUANTILES = (0.4, 0.65, 0.85)
GAIN_STEPS = (64, 32, 16)
"""Of the search, in 1/1024."""

Report = Callable[[str], None]
Decoded = list[tuple[Sample, QuantisedPicture, Planes]]


def fit_lef(coder: Coder, found: Sequence[Sample], report: Report) -> dict[str, Tensor]:
    """`tools.lef.*`."""
    thresholds = np.zeros((MODELS, STEPS), np.int32)
    gains = np.full((MODELS, STEPS), UNIT, np.int32)
    neutral = with_constants(coder, _tensors(thresholds, gains))
    for model_id in range(MODELS):
        decoded: Decoded = []
        for sample in found:
            picture = coded(neutral, sample, model_id, Tools(lef=True)).quantised
            decoded.append((sample, picture, synthesised(coder, picture, OPERATING_POINT)))
        thresholds[model_id] = _thresholds([picture for _, picture, _ in decoded])

        def tried(values: Constants, model_id: int = model_id, decoded: Decoded = decoded) -> float:
            gains[model_id] = values
            return _distortion(with_constants(coder, _tensors(thresholds, gains)), decoded)

        gains[model_id], gain = search(tried, gains[model_id], GAIN_STEPS, (LOWEST_GAIN, HIGHEST_GAIN))
        report(
            f"lef   model {model_id}: 1 - MS-SSIM {100 * gain:+.2f} %, thresholds {thresholds[model_id].tolist()}, "
            f"gains {gains[model_id].tolist()}"
        )
    return _tensors(thresholds, gains)


def _tensors(thresholds: Constants, gains: Constants) -> dict[str, Tensor]:
    return {"tools.lef.thresholds": torch.tensor(thresholds), "tools.lef.gains": torch.tensor(gains)}


def _thresholds(pictures: Sequence[QuantisedPicture]) -> NDArray[np.int32]:
    scales = np.concatenate([picture.sharpening.ravel() for picture in pictures if picture.sharpening is not None])
    return np.quantile(scales, QUANTILES, method="nearest").clip(0, LARGEST_THRESHOLD).astype(np.int32)


def _distortion(coder: Coder, decoded: Decoded) -> float:
    """Mean of ln(1 - MS-SSIM) of luma behind the filter."""
    logs = []
    for sample, picture, planes in decoded:
        luma = filtered(coder, picture, planes)[0]
        with torch.inference_mode():
            logs.append(math.log(1 - float(ms_ssim(luma[None, None], sample.ycc[:, :1], data_range=PEAK))))
    return sum(logs) / len(logs)
