"""Picture files: what is read, what is written, what is refused."""

from __future__ import annotations

import io
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from jpegai_ref import pictures
from jpegai_ref.codestream import MOST_SAMPLES
from jpegai_ref.picture import Picture
from jpegai_ref.picture_colour import rgb_of
from jpegai_ref.pictures import PictureFileError, WrongSuffix, file_content, read_picture
from PIL import Image

from ctc.pixels import raw_name
from ctc.records import PixelFormat
from tests.jpegai_ref.sample_pictures import digest, grey, rgb, ycc


def through_a_file(picture: Picture, name: str, folder: Path) -> Picture:
    path = folder / name
    path.write_bytes(file_content(path.suffix, picture))
    return read_picture(path)


@pytest.mark.parametrize(
    ("picture", "name"),
    [
        (rgb(5, 7), "a.png"),
        (rgb(5, 7, 16), "a.png"),
        (grey(5, 7), "a.png"),
        (grey(5, 7, 16), "a.PNG"),
        (rgb(5, 7), "a.ppm"),
        (rgb(5, 7, 10), "a.ppm"),
        (grey(5, 7, 12), "a.pgm"),
        (ycc(6, 8, 10), raw_name("a", 8, 6, PixelFormat("yuv", "420", 10))),
        (ycc(6, 8, 10, (1, 1)), raw_name("a", 8, 6, PixelFormat("yuv", "444", 10))),
        (ycc(5, 7), "a_7x5_8bit_420.yuv"),
        (ycc(5, 7, 16, (1, 2)), "a_7x5_16bit_422.yuv"),
        (grey(5, 7), "a_7x5_8bit_400.yuv"),
    ],
)
def test_what_is_written_is_read(tmp_path: Path, picture: Picture, name: str) -> None:
    read = through_a_file(picture, name, tmp_path)
    assert digest(read) == digest(picture)
    assert (read.bit_depth, read.colour, read.subsampling) == (picture.bit_depth, picture.colour, picture.subsampling)


def test_pillow_reads_the_same(tmp_path: Path) -> None:
    picture = rgb(9, 11)
    for suffix in (".png", ".ppm"):
        (tmp_path / f"a{suffix}").write_bytes(file_content(suffix, picture))
        with Image.open(tmp_path / f"a{suffix}") as image:
            assert np.array_equal(np.moveaxis(np.asarray(image), -1, 0), np.stack(picture.planes))


def test_ten_bits_in_a_png_fill_sixteen(tmp_path: Path) -> None:
    ramp = np.array([[0, 1, 512, 1023]], np.uint16)
    read = through_a_file(Picture((ramp,), 10, "grey"), "a.png", tmp_path)
    assert read.planes[0].tolist() == [[0, 64, 32800, 65535]]


def test_grey_in_a_ppm_and_colour_in_a_pgm(tmp_path: Path) -> None:
    assert len(through_a_file(grey(3, 4), "a.ppm", tmp_path).planes) == 3
    with pytest.raises(WrongSuffix, match="has colour"):
        file_content(".pgm", rgb(3, 4))
    with pytest.raises(WrongSuffix, match=r"R, G, B, which a raw"):
        file_content(".yuv", rgb(3, 4))
    with pytest.raises(WrongSuffix, match=r"not as \.jpg"):
        file_content(".jpg", rgb(3, 4))


@pytest.mark.parametrize(("bit_depth", "neutral"), [(8, 128), (10, 512)])
def test_neutral_ycc_is_grey_in_rgb(bit_depth: int, neutral: int) -> None:
    kind = np.uint8 if bit_depth == 8 else np.uint16
    luma = np.arange(20, 84, dtype=kind).reshape(8, 8)
    chroma = np.full((4, 4), neutral, kind)
    red, green, blue = rgb_of(Picture((luma, chroma, chroma), bit_depth, "ycc", (2, 2))).planes
    assert np.array_equal(red, luma)
    assert np.array_equal(green, luma)
    assert np.array_equal(blue, luma)


def test_palettes_and_opaque_alpha(tmp_path: Path) -> None:
    picture = rgb(8, 9)
    samples = np.stack(picture.planes, -1)
    opaque = np.concatenate([samples, np.full((8, 9, 1), 255, np.uint8)], -1)
    (tmp_path / "alpha.png").write_bytes(imagecodecs.png_encode(opaque))
    assert digest(read_picture(tmp_path / "alpha.png")) == digest(picture)
    coded = io.BytesIO()
    Image.fromarray(samples // 64 * 64).quantize(64).save(coded, "PNG")
    (tmp_path / "palette.png").write_bytes(coded.getvalue())
    assert read_picture(tmp_path / "palette.png").colour == "rgb"


def test_a_comment_in_a_header(tmp_path: Path) -> None:
    (tmp_path / "a.pgm").write_bytes(b"P5 # made by hand\n2 1\n# peak\n255\n\x01\x02")
    assert read_picture(tmp_path / "a.pgm").planes[0].tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.png", b"", "neither PNG"),
        ("a.jpg", b"\xff\xd8\xff", "neither PNG"),
        ("a.png", b"\x89PNG\r\n\x1a\n", "cannot be read"),
        ("a.png", file_content(".png", rgb(9, 9))[:60], "cannot be read"),
        ("a.png", file_content(".png", rgb(1, 1))[:16] + b"\xff\xff\xff\xff" * 2, "more than"),
        ("a.ppm", b"P6\n9 9\n255\n123", "too few"),
        ("a.ppm", b"P6\n99999 99999\n255\n", "more than"),
        ("a.ppm", b"P6\n0 9\n255\n", "no samples"),
        ("a.ppm", b"P6\n9 9\n100\n", "largest sample is 100"),
        ("a.pgm", b"P5\n1 1\n1023\n\xff\xff", "above the 1023"),
        ("a.ppm", b"P6 nothing", "header is damaged"),
        ("a.yuv", b"123", "is called STEM"),
        ("a_2x2_9bit_444.yuv", b"123", "bits, not 9"),
        ("a_2x2_8bit_444.yuv", b"123", "has 3 bytes where 2x2 444 has 12"),
        ("a_2x2_10bit_400.yuv", b"12345678 ", "has 9 bytes"),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(PictureFileError, match=reason) as caught:
        read_picture(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_transparent_samples(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(np.zeros((2, 2, 4), np.uint8)))
    with pytest.raises(PictureFileError, match="transparent"):
        read_picture(tmp_path / "a.png")


def test_the_limit_is_that_of_the_decoder() -> None:
    assert pictures.MOST_SAMPLES == MOST_SAMPLES
