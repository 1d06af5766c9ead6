"""From quantised latents to a picture, tile by tile: synthesis, colour, integer codes."""

from __future__ import annotations

from functools import partial
from itertools import product

import numpy as np
from torch import Tensor

from jpegai_ref.coder import Coder
from jpegai_ref.colour import codes_from_samples, denormalise, rgb_from_ycc, subsampled
from jpegai_ref.model import OperatingPoint
from jpegai_ref.parallel import in_parallel
from jpegai_ref.picture import Colour, Picture, Plane, plane_sizes, sample_type
from jpegai_ref.picture_header import BT709, LATENT_STRIDE, PictureHeader
from jpegai_ref.tiling import Span, spans


def reconstructed(coder: Coder, header: PictureHeader, luma: Tensor, chroma: Tensor | None, operating_point: OperatingPoint) -> Picture:
    """The picture from y_hat of both components, (1, C, h, w) each; grey without chroma.

    Memory beside the result grows with the tiles that the header asks for, and with PyTorch's threads, not with the picture. The samples do
    not depend on the number of threads.
    """
    colour: Colour = "grey" if chroma is None else "rgb" if header.colour_transform == BT709 else "ycc"
    subsampling = header.source_subsampling if colour == "ycc" else (1, 1)
    planes = [np.empty(size, sample_type(header.bit_depth)) for size in plane_sizes(header.height, header.width, colour, subsampling)]

    def synthesise(rows: Span, columns: Span) -> None:
        tile = _synthesised(coder, header, (luma, chroma), operating_point, (rows, columns))
        parts = [rgb_from_ycc(tile)] if colour == "rgb" else [tile[:1], subsampled(tile[1:], *subsampling)]
        codes = (plane for part in parts for plane in codes_from_samples(part, header.bit_depth))
        for index, (plane, part) in enumerate(zip(planes, codes, strict=True)):
            _keep(plane, part, (rows, columns), subsampling if index else (1, 1))

    tiles = product(spans(header.height, header.luma.tiling), spans(header.width, header.luma.tiling))
    in_parallel([partial(synthesise, *tile) for tile in tiles], coder.device)
    width, height = header.display_size
    sizes = plane_sizes(height, width, colour, subsampling)
    cropped = tuple(plane[:rows, :columns] for plane, (rows, columns) in zip(planes, sizes, strict=True))
    return Picture(cropped, header.bit_depth, colour, subsampling)


def _synthesised(
    coder: Coder, header: PictureHeader, latents: tuple[Tensor, Tensor | None], operating_point: OperatingPoint, tile: tuple[Span, Span]
) -> Tensor:
    """Y, or Y, U, V, of a tile in [0, 255]: (1 or 3, rows, columns)."""
    height, width = (span.stop - span.start for span in tile)
    rows, columns = (slice(span.start // LATENT_STRIDE, -(-span.stop // LATENT_STRIDE)) for span in tile)
    luma, chroma = (None if latent is None else latent[..., rows, columns] for latent in latents)
    synthesis = coder.model.synthesiser(operating_point, header.model_id)
    values: Tensor = synthesis.luma(luma, height, width) if chroma is None else synthesis(luma, chroma, height, width)
    return denormalise(values)[0]


def _keep(plane: Plane, part: Tensor, tile: tuple[Span, Span], subsampling: tuple[int, int]) -> None:
    target, source = [], []
    for span, factor in zip(tile, subsampling, strict=True):
        start, first, last = span.start // factor, span.keep_start // factor, -(-span.keep_stop // factor)
        target.append(slice(first, last))
        source.append(slice(first - start, last - start))
    plane[tuple(target)] = part[tuple(source)].cpu().numpy()
