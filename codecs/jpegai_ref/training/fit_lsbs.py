"""Constants of LSBS: of chroma in closed form, of luma by a coordinate search for the most that luma is worth, see `fit_score`.

    chroma: minimise |x - x_hat - sum_k s_k d_k|^2;  d_k: how U and V change with s0 or s1 of a segment, by a difference of the real decoder

Least squares on the latents themselves would scale the residual down by a quarter where little is expected. But the decoder has learnt
that, and to do it twice costs half a decibel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jpegai_ref.coder import Coder
from jpegai_ref.latents import CHROMA, LUMA
from jpegai_ref.lsbs import SEGMENTS, UNIT
from jpegai_ref.reconstruction import synthesised
from jpegai_ref.tool_constants import COMPONENTS, MODELS, Constants
from jpegai_ref.tools import Tools
from jpegai_ref.training.fit_samples import OPERATING_POINT, Sample, coded, with_constants
from jpegai_ref.training.fit_score import LumaScore
from jpegai_ref.training.fit_search import search

THRESHOLDS = (968, 1411)
"""Likely scales: standard deviations of 0.5 and 1."""
NUMBER = SEGMENTS * 2
"""Constants of a component and model."""
LUMA_STEPS = (256, 128)
"""Of the search, in 1/8192."""
PROBE = UNIT // 16
"""Of a constant of chroma, to see what it does."""
SHARES = (1.0, 0.5, 0.25)
"""Of the solution that are tried: the decoder is not linear."""
RIDGE = 1e-4
"""Added to the diagonal, as a share of its mean: segments in which there is nothing get no scale."""

Report = Callable[[str], None]


def fit_lsbs(coder: Coder, found: Sequence[Sample], report: Report) -> dict[str, Tensor]:
    """`tools.lsbs.*`."""
    scales = np.zeros((COMPONENTS, MODELS, SEGMENTS, 2), np.int32)
    for model_id in range(MODELS):
        _fit_chroma(coder, found, model_id, scales, report)
        _fit_luma(coder, found, model_id, scales, report)
    return _tensors(scales)


def _fit_luma(coder: Coder, found: Sequence[Sample], model_id: int, scales: Constants, report: Report) -> None:
    """Sets the row of luma."""
    score, row = LumaScore(coder, found, model_id), scales[LUMA, model_id]
    if not score.reacts:
        report(f"lsbs  model {model_id}: no metric of luma reacts to the quantiser: nothing to fit")
        return

    def tried(values: Constants) -> float:
        row[:] = values.reshape(SEGMENTS, 2)
        return score([planes[0] for planes in _planes(coder, found, model_id, scales)])

    best, gain = search(tried, row.ravel(), LUMA_STEPS, (-UNIT, UNIT))
    row[:] = best.reshape(SEGMENTS, 2)
    report(f"lsbs  model {model_id}: luma is worth {100 * gain:+.2f} % of the rate, {row.tolist()}")


def _fit_chroma(coder: Coder, found: Sequence[Sample], model_id: int, scales: Constants, report: Report) -> None:
    """Sets the row of chroma, where that helps."""
    row = scales[CHROMA, model_id]

    def planes_with(values: NDArray[np.float64]) -> list[Tensor]:
        row[:] = np.rint(values).clip(-UNIT, UNIT).reshape(SEGMENTS, 2)
        return [planes[1:] for planes in _planes(coder, found, model_id, scales)]

    references = [sample.ycc[0, 1:] for sample in found]
    plain = planes_with(np.zeros(NUMBER))
    probed = [planes_with(np.eye(NUMBER)[index] * PROBE) for index in range(NUMBER)]
    squares, products = np.zeros((NUMBER, NUMBER)), np.zeros(NUMBER)
    for number, (here, reference) in enumerate(zip(plain, references, strict=True)):
        changes = torch.stack([probe[number] - here for probe in probed]).flatten(1).double().numpy() / PROBE
        lacking = (reference - here).flatten().double().numpy()
        if not lacking.any():
            continue
        # Each sample counts alike, whatever its squared error.
        weight = 1 / float(lacking @ lacking)
        squares += weight * changes @ changes.T
        products += weight * changes @ lacking
    solution = np.linalg.solve(squares + RIDGE * np.trace(squares) / NUMBER * np.eye(NUMBER), products)
    candidates = [solution * share for share in (*SHARES, 0.0)]
    errors = [_mean_log_error(planes_with(candidate), references) for candidate in candidates]
    planes_with(candidates[int(np.argmin(errors))])
    report(f"lsbs  model {model_id}: squared error of chroma {100 * np.expm1(min(errors) - errors[-1]):+.2f} %, {row.tolist()}")


def _planes(coder: Coder, found: Sequence[Sample], model_id: int, scales: Constants) -> list[Tensor]:
    """Y, U, V (3, H, W) of each sample with constants."""
    scaled = with_constants(coder, _tensors(scales))
    quantised = [coded(scaled, sample, model_id, Tools(lsbs=True)).quantised for sample in found]
    return [torch.stack(synthesised(scaled, one, OPERATING_POINT)) for one in quantised]


def _mean_log_error(planes: Sequence[Tensor], references: Sequence[Tensor]) -> float:
    """Mean of ln of the squared errors."""
    return float(np.mean([float((one - other).square().mean().log()) for one, other in zip(planes, references, strict=True)]))


def _tensors(scales: Constants) -> dict[str, Tensor]:
    thresholds = np.broadcast_to(np.array(THRESHOLDS, np.int32), (COMPONENTS, MODELS, SEGMENTS - 1))
    return {"tools.lsbs.thresholds": torch.tensor(thresholds.copy()), "tools.lsbs.scales": torch.tensor(scales)}
