"""Codestream to picture: the mirror of `encoder`.

bytes -- codestream -- exact stage -- z_hat, symbols -- latents (psi, MCM) -- y_hat -- synthesis of an operating point -- picture
"""

from __future__ import annotations

import torch

from jpegai_ref import exact
from jpegai_ref.channel_prefix import ALL_CHANNELS, ChannelPrefix
from jpegai_ref.chroma_grid import Rectangle
from jpegai_ref.coder import Coder
from jpegai_ref.codestream import Codestream, read_codestream
from jpegai_ref.decoded_latents import quantised_picture
from jpegai_ref.errors import BitstreamError
from jpegai_ref.markers import Bytes
from jpegai_ref.model import OPERATING_POINTS, OperatingPoint
from jpegai_ref.picture import Picture, cropped
from jpegai_ref.picture_header import PictureHeader, Tiling
from jpegai_ref.reconstruction import reconstructed
from jpegai_ref.region_decoder import decode_regions
from jpegai_ref.region_tiles import tiles_of
from jpegai_ref.regions import chosen, frame_of

SMALLEST_TILE, LARGEST_TILE = 256, 2048
"""Sides of tiles that are synthesised; so large may a picture be that has none."""
LARGEST_OVERLAP = 6
"""How many times the picture all regions may be together with what they overlap."""


def decode(
    coder: Coder,
    data: Bytes,
    operating_point: OperatingPoint | None = None,
    workers: int | None = None,
    *,
    wanted: int | Rectangle | None = None,
    fill_missing: bool = False,
) -> Picture:
    """The picture of a file, by the operating point or, where it is None, by the one that the stream names first.

    workers       threads of the entropy decoder, which change nothing of the result; None: as many as PyTorch has
    wanted        the region of an index, or all regions that a rectangle touches: the part of the picture that they make up, in the samples
                  that it has in the whole. Only of independent regions nothing else is decoded.
    fill_missing  whether independent regions that are missing are left neutral

    Raises BitstreamError where the file is no whole codestream, was made with other weights, lacks a wanted region, or uses what is not
    supported, NoSuchRegion where the picture has no region that is wanted.
    """
    return decode_stream(coder, read_codestream(data), operating_point, workers, wanted=wanted, fill_missing=fill_missing)


def decode_stream(
    coder: Coder,
    stream: Codestream,
    operating_point: OperatingPoint | None = None,
    workers: int | None = None,
    prefix: ChannelPrefix = ALL_CHANNELS,
    *,
    wanted: int | Rectangle | None = None,
    fill_missing: bool = False,
) -> Picture:
    """The picture of a stream, as `decode`; with a prefix, from the symbols of its first channels alone: a preview.

    Raises BitstreamError and NoSuchRegion as `decode`, ChannelsMissing where the stream has fewer channels.
    """
    check_supported(coder, stream)
    header, workers = stream.header, workers or torch.get_num_threads()
    regions, point = chosen(header.parts, wanted), operating_point or OPERATING_POINTS[header.transforms[0]]
    if header.regions is not None and header.regions.independent:
        return decode_regions(coder, stream, point, regions, workers, prefix, fill_missing=fill_missing)
    quantised = quantised_picture(coder, stream, exact.decode_symbols(coder.exact, stream, workers, prefix=prefix))
    picture = reconstructed(coder, quantised, point)
    return picture if wanted is None else cropped(picture, frame_of(regions))


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
    _check_overlaps(header)


def _check_overlaps(header: PictureHeader) -> None:
    """Bounds time and memory of dependent regions, as the next function those of tiles."""
    tiles = tiles_of(header.regions, header.height, header.width)
    most = LARGEST_OVERLAP * header.width * header.height
    if any(sum(part.place.area for part in parts) > most for parts in zip(*((tile.hyper, tile.context) for tile in tiles), strict=True)):
        raise BitstreamError(f"regions that overlap to more than {LARGEST_OVERLAP} times the picture are not supported")


def _check_tiles(header: PictureHeader, tiles: Tiling | None) -> None:
    """Bounds time and memory: tiles are not so small or so overlapped that they multiply the work, nor too large."""
    if tiles is None:
        if header.width * header.height > LARGEST_TILE**2:
            raise BitstreamError(f"a picture of {header.width}x{header.height} without tiles is not supported")
    elif not SMALLEST_TILE <= tiles.size <= LARGEST_TILE or 2 * tiles.overlap > tiles.size:
        raise BitstreamError(
            f"tiles of {tiles.size} that overlap by {tiles.overlap} are not supported: {SMALLEST_TILE} to {LARGEST_TILE}, half overlapped"
        )
