"""Damaged and hostile files end in BitstreamError or in symbols, in bounded time and memory."""

from __future__ import annotations

import random
import resource
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from jpegai_ref.chroma_grid import ChromaGrid
from jpegai_ref.codestream import read_codestream, write_codestream
from jpegai_ref.efe_linear_header import LinearFilter
from jpegai_ref.efe_nonlinear_header import Correction, Masks, NonlinearFilter, mask_shape, tile_count
from jpegai_ref.errors import BitstreamError
from jpegai_ref.exact import ExactModel, decode_symbols
from jpegai_ref.markers import Marker, read_substreams, write_substreams
from jpegai_ref.picture_header import LARGEST_SIDE, PictureHeader
from jpegai_ref.picture_header_syntax import write_picture_header
from jpegai_ref.probe import probe
from jpegai_ref.regions import Regions
from jpegai_ref.tool_header import Enhancement, ToolHeader

from tests.jpegai_ref.filter_headers import random_set
from tests.jpegai_ref.small_exact import file_of, header, model, symbols_for, with_cube_flags

SPREAD, PEAKED = model(), model(peaked=True)


def with_scaling(plain: PictureHeader) -> PictureHeader:
    """RVS and CWG in both components."""
    flags = (True, False, False, True)
    luma, chroma = replace(plain.luma, rvs=True, channel_scales=flags * 2), replace(plain.chroma, rvs=True, channel_scales=flags)
    return replace(plain, luma=luma, chroma=chroma)


def filters_of(plain: PictureHeader) -> Enhancement:
    """Both filters of chroma, with masks."""
    grid = ChromaGrid.of(plain.height, plain.width, plain.source_subsampling)
    sets = [random_set(np.random.default_rng(seed), seed, 2) for seed in (0, 7)]
    tile, shape = (64, 192), mask_shape(80, grid)
    count = tile_count(tile, grid)
    correction = Correction(tile, (50,) * count, (20_000,) * count, None, tuple(range(32_000, 32_000 + 8 * count)))
    masks = Masks(80, shape, bytes(shape[0] * shape[1]), None)
    return Enhancement(LinearFilter((12_700, 12_800), *sets), NonlinearFilter(correction, masks))


def divided() -> tuple[PictureHeader, PictureHeader]:
    """With independent and with dependent regions."""
    tall = with_cube_flags(header(72, 280, threads=2), 0.7)
    return replace(tall, regions=Regions(2, 1)), replace(tall, regions=Regions(2, 1, False, 1, 3))


def files() -> list[tuple[ExactModel, bytes]]:
    """Streams of several kinds, each with the model that decodes it."""
    plain = header()
    kinds = (plain, header(threads=4), with_cube_flags(plain, 0.7), replace(plain, displacement=-2000), header(64, 64, threads=16))
    found = []
    for exact, spread in ((SPREAD, 4.0), (PEAKED, 0.05)):
        for number, one in enumerate((*kinds, with_scaling(header(160, 200)), *divided())):
            tools = ToolHeader(number > 2, number > 3, 3, filters_of(one) if number % 2 else Enhancement())
            found.append((exact, file_of(exact, one, symbols_for(exact, one, spread=spread), tools)))
    return found


def mutated(data: bytes, choice: random.Random) -> bytes:
    """One to four changes: bits, bytes, cuts, copies, markers."""
    changed = bytearray(data)
    for _ in range(choice.randint(1, 4)):
        place = choice.randrange(len(changed)) if choice.random() < 0.5 else choice.randrange(min(40, len(changed)))
        kind = choice.randrange(7)
        if kind < 2:
            changed[place] ^= 1 << choice.randrange(8)
        elif kind == 2:
            changed[place] = choice.choice([0, 255, choice.randrange(256)])
        elif kind == 3:
            del changed[place : place + choice.randint(1, 8)]
        elif kind == 4:
            changed[place:place] = choice.randbytes(choice.randint(1, 8))
        elif kind == 5:
            start = choice.randrange(len(changed))
            changed[place : place + 4] = changed[start : start + 4]
        else:
            changed[place : place + 2] = choice.choice(list(Marker)).to_bytes(2, "big")
        if not changed:
            return b""
    return bytes(changed)


def mutated_inside(data: bytes, choice: random.Random) -> bytes:
    """A change of one substream in a container that stays whole, so that the coder sees it."""
    parts = {marker: list(map(bytes, contents)) for marker, contents in read_substreams(data).items()}
    contents = parts[choice.choice(list(parts))]
    place = choice.randrange(len(contents))
    contents[place] = mutated(contents[place], choice)
    return write_substreams(parts)


def mutations(count: int) -> Iterator[tuple[ExactModel, bytes]]:
    choice = random.Random(2024)
    sources = files()
    for number in range(count):
        exact, data = sources[number % len(sources)]
        yield exact, (mutated if number % 3 else mutated_inside)(data, choice)


def survive(count: int) -> tuple[int, float]:
    """How many files were decoded, and the longest time for one in seconds of the processor."""
    decoded, longest = 0, 0.0
    messages: set[str] = set()
    for exact, data in mutations(count):
        start = time.process_time()
        try:
            probe(data)
            decode_symbols(exact, read_codestream(data))
            decoded += 1
        except BitstreamError as error:
            messages.add(str(error))
        longest = max(longest, time.process_time() - start)
    assert all(message and "\n" not in message for message in messages)
    assert len(messages) > 20
    return decoded, longest


def test_thousands_of_damaged_files() -> None:
    decoded, longest = survive(3000)
    assert 0 < decoded < 3000
    assert longest < 10


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_twenty_thousand_damaged_files() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    decoded, longest = survive(20_000)
    assert 0 < decoded < 20_000
    assert longest < 10
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1 << 20  # KiB


def test_every_truncation() -> None:
    exact, data = files()[0]
    for size in range(len(data)):
        with pytest.raises(BitstreamError):
            decode_symbols(exact, read_codestream(data[:size]))


@pytest.mark.parametrize("exact", [SPREAD, PEAKED], ids=["spread", "peaked"])
def test_a_huge_picture_in_a_small_file_takes_neither_time_nor_memory(exact: ExactModel) -> None:
    """Refused by the bytes of hyper-latents that they would need, or by a limit of samples; the narrow one, for little, when they end."""
    plain = header()
    data = file_of(exact, plain, symbols_for(exact, plain, spread=0.05))
    parts = {marker: list(map(bytes, contents)) for marker, contents in read_substreams(data).items()}
    for width, height in ((8192, 8192), (LARGEST_SIDE, 6000), (64, LARGEST_SIDE)):
        parts[Marker.PIH] = [write_picture_header(replace(plain, width=width, height=height))]
        start = time.process_time()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(BitstreamError, match=r"too few|samples|too early"):
            decode_symbols(exact, read_codestream(write_substreams(parts)))
        assert time.process_time() - start < 1
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


@pytest.mark.parametrize("seed", range(24))
def test_noise_as_payloads(seed: int) -> None:
    noise = np.random.default_rng(seed)
    exact, data = files()[seed % len(files())]
    stream = read_codestream(data)
    luma, chroma = (tuple(noise.bytes(int(noise.integers(0, 400))) for _ in stream.header.parts) for _ in range(2))
    changed = replace(stream, luma=luma, chroma=chroma)
    with pytest.raises(BitstreamError):
        decode_symbols(exact, read_codestream(write_codestream(changed)))
