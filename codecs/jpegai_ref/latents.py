"""Quantised latents from symbols: the floating-point arithmetic that encoder and decoder must do alike.

z_hat -- HyperDecoder -- psi -- means, cell by cell (luma: ContextModel) -- + symbols / gain -- y_hat
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jpegai_ref.context import ContextModel, chroma_means
from jpegai_ref.model import Hyperprior
from jpegai_ref.quantiser import dequantised, gains

Symbols = Callable[[int, Tensor], Tensor]
"""(stage 0..3, means of the stage (1, C, h2, w2)) -> symbols int16 of the same shape."""


def prediction(prior: Hyperprior, z: NDArray[np.int8], height: int, width: int, device: torch.device) -> Tensor:
    """psi (1, 4C, h2, w2) from z (C, hz, wz); height and width of the luma plane."""
    psi: Tensor = prior.decoder(torch.from_numpy(z).to(device, torch.float32)[None], height, width)
    return psi


def gain(gain_logs: NDArray[np.int16], displacement: int, device: torch.device) -> Tensor:
    """Factors of the channels, (C,) float32."""
    return torch.from_numpy(gains(gain_logs, displacement)).to(device)


def luma_latent(context: ContextModel, psi: Tensor, factors: Tensor, symbols: Symbols, height: int, width: int) -> Tensor:
    """y_hat (1, C, h, w); height and width are those of the latent."""
    return context(psi, lambda stage, mean: mean + dequantised(symbols(stage, mean), factors), height, width)


def chroma_latent(psi: Tensor, factors: Tensor, symbols: Callable[[Tensor], Tensor], height: int, width: int) -> Tensor:
    """y_hat (1, C, h, w); `symbols` of the whole latent from its means. Height and width are those of the latent."""
    mean = chroma_means(psi, height, width)
    return mean + dequantised(symbols(mean), factors)
