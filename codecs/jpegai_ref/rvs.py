"""RVS, the scaling of residual and variance by blocks: where little is expected steps are coarser, where much is they are finer.

    s = scales[segment of the block's likely scale]                       an integer; 128 changes nothing
    q = round(clamp(r * gain * s / 128)),  r_hat = q * round(2^23 / s) / 2^16 / gain
    scale_log = skip_scale + round(ln(s / 128) / (log_k / 128))           log_k: a level of the sigma grid, see `distributions`

Which positions are coded is decided before, by skip_scale. There are four segments for each component and model id; ISO/IEC 6048-1 has
constants of its own, these are fitted to the weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from jpegai_ref.likely import LARGEST_LIKELY, segment
from jpegai_ref.quantiser import HIGHEST_SCALE, LOWEST_SCALE
from jpegai_ref.tool_constants import MODELS, Constants, check_constants, check_rising, has_constants, of_components

SEGMENTS = 4


@dataclass(frozen=True, eq=False)
class Rvs:
    """Constants of a component, a row for each model id. Raises ValueError where they are out of range."""

    thresholds: Constants
    """(4, 3), rising, of the likely scale."""
    scales: Constants
    """(4, 4), 16..255, in 1/128."""

    def __post_init__(self) -> None:
        check_constants("thresholds of RVS", self.thresholds, (MODELS, SEGMENTS - 1), 0, LARGEST_LIKELY)
        check_rising("thresholds of RVS", self.thresholds)
        check_constants("scales of RVS", self.scales, (MODELS, SEGMENTS), LOWEST_SCALE, HIGHEST_SCALE)

    def step_scales(self, model_id: int, likely: NDArray[np.int32]) -> NDArray[np.uint8]:
        """s of each block, of the shape of `likely`."""
        return self.scales[model_id].astype(np.uint8)[segment(likely, self.thresholds[model_id])]

    @staticmethod
    def from_tensors(tensors: Mapping[str, Tensor]) -> tuple[Rvs, Rvs] | None:
        """Of luma and chroma, from `tools.rvs.thresholds` (2, 4, 3) and `tools.rvs.scales` (2, 4, 4); None where there are none.

        Raises KeyError where one is missing, ValueError where they cannot be."""
        if not has_constants(tensors, "rvs"):
            return None
        luma, chroma = (Rvs(*parts) for parts in of_components(tensors, "rvs.thresholds", "rvs.scales"))
        return luma, chroma
