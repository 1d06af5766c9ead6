"""What is on in every stream unless it is asked otherwise: the skip mode with its cube flags, and the threads of the entropy coder."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from jpegai_ref import entropy
from jpegai_ref.analysed import analysed
from jpegai_ref.coder import Coder
from jpegai_ref.codestream import read_codestream
from jpegai_ref.decoder import decode
from jpegai_ref.encoder import encode, encode_analysed
from jpegai_ref.picture_header import THREADS
from jpegai_ref.quality import setting_of
from jpegai_ref.regions import Regions
from jpegai_ref.tools import Tools

from tests.conftest import Command
from tests.jpegai_ref.conftest import refused
from tests.jpegai_ref.sample_pictures import digest, rgb

SETTING = setting_of(1400)


@pytest.mark.parametrize("others", ["", "rvs+lsbs"])
def test_without_skip_mode_every_position_is_coded(own_coder: Coder, others: str) -> None:
    picture = rgb(200, 264)
    plain = encode(own_coder, picture, SETTING, Tools.parse(others))
    off = encode(own_coder, picture, SETTING, Tools.parse("no-skip") | Tools.parse(others))
    for component in (off.header.luma, off.header.chroma):
        assert component.may_skip is not None
        assert not any(component.may_skip)
    assert np.count_nonzero(off.symbols[0]) > np.count_nonzero(plain.symbols[0])
    assert len(off.data) > len(plain.data)
    assert digest(decode(own_coder, off.data, "bop")) == digest(off.reconstruction(own_coder, "bop"))


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("size", [(8, 8), (100, 300)])
def test_entropy_threads_that_are_asked_for(own_coder: Coder, threads: int, size: tuple[int, int]) -> None:
    picture = rgb(*size)
    encoded = encode_analysed(own_coder, analysed(own_coder, picture, entropy_threads=threads), SETTING)
    header = read_codestream(encoded.data).header
    assert (header.luma.threads, header.chroma.threads, header.hyper_threads) == (threads,) * 3
    plain = encode(own_coder, picture, SETTING)
    assert all(np.array_equal(one, other) for one, other in zip(encoded.symbols, plain.symbols, strict=True))
    assert digest(decode(own_coder, encoded.data, "sop")) == digest(decode(own_coder, plain.data, "sop"))


def test_entropy_threads_of_independent_regions(own_coder: Coder) -> None:
    source = analysed(own_coder, rgb(140, 520), regions=Regions(1, 2), entropy_threads=4)
    encoded = encode_analysed(own_coder, source, SETTING)
    assert read_codestream(encoded.data).header.luma.threads == 4
    assert digest(decode(own_coder, encoded.data, "sop")) == digest(encoded.reconstruction(own_coder, "sop"))


def test_the_decoder_uses_as_many_as_pytorch_has(own_coder: Coder, counted_pools: list[int]) -> None:
    data = encode_analysed(own_coder, analysed(own_coder, rgb(100, 100), entropy_threads=4), SETTING).data
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            counted_pools.clear()
            decode(own_coder, data, "sop")
            # Hyper-latents, luma and chroma.
            assert counted_pools == ([] if threads == 1 else [2, 2, 2])
    finally:
        torch.set_num_threads(before)


@pytest.fixture
def counted_pools(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the pools of threads that the entropy decoder has started."""
    sizes: list[int] = []

    def pool(workers: int) -> ThreadPoolExecutor:
        sizes.append(workers)
        return ThreadPoolExecutor(workers)

    monkeypatch.setattr(entropy, "ThreadPoolExecutor", pool)
    return sizes


def test_the_command_line(jpegai: Command) -> None:
    for threads in ("1", "16"):
        assert jpegai("encode", "source.png", f"{threads}.jai", "--quality", "1400", "--entropy-threads", threads).status == 0
        assert jpegai("decode", f"{threads}.jai", f"{threads}.png", "--threads", "2").status == 0
        assert f"threads {threads}" in " ".join(jpegai("probe", f"{threads}.jai").out.split())
    assert jpegai("encode", "source.png", "off.jai", "--quality", "1400", "--tools", "no-skip").status == 0
    refused(
        jpegai("encode", "source.png", "a.jai", "--quality", "1400", "--entropy-threads", "3"), 2, "--entropy-threads", "'3' is not one of"
    )
