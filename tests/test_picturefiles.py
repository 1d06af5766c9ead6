"""Reading what people have: every kind of file gives the right samples or one clear line."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from ctc.errors import PictureError
from ctc.picturefiles import read_picture, write_png

RGB = np.random.default_rng(5).integers(0, 256, (7, 5, 3), dtype=np.uint8)
RGB16 = np.random.default_rng(6).integers(0, 65536, (7, 5, 3), dtype=np.uint16)


def test_png_8_and_16_bit(tmp_path: Path) -> None:
    for samples, kind in ((RGB, "8-bit RGB"), (RGB16, "16-bit RGB")):
        write_png(tmp_path / "a.png", samples)
        read, colour = read_picture(tmp_path / "a.png")
        assert np.array_equal(read, samples)
        assert (read.dtype, colour) == (samples.dtype, kind)


@pytest.mark.parametrize(
    ("mode", "colour"),
    [("L", "8-bit grey repeated to RGB"), ("P", "palette expanded to RGB"), ("1", "1-bit grey repeated to RGB")],
)
def test_png_grey_and_palette(tmp_path: Path, mode: str, colour: str) -> None:
    image = Image.fromarray(RGB).convert(mode)
    image.save(tmp_path / "a.png")
    read, found = read_picture(tmp_path / "a.png")
    assert found == colour
    assert np.array_equal(read, np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_opaque_alpha_is_dropped_and_transparency_refused(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(RGB).convert(mode)
    image.save(tmp_path / "a.png")
    read, colour = read_picture(tmp_path / "a.png")
    assert colour.endswith("opaque alpha dropped")
    assert np.array_equal(read, np.asarray(image.convert("RGB")))
    image.putalpha(Image.new("L", image.size, 254))
    image.save(tmp_path / "a.png")
    with pytest.raises(PictureError, match=r"a\.png: has transparent samples; flatten"):
        read_picture(tmp_path / "a.png")


def test_tiff(tmp_path: Path) -> None:
    for samples in (RGB, RGB16, RGB[..., 0]):
        tifffile.imwrite(tmp_path / "a.tif", samples)
        read, _ = read_picture(tmp_path / "a.tif")
        assert np.array_equal(read, samples if samples.ndim == 3 else samples[..., None].repeat(3, 2))
    tifffile.imwrite(tmp_path / "planar.tif", np.moveaxis(RGB, -1, 0), photometric="rgb", planarconfig="separate")
    assert np.array_equal(read_picture(tmp_path / "planar.tif")[0], RGB)


def test_cmyk_and_float_are_refused(tmp_path: Path) -> None:
    Image.fromarray(RGB).convert("CMYK").save(tmp_path / "a.jpg")
    with pytest.raises(PictureError, match=r"a\.jpg: is CMYK, not RGB"):
        read_picture(tmp_path / "a.jpg")
    Image.fromarray(RGB).convert("CMYK").save(tmp_path / "a.tif")
    with pytest.raises(PictureError, match=r"a\.tif: is CMYK, not RGB"):
        read_picture(tmp_path / "a.tif")
    tifffile.imwrite(tmp_path / "f.tif", RGB.astype(np.float32), photometric="rgb")
    with pytest.raises(PictureError, match="has float32 samples"):
        read_picture(tmp_path / "f.tif")


def test_tiffs_that_would_give_wrong_colours_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "y.tif", RGB, photometric="ycbcr", compression="deflate")
    with pytest.raises(PictureError, match=r"y\.tif: is YCbCr, not RGB"):
        read_picture(tmp_path / "y.tif")
    tifffile.imwrite(tmp_path / "p.tif", np.stack((RGB, RGB)), photometric="rgb")
    with pytest.raises(PictureError, match=r"p\.tif: holds 2 pages"):
        read_picture(tmp_path / "p.tif")
    tifffile.imwrite(tmp_path / "b.tif", RGB16[..., 0] >> 4, photometric="minisblack", bitspersample=11, compression="none")
    with pytest.raises(PictureError, match=r"b\.tif: has 11 bits per sample"):
        read_picture(tmp_path / "b.tif")


def test_pnm(tmp_path: Path) -> None:
    path = tmp_path / "a.ppm"
    path.write_bytes(b"P6 # a comment\n5 7\n255\n" + RGB.tobytes())
    assert np.array_equal(read_picture(path)[0], RGB)
    path.write_bytes(b"P6\n5 7\n65535\n" + RGB16.astype(">u2").tobytes())
    assert np.array_equal(read_picture(path)[0], RGB16)
    path.write_bytes(b"P5\n2 1\n1023\n" + np.array([0, 1023], ">u2").tobytes())
    assert read_picture(path)[0][0, :, 0].tolist() == [0, 65535]


@pytest.mark.parametrize("content", [b"", b"P6", b"P6\n5 7\n255\nshort", b"P3\n1 1\n255\n0 0 0", b"P6\n1 1\n7\n000", b"P6\nx y\n255\n"])
def test_damaged_pnm(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.ppm").write_bytes(content)
    with pytest.raises(PictureError, match=r"a\.ppm: cannot be decoded"):
        read_picture(tmp_path / "a.ppm")


def test_damaged_png_and_jpeg_and_tiff(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", RGB16.repeat(20, 0))
    Image.fromarray(RGB.repeat(20, 0)).save(tmp_path / "a.jpg")
    tifffile.imwrite(tmp_path / "a.tif", RGB)
    for name in ("a.png", "a.jpg", "a.tif"):
        content = (tmp_path / name).read_bytes()
        for cut in (0, 5, 20, len(content) // 2):
            (tmp_path / name).write_bytes(content[:cut])
            with pytest.raises(PictureError, match=f"{name}: cannot be decoded"):
                read_picture(tmp_path / name)
    with pytest.raises(PictureError, match="no such file"):
        read_picture(tmp_path / "absent.png")


def test_flipped_bits_never_crash_the_reader(tmp_path: Path) -> None:
    content = bytearray(imagecodecs.png_encode(RGB))
    path = tmp_path / "a.png"
    refused = 0
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 0x55
        path.write_bytes(damaged)
        try:
            read_picture(path)
        except PictureError:
            refused += 1
    assert refused > len(content) // 2


def test_huge_header_is_refused_before_memory_is_asked_for(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 1 << 20, 1 << 20, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    (tmp_path / "a.png").write_bytes(png)
    with pytest.raises(PictureError, match="1048576x1048576 is more than the 268 megapixels"):
        read_picture(tmp_path / "a.png")
