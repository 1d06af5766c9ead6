"""The quality map: finer and coarser steps of the quantiser from place to place. Integers only, the same at encoder and decoder.

    q = round(clamp(r * gain * f / 16 * s / 128)),   r_hat = q * round(2^23 / s) / 2^16 / (f / 16) / gain       f = FACTORS of qp
    skip_scale = sigma index + gain_log + displacement + OFFSETS of qp                                          s: see `quantiser`

There is one qp in -8..8 for each position of the latent (16x16 samples), for all channels of luma and of chroma; 4 more halve the steps.
In the file (SOQ) a qp is its difference to the left one in the first row, to the upper one in the first column, elsewhere to
floor((left + upper) / 2), and the first is itself: row by row, by the coder of residual symbols, with one distribution, which the picture
header names.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from jpegai_ref.entropy import decode_residual, encode_residual, residual_tables
from jpegai_ref.errors import BitstreamError
from jpegai_ref.integer_loops import add_predictions
from jpegai_ref.picture_header import QUALITY_DISTRIBUTIONS, QualityMap

LOWEST_QP, HIGHEST_QP = -8, 8
UNIT = 16
FACTORS = (4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 23, 27, 32, 39, 46, 54, 64)
"""f of qp = -8..8: 2^(qp / 4) in 1/16, as the standard rounds it."""
OFFSETS = (-886, -775, -664, -554, -443, -332, -221, -111, 0, 111, 221, 332, 443, 554, 664, 775, 886)
"""What qp = -8..8 adds to the logarithm of sigma, in 1/128 level: round(128 * ln(2) / log_k * qp / 4), log_k as in `distributions`."""

Qps = NDArray[np.int8]
"""(h, w) of a latent, -8..8."""


def check_map(qps: Qps, size: tuple[int, int]) -> None:
    """Raises ValueError where this is no quality map of a latent of `size` (rows, columns)."""
    if qps.shape != size or qps.dtype != np.int8:
        raise ValueError(f"a quality map of this picture is int8 {size}, not {qps.dtype} {qps.shape}")
    if qps.min() < LOWEST_QP or qps.max() > HIGHEST_QP:
        raise ValueError(f"a quality map has values in {LOWEST_QP}..{HIGHEST_QP}")


def combined(maps: Sequence[Qps]) -> Qps | None:
    """The sum of maps of one picture, limited to -8..8; None where it is 0 everywhere, which needs no map."""
    if not maps:
        return None
    total = np.sum(maps, axis=0, dtype=np.int64)
    return np.clip(total, LOWEST_QP, HIGHEST_QP).astype(np.int8) if total.any() else None


def finest(qps: Qps | None) -> int:
    """The largest addition to skip_scale, 0 without a map: by so many displacements the finest position is finer than one of qp 0."""
    return 0 if qps is None else OFFSETS[int(qps.max()) - LOWEST_QP]


def factors(qps: Qps) -> NDArray[np.uint8]:
    """f of each position."""
    return np.array(FACTORS, np.uint8)[qps.astype(np.intp) - LOWEST_QP]


def sigma_offsets(qps: Qps) -> NDArray[np.int32]:
    """What is added to skip_scale at each position."""
    return np.array(OFFSETS, np.int32)[qps.astype(np.intp) - LOWEST_QP]


def differences(qps: Qps) -> NDArray[np.int16]:
    """Of each qp to its prediction."""
    wide = qps.astype(np.int16)
    predicted = np.zeros_like(wide)
    predicted[0, 1:] = wide[0, :-1]
    predicted[1:, 0] = wide[:-1, 0]
    predicted[1:, 1:] = (wide[1:, :-1] + wide[:-1, 1:]) >> 1
    return wide - predicted


def encode_map(qps: Qps, threads: int = 1) -> tuple[QualityMap, bytes]:
    """What the header says of a map, and the payload of SOQ, by the distribution that takes the fewest bytes.

    Raises ValueError as `check_map`."""
    check_map(qps, qps.shape)
    symbols = differences(qps)[None]
    payloads = {index: encode_residual(symbols, *_layout(qps.shape, index), threads) for index in QUALITY_DISTRIBUTIONS}
    distribution = min(payloads, key=lambda index: len(payloads[index]))
    return QualityMap(threads, distribution), payloads[distribution]


def decode_map(payload: bytes | memoryview, header: QualityMap, size: tuple[int, int], workers: int = 1) -> Qps:
    """The map of a latent of `size` (rows, columns); `workers` threads share the work.

    Raises BitstreamError where the payload is no such map; before anything is allocated where it is too short for this size.
    """
    tables = residual_tables()
    counts = [size[0] * size[1] if row == header.distribution else 0 for row in range(len(tables.free_runs))]
    if tables.fewest_bits(counts, header.threads) > 8 * len(payload):
        raise BitstreamError(f"{len(payload)} bytes of quality map are too few for a picture of this size")
    try:
        symbols = decode_residual(payload, *_layout(size, header.distribution), header.threads, workers)[0]
    except BitstreamError as error:
        raise BitstreamError(f"quality map: {error}") from error
    qps = np.empty(size, np.int8)
    if not add_predictions(symbols, HIGHEST_QP, qps):
        raise BitstreamError(f"the quality map has a value outside of {LOWEST_QP}..{HIGHEST_QP}")
    return qps


def _layout(size: tuple[int, ...], distribution: int) -> tuple[NDArray[np.bool_], NDArray[np.uint8]]:
    """What is coded, and how: a single channel (1, h, w), all of it."""
    return np.ones((1, *size), np.bool_), np.full((1, *size), distribution, np.uint8)
