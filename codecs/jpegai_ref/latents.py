"""Quantised latents from symbols: the floating-point arithmetic that encoder and decoder must do alike.

z_hat -- HyperDecoder -- psi -- means, cell by cell (luma: ContextModel) -- + symbols / gain -- y_hat [-- LSBS]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jpegai_ref.context import ContextModel, chroma_means
from jpegai_ref.exact import ExactComponent
from jpegai_ref.lsbs import Lsbs
from jpegai_ref.quality_map import Qps, factors
from jpegai_ref.quantiser import Quantiser, gains
from jpegai_ref.region_tiles import CELL_STRIDE, Tile, context_latent, merged
from jpegai_ref.scales import BlockScales

Symbols = Callable[[int, Tensor], Tensor]
"""(stage 0..3, means of the stage (1, C, h2, w2)) -> symbols int16 of the same shape."""


LUMA, CHROMA = range(2)
"""Index of a component in pairs of both."""


def quantiser(
    exact: ExactComponent, model_id: int, displacement: int, blocks: BlockScales, device: torch.device, quality: Qps | None = None
) -> Quantiser:
    """Of a component at a rate, with the quality map of what is quantised, the picture or a region."""
    gain = torch.from_numpy(gains(exact.gain_logs[model_id], displacement)).to(device)
    return Quantiser(gain, blocks.steps, None if quality is None else factors(quality))


def luma_latent(
    context: ContextModel, psi: Sequence[Tensor], tiles: Sequence[Tile], steps: Quantiser, symbols: Symbols, size: tuple[int, int]
) -> Tensor:
    """y_hat (1, C, h, w); psi of every tile; (h, w) of the latent."""
    return context_latent(context, psi, tiles, lambda stage, mean: steps.dequantised(symbols(stage, mean), stage), size)


def chroma_latent(
    psi: Sequence[Tensor], tiles: Sequence[Tile], steps: Quantiser, symbols: Callable[[Tensor], Tensor], size: tuple[int, int]
) -> Tensor:
    """y_hat (1, C, h, w); psi of every tile; `symbols` of the whole latent from its means; (h, w) of the latent."""
    own = [part[..., *tile.inside(tile.context, CELL_STRIDE)] for part, tile in zip(psi, tiles, strict=True)]
    mean = chroma_means(merged(own, tiles, CELL_STRIDE), *size)
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
