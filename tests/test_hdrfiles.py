"""Files of linear light: the samples are ffmpeg's, what the file says counts, and what is wrong is one clear line."""

from __future__ import annotations

import os
import re
import struct
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import OpenEXR
import pytest
import tifffile
from numpy.typing import NDArray

from ctc import ffmpeg, light
from ctc.complexity.process import run
from ctc.errors import PictureError
from ctc.picturefiles import read_picture, read_samples, transfer_of, write_png
from ctc.records import Light

LINEAR = np.random.default_rng(11).lognormal(-1, 1.5, (40, 56, 3)).astype(np.float32)
D65 = (0.3127, 0.3290)
P3 = (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, *D65)


def write_exr(path: Path, channels: dict[str, NDArray[Any]], **header: Any) -> Path:
    kind = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File({**kind, **header}, {name: np.ascontiguousarray(plane) for name, plane in channels.items()}).write(str(path))
    return path


def rgb_channels(samples: NDArray[Any] = LINEAR) -> dict[str, NDArray[Any]]:
    return {name: samples[..., plane] for plane, name in enumerate("RGB")}


def write_hdr(path: Path, samples: NDArray[np.float32] = LINEAR, more: bytes = b"") -> Path:
    # Without a buffer it takes one that run-length codes of noise do not fit into.
    content = bytes(imagecodecs.rgbe_encode(samples, header=True, out=8 * samples.size))
    path.write_bytes(content.replace(b"\n\n", b"\n" + more + b"\n", 1))
    return path


def by_ffmpeg(path: Path, folder: Path) -> NDArray[np.float32]:
    """What ffmpeg's own decoders give of the file: (height, width, 3)."""
    raw = folder / "raw"
    run((str(ffmpeg.executable()), "-v", "error", "-y", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "gbrpf32le", str(raw)))
    g, b, r = np.fromfile(raw, "<f4").reshape(3, *LINEAR.shape[:2])
    return np.stack((r, g, b), axis=-1)


@pytest.mark.parametrize("kind", ["float", "radiance"])
def test_samples_are_those_of_ffmpeg(tmp_path: Path, kind: str) -> None:
    path = write_hdr(tmp_path / "a.hdr") if kind == "radiance" else write_exr(tmp_path / "a.exr", rgb_channels())
    found = read_samples(path)
    assert (found.transfer, found.bit_depth) == ("pq", 10)
    witness = by_ffmpeg(path, tmp_path)
    if kind == "float":
        assert np.array_equal(witness, LINEAR)
    assert np.array_equal(found.rgb, light.linear_to_pq(witness, light.PRIMARIES["bt709"], 203.0)[0])
    assert "1.0 at 203 cd/m2 (reference white of BT.2408), primaries bt709" in found.colour


def test_half_samples(tmp_path: Path) -> None:
    half = LINEAR.astype(np.float16)
    found = read_samples(write_exr(tmp_path / "a.exr", rgb_channels(half)))
    assert np.array_equal(found.rgb, light.linear_to_pq(half.astype(np.float32), light.PRIMARIES["bt709"], 203.0)[0])


def test_what_the_file_says_of_scale_and_primaries_counts_and_the_set_above_it(tmp_path: Path) -> None:
    path = write_exr(tmp_path / "a.exr", rgb_channels(), whiteLuminance=80.0, chromaticities=P3)
    found = read_samples(path)
    assert np.abs(found.rgb.astype(int) - light.linear_to_pq(LINEAR, P3, 80.0)[0]).max() <= 65
    assert "1.0 at 80 cd/m2 (as the file says), primaries the file's" in found.colour
    said = read_samples(path, Light(cd_m2_per_unit=500.0, primaries="bt2020"))
    assert np.array_equal(said.rgb, light.linear_to_pq(LINEAR, light.PRIMARIES["bt2020"], 500.0)[0])
    assert "1.0 at 500 cd/m2 (as the set says), primaries bt2020" in said.colour


def test_radiance_primaries(tmp_path: Path) -> None:
    plain = write_hdr(tmp_path / "plain.hdr")
    zeros = write_hdr(tmp_path / "zeros.hdr", more=b"PRIMARIES=0 0 0 0 0 0 0 0\n")
    wide = write_hdr(tmp_path / "wide.hdr", more=b"PRIMARIES=0.708 0.292 0.170 0.797 0.131 0.046 0.3127 0.3290\n")
    assert np.array_equal(read_samples(plain).rgb, read_samples(zeros).rgb)
    stored = imagecodecs.rgbe_decode(plain.read_bytes())
    assert np.array_equal(read_samples(wide).rgb, light.linear_to_pq(stored, light.PRIMARIES["bt2020"], 203.0)[0])


def test_grey_and_opaque_alpha(tmp_path: Path) -> None:
    grey = read_samples(write_exr(tmp_path / "y.exr", {"Y": LINEAR[..., 0]})).rgb
    assert np.array_equal(grey[..., 0], grey[..., 1])
    opaque = {**rgb_channels(), "A": np.ones(LINEAR.shape[:2], np.float32)}
    plain = read_samples(write_exr(tmp_path / "rgb.exr", rgb_channels())).rgb
    assert np.array_equal(read_samples(write_exr(tmp_path / "rgba.exr", opaque)).rgb, plain)


def test_noise_below_zero_is_said(tmp_path: Path) -> None:
    samples = LINEAR.copy()
    samples[0, :20] = -0.001
    assert "0.89 % below zero made zero" in read_samples(write_exr(tmp_path / "a.exr", rgb_channels(samples))).colour


def with_sample(value: float) -> NDArray[np.float32]:
    samples = LINEAR.copy()
    samples[3, 4, 1] = value
    return samples


def two_parts(path: Path) -> Path:
    OpenEXR.File([OpenEXR.Part({}, rgb_channels()), OpenEXR.Part({}, {"Z": LINEAR[..., 0].copy()})]).write(str(path))
    return path


BAD: dict[str, tuple[Callable[[Path], Path], str]] = {
    "nan": (lambda path: write_exr(path, rgb_channels(with_sample(np.nan))), "1 of its samples are NaN"),
    "inf": (lambda path: write_exr(path, rgb_channels(with_sample(np.inf))), "1 of its samples are infinite"),
    "negative": (lambda path: write_exr(path, {**rgb_channels(), "G": -LINEAR[..., 1]}), "33.3 % of its samples are below zero"),
    "parts": (two_parts, "holds 2 parts; save the one"),
    "depth": (lambda path: write_exr(path, {"Z": LINEAR[..., 0]}), "has no channels R, G and B (it has Z)"),
    "two": (lambda path: write_exr(path, {"R": LINEAR[..., 0], "G": LINEAR[..., 1]}), "has no channels R, G and B (it has G, R)"),
    "differences": (lambda path: write_exr(path, dict.fromkeys(("Y", "RY", "BY"), LINEAR[..., 0])), "luminance and colour differences"),
    "integers": (lambda path: write_exr(path, {**rgb_channels(), "B": np.ones((40, 56), np.uint32)}), "has integer samples"),
    "alpha": (lambda path: write_exr(path, {**rgb_channels(), "A": np.full((40, 56), 0.5, np.float32)}), "has transparent samples"),
    "window": (
        lambda path: write_exr(path, rgb_channels(), dataWindow=((4, 4), (59, 43)), displayWindow=((0, 0), (99, 99))),
        "its data window [[4, 4], [59, 43]] is not its display window",
    ),
    "white": (lambda path: write_exr(path, rgb_channels(), whiteLuminance=-5.0), "its whiteLuminance is -5"),
    "line": (lambda path: write_exr(path, rgb_channels(), chromaticities=(0.3, 0.3, 0.4, 0.4, 0.5, 0.5, *D65)), "lie on a line"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_openexr_is_one_clear_line(tmp_path: Path, capfd: pytest.CaptureFixture[str], kind: str) -> None:
    make, message = BAD[kind]
    path = make(tmp_path / "bad.exr")
    with pytest.raises(PictureError, match=re.escape(message)) as error:
        read_samples(path)
    assert str(error.value).startswith("bad.exr: ")
    assert "\n" not in str(error.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("suffix", [".exr", ".hdr"])
def test_cut_off_and_damaged_files_are_one_clear_line(tmp_path: Path, capfd: pytest.CaptureFixture[str], suffix: str) -> None:
    path = write_exr(tmp_path / "a.exr", rgb_channels()) if suffix == ".exr" else write_hdr(tmp_path / "a.hdr")
    whole, random = path.read_bytes(), np.random.default_rng(4)
    for size in (0, 1, 4, 30, 100, 300, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(PictureError, match=r"^a\.\w+: cannot be decoded \([^\n]+\); is it whole\?$"):
            read_samples(path)
    lines = []
    for _ in range(60):
        damaged = bytearray(whole)
        for place in random.integers(0, len(whole), 3):
            damaged[place] = random.integers(256)
        path.write_bytes(damaged)
        try:
            read_samples(path)
        except PictureError as error:
            lines.append(str(error))
    assert lines
    assert not any("\n" in line for line in lines)
    assert capfd.readouterr() == ("", "")


def test_threads_that_read_damaged_files_leave_standard_error_as_it_was(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = write_exr(tmp_path / "a.exr", rgb_channels())
    path.write_bytes(path.read_bytes()[:-1000])

    def read(_number: int) -> str:
        with pytest.raises(PictureError) as error:
            read_samples(path)
        return str(error.value)

    before = os.fstat(2)
    with ThreadPoolExecutor(4) as threads:
        assert len({*threads.map(read, range(200))}) == 1
    assert os.path.samestat(os.fstat(2), before)
    os.write(2, b"still heard")
    assert capfd.readouterr() == ("", "still heard")


def test_huge_and_strange_radiance_headers(tmp_path: Path) -> None:
    path = write_hdr(tmp_path / "a.hdr")
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"-Y 40 +X 56", b"-Y 400000 +X 560000"))
    with pytest.raises(PictureError, match=r"560000x400000 is more than the 268 megapixels"):
        read_samples(path)
    path.write_bytes(whole.replace(b"-Y 40 +X 56", b"-Y 0 +X 56"))
    with pytest.raises(PictureError, match=r"has no samples \(56x0\)"):
        read_samples(path)
    path.write_bytes(whole.replace(b"-Y 40", b"+Y 40"))
    with pytest.raises(PictureError, match="does not end in a resolution"):
        read_samples(path)
    path.write_bytes(whole.replace(b"rle_rgbe", b"rle_xyze"))
    with pytest.raises(PictureError, match=r"is 32-bit_rle_xyze, not 32-bit_rle_rgbe; convert it to RGB first"):
        read_samples(path)


def png_with_cicp(path: Path, samples: NDArray[Any], *code_points: int) -> Path:
    content = imagecodecs.png_encode(samples)
    chunk = b"cICP" + bytes(code_points)
    path.write_bytes(content[:33] + struct.pack(">I", len(code_points)) + chunk + struct.pack(">I", zlib.crc32(chunk)) + content[33:])
    return path


def test_a_png_of_pq_says_so_itself_or_the_set_does(tmp_path: Path) -> None:
    samples = np.random.default_rng(5).integers(0, 65536, (6, 7, 3), dtype=np.uint16)
    path = png_with_cicp(tmp_path / "a.png", samples, 9, 16, 0, 1)
    found = read_samples(path)
    expected = np.rint(np.rint(samples / 65535 * 1023) * 65535 / 1023)
    assert (found.transfer, found.bit_depth, transfer_of(path)) == ("pq", 10, "pq")
    assert np.array_equal(found.rgb, expected)
    with pytest.raises(PictureError, match=r"a\.png: is HDR \(PQ\), where only SDR can be used"):
        read_picture(path)
    whole, gamma = path.read_bytes(), b"gAMA" + struct.pack(">I", 45455)
    path.write_bytes(whole[:33] + struct.pack(">I", 4) + gamma + struct.pack(">I", zlib.crc32(gamma)) + whole[33:])
    assert transfer_of(path) == "pq"
    path.write_bytes(whole[:35])
    assert transfer_of(path) == "sdr"
    write_png(tmp_path / "plain.png", samples)
    assert read_samples(tmp_path / "plain.png").transfer == "sdr"
    assert np.array_equal(read_samples(tmp_path / "plain.png", Light(transfer="pq")).rgb, expected)
    write_png(tmp_path / "again.png", found.rgb, "pq")
    assert np.array_equal(read_samples(tmp_path / "again.png").rgb, expected)
    assert imagecodecs.png_decode((tmp_path / "again.png").read_bytes()).shape == samples.shape


@pytest.mark.parametrize(
    ("code_points", "message"),
    [((9, 18, 0, 1), "is HLG, which is not supported"), ((1, 16, 0, 1), "other primaries"), ((9, 16, 0, 0), "not full range")],
)
def test_other_hdr_pngs_are_refused(tmp_path: Path, code_points: tuple[int, ...], message: str) -> None:
    path = png_with_cicp(tmp_path / "a.png", np.zeros((2, 2, 3), np.uint16), *code_points)
    with pytest.raises(PictureError, match=message):
        read_samples(path)


def test_eight_bits_are_too_few_for_pq(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", np.zeros((2, 2, 3), np.uint8))
    with pytest.raises(PictureError, match="8 bits per sample, too few for PQ"):
        read_samples(tmp_path / "a.png", Light(transfer="pq"))


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_tiffs_of_10_to_14_bits_are_scaled(tmp_path: Path, bits: int) -> None:
    codes = np.random.default_rng(bits).integers(0, 2**bits, (6, 8), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", codes, photometric="minisblack", bitspersample=bits)
    rgb, colour = read_picture(tmp_path / "a.tif")
    assert np.array_equal(rgb[..., 1], np.rint(codes / (2**bits - 1) * 65535))
    assert colour == f"{bits}-bit scaled to 16 grey repeated to RGB"
