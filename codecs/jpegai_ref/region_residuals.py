"""Residual symbols of a component, region by region: each begins the coder anew."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from jpegai_ref.entropy import decode_residual, encode_residual
from jpegai_ref.errors import BitstreamError
from jpegai_ref.picture_header import LATENT_STRIDE, ComponentHeader
from jpegai_ref.region_payloads import Payloads
from jpegai_ref.regions import Region
from jpegai_ref.scales import Scales


class RegionMissing(BitstreamError):
    """An independent region is not in the stream."""


def encode_regions(regions: Sequence[Region], symbols: NDArray[np.int16], scales: Scales, component: ComponentHeader) -> tuple[bytes, ...]:
    """The payload of every region, from the symbols (coded channels, h, w) of the picture. Raises ValueError as `encode_residual`."""
    coded, distribution = scales.coded(component.may_skip), scales.distribution()
    windows = [(slice(None), *region.window(LATENT_STRIDE)) for region in regions]
    return tuple(encode_residual(symbols[window], coded[window], distribution[window], component.threads) for window in windows)


def decode_regions(
    regions: Sequence[Region], payloads: Payloads, scales: Scales, component: ComponentHeader, symbols: NDArray[np.int16], workers: int
) -> None:
    """Fills `symbols` (channels, h, w), of the rectangle that the regions make up, from those of the picture's payloads: of all channels
    that are coded, or of fewer, the first.

    Raises BitstreamError where a payload is damaged, RegionMissing where there is none."""
    coded, distribution = scales.coded(component.may_skip), scales.distribution()
    # Of no channels there is nothing to read, be there a payload or not: a file may be cut off ahead of it.
    channels = len(symbols) if len(symbols) < max(len(coded), 1) else None
    first = regions[0].place
    for region in regions:
        payload = payloads[region.index]
        if payload is None:
            raise RegionMissing(f"region {region.index} is missing")
        rows, columns = Region(region.index, region.place.moved(-first.top, -first.left)).window(LATENT_STRIDE)
        window = slice(None), rows, columns
        symbols[window] = decode_residual(payload, coded[window], distribution[window], component.threads, workers, channels=channels)
