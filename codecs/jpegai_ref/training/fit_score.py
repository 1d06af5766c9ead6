"""What a change of luma behind the entropy decoder is worth, as a share of the rate: the mean over MS-SSIM, IW-SSIM, VIF and PSNR.

    worth of a metric = its mean rise over all samples / its mean slope d metric / d ln R along the displacement

Squared error alone would smooth, the others alone would sharpen; the metrics that codecs are compared by pull both ways.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from piq import information_weighted_ssim, vif_p
from pytorch_msssim import ms_ssim
from torch import Tensor

from jpegai_ref.coder import Coder
from jpegai_ref.colour import PEAK
from jpegai_ref.reconstruction import synthesised
from jpegai_ref.training.fit_samples import OPERATING_POINT, STEP, Sample, coded


def _ms_ssim(luma: Tensor, reference: Tensor) -> float:
    return float(ms_ssim(luma, reference, data_range=PEAK))


def _vif(luma: Tensor, reference: Tensor) -> float:
    return float(vif_p(luma, reference, data_range=PEAK))


def _iw_ssim(luma: Tensor, reference: Tensor) -> float:
    return float(information_weighted_ssim(luma, reference, data_range=PEAK))


def _psnr(luma: Tensor, reference: Tensor) -> float:
    """Raises ValueError for equal planes."""
    error = float((luma - reference).square().mean())
    if not error:
        raise ValueError("planes without any error have no PSNR")
    return 10 * math.log10(PEAK**2 / error)


METRICS: tuple[Callable[[Tensor, Tensor], float], ...] = (_ms_ssim, _iw_ssim, _vif, _psnr)
"""(luma, reference), (1, 1, H, W) in [0, 255] both: higher is better."""


class LumaScore:
    """Of samples that a model codes without tools."""

    def __init__(self, coder: Coder, found: Sequence[Sample], model_id: int) -> None:
        self._references = [sample.ycc[:, :1] for sample in found]
        self._plain, _ = _values_and_rate(coder, found, model_id, 0)
        # Metrics and rates are pooled: a crop without content has no slope of its own.
        (low, low_rate), (high, high_rate) = (_values_and_rate(coder, found, model_id, step) for step in (-STEP, STEP))
        rises = (high > low) & (high_rate > low_rate)
        self._shares = np.where(rises, math.log(high_rate / low_rate), 0) / np.where(rises, high - low, 1)

    @property
    def reacts(self) -> bool:
        """Whether any of the metrics rises with the rate; those that do not are left out."""
        return bool(self._shares.any())

    def __call__(self, lumas: Sequence[Tensor]) -> float:
        """The rate that the luma planes (H, W) of the samples cost, as a share: below 0 they are worth more than those without tools."""
        gains = (_values(lumas, self._references) - self._plain) * self._shares
        return -float(gains.sum()) / np.count_nonzero(self._shares)


def _values_and_rate(coder: Coder, found: Sequence[Sample], model_id: int, step: int) -> tuple[NDArray[np.float64], float]:
    """Means of the metrics, and the geometric mean of the bytes, at the samples' displacements and a step."""
    lumas, logs = [], []
    for sample in found:
        encoded = coded(coder, replace(sample, displacement=sample.displacement + step), model_id)
        logs.append(math.log(len(encoded.data)))
        lumas.append(synthesised(coder, encoded.quantised, OPERATING_POINT)[0])
    return _values(lumas, [sample.ycc[:, :1] for sample in found]), math.exp(sum(logs) / len(logs))


def _values(lumas: Sequence[Tensor], references: Sequence[Tensor]) -> NDArray[np.float64]:
    with torch.inference_mode():
        rows = [[metric(luma[None, None], reference) for metric in METRICS] for luma, reference in zip(lumas, references, strict=True)]
    return np.mean(rows, axis=0)
