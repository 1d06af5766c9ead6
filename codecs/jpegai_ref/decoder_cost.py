"""What it costs to decode a picture of a given size: tiles that overlap, sizes that are rounded up and filters of tools included.

Counted as in `complexity`, for pictures of three components of full size, per pixel of the picture as it is shown. Of the weights, what
a decoder of one operating point must have. PyTorch is not imported.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Final

from jpegai_ref.complexity import ENTROPY_DECODER, Layer, macs, networks
from jpegai_ref.dimensions import COMPACT, Dimensions
from jpegai_ref.picture_header import SMALLEST_SIDE
from jpegai_ref.tiling import spans, synthesis_tiles
from jpegai_ref.tools import Tools, tools_of_tensors

COUNTING: Final = "one MAC is one multiplication, transposed convolutions count per input sample; EFE as the most that a stream may ask for"

FILTERS: Final = {
    "lef": [Layer(3, 0, 1)],
    "efe-linear": [Layer(2 * (16 + 16), 0, 1)],
    "efe-nonlinear": [Layer(2 * (8 + 2 + 2), 0, 1)],
}
"""Multiplications of the tools behind the synthesis, on planes of full size. LEF: mean, centre, strength. EFE linear: for U and for V 16
weights of chroma and 16 of luma. EFE non-linear: for each plane eight functions of luma, two weights of the alternative picture and the
two shares of a mask. What scales latents is not counted, as gains are not."""

_ENCODER_ONLY: Final = ("luma_analysis.", "chroma_analysis.", "luma_prior.encoder.", "chroma_prior.encoder.")


def kmac_per_pixel(operating_point: str, tools: Tools, width: int, height: int, dimensions: Dimensions = COMPACT) -> float:
    """Thousands of MACs for each pixel of a picture of this size.

    Networks ahead of the synthesis see the whole picture, the synthesis each of the tiles that the encoder asks for.
    """
    coded_width, coded_height = max(width, SMALLEST_SIDE), max(height, SMALLEST_SIDE)
    tiling, layers = synthesis_tiles(coded_width, coded_height), networks(dimensions)
    whole = [*_named(layers, ENTROPY_DECODER), *filter_layers(tools)]
    total = macs(whole, coded_height, coded_width)
    synthesis = _named(layers, (f"{operating_point} ",))
    for rows, columns in product(spans(coded_height, tiling), spans(coded_width, tiling)):
        total += macs(synthesis, rows.stop - rows.start, columns.stop - columns.start)
    return total / (width * height) / 1000


def parameters(operating_point: str, tools: Tools, dimensions: Dimensions = COMPACT) -> int:
    """Of all networks that decode a picture: one of the sets of synthesis weights that the model ids share."""
    layers = [*_named(networks(dimensions), (*ENTROPY_DECODER, f"{operating_point} ")), *filter_layers(tools)]
    return sum(layer.parameters for layer in layers)


def filter_layers(tools: Tools) -> list[Layer]:
    """Of the filters behind the synthesis that are switched on."""
    return [layer for name in str(tools).split("+") for layer in FILTERS.get(name, ())]


def is_decoders(tensor: str, operating_point: str, tools: Tools) -> bool:
    """Whether a decoder of the operating point needs a tensor of the weights, for streams with these tools and any model id."""
    if tensor.startswith("synthesis."):
        return tensor.startswith(f"synthesis.{operating_point}.")
    of_tool = tools_of_tensors([tensor])
    return of_tool <= set(str(tools).split("+")) if of_tool else not tensor.startswith(_ENCODER_ONLY)


def _named(layers: dict[str, list[Layer]], words: Iterable[str]) -> list[Layer]:
    words = tuple(words)
    return [layer for name, of_network in layers.items() if any(word in name for word in words) for layer in of_network]
