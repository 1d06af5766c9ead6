"""Codestream to picture: the mirror of `encoder`.

bytes -- codestream -- exact stage -- z_hat, symbols -- latents (psi, MCM) -- y_hat -- synthesis of an operating point -- picture
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jpegai_ref import exact, latents
from jpegai_ref.coder import Coder
from jpegai_ref.codestream import Codestream, read_codestream
from jpegai_ref.context import split_cells
from jpegai_ref.errors import BitstreamError
from jpegai_ref.markers import Bytes
from jpegai_ref.model import OPERATING_POINTS, Hyperprior, OperatingPoint
from jpegai_ref.parallel import in_parallel
from jpegai_ref.picture import Picture
from jpegai_ref.picture_header import PictureHeader, Tiling
from jpegai_ref.reconstruction import reconstructed
from jpegai_ref.tool_header import ALL_OFF

SMALLEST_TILE, LARGEST_TILE = 256, 2048
"""Sides of tiles that are synthesised; so large may a picture be that has none."""


@dataclass(frozen=True, eq=False)
class Latents:
    """y_hat of both components, (1, C, h, w) float32; chroma is None for a grey picture."""

    luma: Tensor
    chroma: Tensor | None


def decode(coder: Coder, data: Bytes, operating_point: OperatingPoint | None = None, workers: int = 1) -> Picture:
    """The picture of a file, by the operating point or, where it is None, by the one that the stream names first.

    workers  threads of the entropy decoder; they change nothing of the result

    Raises BitstreamError where the file is no whole codestream, was made with other weights, or uses what is not supported.
    """
    stream = read_codestream(data)
    check_supported(coder, stream)
    symbols = exact.decode_symbols(coder.exact, stream, workers)
    y_hat = quantised_latents(coder, stream.header, symbols, grey=stream.chroma is None)
    chosen = operating_point or OPERATING_POINTS[stream.header.transforms[0]]
    return reconstructed(coder, stream.header, y_hat.luma, y_hat.chroma, chosen)


def check_supported(coder: Coder, stream: Codestream) -> None:
    """Raises BitstreamError where this decoder cannot decode the stream, before anything is computed."""
    header = stream.header
    if stream.weights_id != coder.weights_id:
        raise BitstreamError(f"the stream was made with the weights {stream.weights_id.hex()}, these are {coder.weights_id.hex()}")
    if stream.tools != ALL_OFF:
        raise BitstreamError("the tools behind the entropy decoder (LSBS, LEF) are not supported")
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


def quantised_latents(coder: Coder, header: PictureHeader, symbols: exact.Symbols, grey: bool) -> Latents:
    """y_hat from the decoded symbols. It does not depend on the number of PyTorch's threads."""
    model, size = coder.model, header.latent_size

    def psi_and_gains(prior: Hyperprior, component: exact.ExactComponent, displacement: int, z: NDArray[np.int8]) -> tuple[Tensor, Tensor]:
        psi = latents.prediction(prior, z, header.height, header.width, coder.device)
        return psi, latents.gain(component.gain_logs[header.model_id], displacement, coder.device)

    def luma() -> Tensor:
        known = psi_and_gains(model.luma_prior, coder.exact.luma, header.displacements[0], symbols.luma_z)
        stages = split_cells(_on_device(symbols.luma, coder))
        return latents.luma_latent(model.context, *known, lambda stage, _: stages[stage], *size)

    def chroma() -> Tensor:
        known = psi_and_gains(model.chroma_prior, coder.exact.chroma, header.displacements[1], symbols.chroma_z)
        return latents.chroma_latent(*known, lambda _: _on_device(symbols.chroma, coder), *size)

    y_luma, *others = in_parallel([luma] if grey else [luma, chroma], coder.device)
    return Latents(y_luma, others[0] if others else None)


def _on_device(symbols: NDArray[np.int16], coder: Coder) -> Tensor:
    return torch.from_numpy(symbols).to(coder.device)[None]
