"""Regions of interest: masks, rectangles and levels, and the quality maps that are made of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jpegai_ref.picture import Picture
from jpegai_ref.pictures import PictureFileError, file_content
from jpegai_ref.region_of_interest import Levels, MaskFile, Rectangle, RectangleOutside, RegionError, parse_region, region_map

from tests.jpegai_ref.sample_pictures import ycc


def write_mask(path: Path, samples: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Path:
    path.write_bytes(file_content(path.suffix, Picture((samples,), 8, "grey")))
    return path


@given(st.integers(1, 150), st.integers(1, 150), st.integers(0, 2**32 - 1))
def test_a_position_is_inside_where_any_of_its_samples_is(height: int, width: int, seed: int) -> None:
    mask = np.random.default_rng(seed).random((height, width)) < 0.004
    found = region_map(mask, Levels(5, -2))
    assert found.shape == (-(-max(height, 64) // 16), -(-max(width, 64) // 16))
    assert found.dtype == np.int8
    for row, column in np.ndindex(found.shape):
        inside = mask[16 * row : 16 * row + 16, 16 * column : 16 * column + 16].any()
        assert found[row, column] == (5 if inside else -2)


def test_a_rectangle_is_a_mask() -> None:
    mask = Rectangle(16, 32, 33, 16).mask(100, 90)
    assert mask.sum() == 33 * 16
    assert mask[32:48, 16:49].all()
    expected = np.full((7, 6), -3)
    expected[2, 1:4] = 6
    assert region_map(mask).tolist() == expected.tolist()
    assert Rectangle(0, 0, 90, 100).mask(100, 90).all()


@pytest.mark.parametrize("mask", [np.zeros((3, 3), np.uint8), np.zeros((3, 3, 1), np.bool_), np.zeros((0, 3), np.bool_)])
def test_what_is_no_mask(mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> None:
    with pytest.raises(ValueError, match="a mask is bool"):
        region_map(mask)


def test_what_is_meant_by_a_text() -> None:
    assert parse_region("1,2,30,40") == Rectangle(1, 2, 30, 40)
    assert parse_region(" 1, 2 ,30, 40") == Rectangle(1, 2, 30, 40)
    for name in ("mask.png", "1.png", "a,b.png", "7", "./1,2"):
        assert parse_region(name) == MaskFile(Path(name))
    assert Levels.parse("8,-8") == Levels(8, -8)
    assert Levels.parse("0, -3") == Levels(0, -3)
    assert Levels() == Levels(6, -3)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1,2,3", "not X,Y,WIDTH,HEIGHT in whole numbers"),
        ("1,2,3,4,5", "not X,Y,WIDTH,HEIGHT"),
        ("1,2,3.5,4", "not X,Y,WIDTH,HEIGHT"),
        ("1,2,,4", "not X,Y,WIDTH,HEIGHT"),
        (",", "not X,Y,WIDTH,HEIGHT"),
        ("1,2,3,99999999999", "not X,Y,WIDTH,HEIGHT"),
        ("-1,2,3,4", "begins inside"),
        ("1,2,0,4", "at least one sample"),
        ("1,2,3,-4", "at least one sample"),
    ],
)
def test_what_is_no_rectangle(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_region(text)


@pytest.mark.parametrize(("text", "reason"), [("9,0", r"-8\.\.8"), ("0,-9", r"-8\.\.8"), ("6", "not INSIDE,OUTSIDE"), ("a,b", "not IN")])
def test_what_are_no_levels(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Levels.parse(text)


@pytest.mark.parametrize("rectangle", [Rectangle(0, 0, 91, 1), Rectangle(0, 0, 1, 101), Rectangle(90, 0, 1, 1), Rectangle(0, 100, 1, 1)])
def test_a_rectangle_beyond_the_picture_is_refused(rectangle: Rectangle) -> None:
    with pytest.raises(RectangleOutside, match=r"is not inside the picture of 90x100$"):
        rectangle.mask(100, 90)


@pytest.mark.parametrize("name", ["mask.png", "mask.pgm"])
def test_white_is_at_least_half_of_the_peak(tmp_path: Path, name: str) -> None:
    samples = np.array([[0, 127, 128, 255]], np.uint8)
    assert MaskFile(write_mask(tmp_path / name, samples)).mask(1, 4).tolist() == [[False, False, True, True]]


def test_a_mask_in_colour_is_white_where_every_colour_is(tmp_path: Path) -> None:
    planes = tuple(np.array([row], np.uint16) for row in ([512, 512, 1023, 0], [512, 511, 1023, 1023], [512, 512, 1023, 1023]))
    (tmp_path / "mask.ppm").write_bytes(file_content(".ppm", Picture(planes, 10, "rgb")))
    assert MaskFile(tmp_path / "mask.ppm").mask(1, 4).tolist() == [[True, False, True, False]]


def test_masks_that_cannot_be_used(tmp_path: Path) -> None:
    mask = MaskFile(write_mask(tmp_path / "mask.png", np.full((40, 30), 255, np.uint8)))
    with pytest.raises(RegionError, match=r"the mask mask.png has 30x40 samples, the picture 40x30$"):
        mask.mask(30, 40)
    write_mask(tmp_path / "mask.png", np.ones((40, 30), np.uint8))
    with pytest.raises(RegionError, match=r"the mask mask.png has no white, at least 128: there is no region"):
        mask.mask(40, 30)
    (tmp_path / "m_64x64_8bit_420.yuv").write_bytes(file_content(".yuv", ycc(64, 64)))
    with pytest.raises(RegionError, match="is Y'CbCr"):
        MaskFile(tmp_path / "m_64x64_8bit_420.yuv").mask(64, 64)
    (tmp_path / "rubbish").write_bytes(b"rubbish")
    with pytest.raises(PictureFileError, match="neither PNG"):
        MaskFile(tmp_path / "rubbish").mask(64, 64)
    with pytest.raises(FileNotFoundError):
        MaskFile(tmp_path / "none.png").mask(64, 64)
