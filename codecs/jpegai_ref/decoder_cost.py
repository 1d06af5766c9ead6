"""What it costs to decode a picture of a given size: tiles that overlap, sizes that are rounded up and filters of tools included.

Counted as in `complexity`, for pictures of three components of full size, per pixel of the picture as it is shown. Of the weights, what
a decoder of one operating point must have. PyTorch is not imported.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from typing import Final

from jpegai_ref.complexity import ENTROPY_DECODER, Layer, eicci_filter, macs, networks
from jpegai_ref.decoded_planes import parts
from jpegai_ref.dimensions import COMPACT, Dimensions
from jpegai_ref.eicci_geometry import BLOCK, CHROMA_WIDTHS, LUMA_WIDTHS, PART, around
from jpegai_ref.eicci_header import chosen_tiling, tile_cores
from jpegai_ref.picture_header import SMALLEST_SIDE
from jpegai_ref.tiling import spans, synthesis_tiles
from jpegai_ref.tools import Tools, tools_of_tensors

COUNTING: Final = (
    "one MAC is one multiplication, transposed convolutions count per input sample; EFE and eICCI as the most that a stream may ask for"
)

EFE_LINEAR: Final = [Layer(2 * (16 + 16), 0, 1)]
"""For U and for V 16 weights of chroma and 16 of luma."""
FILTERS: Final = {
    "lef": [Layer(3, 0, 1)],
    "efe-linear": EFE_LINEAR,
    "eicci": [*eicci_filter(LUMA_WIDTHS), *eicci_filter(CHROMA_WIDTHS)],
    "efe-nonlinear": [Layer(2 * (8 + 2 + 2), 0, 1)],
}
"""Multiplications of the tools behind the synthesis, on planes of full size. LEF: mean, centre, strength. EFE non-linear: for each plane
eight functions of luma, two weights of the alternative picture and the two shares of a mask. What scales latents is not counted, as gains
are not."""

_ENCODER_ONLY: Final = ("luma_analysis.", "chroma_analysis.", "luma_prior.encoder.", "chroma_prior.encoder.")


HYPER, CONTEXT, SYNTHESIS_LUMA, SYNTHESIS_CHROMA, OF_FILTERS = "hyper", "context", "synthesis luma", "synthesis chroma", "filters"
"""The parts of a decoder."""


def kmac_per_pixel(operating_point: str, tools: Tools, width: int, height: int, dimensions: Dimensions = COMPACT) -> float:
    """Thousands of MACs for each pixel of a picture of this size."""
    return sum(decoder_macs(operating_point, tools, width, height, dimensions).values()) / (width * height) / 1000


def decoder_macs(operating_point: str, tools: Tools, width: int, height: int, dimensions: Dimensions = COMPACT) -> dict[str, int]:
    """MACs of each part for a picture of this size.

    Networks ahead of the synthesis see the whole picture, the synthesis each of the tiles that the encoder asks for.
    """
    coded_width, coded_height = max(width, SMALLEST_SIDE), max(height, SMALLEST_SIDE)
    tiling, layers = synthesis_tiles(coded_width, coded_height), networks(dimensions)
    total = entropy_macs(width, height, dimensions)
    for part, component in ((SYNTHESIS_LUMA, "luma"), (SYNTHESIS_CHROMA, "chroma")):
        tiles = product(spans(coded_height, tiling), spans(coded_width, tiling))
        synthesis = _named(layers, (f"{operating_point} {component} ",))
        total[part] = sum(macs(synthesis, rows.stop - rows.start, columns.stop - columns.start) for rows, columns in tiles)
    return total | {OF_FILTERS: _filter_macs(tools, coded_height, coded_width)}


def entropy_macs(width: int, height: int, dimensions: Dimensions = COMPACT) -> dict[str, int]:
    """MACs of what encoder and decoder both run ahead of the synthesis: hyper-decoders with hyper-scale decoders, and context model."""
    layers, size = networks(dimensions), (max(height, SMALLEST_SIDE), max(width, SMALLEST_SIDE))
    hyper, context = (_named(layers, words) for words in (ENTROPY_DECODER[:2], ENTROPY_DECODER[2:]))
    return {HYPER: macs(hyper, *size), CONTEXT: macs(context, *size)}


def integer_macs(width: int, height: int, dimensions: Dimensions = COMPACT) -> int:
    """Those of them that are computed in integers, by compiled loops: of the hyper-scale decoders."""
    return macs(_named(networks(dimensions), (ENTROPY_DECODER[1],)), max(height, SMALLEST_SIDE), max(width, SMALLEST_SIDE))


def parameters(operating_point: str, tools: Tools, dimensions: Dimensions = COMPACT) -> int:
    """Of all networks that decode a picture: one of the sets of synthesis weights that the model ids share."""
    layers = [*_named(networks(dimensions), (*ENTROPY_DECODER, f"{operating_point} ")), *filter_layers(tools)]
    return sum(layer.parameters for layer in layers)


def integer_parameters(dimensions: Dimensions = COMPACT) -> int:
    """Of the networks that are computed in integers."""
    return sum(layer.parameters for layer in _named(networks(dimensions), (ENTROPY_DECODER[1],)))


def filter_layers(tools: Tools) -> list[Layer]:
    """Of the filters behind the synthesis that are switched on."""
    return [layer for name in tools.names for layer in FILTERS.get(name, ())]


def _filter_macs(tools: Tools, height: int, width: int) -> int:
    total = 0
    for name in tools.names:
        windows = _eicci_windows(height, width) if name == "eicci" else [(height, width)]
        total += sum(macs(FILTERS.get(name, ()), *window) for window in windows)
    if tools.efe_linear and tools.efe_nonlinear:
        # The alternative that is mixed in has weights of its own.
        total += macs(EFE_LINEAR, height, width)
    return total


def _eicci_windows(height: int, width: int) -> Iterator[tuple[int, int]]:
    """Sizes of what the networks see, one part of a tile after the other."""
    for core in tile_cores(chosen_tiling(height, width), height, width):
        for part in parts(core, *PART):
            window = around(part, height, width)
            yield -(-(window.bottom - window.top) // BLOCK) * BLOCK, -(-(window.right - window.left) // BLOCK) * BLOCK


def is_decoders(tensor: str, operating_point: str, tools: Tools) -> bool:
    """Whether a decoder of the operating point needs a tensor of the weights, for streams with these tools and any model id."""
    if tensor.startswith("synthesis."):
        return tensor.startswith(f"synthesis.{operating_point}.")
    of_tool = tools_of_tensors([tensor])
    return of_tool <= set(tools.names) if of_tool else not tensor.startswith(_ENCODER_ONLY)


def _named(layers: dict[str, list[Layer]], words: Iterable[str]) -> list[Layer]:
    words = tuple(words)
    return [layer for name, of_network in layers.items() if any(word in name for word in words) for layer in of_network]
