"""Damaged and hostile files end in BitstreamError or in symbols, in bounded time and memory."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from jpegai_ref.chroma_grid import ChromaGrid
from jpegai_ref.coder import Coder
from jpegai_ref.codestream import read_codestream, write_codestream
from jpegai_ref.decoder import decode
from jpegai_ref.efe_linear_header import LinearFilter
from jpegai_ref.efe_nonlinear_header import Correction, Masks, NonlinearFilter, mask_shape, tile_count
from jpegai_ref.eicci_header import EicciHeader, EicciTile
from jpegai_ref.encoder import Setting, encode
from jpegai_ref.errors import BitstreamError
from jpegai_ref.exact import ExactModel, Symbols, decode_symbols
from jpegai_ref.markers import Marker, read_substreams, write_substreams
from jpegai_ref.model import OPERATING_POINTS
from jpegai_ref.picture_header import LARGEST_SIDE, PictureHeader
from jpegai_ref.picture_header_syntax import write_picture_header
from jpegai_ref.regions import Regions
from jpegai_ref.tool_header import Enhancement, ToolHeader
from jpegai_ref.tools import FITTED, NO_TOOLS, Tools

from tests.jpegai_ref.damage import Source, mutations, survive
from tests.jpegai_ref.filter_headers import random_set
from tests.jpegai_ref.sample_pictures import grey, rgb, ycc
from tests.jpegai_ref.small_exact import file_of, header, model, symbols_for, with_cube_flags, with_quality_map

SPREAD, PEAKED = model(), model(peaked=True)
GIB = 1 << 30


def with_scaling(plain: PictureHeader) -> PictureHeader:
    """RVS and CWG in both components."""
    flags = (True, False, False, True)
    luma, chroma = replace(plain.luma, rvs=True, channel_scales=flags * 2), replace(plain.chroma, rvs=True, channel_scales=flags)
    return replace(plain, luma=luma, chroma=chroma)


def filters_of(plain: PictureHeader) -> Enhancement:
    """Both filters of chroma, with masks, and eICCI."""
    grid = ChromaGrid.of(plain.height, plain.width, plain.source_subsampling)
    sets = [random_set(np.random.default_rng(seed), seed, 2) for seed in (0, 7)]
    tile, shape = (64, 192), mask_shape(80, grid)
    count = tile_count(tile, grid)
    correction = Correction(tile, (50,) * count, (20_000,) * count, None, tuple(range(32_000, 32_000 + 8 * count)))
    masks = Masks(80, shape, bytes(shape[0] * shape[1]), None)
    eicci = EicciHeader(None, (EicciTile(True, False, True),))
    return Enhancement(LinearFilter((12_700, 12_800), *sets), NonlinearFilter(correction, masks), eicci)


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
        mapped, qps = with_quality_map(header(160, 200, threads=2), threads=2)
        found.append((exact, file_of(exact, mapped, symbols_for(exact, mapped, spread=spread, quality=qps), quality=qps)))
    return found


def small_sources() -> list[Source]:
    return [Source(data, partial(symbols_of, exact)) for exact, data in files()]


def symbols_of(exact: ExactModel, data: bytes) -> Symbols:
    return decode_symbols(exact, read_codestream(data)).symbols


def committed_sources(coder: Coder) -> list[Source]:
    """Pictures of every kind, small and at several rates, without tools and with all that the weights have, for each operating point. RDLR
    is of the encoder alone and not for quality maps."""
    every = replace(
        Tools(**{field.name: field.name not in FITTED or field.name in coder.available() for field in fields(Tools)}), rdlr=False
    )
    kinds = [
        (rgb(64, 64), Setting(1, 0), NO_TOOLS),
        (rgb(65, 70), Setting(3, 0), every),
        (ycc(64, 66, 10), Setting(0, 0), every),
        (grey(66, 64), Setting(2, 0), NO_TOOLS),
        (ycc(70, 64, 8, (1, 2)), Setting(2, 0), replace(every, rvs=False)),
        (rgb(1, 3, 16), Setting(3, 300), every),
        (rgb(70, 71), Setting(2, 100), replace(every, cwg=False, lef=False)),
    ]
    found = []
    for number, (picture, setting, tools) in enumerate(kinds):
        point = OPERATING_POINTS[number % len(OPERATING_POINTS)]
        found.append(Source(encode(coder, picture, setting, tools).data, partial(decode, coder, operating_point=point)))
    return found


@contextmanager
def memory_limit(more_bytes: int) -> Iterator[None]:
    """No more address space than there is now and `more_bytes`: what asks for more raises."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + more_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def check_survival(sources: Sequence[Source], count: int) -> None:
    survived = survive(mutations(sources, count))
    assert survived.decoded > 0
    assert survived.decoded + survived.refused == count
    assert len(survived.messages) > 20
    assert all(message and "\n" not in message for message in survived.messages)
    assert survived.longest_s < 10


def test_thousands_of_damaged_files() -> None:
    check_survival(small_sources(), 3000)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_twenty_thousand_damaged_files() -> None:
    with memory_limit(GIB):
        check_survival(small_sources(), 20_000)


def test_damaged_files_of_the_committed_weights(own_coder: Coder) -> None:
    """To samples, through the networks and filters."""
    sources = committed_sources(own_coder)
    with memory_limit(GIB):
        check_survival(sources, 400)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_twenty_thousand_damaged_files_of_the_committed_weights(own_coder: Coder) -> None:
    sources = committed_sources(own_coder)
    with memory_limit(GIB):
        check_survival(sources, 20_000)


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
