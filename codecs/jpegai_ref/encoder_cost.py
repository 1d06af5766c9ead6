"""What it costs to encode a picture of a given size, at one setting: tiles that overlap and sizes that are rounded up included.

Counted as in `complexity`. What an encoder finds by trial (filters behind the synthesis, RDLR) has no formula: it depends on the picture.
PyTorch is not imported.
"""

from __future__ import annotations

from itertools import product

from jpegai_ref.complexity import encoder, macs, networks
from jpegai_ref.decoder_cost import HYPER, entropy_macs
from jpegai_ref.dimensions import COMPACT, Dimensions
from jpegai_ref.picture_header import SMALLEST_SIDE
from jpegai_ref.tiling import ANALYSIS_TILES, spans

ANALYSIS = "analysis"


def encoder_macs(width: int, height: int, dimensions: Dimensions = COMPACT) -> dict[str, int]:
    """MACs of each part with tools off: analysis tile by tile, hyper-encoders and what the decoder will run ahead of the synthesis."""
    coded_width, coded_height = max(width, SMALLEST_SIDE), max(height, SMALLEST_SIDE)
    layers = networks(dimensions)
    analysis = [*layers["luma analysis"], *layers["chroma analysis"]]
    hyper = [*layers["luma hyper-encoder"], *layers["chroma hyper-encoder"]]
    tiles = product(spans(coded_height, ANALYSIS_TILES), spans(coded_width, ANALYSIS_TILES))
    entropy = entropy_macs(width, height, dimensions)
    return {
        ANALYSIS: sum(macs(analysis, rows.stop - rows.start, columns.stop - columns.start) for rows, columns in tiles),
        **entropy,
        HYPER: entropy[HYPER] + macs(hyper, coded_height, coded_width),
    }


def encoder_parameters(dimensions: Dimensions = COMPACT) -> int:
    """Of the networks that encode a picture with tools off."""
    return encoder(dimensions).parameters
