"""From quantised latents to a picture, tile by tile: synthesis, colour, integer codes."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from jpegai_ref.coder import Coder
from jpegai_ref.colour import codes_from_samples, denormalise, rgb_from_ycc, subsampled
from jpegai_ref.model import OperatingPoint
from jpegai_ref.picture import Colour, Picture, sample_type
from jpegai_ref.picture_header import BT709, LATENT_STRIDE, PictureHeader
from jpegai_ref.tiling import Span, spans


def reconstructed(coder: Coder, header: PictureHeader, luma: Tensor, chroma: Tensor | None, operating_point: OperatingPoint) -> Picture:
    """The picture from y_hat of both components, (1, C, h, w) each; grey without chroma.

    Memory beside the result grows with the tiles that the header asks for, not with the picture.
    """
    colour: Colour = "grey" if chroma is None else "rgb" if header.colour_transform == BT709 else "ycc"
    subsampling = header.source_subsampling if chroma is not None else (1, 1)
    shapes = [(header.height, header.width)]
    if chroma is not None:
        shapes += [(-(-header.height // subsampling[0]), -(-header.width // subsampling[1]))] * 2
    planes = [np.empty(shape, sample_type(header.bit_depth)) for shape in shapes]
    for rows in spans(header.height, header.luma.tiling):
        for columns in spans(header.width, header.luma.tiling):
            tile = _synthesised(coder, header, (luma, chroma), operating_point, (rows, columns))
            parts = [rgb_from_ycc(tile)] if colour == "rgb" else [tile[:1], subsampled(tile[1:], *subsampling)]
            codes = [plane for part in parts for plane in codes_from_samples(part, header.bit_depth)]
            for index, (plane, part) in enumerate(zip(planes, codes, strict=True)):
                _keep(plane, part, rows, columns, subsampling if index and colour == "ycc" else (1, 1))
    width, height = header.display_size
    vertical, horizontal = subsampling
    sizes = [(height, width)] + [(-(-height // vertical), -(-width // horizontal))] * (len(planes) - 1)
    cropped = tuple(plane[:rows, :columns] for plane, (rows, columns) in zip(planes, sizes, strict=True))
    return Picture(cropped, header.bit_depth, colour, subsampling)


def _synthesised(
    coder: Coder, header: PictureHeader, latents: tuple[Tensor, Tensor | None], operating_point: OperatingPoint, tile: tuple[Span, Span]
) -> Tensor:
    """Y, or Y, U, V, of a tile in [0, 255]: (1 or 3, rows, columns)."""
    rows, columns = tile
    height, width = rows.stop - rows.start, columns.stop - columns.start
    window = tuple(slice(span.start // LATENT_STRIDE, -(-span.stop // LATENT_STRIDE)) for span in tile)
    luma, chroma = (None if latent is None else latent[(..., *window)] for latent in latents)
    synthesis = coder.model.synthesiser(operating_point, header.model_id)
    values = synthesis.luma(luma, height, width) if chroma is None else synthesis(luma, chroma, height, width)
    return denormalise(values)[0]


def _keep(plane: np.ndarray, part: Tensor, rows: Span, columns: Span, subsampling: tuple[int, int]) -> None:  # type: ignore[type-arg]
    vertical, horizontal = subsampling
    top, bottom = rows.keep_start // vertical, -(-rows.keep_stop // vertical)
    left, right = columns.keep_start // horizontal, -(-columns.keep_stop // horizontal)
    above, before = rows.start // vertical, columns.start // horizontal
    kept = part[top - above : bottom - above, left - before : right - before]
    plane[top:bottom, left:right] = kept.to(torch.int32).cpu().numpy()
