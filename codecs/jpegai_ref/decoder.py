"""Codestream to picture: the mirror of `encoder`.

bytes -- codestream -- exact stage -- z_hat, symbols -- latents (psi, MCM) -- y_hat -- synthesis of an operating point -- picture
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jpegai_ref import exact, latents
from jpegai_ref.channel_prefix import ALL_CHANNELS, ChannelPrefix
from jpegai_ref.coder import Coder
from jpegai_ref.codestream import Codestream, read_codestream
from jpegai_ref.context import split_cells
from jpegai_ref.errors import BitstreamError
from jpegai_ref.latents import CHROMA, LUMA
from jpegai_ref.markers import Bytes
from jpegai_ref.model import OPERATING_POINTS, OperatingPoint
from jpegai_ref.parallel import in_parallel
from jpegai_ref.picture import Picture
from jpegai_ref.picture_header import PictureHeader, Tiling
from jpegai_ref.quantised_picture import QuantisedPicture
from jpegai_ref.quantiser import Quantiser
from jpegai_ref.reconstruction import reconstructed
from jpegai_ref.scales import BlockScales

SMALLEST_TILE, LARGEST_TILE = 256, 2048
"""Sides of tiles that are synthesised; so large may a picture be that has none."""


def decode(coder: Coder, data: Bytes, operating_point: OperatingPoint | None = None, workers: int = 1) -> Picture:
    """The picture of a file, by the operating point or, where it is None, by the one that the stream names first.

    workers  threads of the entropy decoder; they change nothing of the result

    Raises BitstreamError where the file is no whole codestream, was made with other weights, or uses what is not supported.
    """
    return decode_stream(coder, read_codestream(data), operating_point, workers)


def decode_stream(
    coder: Coder,
    stream: Codestream,
    operating_point: OperatingPoint | None = None,
    workers: int = 1,
    prefix: ChannelPrefix = ALL_CHANNELS,
) -> Picture:
    """The picture of a stream, as `decode`; with a prefix, from the symbols of its first channels alone: a preview.

    Raises BitstreamError as `decode`, ChannelsMissing where the stream has fewer channels.
    """
    check_supported(coder, stream)
    quantised = quantised_picture(coder, stream, exact.decode_symbols(coder.exact, stream, workers, prefix=prefix))
    return reconstructed(coder, quantised, operating_point or OPERATING_POINTS[stream.header.transforms[0]])


def check_supported(coder: Coder, stream: Codestream) -> None:
    """Raises BitstreamError where this decoder cannot decode the stream, before anything is computed."""
    header = stream.header
    if stream.weights_id != coder.weights_id:
        raise BitstreamError(f"the stream was made with the weights {stream.weights_id.hex()}, these are {coder.weights_id.hex()}")
    if (stream.tools.luma_scaling or stream.tools.chroma_scaling) and coder.lsbs is None:
        raise BitstreamError("latents are scaled before the synthesis (LSBS), and these weights have no constants for it")
    if stream.tools.sharpening_channel is not None and coder.lef is None:
        raise BitstreamError("luma is sharpened (LEF), and these weights have no constants for it")
    if stream.tools.enhancement.eicci is not None and coder.eicci is None:
        raise BitstreamError("the picture is filtered by trained networks (eICCI), and these weights have none")
    if header.coded_subsampling != header.source_subsampling:
        raise BitstreamError("chroma that is coded at another size than that of the source is not supported")
    if header.luma.tiling != header.chroma.tiling:
        raise BitstreamError("other tiles for chroma than for luma are not supported")
    _check_tiles(header, header.luma.tiling)


def _check_tiles(header: PictureHeader, tiles: Tiling | None) -> None:
    """Bounds time and memory: tiles are not so small or so overlapped that they multiply the work, nor too large."""
    if tiles is None:
        if header.width * header.height > LARGEST_TILE**2:
            raise BitstreamError(f"a picture of {header.width}x{header.height} without tiles is not supported")
    elif not SMALLEST_TILE <= tiles.size <= LARGEST_TILE or 2 * tiles.overlap > tiles.size:
        raise BitstreamError(
            f"tiles of {tiles.size} that overlap by {tiles.overlap} are not supported: {SMALLEST_TILE} to {LARGEST_TILE}, half overlapped"
        )


def quantised_picture(coder: Coder, stream: Codestream, decoded: exact.Decoded) -> QuantisedPicture:
    """Latents and all else that makes samples, from what the exact stage decoded. It does not depend on the number of PyTorch's threads."""
    header, tools, size = stream.header, stream.tools, stream.header.latent_size

    def known(index: int, blocks: BlockScales) -> tuple[Tensor, Quantiser]:
        prior = (coder.model.luma_prior, coder.model.chroma_prior)[index]
        z = (decoded.symbols.luma_z, decoded.symbols.chroma_z)[index]
        component = (coder.exact.luma, coder.exact.chroma)[index]
        psi = latents.prediction(prior, z, header.height, header.width, coder.device)
        return psi, latents.quantiser(component, header.model_id, header.displacements[index], blocks, coder.device, decoded.quality)

    def scaled(index: int, asked: bool, blocks: BlockScales, steps: Quantiser, y_hat: Tensor, symbols: NDArray[np.int16]) -> Tensor:
        return latents.scaled(coder.lsbs, index, header.model_id, blocks, steps, y_hat, symbols) if asked else y_hat

    def luma() -> Tensor:
        psi, steps = known(LUMA, decoded.luma)
        stages = split_cells(_on_device(decoded.symbols.luma, coder))
        y_hat = latents.luma_latent(coder.model.context, psi, steps, lambda stage, _: stages[stage], *size)
        return scaled(LUMA, tools.luma_scaling, decoded.luma, steps, y_hat, decoded.symbols.luma)

    def chroma() -> Tensor:
        psi, steps = known(CHROMA, decoded.chroma)
        y_hat = latents.chroma_latent(psi, steps, lambda _: _on_device(decoded.symbols.chroma, coder), *size)
        return scaled(CHROMA, tools.chroma_scaling, decoded.chroma, steps, y_hat, decoded.symbols.chroma)

    y_luma, *others = in_parallel([luma] if stream.chroma is None else [luma, chroma], coder.device)
    return QuantisedPicture(header, tools, y_luma, others[0] if others else None, decoded.sharpening)


def _on_device(symbols: NDArray[np.int16], coder: Coder) -> Tensor:
    return torch.from_numpy(symbols).to(coder.device)[None]
