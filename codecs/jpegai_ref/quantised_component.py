"""A component as a pass of the encoder has quantised it, ahead of entropy coding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jpegai_ref.picture_header import ComponentHeader
from jpegai_ref.quantiser import Quantiser
from jpegai_ref.scales import Scales
from jpegai_ref.symbol_bits import residual_bits


@dataclass(frozen=True, eq=False)
class QuantisedComponent:
    """Of luma or chroma."""

    header: ComponentHeader
    """With the cube flags."""
    y_hat: Tensor
    """(1, C, h, w), of the symbols."""
    latent: Tensor
    """The same as the synthesis takes it: behind LSBS, where that is on."""
    symbols: NDArray[np.int16]
    """(C, h, w)"""
    scales: Scales
    steps: Quantiser

    def step_sizes(self) -> Tensor:
        """Of the quantiser, (1, C, h, w), in units of the latent."""
        return self.steps.dequantised(torch.ones_like(self.y_hat))

    def coded(self) -> NDArray[np.bool_]:
        """Where symbols are coded, (C, h, w)."""
        return self.scales.coded(self.header.may_skip)

    def bits(self) -> float:
        """Of the symbols, by the tables of the entropy coder; its bytes are a little more."""
        return residual_bits(self.symbols, self.coded(), self.scales.distribution())
