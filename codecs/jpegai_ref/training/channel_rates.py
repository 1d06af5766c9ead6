"""What each channel of a latent costs to code."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from jpegai_ref.coder import Coder
from jpegai_ref.codestream import read_codestream
from jpegai_ref.distributions import TOTAL_MASS, residual_bounds, residual_masses
from jpegai_ref.exact import decode_symbols
from jpegai_ref.tool_constants import MODELS
from jpegai_ref.training.fit_samples import Sample, coded

LARGEST_SHORT = 3
"""How far a magnitude may lie above the bound of its distribution to go by the short escape."""
SHORT_ESCAPE, LONG_ESCAPE = 1 + 3, 1 + 16
"""Bits behind the symbol of the escape."""


def channel_shares(coder: Coder, found: Sequence[Sample]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The share of each channel in the bits of luma (C,) and of chroma (c,), skipped positions costing none: means over the four models, so
    that none counts more for its higher rate, of what the samples cost together. Raises ValueError where no symbol is coded at all."""
    shares = []
    for model_id in range(MODELS):
        sums = [sum(parts) for parts in zip(*(_channel_bits(coder, sample, model_id) for sample in found), strict=True)]
        if not all(np.any(part) for part in sums):
            raise ValueError(f"model {model_id} codes no symbol in any crop")
        shares.append([part / part.sum() for part in sums])
    luma, chroma = (np.mean(parts, axis=0) for parts in zip(*shares, strict=True))
    return luma, chroma


def symbol_bits(symbols: NDArray[np.int16], distribution: NDArray[np.uint8]) -> NDArray[np.float64]:
    """-log2 of the mass of each symbol by its distribution (0..31), and what an escape takes besides; arrays of one shape."""
    values = symbols.astype(np.int64)
    beyond = np.abs(values) - residual_bounds()[distribution]
    escape = 2 * residual_bounds()[distribution] - 1
    position = np.minimum(np.where(values < 0, -2 * values - 1, 2 * values), escape)
    bits = -np.log2(residual_masses()[distribution, position] / TOTAL_MASS)
    escaped = np.where(beyond <= LARGEST_SHORT, SHORT_ESCAPE, LONG_ESCAPE)
    return np.where(position == escape, bits + escaped, bits)


def _channel_bits(coder: Coder, sample: Sample, model_id: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of luma and of chroma."""
    stream = read_codestream(coded(coder, sample, model_id).data)
    header, symbols = stream.header, decode_symbols(coder.exact, stream).symbols
    found = []
    for exact, part, displacement, z, residual in (
        (coder.exact.luma, header.luma, header.displacements[0], symbols.luma_z, symbols.luma),
        (coder.exact.chroma, header.chroma, header.displacements[1], symbols.chroma_z, symbols.chroma),
    ):
        scales = exact.scales(header, part, displacement, z)
        bits = np.where(scales.coded(part.may_skip), symbol_bits(residual, scales.distribution()), 0)
        found.append(bits.sum(axis=(1, 2)))
    return found[0], found[1]
