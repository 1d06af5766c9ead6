"""Tiles: they cover a picture once, and give what the whole picture gives, away from seams."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from jpegai_ref import analysed as analysis
from jpegai_ref.coder import Coder
from jpegai_ref.encoder import Setting, encode
from jpegai_ref.model import OperatingPoint
from jpegai_ref.picture_header import Tiling
from jpegai_ref.reconstruction import reconstructed
from jpegai_ref.tiling import ANALYSIS_TILES, SYNTHESIS_TILES, spans, synthesis_tiles

from tests.jpegai_ref.sample_pictures import rgb


@given(st.integers(1, 9000), st.sampled_from([ANALYSIS_TILES, SYNTHESIS_TILES, Tiling(256, 128), Tiling(272, 0)]))
def test_spans_keep_every_sample_once(length: int, tiles: Tiling) -> None:
    found = spans(length, tiles)
    assert found[0].start == found[0].keep_start == 0
    assert found[-1].stop == found[-1].keep_stop == length
    for span in found:
        assert span.start <= span.keep_start < span.keep_stop <= span.stop <= span.start + tiles.size
        assert span.start % 16 == 0
    for one, following in pairwise(found):
        assert one.keep_stop == following.keep_start
        assert one.keep_stop - following.start == one.stop - one.keep_stop == tiles.overlap // 2


def test_without_tiles_there_is_one_span() -> None:
    assert len(spans(5000, None)) == len(spans(1024, SYNTHESIS_TILES)) == 1


def test_pictures_of_more_than_a_megapixel_are_tiled() -> None:
    assert synthesis_tiles(1024, 1024) is None
    assert synthesis_tiles(1024, 1025) == Tiling(1024, 64)


def test_analysis_in_tiles_is_that_of_the_whole_picture(coder: Coder, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = rgb(379, 530)
    whole = analysis.analysed(coder, picture)
    monkeypatch.setattr(analysis, "ANALYSIS_TILES", Tiling(256, 128))
    tiled = analysis.analysed(coder, picture)
    assert whole.chroma
    assert tiled.chroma
    for one, other in ((whole.luma, tiled.luma), (whole.chroma, tiled.chroma)):
        # Floats are summed in another order in maps of another size.
        assert torch.allclose(one.y, other.y, rtol=0, atol=1e-4 * float(one.y.abs().max()))


@pytest.mark.parametrize("operating_point", ["sop", "bop"])
def test_synthesis_in_tiles_away_from_seams(coder: Coder, operating_point: OperatingPoint) -> None:
    """A sample of SOP and BOP depends on latents at most four away; HOP looks at all of a tile at once."""
    encoded = encode(coder, rgb(330, 530), Setting(1, 0))
    assert encoded.header.luma.tiling is None
    tiles = Tiling(256, 64)
    header = encoded.header
    tiled_header = replace(header, luma=replace(header.luma, tiling=tiles), chroma=replace(header.chroma, tiling=tiles))
    pictures = [reconstructed(coder, replace(encoded.quantised, header=each), operating_point) for each in (header, tiled_header)]
    difference = np.abs(np.stack(pictures[0].planes).astype(int) - np.stack(pictures[1].planes))
    near = np.zeros((330, 530), bool)
    for span in spans(330, tiles)[1:]:
        near[max(span.keep_start - 48, 0) : span.keep_start + 48] = True
    for span in spans(530, tiles)[1:]:
        near[:, max(span.keep_start - 48, 0) : span.keep_start + 48] = True
    assert difference[:, ~near].max() <= 1
    assert (~near).mean() > 0.2
    assert difference[:, near].max() > 0
