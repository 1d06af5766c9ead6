"""What the latents of a picture cost in distortion behind a decoder, and the gradient of that, tile by tile as the decoder works."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from jpegai_ref.analysed import planes_of
from jpegai_ref.coder import Coder
from jpegai_ref.distortion import distortion_of_planes
from jpegai_ref.model import OperatingPoint
from jpegai_ref.parallel import in_parallel
from jpegai_ref.picture import Picture
from jpegai_ref.quantised_picture import QuantisedPicture
from jpegai_ref.reconstruction import Tile, tile_latents, tile_planes, tiles

OPERATING_POINT: OperatingPoint = "bop"


@dataclass(frozen=True, eq=False)
class DecoderDistortion:
    """D (see `distortion`) of a picture as BOP decodes it, ahead of the filters, times the number of luma samples.

    A tile counts with the samples that are kept of it; MS-SSIM is that of the tile, and is left out where less than 161 samples are kept
    of a side. Neither values nor gradients depend on the number of threads.
    """

    coder: Coder
    picture: Picture
    template: QuantisedPicture
    """What is known of the picture besides its latents."""

    def value(self, latents: Sequence[Tensor]) -> float:
        """From the latents of luma, or of luma and chroma, as the synthesis takes them."""
        quantised = self._with(latents)
        tasks = [partial(self._tile_value, quantised, tile) for tile in tiles(quantised)]
        return sum(in_parallel(tasks, self.coder.device))

    def gradient(self, latents: Sequence[Tensor]) -> tuple[float, list[Tensor]]:
        """The value, and its derivatives by the latents."""
        quantised = self._with(latents)
        gradients = [torch.zeros_like(latent) for latent in latents]
        parts = tiles(quantised)
        found = in_parallel([partial(self._tile_gradient, quantised, tile) for tile in parts], self.coder.device)
        for tile, (_, of_tile) in zip(parts, found, strict=True):
            views = tile_latents(self._with(gradients), tile)
            for view, part in zip(views, of_tile, strict=False):
                if view is not None:
                    view.add_(part)
        return sum(value for value, _ in found), gradients

    def _with(self, latents: Sequence[Tensor]) -> QuantisedPicture:
        luma, *chroma = latents
        return replace(self.template, luma=luma, chroma=chroma[0] if chroma else None)

    def _tile_value(self, quantised: QuantisedPicture, tile: Tile) -> float:
        return float(self._tile_distortion(quantised, tile, *tile_latents(quantised, tile)))

    def _tile_gradient(self, quantised: QuantisedPicture, tile: Tile) -> tuple[float, list[Tensor]]:
        # Tensors of inference mode cannot be differentiated by: these are copies.
        with torch.inference_mode(False), torch.enable_grad():
            parts = [part.clone().requires_grad_(True) for part in tile_latents(quantised, tile) if part is not None]
            value = self._tile_distortion(quantised, tile, parts[0], parts[1] if len(parts) > 1 else None)
            return float(value.detach()), list(torch.autograd.grad(value, parts))

    def _tile_distortion(self, quantised: QuantisedPicture, tile: Tile, luma: Tensor, chroma: Tensor | None) -> Tensor:
        planes = tile_planes(self.coder, quantised, OPERATING_POINT, tile, luma, chroma)
        rows, columns = (slice(span.keep_start, span.keep_stop) for span in tile)
        luma_plane, chroma_planes = planes_of(self.picture, rows, columns, self.coder.device)
        original = [luma_plane[0, 0], *chroma_planes[0]][: len(planes)]
        return planes[0].numel() * distortion_of_planes(planes, original, quantised.header.model_id)
