"""LSBS, the scaling of latents before the synthesis: undoes part of what quantisation shrinks. It changes no coded symbol.

    y_hat' = y_hat + (s0 * mean + s1 * resid) / 2^13,   mean = y_hat - resid

resid is the dequantised residual, and (s0, s1) go by the segment of the block's likely scale: three for each component and model id. The
context model works with y_hat, the synthesis with y_hat'. A flag for each component is in the tool header.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jpegai_ref.likely import LARGEST_LIKELY, segment
from jpegai_ref.quantiser import WHOLE, expanded
from jpegai_ref.tool_constants import MODELS, Constants, check_constants, check_rising, has_constants, of_components

SEGMENTS = 3
UNIT = 1 << 13


@dataclass(frozen=True, eq=False)
class Lsbs:
    """Constants of a component, a row for each model id. Raises ValueError where they are out of range."""

    thresholds: Constants
    """(4, 2), rising, of the likely scale."""
    scales: Constants
    """(4, 3, 2), -8192..8192: s0 and s1 of each segment."""

    def __post_init__(self) -> None:
        check_constants("thresholds of LSBS", self.thresholds, (MODELS, SEGMENTS - 1), 0, LARGEST_LIKELY)
        check_rising("thresholds of LSBS", self.thresholds)
        check_constants("scales of LSBS", self.scales, (MODELS, SEGMENTS, 2), -UNIT, UNIT)

    def scaled(self, model_id: int, likely: NDArray[np.int32], y_hat: Tensor, residual: Tensor) -> Tensor:
        """y_hat' (1, C, h, w) from y_hat and the dequantised residual of this shape, and the likely scales (C, hb, wb)."""
        shares = self.scales[model_id][segment(likely, self.thresholds[model_id])].astype(np.float32) / np.float32(UNIT)

        def of_positions(part: int) -> Tensor:
            return expanded(torch.from_numpy(np.ascontiguousarray(shares[..., part])).to(y_hat.device), WHOLE, *y_hat.shape[-2:])

        return y_hat + (of_positions(0) * (y_hat - residual) + of_positions(1) * residual)

    @staticmethod
    def from_tensors(tensors: Mapping[str, Tensor]) -> tuple[Lsbs, Lsbs] | None:
        """Of luma and chroma, from `tools.lsbs.thresholds` (2, 4, 2) and `tools.lsbs.scales` (2, 4, 3, 2); None where there are none.

        Raises KeyError where one is missing, ValueError where they cannot be."""
        if not has_constants(tensors, "lsbs"):
            return None
        luma, chroma = (Lsbs(*parts) for parts in of_components(tensors, "lsbs.thresholds", "lsbs.scales"))
        return luma, chroma
