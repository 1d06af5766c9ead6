"""Decoding a stream whose regions are independent: region after region, or only those that are asked for.

bytes -- z of the picture -- for each region: scales, symbols, psi, context model, y_hat, synthesis, filters -- its place in the picture

Memory grows with the picture by z (a 64th of the samples each way) and the samples asked for, and by one region, or one for each thread
that works.
"""

from __future__ import annotations

from functools import partial

import torch

from jpegai_ref import exact
from jpegai_ref.canvas import Canvas
from jpegai_ref.channel_prefix import ChannelPrefix
from jpegai_ref.coder import Coder
from jpegai_ref.codestream import Codestream
from jpegai_ref.decoded_latents import quantised_picture
from jpegai_ref.model import OperatingPoint
from jpegai_ref.parallel import in_parallel
from jpegai_ref.picture import Picture
from jpegai_ref.picture_header import Tiling
from jpegai_ref.quantised_picture import colour_of, subsampling_of
from jpegai_ref.reconstruction import reconstruct
from jpegai_ref.region_residuals import RegionMissing
from jpegai_ref.regions import Region, frame_of
from jpegai_ref.tiling import spans


def decode_regions(
    coder: Coder,
    stream: Codestream,
    operating_point: OperatingPoint,
    regions: tuple[Region, ...],
    workers: int,
    prefix: ChannelPrefix,
    *,
    fill_missing: bool,
) -> Picture:
    """The smallest rectangle of the picture around some regions, which fill it. The samples do not depend on the number of threads.

    prefix        the channels whose symbols are decoded
    fill_missing  whether a region that is not in the stream, or a component of it, is left neutral; see `canvas`

    Raises BitstreamError where a payload is damaged, RegionMissing where one is missing, ChannelsMissing where the stream has fewer.
    """
    missing = [region for region in regions if stream.lacks(region)]
    if missing and not fill_missing:
        raise RegionMissing(f"region {missing[0].index} is missing" + (f", and {len(missing) - 1} more" if len(missing) > 1 else ""))
    header, grey = stream.header, stream.chroma is None
    hyper = exact.decode_hyper_latents(coder.exact, stream, workers)
    canvas = Canvas.empty(header, colour_of(header, grey), subsampling_of(header, grey), frame_of(regions))

    def decode_region(region: Region, workers: int) -> None:
        decoded = exact.decode_residuals(coder.exact, stream, hyper, workers, prefix=prefix, region=region)
        reconstruct(coder, quantised_picture(coder, stream, decoded, region), operating_point, canvas)

    for region in missing:
        canvas.leave_neutral(region.place)
    there = [region for region in regions if region not in missing]
    if len(there) > 1 and len(there) >= min(torch.get_num_threads(), _tiles_of_largest(there, header.luma.tiling)):
        in_parallel([partial(decode_region, region, 1) for region in there], coder.device)
    else:
        # More threads find work among the tiles of a region than among the regions.
        for region in there:
            decode_region(region, workers)
    return canvas.picture(*header.display_size)


def _tiles_of_largest(regions: list[Region], tiling: Tiling | None) -> int:
    return max((len(spans(region.height, tiling)) * len(spans(region.width, tiling)) for region in regions), default=0)
