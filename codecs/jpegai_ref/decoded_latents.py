"""What a decoder makes of the symbols: latents, by the arithmetic that the encoder has too, of the picture or of an independent region."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jpegai_ref import latents
from jpegai_ref.coder import Coder
from jpegai_ref.codestream import Codestream
from jpegai_ref.context import split_cells
from jpegai_ref.exact import Decoded
from jpegai_ref.latents import CHROMA, LUMA
from jpegai_ref.parallel import in_parallel
from jpegai_ref.picture_header import LATENT_STRIDE
from jpegai_ref.quantised_picture import QuantisedPicture
from jpegai_ref.quantiser import Quantiser
from jpegai_ref.region_tiles import predictions, tiles_of
from jpegai_ref.regions import Region
from jpegai_ref.scales import BlockScales


def quantised_picture(coder: Coder, stream: Codestream, decoded: Decoded, region: Region | None = None) -> QuantisedPicture:
    """Latents and all else that makes samples, from what the exact stage decoded of the picture, or of an independent region.

    Where chroma was dropped eICCI is off: the encoder chose it for luma beside chroma that is not there. The result does not depend on the
    number of PyTorch's threads."""
    header, tools = stream.header, stream.tools
    if stream.chroma is None and not header.may_be_grey:
        tools = replace(tools, enhancement=replace(tools.enhancement, eicci=None))
    if region is None:
        size, tiles = header.latent_size, tiles_of(header.regions, header.height, header.width)
    else:
        size, tiles = region.size(LATENT_STRIDE), tiles_of(None, region.height, region.width)

    def known(index: int, blocks: BlockScales) -> tuple[tuple[Tensor, ...], Quantiser]:
        prior = (coder.model.luma_prior, coder.model.chroma_prior)[index]
        z = (decoded.symbols.luma_z, decoded.symbols.chroma_z)[index]
        component = (coder.exact.luma, coder.exact.chroma)[index]
        psi = predictions(prior, z, tiles, coder.device)
        return psi, latents.quantiser(component, header.model_id, header.displacements[index], blocks, coder.device, decoded.quality)

    def scaled(index: int, asked: bool, blocks: BlockScales, steps: Quantiser, y_hat: Tensor, symbols: NDArray[np.int16]) -> Tensor:
        return latents.scaled(coder.lsbs, index, header.model_id, blocks, steps, y_hat, symbols) if asked else y_hat

    def luma() -> Tensor:
        psi, steps = known(LUMA, decoded.luma)
        stages = split_cells(_on_device(decoded.symbols.luma, coder))
        y_hat = latents.luma_latent(coder.model.context, psi, tiles, steps, lambda stage, _: stages[stage], size)
        return scaled(LUMA, tools.luma_scaling, decoded.luma, steps, y_hat, decoded.symbols.luma)

    def chroma() -> Tensor:
        psi, steps = known(CHROMA, decoded.chroma)
        y_hat = latents.chroma_latent(psi, tiles, steps, lambda _: _on_device(decoded.symbols.chroma, coder), size)
        return scaled(CHROMA, tools.chroma_scaling, decoded.chroma, steps, y_hat, decoded.symbols.chroma)

    y_luma, *others = in_parallel([luma] if stream.chroma is None else [luma, chroma], coder.device)
    y_chroma = others[0].contiguous() if others else None
    return QuantisedPicture(header, tools, y_luma.contiguous(), y_chroma, decoded.sharpening, region)


def _on_device(symbols: NDArray[np.int16], coder: Coder) -> Tensor:
    return torch.from_numpy(symbols).to(coder.device)[None]
