"""Quantised latents from symbols: the floating-point arithmetic that encoder and decoder must do alike.

z_hat -- HyperDecoder -- psi -- means, cell by cell (luma: ContextModel) -- + symbols / gain -- y_hat [-- LSBS]
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jpegai_ref.context import ContextModel, chroma_means
from jpegai_ref.exact import ExactComponent
from jpegai_ref.lsbs import Lsbs
from jpegai_ref.model import Hyperprior
from jpegai_ref.quality_map import Qps, factors
from jpegai_ref.quantiser import Quantiser, gains
from jpegai_ref.scales import BlockScales

Symbols = Callable[[int, Tensor], Tensor]
"""(stage 0..3, means of the stage (1, C, h2, w2)) -> symbols int16 of the same shape."""


LUMA, CHROMA = range(2)
"""Index of a component in pairs of both."""


def prediction(prior: Hyperprior, z: NDArray[np.int8], height: int, width: int, device: torch.device) -> Tensor:
    """psi (1, 4C, h2, w2) from z (C, hz, wz); height and width of the luma plane."""
    psi: Tensor = prior.decoder(torch.from_numpy(z).to(device, torch.float32)[None], height, width)
    return psi


def quantiser(
    exact: ExactComponent, model_id: int, displacement: int, blocks: BlockScales, device: torch.device, quality: Qps | None = None
) -> Quantiser:
    """Of a component at a rate, with the quality map of the picture."""
    gain = torch.from_numpy(gains(exact.gain_logs[model_id], displacement)).to(device)
    return Quantiser(gain, blocks.steps, None if quality is None else factors(quality))


def luma_latent(context: ContextModel, psi: Tensor, steps: Quantiser, symbols: Symbols, height: int, width: int) -> Tensor:
    """y_hat (1, C, h, w); height and width are those of the latent."""
    return context(psi, lambda stage, mean: mean + steps.dequantised(symbols(stage, mean), stage), height, width)


def chroma_latent(psi: Tensor, steps: Quantiser, symbols: Callable[[Tensor], Tensor], height: int, width: int) -> Tensor:
    """y_hat (1, C, h, w); `symbols` of the whole latent from its means. Height and width are those of the latent."""
    mean = chroma_means(psi, height, width)
    return mean + steps.dequantised(symbols(mean))


def scaled(
    lsbs: tuple[Lsbs, Lsbs] | None,
    component: int,
    model_id: int,
    blocks: BlockScales,
    steps: Quantiser,
    y_hat: Tensor,
    symbols: NDArray[np.int16],
) -> Tensor:
    """y_hat (1, C, h, w) of a component, LUMA or CHROMA, as LSBS gives it to the synthesis; symbols (C, h, w).

    Raises ValueError where constants or likely scales are missing.
    """
    if lsbs is None or blocks.likely is None:
        raise ValueError("LSBS needs its constants and the likely scales")
    residual = steps.dequantised(torch.from_numpy(symbols).to(y_hat.device))[None]
    return lsbs[component].scaled(model_id, blocks.likely, y_hat, residual)
