"""From quantised latents to a picture: synthesis tile by tile, the filters behind it, colour, integer codes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import product

import numpy as np
import torch
from torch import Tensor

from jpegai_ref.coder import Coder
from jpegai_ref.colour import codes_from_samples, denormalise, rgb_from_ycc, subsampled
from jpegai_ref.model import OperatingPoint
from jpegai_ref.parallel import in_parallel
from jpegai_ref.picture import Picture, plane_sizes, sample_type
from jpegai_ref.picture_header import LATENT_STRIDE
from jpegai_ref.post_filters import STRIP, Planes, filtered, has_filters
from jpegai_ref.quantised_picture import QuantisedPicture
from jpegai_ref.tiling import Span, spans

Window = tuple[slice, slice]
"""Rows and columns of a plane."""
Tile = tuple[Span, Span]
"""Rows and columns of luma that are synthesised together."""


def reconstructed(coder: Coder, quantised: QuantisedPicture, operating_point: OperatingPoint) -> Picture:
    """The picture by an operating point. The samples do not depend on the number of PyTorch's threads.

    Memory beside the result grows with the tiles that the header asks for and with the threads, not with the picture; with filters behind
    the synthesis also by up to 20 bytes a sample of luma.
    """
    header, colour, subsampling = quantised.header, quantised.colour, quantised.subsampling
    codes = [np.empty(size, sample_type(header.bit_depth)) for size in plane_sizes(header.height, header.width, colour, subsampling)]

    def write(parts: Sequence[Tensor], windows: Sequence[Window]) -> None:
        samples = list(rgb_from_ycc(torch.stack(list(parts)))) if colour == "rgb" else parts
        for plane, part, window in zip(codes, samples, windows, strict=True):
            plane[window] = codes_from_samples(part, header.bit_depth).cpu().numpy()

    def write_tile(rows: Span, columns: Span) -> None:
        parts = tile_planes(coder, quantised, operating_point, (rows, columns), *tile_latents(quantised, (rows, columns)))
        write(parts, _windows(rows, columns, quantised))

    def write_strip(planes: Planes, rows: Span) -> None:
        windows = _windows(rows, Span(0, header.width, 0, header.width), quantised)
        write([plane[window] for plane, window in zip(planes, windows, strict=True)], windows)

    if has_filters(quantised):
        planes = filtered(coder, quantised, synthesised(coder, quantised, operating_point))
        in_parallel([partial(write_strip, planes, strip) for strip in _strips(header.height)], coder.device)
    else:
        in_parallel([partial(write_tile, *tile) for tile in tiles(quantised)], coder.device)
    width, height = header.display_size
    sizes = plane_sizes(height, width, colour, subsampling)
    cropped = tuple(plane[:rows, :columns] for plane, (rows, columns) in zip(codes, sizes, strict=True))
    return Picture(cropped, header.bit_depth, colour, subsampling)


def synthesised(coder: Coder, quantised: QuantisedPicture, operating_point: OperatingPoint) -> Planes:
    """The planes in the coded size, ahead of the filters."""
    planes = [torch.empty(size, device=coder.device) for size in quantised.sizes_in_ycc()]

    def keep(rows: Span, columns: Span) -> None:
        parts = tile_planes(coder, quantised, operating_point, (rows, columns), *tile_latents(quantised, (rows, columns)))
        for plane, part, window in zip(planes, parts, _windows(rows, columns, quantised), strict=True):
            plane[window] = part

    in_parallel([partial(keep, *tile) for tile in tiles(quantised)], coder.device)
    return planes


def tiles(quantised: QuantisedPicture) -> list[Tile]:
    """Of the synthesis, row by row."""
    header = quantised.header
    return list(product(spans(header.height, header.luma.tiling), spans(header.width, header.luma.tiling)))


def _strips(height: int) -> list[Span]:
    ends = [(first, min(first + STRIP, height)) for first in range(0, height, STRIP)]
    return [Span(*end, *end) for end in ends]


def tile_latents(quantised: QuantisedPicture, tile: Tile) -> tuple[Tensor, Tensor | None]:
    """The latents (1, C, h, w) of luma and of chroma that a tile is synthesised from: views."""
    rows, columns = (slice(span.start // LATENT_STRIDE, -(-span.stop // LATENT_STRIDE)) for span in tile)
    return quantised.luma[..., rows, columns], None if quantised.chroma is None else quantised.chroma[..., rows, columns]


def tile_planes(
    coder: Coder, quantised: QuantisedPicture, operating_point: OperatingPoint, tile: Tile, luma: Tensor, chroma: Tensor | None
) -> list[Tensor]:
    """What is kept of the planes of a tile with latents as `tile_latents` gives them: Y, or Y, U, V, in [0, 255]."""
    height, width = (span.stop - span.start for span in tile)
    synthesis = coder.model.synthesiser(operating_point, quantised.header.model_id)
    values: Tensor = synthesis.luma(luma, height, width) if chroma is None else synthesis(luma, chroma, height, width)
    inside = tuple(slice(span.keep_start - span.start, span.keep_stop - span.start) for span in tile)
    kept = denormalise(values[0][:, *inside])
    return [kept[0], *subsampled(kept[1:], *quantised.subsampling)]


def _windows(rows: Span, columns: Span, quantised: QuantisedPicture) -> list[Window]:
    """Where the kept samples of Y, or of Y, U, V, lie in their planes."""

    def window(vertical: int, horizontal: int) -> Window:
        parts = ((rows, vertical), (columns, horizontal))
        first, second = (slice(span.keep_start // factor, -(-span.keep_stop // factor)) for span, factor in parts)
        return first, second

    chroma = [] if quantised.chroma is None else [window(*quantised.subsampling)] * 2
    return [window(1, 1), *chroma]
