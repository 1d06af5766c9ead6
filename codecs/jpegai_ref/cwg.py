"""CWG, channel-wise gain (GRFS in the syntax): channels that carry much have finer steps, the others coarser ones.

    s' = clamp((s * factors[flag] + 512) >> 10, 16, 255)      s: that of RVS, or 128

and s' takes the place of s in the equations of `rvs`. A flag for each coded channel is in the header; the encoder sets that of the K
channels with the largest mean of skip_scale. Factors and K for each component and model id are fitted to the weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from jpegai_ref.quantiser import HIGHEST_SCALE, LOWEST_SCALE
from jpegai_ref.tool_constants import MODELS, Constants, check_constants, has_constants, of_components

ONE = 1024
LOWEST_FACTOR, HIGHEST_FACTOR = ONE // 2, 2 * ONE


@dataclass(frozen=True, eq=False)
class Cwg:
    """Constants of a component, a row for each model id. Raises ValueError where they are out of range."""

    factors: Constants
    """(4, 2), 512..2048, in 1/1024: of channels without and with a flag."""
    channels: Constants
    """(4,), 0..255: of how many channels the encoder sets the flag."""

    def __post_init__(self) -> None:
        check_constants("factors of CWG", self.factors, (MODELS, 2), LOWEST_FACTOR, HIGHEST_FACTOR)
        check_constants("numbers of channels of CWG", self.channels, (MODELS,), 0, 255)

    def step_scales(self, model_id: int, flags: Sequence[bool], scales: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """s' of each block (C, hb, wb) from s and C flags."""
        factors = self.factors[model_id][np.array(flags, np.intp)]
        products = scales.astype(np.int32) * factors[:, None, None]
        return np.clip((products + ONE // 2) >> 10, LOWEST_SCALE, HIGHEST_SCALE).astype(np.uint8)

    def flags(self, model_id: int, skip_scale: NDArray[np.int32]) -> tuple[bool, ...]:
        """The encoder's choice from the scales (C, h, w): C flags. Of equal channels the first is taken."""
        sums = skip_scale.sum(axis=(1, 2), dtype=np.int64)
        chosen = np.zeros(len(sums), np.bool_)
        chosen[np.argsort(-sums, kind="stable")[: self.channels[model_id]]] = True
        return tuple(chosen.tolist())

    @staticmethod
    def from_tensors(tensors: Mapping[str, Tensor]) -> tuple[Cwg, Cwg] | None:
        """Of luma and chroma, from `tools.cwg.factors` (2, 4, 2) and `tools.cwg.channels` (2, 4); None where there are none.

        Raises KeyError where one is missing, ValueError where they cannot be."""
        if not has_constants(tensors, "cwg"):
            return None
        luma, chroma = (Cwg(*parts) for parts in of_components(tensors, "cwg.factors", "cwg.channels"))
        return luma, chroma
