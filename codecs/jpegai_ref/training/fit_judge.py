"""What changed gains or tools cost a component of a model, rate and quality in one number: what `fit_gains` and `fit_scaling` make small.

    cost = ln R - ln R at the start + worth        of luma: R all bytes, worth by `LumaScore`
                                                    of chroma: R its payloads, worth by the squared errors of U and V

Quality is exchanged for rate along the curve of the displacement, so that there is nothing to gain by a move along it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from jpegai_ref.coder import Coder
from jpegai_ref.codestream import read_codestream
from jpegai_ref.latents import LUMA
from jpegai_ref.post_filters import filtered
from jpegai_ref.reconstruction import synthesised
from jpegai_ref.tools import NO_TOOLS, Tools
from jpegai_ref.training.data import TrainingDataError
from jpegai_ref.training.fit_samples import OPERATING_POINT, STEP, Sample, coded
from jpegai_ref.training.fit_score import LumaScore

FEWEST_BYTES = 100
"""Of what is counted of a crop, on the average: with fewer there is too little to judge by."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """Samples as they were coded."""

    rate: float
    """ln(bytes). For luma the mean over the files, as in `LumaScore`; for chroma, a small share of them, that of its payloads together."""
    planes: list[list[Tensor]]
    """Y, U, V of each, (H, W), behind BOP and its filters."""


class Judge:
    """Of LUMA or CHROMA of samples that a model codes. Raises TrainingDataError for crops whose chroma has no error at all."""

    def __init__(self, coder: Coder, found: Sequence[Sample], model_id: int, component: int) -> None:
        self._found, self._model_id, self._component = found, model_id, component
        self.start = self.coded(coder)
        self._luma: LumaScore | None = None
        self._per_error = 0.0
        if self.start.rate < math.log(FEWEST_BYTES):
            return
        if component == LUMA:
            score = LumaScore(coder, found, model_id)
            self._luma = score if score.reacts else None
            return
        self._plain_error = self._chroma_error(self.start)
        low, high = (self.coded(coder, step=step) for step in (-STEP, STEP))
        fall = self._chroma_error(low) - self._chroma_error(high)
        if fall > 0 and high.rate > low.rate:
            self._per_error = (high.rate - low.rate) / fall

    @property
    def reacts(self) -> bool:
        """Whether quality rises with the rate, and enough bytes are there to see it."""
        return self._luma is not None or self._per_error > 0

    def coded(self, coder: Coder, tools: Tools = NO_TOOLS, step: int = 0) -> Outcome:
        """The samples at their displacements and a step."""
        logs, payload, planes = [], 0, []
        for sample in self._found:
            encoded = coded(coder, replace(sample, displacement=sample.displacement + step), self._model_id, tools)
            logs.append(math.log(len(encoded.data)))
            payload += read_codestream(encoded.data).residual_sizes[self._component]
            decoded = synthesised(coder, encoded.quantised, OPERATING_POINT)
            planes.append(list(filtered(coder, encoded.quantised, decoded, OPERATING_POINT)(0, sample.source.picture.height)))
        rate = sum(logs) / len(logs) if self._component == LUMA else math.log(max(payload / len(self._found), 1))
        return Outcome(rate, planes)

    def cost(self, outcome: Outcome) -> float:
        """0 for what the judge began from; below, it is better. Raises ValueError where nothing reacts to the rate."""
        return outcome.rate - self.start.rate + self._worth(outcome)

    def _worth(self, outcome: Outcome) -> float:
        """As a share of the rate: below 0 the planes are better than those at the start."""
        if not self.reacts:
            raise ValueError("nothing reacts to the rate")
        if self._luma is not None:
            return self._luma([planes[0] for planes in outcome.planes])
        return (self._chroma_error(outcome) - self._plain_error) * self._per_error

    def _chroma_error(self, outcome: Outcome) -> float:
        """Mean ln of the mean squared errors of U and V. Raises TrainingDataError where one is 0."""
        pairs = zip(outcome.planes, self._found, strict=True)
        errors = torch.stack([(torch.stack(planes[1:]) - sample.ycc[0, 1:]).square().mean((1, 2)) for planes, sample in pairs]).mean(0)
        if not errors.all():
            raise TrainingDataError("the crops have a plane of chroma without any error: there is nothing to judge by")
        return float(errors.log().mean())
