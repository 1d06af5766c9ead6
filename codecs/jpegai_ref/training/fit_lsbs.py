"""Constants of LSBS in closed form, by least squares on the samples of the decoded picture.

    minimise |x - x_hat - sum_k s_k d_k|^2;  d_k: how x_hat changes with s0 or s1 of a segment, by a difference of the real decoder (BOP)

Planes have the weights of the training. Least squares on the latents themselves would scale the residual down by a quarter where little is
expected; but the decoder has learnt that, and to do it twice costs half a decibel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jpegai_ref.coder import Coder
from jpegai_ref.lsbs import SEGMENTS, UNIT
from jpegai_ref.reconstruction import synthesised
from jpegai_ref.tool_constants import COMPONENTS, MODELS, Constants
from jpegai_ref.tools import Tools
from jpegai_ref.training.fit_samples import OPERATING_POINT, Sample, coded, with_constants
from jpegai_ref.training.losses import WEIGHTS, distortion

THRESHOLDS = (968, 1411)
"""Likely scales: standard deviations of 0.5 and 1."""
PROBE = UNIT // 16
"""Of a constant, to see what it does."""
SHARES = (1.0, 0.5, 0.25)
"""Of the solution that are tried: the decoder is not linear."""
RIDGE = 1e-4
"""Added to the diagonal, as a share of its mean: segments in which there is nothing get no scale."""

Report = Callable[[str], None]


def fit_lsbs(coder: Coder, found: Sequence[Sample], report: Report) -> dict[str, Tensor]:
    """`tools.lsbs.*`."""
    scales = np.zeros((COMPONENTS, MODELS, SEGMENTS, 2), np.int32)
    for model_id in range(MODELS):
        neutral = scales.copy()
        before = _mean_log_distortion(coder, found, model_id, neutral)
        solution = _solution(coder, found, model_id, neutral)
        best, least = neutral, before
        for share in SHARES:
            candidate = neutral.copy()
            candidate[:, model_id] = np.rint(solution * share * UNIT).clip(-UNIT, UNIT)
            if (here := _mean_log_distortion(coder, found, model_id, candidate)) < least:
                best, least = candidate, here
        scales = best
        report(f"lsbs  model {model_id}: D {100 * np.expm1(least - before):+.2f} %, scales {scales[:, model_id].tolist()}")
    return _tensors(scales)


def _solution(coder: Coder, found: Sequence[Sample], model_id: int, neutral: Constants) -> NDArray[np.float64]:
    """Shares (components, segments, 2) of mean and residual that least squares ask for."""
    number = COMPONENTS * SEGMENTS * 2
    squares, products = np.zeros((number, number)), np.zeros(number)
    roots = torch.tensor(WEIGHTS[model_id].mixed).sqrt()[:, None, None]
    for sample in found:
        plain = _planes(coder, sample, model_id, neutral)
        changes = []
        for index in range(number):
            probed = neutral.copy()
            row = np.zeros(number, np.int32)
            row[index] = PROBE
            probed[:, model_id] = row.reshape(COMPONENTS, SEGMENTS, 2)
            changes.append((_planes(coder, sample, model_id, probed) - plain) * roots * (UNIT / PROBE))
        matrix = torch.stack(changes).flatten(1).double().numpy()
        lacking = ((sample.ycc[0] - plain) * roots).flatten().double().numpy()
        # Each sample counts alike, whatever its squared error.
        weight = 1 / float(lacking @ lacking)
        squares += weight * matrix @ matrix.T
        products += weight * matrix @ lacking
    solved = np.linalg.solve(squares + RIDGE * np.trace(squares) / number * np.eye(number), products)
    return solved.reshape(COMPONENTS, SEGMENTS, 2)


def _planes(coder: Coder, sample: Sample, model_id: int, scales: Constants) -> Tensor:
    """Y, U, V (3, H, W) with constants."""
    scaled = with_constants(coder, _tensors(scales))
    return torch.stack(synthesised(scaled, coded(scaled, sample, model_id, Tools(lsbs=True)).quantised, OPERATING_POINT))


def _mean_log_distortion(coder: Coder, found: Sequence[Sample], model_id: int, scales: Constants) -> float:
    """Mean of ln D, the D of the training."""
    logs = []
    for sample in found:
        planes = _planes(coder, sample, model_id, scales)[None]
        with torch.inference_mode():
            logs.append(float(distortion(planes, sample.ycc, torch.tensor([model_id]), mixed=True).log()))
    return sum(logs) / len(logs)


def _tensors(scales: Constants) -> dict[str, Tensor]:
    thresholds = np.broadcast_to(np.array(THRESHOLDS, np.int32), (COMPONENTS, MODELS, SEGMENTS - 1))
    return {"tools.lsbs.thresholds": torch.tensor(thresholds.copy()), "tools.lsbs.scales": torch.tensor(scales)}
