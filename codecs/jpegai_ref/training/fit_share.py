"""Chroma's share of the bytes: an offset of all its gains of a model, by trial with the real coder.

    minimise  ln R - ln R at the start + 0.9 / 7.9 worth of chroma

R are all bytes; worth is what U and V lose in PSNR, each turned into rate by its slope d ln R / d PSNR along the model's displacement, the
mean of both. So chroma counts as nine tenths of a metric beside the seven that are averaged, which see luma alone but for FSIM and do not
mind if chroma is left behind. Luma's symbols do not depend on chroma's gains: its metrics stay what they are and need not be computed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ctc.records import AVG_METRICS
from jpegai_ref.coder import Coder
from jpegai_ref.colour import PEAK
from jpegai_ref.reconstruction import synthesised
from jpegai_ref.training.data import TrainingDataError
from jpegai_ref.training.fit_samples import OPERATING_POINT, STEP, Sample, coded

CHROMA = 0.9
"""Metrics that chroma counts for. The optimum is flat: by 1, U and V cost 12 and 16 % less, and the seven metrics 1.6 % more."""


class ShareCost:
    """Of a model's chroma gains. Raises TrainingDataError for crops whose chroma has no error at all."""

    def __init__(self, coder: Coder, found: Sequence[Sample], model_id: int) -> None:
        self._found, self._model_id = found, model_id
        self._rate, self._psnr = self._coded(coder, 0)
        (low_rate, low), (high_rate, high) = (self._coded(coder, step) for step in (-STEP, STEP))
        rises = (high > low) & (high_rate > low_rate)
        self._slopes = np.where(rises, high_rate - low_rate, 0) / np.where(rises, high - low, 1)

    @property
    def reacts(self) -> bool:
        """Whether U and V rise with the rate, both."""
        return bool(self._slopes.all())

    def __call__(self, coder: Coder) -> float:
        """0 for what it began with; below, it is better."""
        rate, psnr = self._coded(coder, 0)
        return rate - self._rate - float(((psnr - self._psnr) * self._slopes).mean()) * CHROMA / (len(AVG_METRICS) + CHROMA)

    def _coded(self, coder: Coder, step: int) -> tuple[float, NDArray[np.float64]]:
        """Mean of ln(bytes), and the mean PSNR of U and of V behind BOP, at the samples' displacements and a step."""
        logs, errors = [], []
        for sample in self._found:
            encoded = coded(coder, replace(sample, displacement=sample.displacement + step), self._model_id)
            logs.append(math.log(len(encoded.data)))
            planes = synthesised(coder, encoded.quantised, OPERATING_POINT)[1:]
            errors.append([float((plane - wanted).square().mean()) for plane, wanted in zip(planes, sample.ycc[0, 1:], strict=True)])
        if not np.all(errors):
            raise TrainingDataError("the crops have a plane of chroma without any error: there is nothing to judge by")
        return sum(logs) / len(logs), np.mean(10 * np.log10(PEAK**2 / np.array(errors)), axis=0)
