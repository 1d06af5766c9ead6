"""The errors of a picture's latents behind a decoder, and the gradient of what they are worth, tile by tile as the decoder works."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from jpegai_ref.analysed import planes_of
from jpegai_ref.coder import Coder
from jpegai_ref.model import OperatingPoint
from jpegai_ref.parallel import in_parallel
from jpegai_ref.picture import Picture
from jpegai_ref.quantised_picture import QuantisedPicture
from jpegai_ref.reconstruction import Tile, tile_latents, tile_planes, tiles
from jpegai_ref.visible_errors import detail_lost, information_lost, squared_error, structure_lost, windows

OPERATING_POINT: OperatingPoint = "bop"


@dataclass(frozen=True, eq=False)
class DecoderErrors:
    """Of a picture as BOP decodes it, ahead of the filters: (4,) of luma, see `visible_errors`, or (6,) with the squared errors of U and V.

    Means over the tiles, each counting with the samples of it that are kept and shown. Neither values nor gradients depend on the number
    of threads.
    """

    coder: Coder
    picture: Picture
    template: QuantisedPicture
    """What is known of the picture besides its latents."""

    def values(self, latents: Sequence[Tensor]) -> Tensor:
        """From the latents of luma, or of luma and chroma, as the synthesis takes them."""
        quantised = self._with(latents)
        tasks = [partial(self._tile_values, quantised, tile) for tile in tiles(quantised)]
        return torch.stack(in_parallel(tasks, self.coder.device)).sum(0)

    def gradient(self, latents: Sequence[Tensor], worth: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The values, and the derivatives by the latents of the sum of all errors times the `worth` of each."""
        quantised = self._with(latents)
        gradients = [torch.zeros_like(latent) for latent in latents]
        parts = tiles(quantised)
        found = in_parallel([partial(self._tile_gradient, quantised, tile, worth) for tile in parts], self.coder.device)
        for tile, (_, of_tile) in zip(parts, found, strict=True):
            views = tile_latents(self._with(gradients), tile)
            for view, part in zip(views, of_tile, strict=False):
                if view is not None:
                    view.add_(part)
        return torch.stack([values for values, _ in found]).sum(0), gradients

    def _with(self, latents: Sequence[Tensor]) -> QuantisedPicture:
        luma, *chroma = latents
        return replace(self.template, luma=luma, chroma=chroma[0] if chroma else None)

    def _tile_values(self, quantised: QuantisedPicture, tile: Tile) -> Tensor:
        return self._tile_errors(quantised, tile, *tile_latents(quantised, tile))

    def _tile_gradient(self, quantised: QuantisedPicture, tile: Tile, worth: Tensor) -> tuple[Tensor, list[Tensor]]:
        # Tensors of inference mode cannot be differentiated by: these are copies.
        with torch.inference_mode(False), torch.enable_grad():
            parts = [part.clone().requires_grad_(True) for part in tile_latents(quantised, tile) if part is not None]
            values = self._tile_errors(quantised, tile, parts[0], parts[1] if len(parts) > 1 else None)
            return values.detach(), list(torch.autograd.grad((values * worth.clone()).sum(), parts))

    def _tile_errors(self, quantised: QuantisedPicture, tile: Tile, luma: Tensor, chroma: Tensor | None) -> Tensor:
        """Times the tile's share of the picture."""
        planes = tile_planes(self.coder, quantised, OPERATING_POINT, tile, luma, chroma)
        rows, columns = (slice(span.keep_start, span.keep_stop) for span in tile)
        luma_plane, chroma_planes = planes_of(self.picture, rows, columns, self.coder.device)
        originals = (luma_plane[0, 0], *chroma_planes[0][: len(planes) - 1])
        # A picture below the smallest size is repeated to it; a tile is not smaller otherwise.
        (width, height), (by_rows, by_columns) = quantised.header.display_size, quantised.subsampling
        luma_size, chroma_size = (height, width), (-(-height // by_rows), -(-width // by_columns))
        sizes = [luma_size, chroma_size, chroma_size][: len(planes)]
        pairs = [(_shown(plane, size), _shown(original, size)) for plane, original, size in zip(planes, originals, sizes, strict=True)]
        (ours, theirs), *chroma_pairs = pairs
        scales = list(windows(ours, theirs))
        errors = [squared_error(ours, theirs), structure_lost(scales), information_lost(scales), detail_lost(ours, theirs)]
        errors += [squared_error(*pair) for pair in chroma_pairs]
        share = ours.numel() / (height * width)
        return share * torch.stack([error.to(ours).reshape(()) for error in errors])


def _shown(plane: Tensor, size: tuple[int, int]) -> Tensor:
    """(h, w) -> (1, 1, at most size)"""
    return plane[None, None, : size[0], : size[1]]
