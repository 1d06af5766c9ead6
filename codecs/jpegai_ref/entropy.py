"""Coding of integer arrays by tANS in 1, 2, 4, 8 or 16 threads' substreams: residual symbols, and the hyper-latents of both components."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from jpegai_ref.bits import BitReader, BitWriter
from jpegai_ref.distributions import LEVELS, residual_bounds, residual_masses
from jpegai_ref.errors import BitstreamError
from jpegai_ref.picture_header import THREADS
from jpegai_ref.tans_loops import DECODED, EXHAUSTED, HYPER, OUT_OF_RANGE, RESIDUAL, decode_thread, encode_thread, gathered, scattered
from jpegai_ref.tans_tables import CodingTables, coding_tables

LARGEST_HYPER = 31
"""Hyper-latents are in -31..31."""
HYPER_SYMBOLS = 2 * LARGEST_HYPER + 1


@lru_cache(maxsize=1)
def residual_tables() -> CodingTables:
    """The tables of the 32 distributions of residual symbols."""
    return coding_tables(residual_masses(), 2 * residual_bounds() - 1)


def hyper_tables(frequencies: NDArray[np.int32]) -> CodingTables:
    """Tables for z from the frequencies (channels, 63) of -31..31 in each channel, positive int32; luma's channels first.

    Mass of 255/256 is shared in proportion; a symbol that gets none goes by the escape, which has the last unit.
    Raises ValueError for other shapes and for frequencies below 1.
    """
    if frequencies.ndim != 2 or frequencies.shape[1] != HYPER_SYMBOLS or frequencies.dtype != np.int32 or frequencies.min(initial=1) < 1:
        raise ValueError(f"frequencies of hyper-latents are positive int32 of shape (channels, {HYPER_SYMBOLS})")
    sums = np.cumsum(frequencies.astype(np.int64), axis=1)
    total = sums[:, -1:]
    ends = (sums * 255 + total // 2) // total
    masses = np.diff(ends, axis=1, prepend=0, append=256)
    return coding_tables(masses, np.full(len(frequencies), HYPER_SYMBOLS))


def encode_residual(symbols: NDArray[np.int16], coded: NDArray[np.bool_], distribution: NDArray[np.uint8], threads: int = 1) -> bytes:
    """The residual symbols (C, h, w) at the positions `coded`, each from its distribution (0..31). What is not coded must be 0.

    Raises ValueError where shapes or types differ, a skipped symbol is not 0, or a distribution is not in the table.
    """
    _check_shapes(coded, distribution, threads)
    if symbols.shape != coded.shape or symbols.dtype != np.int16:
        raise ValueError(f"residual symbols are int16 of shape {coded.shape}, not {symbols.dtype} of {symbols.shape}")
    values = symbols[coded]
    if np.count_nonzero(values) != np.count_nonzero(symbols):
        raise ValueError("a symbol that is skipped is not 0")
    rows = gathered(coded.ravel(), distribution.ravel())
    return _encode(residual_tables(), RESIDUAL, values, rows, residual_calls(coded, threads), threads)


def decode_residual(
    payload: bytes | memoryview,
    coded: NDArray[np.bool_],
    distribution: NDArray[np.uint8],
    threads: int = 1,
    workers: int = 1,
    *,
    channels: int | None = None,
) -> NDArray[np.int16]:
    """The residual symbols (C, h, w), int16, 0 where not `coded`. `workers` threads of this process share the stream's `threads`.

    channels  where it is given: only those of so many channels, the first, (channels, h, w). What lies behind them in the payload is not
              looked at; for 0 channels nothing is

    Raises BitstreamError where the payload is no such stream, ValueError as `encode_residual`.
    """
    _check_shapes(coded, distribution, threads)
    chosen = coded[:channels]
    if channels == 0:
        return np.zeros(chosen.shape, np.int16)
    rows, calls = gathered(coded.ravel(), distribution.ravel()), residual_calls(coded, threads)
    wanted = len(rows) if channels is None else int(np.count_nonzero(chosen))
    symbols, _ = _decode(residual_tables(), RESIDUAL, payload, rows, calls, threads, workers, wanted)
    return scattered(chosen.ravel(), symbols[:wanted]).reshape(chosen.shape)


def prefix_bits(payload: bytes | memoryview, coded: NDArray[np.bool_], distribution: NDArray[np.uint8], threads: int = 1) -> list[int]:
    """Bits of the payload that a decoder reads for the first 1, 2, ... calls (see `residual_calls`), all that goes with them included.

    Raises as `decode_residual`."""
    _check_shapes(coded, distribution, threads)
    rows, calls = gathered(coded.ravel(), distribution.ravel()), residual_calls(coded, threads)
    _, left = _decode(residual_tables(), RESIDUAL, payload, rows, calls, threads, 1, len(rows))
    return (8 * len(payload) - left.sum(axis=0)).tolist()


def channels_per_call(shape: tuple[int, ...], threads: int) -> int:
    """As few channels of a latent (C, h, w) as make a multiple of 4 * threads positions, or else all."""
    channels, height, width = shape
    return next((c for c in range(1, channels + 1) if height * width * c % (4 * threads) == 0), max(channels, 1))


def residual_calls(coded: NDArray[np.bool_], threads: int) -> NDArray[np.int64]:
    """End of each call of `channels_per_call`, counted in coded symbols."""
    if not len(coded):
        return np.zeros(0, np.int64)
    firsts = np.arange(0, len(coded), channels_per_call(coded.shape, threads))
    return np.add.reduceat(np.count_nonzero(coded, axis=(1, 2)), firsts).cumsum().astype(np.int64)


def encode_hyper(tables: CodingTables, luma: NDArray[np.int8], chroma: NDArray[np.int8], threads: int = 1) -> bytes:
    """The hyper-latents (C, hz, wz) of both components, -31..31, in one stream: luma first, a channel a call.

    Raises ValueError for values out of range and where the channels are not those of the tables.
    """
    rows, calls = _hyper_layout(tables, luma.shape, chroma.shape, threads)
    z = np.concatenate([luma.ravel(), chroma.ravel()])
    if z.dtype != np.int8 or np.abs(z.astype(np.int16)).max(initial=0) > LARGEST_HYPER:
        raise ValueError(f"hyper-latents are int8 in -{LARGEST_HYPER}..{LARGEST_HYPER}")
    return _encode(tables, HYPER, z.astype(np.int16) + np.int16(LARGEST_HYPER), rows, calls, threads)


def decode_hyper(
    tables: CodingTables, payload: bytes | memoryview, luma: tuple[int, ...], chroma: tuple[int, ...], threads: int = 1, workers: int = 1
) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """The hyper-latents of both components, int8, for their shapes (C, hz, wz).

    Raises BitstreamError where the payload is no such stream; before anything is allocated where it is too short for so many symbols, which
    bounds the size of the picture by the size of the file.
    """
    _check_channels(tables, luma, chroma, threads)
    counts = [luma[1] * luma[2]] * luma[0] + [chroma[1] * chroma[2]] * chroma[0]
    if tables.fewest_bits(counts, threads) > 8 * len(payload):
        raise BitstreamError(f"{len(payload)} bytes of hyper-latents are too few for a picture of this size")
    rows, calls = _hyper_layout(tables, luma, chroma, threads)
    symbols, _ = _decode(tables, HYPER, payload, rows, calls, threads, workers, len(rows))
    z = (symbols - LARGEST_HYPER).astype(np.int8)
    split = int(np.prod(luma))
    return z[:split].reshape(luma), z[split:].reshape(chroma)


def _hyper_layout(
    tables: CodingTables, luma: tuple[int, ...], chroma: tuple[int, ...], threads: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    _check_channels(tables, luma, chroma, threads)
    sizes = np.array([luma[1] * luma[2]] * luma[0] + [chroma[1] * chroma[2]] * chroma[0], np.int64)
    return np.repeat(np.arange(len(sizes), dtype=np.uint8), sizes), sizes.cumsum()


def _check_channels(tables: CodingTables, luma: tuple[int, ...], chroma: tuple[int, ...], threads: int) -> None:
    channels = len(tables.decoding)
    if len(luma) != 3 or len(chroma) != 3 or luma[0] + chroma[0] != channels or channels > 256:
        raise ValueError(f"shapes {luma} and {chroma} are not hyper-latents of {channels} channels")
    if threads not in THREADS:
        raise ValueError(f"a stream has {THREADS} threads, not {threads}")


def _check_shapes(coded: NDArray[np.bool_], distribution: NDArray[np.uint8], threads: int) -> None:
    if coded.ndim != 3 or coded.dtype != np.bool_ or distribution.shape != coded.shape or distribution.dtype != np.uint8:
        raise ValueError("what is coded is bool (C, h, w), and its distributions are uint8 of that shape")
    if distribution.max(initial=0) >= LEVELS:
        raise ValueError(f"there are {LEVELS} distributions")
    if threads not in THREADS:
        raise ValueError(f"a stream has {THREADS} threads, not {threads}")


def _encode(
    tables: CodingTables, kind: int, symbols: NDArray[np.int16], rows: NDArray[np.uint8], calls: NDArray[np.int64], threads: int
) -> bytes:
    parts = []
    for thread in range(threads):
        stream = np.empty(25 * (len(symbols) // threads + len(calls) + 1) // 8 + 8, np.uint8)
        arguments = (tables.starts, tables.states, tables.escapes, rows, calls, thread, threads, kind, symbols, stream)
        parts.append(stream[: encode_thread(*arguments)].tobytes())
    return joined(parts)


def _decode(
    tables: CodingTables,
    kind: int,
    payload: bytes | memoryview,
    rows: NDArray[np.uint8],
    calls: NDArray[np.int64],
    threads: int,
    workers: int,
    wanted: int,
) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
    """All symbols, of which the first so many that are `wanted` are decoded; bits that are left behind each call, (threads, calls)."""
    symbols = np.empty(len(rows), np.int16)
    left = np.zeros((threads, len(calls)), np.int64)

    def decode(thread: int, part: memoryview) -> int:
        words, size = _words(part)
        return decode_thread(tables.decoding, rows, calls, thread, threads, words, size, kind, wanted, left[thread], symbols)

    parts = separated(payload, threads)
    if min(workers, threads) == 1:
        statuses = list(map(decode, range(threads), parts))
    else:
        with ThreadPoolExecutor(min(workers, threads)) as pool:
            statuses = list(pool.map(decode, range(threads), parts))
    name = "residual symbols" if kind == RESIDUAL else "hyper-latents"
    for status in statuses:
        if status == EXHAUSTED:
            raise BitstreamError(f"the {name} end too early")
        if status == OUT_OF_RANGE:
            raise BitstreamError(f"an escape among the {name} is out of range")
        if status != DECODED:
            raise BitstreamError(f"the {name} do not end where their stream does")
    return symbols, left


def joined(parts: Sequence[bytes]) -> bytes:
    """The threads' bytes as one payload: n - 1 sizes, as differences to their mean, then the bytes."""
    writer = BitWriter()
    mean = sum(map(len, parts)) // len(parts)
    for part in parts[:-1]:
        writer.se(mean - len(part))
    return writer.aligned() + b"".join(parts)


def separated(payload: bytes | memoryview, threads: int) -> list[memoryview]:
    """The bytes of each thread, the reverse of `joined`. Raises BitstreamError where the sizes are not of this payload."""
    reader = BitReader(payload)
    differences = [reader.se() for _ in range(threads - 1)]
    body = reader.rest()
    sizes = [len(body) // threads - difference for difference in differences]
    sizes.append(len(body) - sum(sizes))
    if min(sizes) < 1:
        raise BitstreamError("sizes of threads do not fit in their payload")
    ends = np.cumsum([0, *sizes]).tolist()
    return [body[start:end] for start, end in pairwise(ends)]


def _words(part: memoryview) -> tuple[NDArray[np.uint32], int]:
    """The stream in words of 32 bits, and its size in bits: what is below the highest bit that is set."""
    if part[-1] == 0:
        raise BitstreamError("a thread's bytes do not end with their end mark")
    padded = np.zeros(-(-len(part) // 4) * 4, np.uint8)
    padded[: len(part)] = part
    return padded.view("<u4").astype(np.uint32, copy=False), 8 * (len(part) - 1) + part[-1].bit_length() - 1
