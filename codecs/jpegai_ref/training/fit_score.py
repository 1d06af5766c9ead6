"""What a change of luma is worth, as a share of the rate: the mean over the seven metrics whose BD-rates are averaged.

    worth of a metric = its mean rise over all samples / its mean slope d metric / d ln R along the displacement

They are the harness's own, of luma on the 10-bit grid; FSIM sees it as a grey picture. Squared error alone would smooth, structure alone
would sharpen, and what some of them gain others lose: constants that were fitted to four of them cost VMAF and NLPD a tenth of the rate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ctc.plugins import metrics
from ctc.protocols import Codes
from ctc.records import AVG_METRICS
from jpegai_ref.coder import Coder
from jpegai_ref.colour import PEAK
from jpegai_ref.reconstruction import synthesised
from jpegai_ref.training.fit_samples import OPERATING_POINT, STEP, Sample, coded

GRID_PEAK = 1023


class Reference:
    """A luma plane (H, W) in [0, 255] that others are compared with. Raises ToolMissing where there is no ffmpeg for VMAF."""

    def __init__(self, luma: Tensor) -> None:
        codes = _codes(luma)
        chosen = [metrics()[name] for name in AVG_METRICS]
        self._scorers = [(metric, metric.against(_form(codes, metric.wants), GRID_PEAK)) for metric in chosen]

    def values(self, luma: Tensor) -> NDArray[np.float64]:
        """Of the seven metrics, in the order of the tables, higher is better: the sign of NLPD is turned. Infinite for equal planes."""
        codes = _codes(luma)
        found = [(1 if metric.info.higher_is_better else -1) * score(_form(codes, metric.wants)) for metric, score in self._scorers]
        return np.array(found)


class LumaScore:
    """Of samples that a model codes without tools."""

    def __init__(self, coder: Coder, found: Sequence[Sample], model_id: int) -> None:
        self._references = [Reference(sample.ycc[0, 0]) for sample in found]
        self._plain, _ = self._values_and_rate(coder, found, model_id, 0)
        # Metrics and rates are pooled: a crop without content has no slope of its own.
        (low, low_rate), (high, high_rate) = (self._values_and_rate(coder, found, model_id, step) for step in (-STEP, STEP))
        with np.errstate(invalid="ignore"):
            rises = (high > low) & (high_rate > low_rate) & np.isfinite(high - low)
            self._shares = np.where(rises, math.log(high_rate / low_rate), 0) / np.where(rises, high - low, 1)

    @property
    def reacts(self) -> bool:
        """Whether any of the metrics rises with the rate; those that do not are left out."""
        return bool(self._shares.any())

    def __call__(self, lumas: Sequence[Tensor]) -> float:
        """The rate that the luma planes (H, W) of the samples cost, as a share: below 0 they are worth more than those without tools."""
        counted = self._shares > 0
        gains = (self._values(lumas) - self._plain)[counted] * self._shares[counted]
        return -float(gains.mean())

    def _values_and_rate(self, coder: Coder, found: Sequence[Sample], model_id: int, step: int) -> tuple[NDArray[np.float64], float]:
        """Means of the metrics, and the geometric mean of the bytes, at the samples' displacements and a step."""
        lumas, logs = [], []
        for sample in found:
            encoded = coded(coder, replace(sample, displacement=sample.displacement + step), model_id)
            logs.append(math.log(len(encoded.data)))
            lumas.append(synthesised(coder, encoded.quantised, OPERATING_POINT)[0])
        return self._values(lumas), math.exp(sum(logs) / len(logs))

    def _values(self, lumas: Sequence[Tensor]) -> NDArray[np.float64]:
        found = [reference.values(luma) for luma, reference in zip(lumas, self._references, strict=True)]
        means: NDArray[np.float64] = np.mean(found, axis=0)
        return means


def _codes(luma: Tensor) -> Codes:
    return np.rint(luma.double().numpy() * (GRID_PEAK / PEAK)).clip(0, GRID_PEAK).astype(np.uint16)


def _form(codes: Codes, wants: str) -> Codes:
    return np.stack([codes] * 3) if wants == "rgb" else codes
