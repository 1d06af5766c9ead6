"""Picture and tool header there and back, field by field, and what is no valid header."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from jpegai_ref.errors import BitstreamError
from jpegai_ref.levels import BOP, HOP, SOP, level_for
from jpegai_ref.picture_header import ComponentHeader, PictureHeader, QualityMap, Tiling
from jpegai_ref.picture_header_syntax import read_picture_header, write_picture_header

from tests.jpegai_ref.headers import picture_headers

PLAIN = PictureHeader(
    width=560,
    height=888,
    model_id=1,
    luma=ComponentHeader(128),
    chroma=ComponentHeader(64),
    level_idc=12,
    transforms=(BOP,),
    decoder_profile=1,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(picture_headers())
def test_a_header_comes_back(header: PictureHeader) -> None:
    assert read_picture_header(write_picture_header(header)) == header


def test_the_bits_of_a_header_are_in_the_order_of_the_standard() -> None:
    bits = (
        "0000 0001 0000 0001 00001100"  # profiles, one transform: BOP, level 12
        "0000000111110000 0000001100111000 000000 000000"  # 560 - 64, 888 - 64, no reduction
        "000 0 0 0 0 01 0001"  # 8 bits, 4:4:4 in both, BT.709, model 1
        "0 100000000000 0 0"  # one thread, displacement 0, no regions, one displacement
        "0 10000000 0 0 0 0"  # luma: one thread, 128 channels, no cube flags, scaling, tiles
        "0 01000000 0 0 0 0"  # chroma: 64 channels
        "0"  # no quality map
    ).replace(" ", "")
    written = write_picture_header(PLAIN)
    assert len(written) == 16
    assert f"{int.from_bytes(written, 'big'):0128b}" == bits.ljust(128, "0")


def test_cube_flags_go_in_groups_of_eight() -> None:
    """560x888: 4 x 4 x 3 flags = 6 groups; one flag of 0 costs its group 8 bits more."""
    flags = [True] * 48
    flags[13] = False
    header = replace(PLAIN, luma=replace(PLAIN.luma, may_skip=tuple(flags)))
    bits = f"{int.from_bytes(write_picture_header(header), 'big'):0b}"
    assert "0111111011" not in bits[:50]
    assert len(write_picture_header(header)) == 18
    assert read_picture_header(write_picture_header(header)) == header


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"width": 63}, "not within"),
        ({"height": 65600}, "not within"),
        ({"reduction": (64, 0)}, "smaller"),
        ({"level_idc": 62}, "no level"),
        ({"level_idc": 13}, "no level"),
        ({"width": 4096, "height": 4096}, "does not allow 4096x4096"),
        ({"level_idc": 10}, "does not allow model 1"),
        ({"model_id": 4}, "does not allow model 4"),
        ({"bit_depth": 9}, "bit depth"),
        ({"source_subsampling": (2, 2), "colour_transform": 0}, "cannot be coded"),
        ({"source_subsampling": (2, 2), "coded_subsampling": (2, 2)}, "no subsampled planes"),
        ({"colour_transform": 2}, "not supported"),
        ({"decoder_profile": 3}, "no decoder profile"),
        ({"decoder_profile": 0}, "does not allow BOP"),
        ({"transforms": (HOP,)}, "does not allow HOP"),
        ({"transforms": ()}, "no list"),
        ({"transforms": (BOP, SOP, BOP)}, "no list"),
        ({"transforms": (BOP, 3)}, "no list"),
        ({"hyper_threads": 3}, "threads"),
        ({"displacement": 2048}, "not within"),
        ({"chroma_displacement": -2049}, "not within"),
        ({"quality_map": QualityMap(1, 7)}, "distribution 7"),
        ({"quality_map": QualityMap(5, 8)}, "threads"),
        ({"luma": ComponentHeader(256)}, "256 channels"),
        ({"luma": ComponentHeader(128, threads=6)}, "6 threads"),
        ({"chroma": ComponentHeader(64, may_skip=(True,))}, "1 cube flags, not 48"),
        ({"chroma": ComponentHeader(2, channel_scales=(True,))}, "1 flags"),
        ({"luma": ComponentHeader(128, tiling=Tiling(1000, 64))}, "tiles of 1000"),
        ({"luma": ComponentHeader(128, tiling=Tiling(64, 64))}, "overlap by 64"),
    ],
)
def test_a_header_that_cannot_be_is_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        replace(PLAIN, **change)


def with_bits(position: int, bits: str) -> bytes:
    written = f"{int.from_bytes(write_picture_header(PLAIN), 'big'):0128b}"
    return int(written[:position] + bits + written[position + len(bits) :], 2).to_bytes(16, "big")


@pytest.mark.parametrize(
    ("position", "bits", "reason"),
    [
        (0, "0001", "stream profile 1"),
        (4, "0011", "no decoder profile 3"),
        (12, "0111", "no list"),
        (16, "00000000", "no level 0"),
        (68, "101", "no bit depth"),
        (75, "10", "colour transform 2"),
        (77, "0100", "model 4"),
        (94, "1", "has at most 4x2 regions"),
        (123, "1", "not zero"),
    ],
)
def test_a_header_with_a_wrong_field_is_refused(position: int, bits: str, reason: str) -> None:
    with pytest.raises(BitstreamError, match=reason):
        read_picture_header(with_bits(position, bits))


def test_a_header_that_ends_early_or_late_is_refused() -> None:
    written = write_picture_header(PLAIN)
    for size in range(len(written)):
        with pytest.raises(BitstreamError):
            read_picture_header(written[:size])
    with pytest.raises(BitstreamError, match="left over"):
        read_picture_header(written + b"\0")


def test_levels_by_size_and_model() -> None:
    assert level_for(1920 * 1080, 2) == 10
    assert level_for(8160 * 6120, 3) == 31
    assert level_for(398_131_200, 0) == 52
    with pytest.raises(ValueError, match="no level"):
        level_for(398_131_201, 0)
