"""All of a picture that does not depend on the rate: latents, hyper-latents, their bytes, predictions, sigma indices.

picture -- [repeated to 64 samples] -- tiles -- colour -- analysis -- y -- HyperEncoder -- z -- SOZ bytes
                                                                        z -- sigma index, psi
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jpegai_ref.adaptive_quantisation import adaptive_map
from jpegai_ref.channel_prefix import ChannelPrefix
from jpegai_ref.coder import Coder
from jpegai_ref.colour import PEAK, analysis_input, samples_from_codes, ycc_from_rgb
from jpegai_ref.entropy import encode_hyper
from jpegai_ref.exact import HYPER_STRIDE, ExactComponent
from jpegai_ref.hyper import hyper_symbols
from jpegai_ref.model import Hyperprior
from jpegai_ref.parallel import CPU, in_parallel
from jpegai_ref.picture import Picture, extended
from jpegai_ref.picture_header import LATENT_STRIDE, SMALLEST_SIDE
from jpegai_ref.quality_map import Qps, check_map, combined
from jpegai_ref.region_tiles import Tile, merged, predictions, tiles_of
from jpegai_ref.regions import Regions
from jpegai_ref.tiling import ANALYSIS_TILES, Span, spans

SAMPLES_PER_THREAD = 512 * 1024
MOST_THREADS = 8


@dataclass(frozen=True, eq=False)
class AnalysedComponent:
    """Latent y (1, C, h, w) and for each region the prediction psi (1, 4C, h2, w2), float32; z (C, hz, wz) int8; sigma index (C, h, w)
    int32."""

    y: Tensor
    psi: tuple[Tensor, ...]
    z: NDArray[np.int8]
    sigma_index: NDArray[np.int32]
    channels: int
    """Of the latent that are coded, the first."""


@dataclass(frozen=True, eq=False)
class Analysed:
    """A picture, `extended` to the smallest coded size, ready to be quantised at any rate."""

    picture: Picture
    """As it is coded."""
    display_size: tuple[int, int]
    """Width and height of the picture that was given."""
    luma: AnalysedComponent
    chroma: AnalysedComponent | None
    """None for a grey picture."""
    hyper: bytes
    """Payload of SOZ."""
    threads: int
    """Of hyper-latents."""
    interest: Qps | None = None
    """The quality map that is asked for, see `region_of_interest`."""
    regions: Regions | None = None
    """Into which the picture is divided."""
    entropy_threads: int | None = None
    """Of each payload, if a number was asked for."""

    @cached_property
    def adaptive_map(self) -> Qps:
        """The quality map of `adaptive_quantisation`."""
        picture = self.picture
        return adaptive_map(picture.height, lambda rows: planes_of(picture, rows, slice(0, picture.width), CPU)[0][0, 0].numpy())

    def quality_map(self, adaptive: bool) -> Qps | None:
        """The one that was asked for, and added to it, where that is on, the adaptive one. None where it is 0 everywhere."""
        maps = [*([] if self.interest is None else [self.interest]), *([self.adaptive_map] if adaptive else [])]
        return combined(maps)

    @property
    def samples(self) -> int:
        """Of luma, in the picture that was given."""
        return self.display_size[0] * self.display_size[1]

    @property
    def tiles(self) -> tuple[Tile, ...]:
        """Of hyper-decoder and context model."""
        return tiles_of(self.regions, self.picture.height, self.picture.width)

    @property
    def residual_threads(self) -> int:
        """Of each payload of residuals: by the largest region where nothing was asked for."""
        return self.entropy_threads or max(stream_threads(tile.region.width, tile.region.height) for tile in self.tiles)

    def limited(self, prefix: ChannelPrefix) -> Analysed:
        """The picture of which only so many channels will be coded. Raises ChannelsMissing where there are fewer."""
        luma, chroma = prefix.counts(self.luma.channels, self.chroma.channels if self.chroma else 0)
        limited = replace(self.chroma, channels=chroma) if self.chroma else None
        return replace(self, luma=replace(self.luma, channels=luma), chroma=limited)


def stream_threads(width: int, height: int) -> int:
    """Into how many substreams a picture's symbols are dealt, so that as many threads can decode them."""
    threads = 1
    while threads < MOST_THREADS and 2 * threads * SAMPLES_PER_THREAD <= width * height:
        threads *= 2
    return threads


def analysed(
    coder: Coder, picture: Picture, interest: Qps | None = None, regions: Regions | None = None, entropy_threads: int | None = None
) -> Analysed:
    """Analysis of a picture that is to be coded with a quality map, divided into regions, each payload dealt out to 1, 2, 4, 8 or 16
    threads; None: see `stream_threads`. The result does not depend on the number of PyTorch's threads.

    Raises ValueError where `interest` is no quality map of the size that is coded, at least 4x4, or the picture cannot be divided into
    these regions."""
    coded = extended(picture, max(picture.height, SMALLEST_SIDE), max(picture.width, SMALLEST_SIDE))
    if interest is not None:
        check_map(interest, (-(-coded.height // LATENT_STRIDE), -(-coded.width // LATENT_STRIDE)))
    tiles = tiles_of(regions, coded.height, coded.width)
    alone = tiles if regions is not None and regions.independent else tiles_of(None, coded.height, coded.width)
    threads = entropy_threads or stream_threads(coded.width, coded.height)
    y_luma, y_chroma = _latents(coder, coded)
    parts = [(coder.model.luma_prior, coder.exact.luma, y_luma)]
    if coded.colour != "grey":
        parts.append((coder.model.chroma_prior, coder.exact.chroma, y_chroma))
    luma, *others = in_parallel([partial(_component, coder, *part, tiles, alone) for part in parts], coder.device)
    chroma = others[0] if others else None
    chroma_z = _cheapest(coder, coded) if chroma is None else chroma.z
    hyper = encode_hyper(coder.exact.hyper, luma.z, chroma_z, threads)
    return Analysed(coded, (picture.width, picture.height), luma, chroma, hyper, threads, interest, regions, entropy_threads)


def _latents(coder: Coder, picture: Picture) -> tuple[Tensor, Tensor]:
    """y of luma and chroma, (1, C, h, w) each, tile by tile."""
    dimensions = coder.model.dimensions
    size = -(-picture.height // LATENT_STRIDE), -(-picture.width // LATENT_STRIDE)
    luma, chroma = (torch.empty(1, channels, *size, device=coder.device) for channels in (dimensions.luma_latent, dimensions.chroma_latent))

    def analyse(rows: Span, columns: Span) -> None:
        parts = coder.model.analyse(*analysis_input(*planes_of(picture, rows.computed, columns.computed, coder.device)))
        for whole, part in zip((luma, chroma), parts, strict=True):
            whole[..., _kept(rows, 0), _kept(columns, 0)] = part[..., _kept(rows, rows.start), _kept(columns, columns.start)]

    tiles = product(spans(picture.height, ANALYSIS_TILES), spans(picture.width, ANALYSIS_TILES))
    in_parallel([partial(analyse, *tile) for tile in tiles], coder.device)
    return luma, chroma


def _kept(span: Span, origin: int) -> slice:
    """The latents that a span is kept for, counted from that of sample `origin`."""
    return slice((span.keep_start - origin) // LATENT_STRIDE, -(-(span.keep_stop - origin) // LATENT_STRIDE))


def planes_of(picture: Picture, rows: slice, columns: slice, device: torch.device) -> tuple[Tensor, Tensor]:
    """Luma (1, 1, h, w) and chroma (1, 2, h or h/2, w or w/2) of a part, in [0, 255]; chroma of a grey picture is neutral.

    Rows and columns are those of luma, from a place where chroma has a sample too."""
    parts = []
    for index, plane in enumerate(picture.planes):
        vertical, horizontal = picture.subsampling if index else (1, 1)
        window = (
            slice(rows.start // vertical, -(-rows.stop // vertical)),
            slice(columns.start // horizontal, -(-columns.stop // horizontal)),
        )
        codes = torch.from_numpy(plane[window].astype(np.int32)).to(device)
        parts.append(samples_from_codes(codes, picture.bit_depth))
    if picture.colour == "rgb":
        ycc = ycc_from_rgb(torch.stack(parts))[None]
        return ycc[:, :1], ycc[:, 1:]
    luma = parts[0][None, None]
    chroma = torch.full_like(luma, PEAK / 2).repeat(1, 2, 1, 1) if picture.colour == "grey" else torch.stack(parts[1:])[None]
    return luma, chroma


def _component(
    coder: Coder, prior: Hyperprior, exact: ExactComponent, y: Tensor, tiles: Sequence[Tile], alone: Sequence[Tile]
) -> AnalysedComponent:
    """`alone` are the tiles whose hyper-latents are computed apart."""
    parts = [hyper_symbols(prior.encoder(y[..., *tile.region.window(LATENT_STRIDE)].contiguous())) for tile in alone]
    z = merged(parts, alone, HYPER_STRIDE)[0].to(torch.int8).cpu().numpy()
    psi = predictions(prior, z, tiles, coder.device)
    height, width = y.shape[-2:]
    return AnalysedComponent(y, psi, z, exact.scale_decoder.sigma_index(z, height, width), len(z))


def _cheapest(coder: Coder, picture: Picture) -> NDArray[np.int8]:
    """Hyper-latents for a component that is not coded."""
    size = -(-picture.height // HYPER_STRIDE), -(-picture.width // HYPER_STRIDE)
    return np.zeros((coder.model.dimensions.chroma_latent, *size), np.int8)
