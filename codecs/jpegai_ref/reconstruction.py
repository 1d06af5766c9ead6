"""From quantised latents to a picture: synthesis tile by tile, the filters behind it, colour, integer codes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import product

import torch
from torch import Tensor

from jpegai_ref.canvas import Canvas
from jpegai_ref.coder import Coder
from jpegai_ref.colour import codes_from_samples, denormalise, rgb_from_ycc, subsampled
from jpegai_ref.model import OperatingPoint
from jpegai_ref.parallel import in_parallel
from jpegai_ref.picture import Picture
from jpegai_ref.picture_header import LATENT_STRIDE
from jpegai_ref.post_filters import Planes, Rows, filtered, has_filters
from jpegai_ref.quantised_picture import QuantisedPicture
from jpegai_ref.tiling import Span, spans

Window = tuple[slice, slice]
"""Rows and columns of a plane."""
STRIP = 64
"""Rows that are filtered together, which does not change them; a multiple of 16."""
Tile = tuple[Span, Span]
"""Rows and columns of luma that are synthesised together."""


def reconstructed(coder: Coder, quantised: QuantisedPicture, operating_point: OperatingPoint) -> Picture:
    """The picture by an operating point. The samples do not depend on the number of PyTorch's threads.

    Memory beside the result grows with the tiles that the header asks for and with the threads, not with the picture; with filters behind
    the synthesis also by the planes in float32, at most 12 bytes a sample of luma, and with eICCI by up to 20 more.
    """
    canvas = Canvas.empty(quantised.header, quantised.colour, quantised.subsampling, quantised.place)
    parts = quantised.parts()
    if len(parts) == 1:
        reconstruct(coder, parts[0], operating_point, canvas)
    else:
        in_parallel([partial(reconstruct, coder, part, operating_point, canvas) for part in parts], coder.device)
    return canvas.picture(*quantised.header.display_size)


def reconstruct(coder: Coder, quantised: QuantisedPicture, operating_point: OperatingPoint, canvas: Canvas) -> None:
    """Writes a picture, or an independent region, to its place on a canvas."""
    codes, bit_depth, colour = canvas.views(quantised.place), canvas.bit_depth, canvas.colour

    def write(parts: Sequence[Tensor], windows: Sequence[Window]) -> None:
        samples = list(rgb_from_ycc(torch.stack(list(parts)))) if colour == "rgb" else parts
        for plane, part, window in zip(codes, samples, windows, strict=True):
            plane[window] = codes_from_samples(part, bit_depth).cpu().numpy()

    def write_tile(rows: Span, columns: Span) -> None:
        parts = tile_planes(coder, quantised, operating_point, (rows, columns), *tile_latents(quantised, (rows, columns)))
        write(parts, _windows(rows, columns, quantised))

    def write_strip(behind_filters: Rows, rows: Span) -> None:
        windows = _windows(rows, Span(0, quantised.width, 0, quantised.width), quantised)
        write(behind_filters(rows.start, rows.stop), windows)

    if has_filters(quantised):
        planes = synthesised(coder, quantised, operating_point)
        behind_filters = filtered(coder, quantised, planes, operating_point)
        in_parallel([partial(write_strip, behind_filters, strip) for strip in _strips(quantised.height)], coder.device)
    else:
        in_parallel([partial(write_tile, *tile) for tile in tiles(quantised)], coder.device)


def synthesised(coder: Coder, quantised: QuantisedPicture, operating_point: OperatingPoint) -> Planes:
    """The planes in the coded size, ahead of the filters."""
    planes = [torch.empty(size, device=coder.device) for size in quantised.sizes_in_ycc()]

    def keep(part: QuantisedPicture, tile: Tile) -> None:
        places = _windows(*tile, part, part.place.moved(-quantised.place.top, -quantised.place.left))
        parts = tile_planes(coder, part, operating_point, tile, *tile_latents(part, tile))
        for plane, values, window in zip(planes, parts, places, strict=True):
            plane[window] = values

    tasks = [partial(keep, part, tile) for part in quantised.parts() for tile in tiles(part)]
    in_parallel(tasks, coder.device)
    return planes


def tiles(quantised: QuantisedPicture) -> list[Tile]:
    """Of the synthesis, row by row."""
    tiling = quantised.header.luma.tiling
    return list(product(spans(quantised.height, tiling), spans(quantised.width, tiling)))


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


def _windows(rows: Span, columns: Span, quantised: QuantisedPicture, at: tuple[int, ...] = (0, 0)) -> list[Window]:
    """Where the kept samples of Y, or of Y, U, V, lie in their planes, which begin at row and column -`at`."""

    def window(vertical: int, horizontal: int) -> Window:
        sides = ((rows, at[0], vertical), (columns, at[1], horizontal))
        first, second = (slice((start + span.keep_start) // by, -(-(start + span.keep_stop) // by)) for span, start, by in sides)
        return first, second

    chroma = [] if quantised.chroma is None else [window(*quantised.subsampling)] * 2
    return [window(1, 1), *chroma]
