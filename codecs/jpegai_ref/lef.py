"""LEF, the sharpening of luma behind the synthesis where the sigma of a channel says that there is detail.

    B = luma blurred by [5 5 5; 5 24 5; 5 5 5] / 64,   Y' = clamp(B + f * (Y - B))

f goes by scale_log of one channel of the luma latent, at the latent that the sample lies in: 1 below the first threshold, then one of
three gains. The channel, in the tool header, is the one with the largest mean of scale_log. The outermost samples stay as they are. It
works on the whole picture, whatever the tiles of the synthesis. Thresholds and gains for each model id are fitted to the weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from jpegai_ref.picture_header import LATENT_STRIDE
from jpegai_ref.quantiser import expanded
from jpegai_ref.tool_constants import MODELS, Constants, check_constants, check_rising, constants, has_constants

STEPS = 3
UNIT = 1024
LOWEST_GAIN, HIGHEST_GAIN = UNIT // 2, 2 * UNIT
LARGEST_THRESHOLD = (1 << 13) - 1
PEAK = 255.0


@dataclass(frozen=True, eq=False)
class Lef:
    """Constants, a row for each model id. Raises ValueError where they are out of range."""

    thresholds: Constants
    """(4, 3), rising, 0..8191, of scale_log."""
    gains: Constants
    """(4, 3), 512..2048: f in 1/1024, from each threshold on."""

    def __post_init__(self) -> None:
        check_constants("thresholds of LEF", self.thresholds, (MODELS, STEPS), 0, LARGEST_THRESHOLD)
        check_rising("thresholds of LEF", self.thresholds)
        check_constants("gains of LEF", self.gains, (MODELS, STEPS), LOWEST_GAIN, HIGHEST_GAIN)

    def strengths(self, model_id: int, scale_log: NDArray[np.int32]) -> NDArray[np.float32]:
        """f - 1 at each latent (h, w) from the channel's scale_log (h, w)."""
        gains = np.concatenate([[UNIT], self.gains[model_id]])
        above = gains[np.searchsorted(self.thresholds[model_id], scale_log, side="right")] - UNIT
        return above.astype(np.float32) / np.float32(UNIT)

    @staticmethod
    def from_tensors(tensors: Mapping[str, Tensor]) -> Lef | None:
        """From `tools.lef.thresholds` and `tools.lef.gains`, both (4, 3); None where there are none.

        Raises KeyError where one is missing, ValueError where they cannot be."""
        if not has_constants(tensors, "lef"):
            return None
        return Lef(constants(tensors, "lef.thresholds"), constants(tensors, "lef.gains"))


def sharpened_rows(luma: Tensor, strengths: Tensor, first: int, last: int) -> Tensor:
    """Rows first..last (end excluded) of Y' from the whole of Y (H, W) in [0, 255] and f - 1 at the latents (h, w).

    Raises ValueError where `first` is no multiple of 16."""
    if first % LATENT_STRIDE:
        raise ValueError(f"sharpened rows begin at a multiple of {LATENT_STRIDE}, not at {first}")
    height, width = luma.shape
    rows = luma[first:last].clone()
    top, bottom = max(first, 1), min(last, height - 1)
    if top >= bottom or width < 3:
        return rows
    around = luma[top - 1 : bottom + 1]
    columns = around[:-2] + around[1:-1] + around[2:]
    nine = columns[:, :-2] + columns[:, 1:-1] + columns[:, 2:]
    centre = around[1:-1, 1:-1]
    detail = centre * (45 / 64) - nine * (5 / 64)
    beside = strengths[first // LATENT_STRIDE : -(-last // LATENT_STRIDE)]
    strength = expanded(beside, LATENT_STRIDE, last - first, width)
    rows[top - first : bottom - first, 1:-1] = (centre + strength[top - first : bottom - first, 1:-1] * detail).clamp(0, PEAK)
    return rows
