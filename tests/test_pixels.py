"""Colour conversion against ffmpeg 4.2.2, whose libswscale made the published VVC anchor, and round trips."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage import data

from ctc import pixels
from ctc.errors import ToolFailed
from ctc.records import PixelFormat

# sha256 of what ffmpeg 4.2.2 wrote for rgb24 -> yuv444p10le, with
# `-vf scale=in_range=full:in_color_matrix=bt709:out_range=full:out_color_matrix=bt709`, and of what it gave for the way back from the same
# planes with noise of +-40 codes.
FFMPEG_422 = {
    "astronaut": (
        "d645d1ca8707e45b65ffa2573fa3a2b6e6cec5392e16606acd31e50c9094ad48",
        "773c53746d99c6a10d1076ec1fb4a3af304f0b9340ca9c0f59599d2a15483e6e",
    ),
    "chelsea": (
        "98b986b90599487bc38ffaa956e4bdf681e4e052ddf11bf94be377df7ee57a22",
        "558cfe2ef16d51f6d5cee3edbaf39fbac7ccc797c953c2c89d822b1c8dce234f",
    ),
    "noise": (
        "e229b9d93c6390545e4a6394f74fce993bab9e9bd33f3170c68d453d04308faf",
        "227a65f72095760e5b51a2c2bfcacbf12d322a9a3e436b19ef3db3c6b91eb937",
    ),
}


def test_anchor_conversion_is_ffmpeg_4s_in_both_directions() -> None:
    random = np.random.default_rng(7)
    pictures = {"astronaut": data.astronaut(), "chelsea": data.chelsea(), "noise": random.integers(0, 256, (64, 96, 3), dtype=np.uint8)}
    for name, rgb in pictures.items():
        forward, inverse = FFMPEG_422[name]
        planes = pixels.rgb_to_ycc(rgb, 10)
        assert hashlib.sha256(planes.astype("<u2").tobytes()).hexdigest() == forward, name
        noisy = np.clip(planes.astype(int) + random.integers(-40, 41, planes.shape), 0, 1023).astype(np.uint16)
        assert hashlib.sha256(pixels.ycc_to_rgb(noisy, 10, 8).tobytes()).hexdigest() == inverse, name


def test_anchor_conversion_is_lossless_on_every_grey_and_on_noise() -> None:
    greys = np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(1, 256, 3)
    noise = np.random.default_rng(1).integers(0, 256, (700, 31, 3), dtype=np.uint8)
    for rgb in (greys, noise):
        assert np.array_equal(pixels.ycc_to_rgb(pixels.rgb_to_ycc(rgb, 10), 10, 8), rgb)
    assert pixels.rgb_to_ycc(greys, 10)[0].max() == 1020


def test_rounded_conversion_keeps_known_colours() -> None:
    # H.273 full range at 10 bits: white, black, and pure blue, whose Cb is the largest code.
    rgb = np.array([[[65535, 65535, 65535], [0, 0, 0], [0, 0, 65535]]], np.uint16)
    assert pixels.rgb_to_ycc(rgb, 10)[:, 0].T.tolist() == [[1023, 512, 512], [0, 512, 512], [74, 1023, 465]]
    noise = np.random.default_rng(2).integers(0, 65536, (40, 50, 3), dtype=np.uint16)
    back = pixels.ycc_to_rgb(pixels.rgb_to_ycc(noise, 10), 10, 16)
    assert np.abs(back.astype(int) - noise).max() < 2 * 65535 / 1023


def test_metric_codes_of_known_colours() -> None:
    rgb = np.array([[[255, 255, 255], [255, 0, 0], [0, 0, 255]]], np.uint8)
    assert pixels.metric_codes(rgb, "y")[0].tolist() == [1023, 217, 74]
    # Neutral chroma lies half way between two codes and rounds to the even one; the extremes stay on the grid.
    assert pixels.metric_codes(rgb, "yuv")[1:, 0].T.tolist() == [[512, 512], [394, 1023], [1023, 465]]
    assert np.array_equal(pixels.metric_codes(rgb, "rgb", 8), np.moveaxis(rgb, -1, 0))


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_metric_codes_round_as_torch_does(dtype: type, bits: int) -> None:
    """The quality framework computes in torch's float32; a fused multiplication or a sum in another order would show on some sample."""
    import torch

    top = np.iinfo(dtype).max
    rgb = np.random.default_rng(4).integers(0, top, (600, 500, 3), dtype=dtype, endpoint=True)
    grid = float(2**bits - 1)
    r, g, b = (torch.round(torch.from_numpy(rgb[..., channel].astype(np.float32)) / float(top) * grid) / grid for channel in range(3))
    y = 0.2126 * r + 0.7152 * g + 0.0722 * b
    planes = torch.stack((y, (b - y) / 1.8556 + 0.5, (r - y) / 1.5748 + 0.5))
    expected = torch.round(torch.clamp(planes, 0, 1) * grid).to(torch.int32).numpy()
    assert np.array_equal(pixels.metric_codes(rgb, "yuv", bits), expected)
    assert np.array_equal(pixels.metric_codes(rgb, "y", bits), expected[0])


def test_arrays_that_cannot_be_written_or_are_cut_from_others() -> None:
    whole = np.random.default_rng(5).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    rgb = whole[3:30, 5:50]
    planes, codes = pixels.rgb_to_ycc(rgb.copy(), 10), pixels.metric_codes(rgb.copy(), "yuv")
    whole.flags.writeable = planes.flags.writeable = False
    assert np.array_equal(pixels.rgb_to_ycc(rgb, 10), planes)
    assert np.array_equal(pixels.metric_codes(rgb, "yuv"), codes)
    assert np.array_equal(pixels.ycc_to_rgb(planes[:, ::-1], 10, 8), rgb[::-1])


def test_bands_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    rgb = np.random.default_rng(3).integers(0, 256, (37, 21, 3), dtype=np.uint8)
    whole = pixels.rgb_to_ycc(rgb, 10), pixels.metric_codes(rgb, "yuv")
    monkeypatch.setattr(pixels, "ROWS_AT_A_TIME", 5)
    monkeypatch.setattr(pixels, "ROWS_OF_A_BAND", 5)
    assert np.array_equal(pixels.rgb_to_ycc(rgb, 10), whole[0])
    assert np.array_equal(pixels.metric_codes(rgb, "yuv"), whole[1])
    assert np.array_equal(pixels.ycc_to_rgb(whole[0], 10, 8), rgb)


def test_chroma_resampling() -> None:
    plane = np.array([[0, 1], [1, 1]], np.uint16)
    assert pixels.halve_chroma(plane).tolist() == [[1]]
    assert np.array_equal(pixels.double_chroma(np.full((3, 5), 700, np.uint16)), np.full((6, 10), 700))
    # The triangle filter of libjpeg's "fancy upsampling": 3/4 of the near, 1/4 of the far sample.
    assert pixels.double_chroma(np.array([[0, 400]], np.uint16))[0].tolist() == [0, 100, 300, 400]


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from(["444", "420"]), st.sampled_from([1, 16]))
def test_coded_size_and_raw_name(width: int, height: int, chroma: str, minimum: int) -> None:
    fmt = PixelFormat("yuv", chroma, 10, minimum_side=minimum, multiple_of=2 if chroma == "420" else 1)
    coded = pixels.coded_size(width, height, fmt)
    assert all(0 <= c - max(s, minimum) < fmt.multiple_of for c, s in zip(coded, (width, height), strict=True))
    assert pixels.raw_size(Path(pixels.raw_name("a_1x1_b", *coded, fmt))) == coded


def test_raw_size_refuses_other_names() -> None:
    with pytest.raises(ValueError, match="not named like a raw picture"):
        pixels.raw_size(Path("picture.yuv"))


@pytest.mark.parametrize("fmt", [PixelFormat("ppm"), PixelFormat("yuv", "444", 10, 16), PixelFormat("yuv", "444", 8)])
@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (16, 33)])
def test_files_round_trip(tmp_path: Path, fmt: PixelFormat, shape: tuple[int, int]) -> None:
    rgb = np.full((*shape, 3), (200, 30, 90), np.uint8)
    path = pixels.write_source(rgb, fmt, tmp_path)
    back = pixels.read_decoded(path, fmt, shape[1], shape[0], 8)
    assert back.shape == rgb.shape
    assert np.abs(back.astype(int) - rgb).max() <= (2 if fmt.bit_depth == 8 and fmt.container == "yuv" else 0)


def test_wrong_decoded_size_is_a_failure_of_the_tool(tmp_path: Path) -> None:
    fmt = PixelFormat("yuv", "420", 10, 16, 2)
    path = pixels.write_source(np.zeros((20, 20, 3), np.uint8), fmt, tmp_path)
    with pytest.raises(ToolFailed, match=r"gave 1200 bytes where 22x20 420 has 1320"):
        pixels.read_decoded(path, fmt, 22, 20, 8)
    path.write_bytes(b"\xff" * 1200)
    with pytest.raises(ToolFailed, match="sample codes up to 65535"):
        pixels.read_decoded(path, fmt, 20, 20, 8)
    path.write_bytes(b"P5\n1 1\n255\n0")
    with pytest.raises(ToolFailed, match="no 8-bit PPM"):
        pixels.read_decoded(path, PixelFormat("ppm"), 1, 1, 8)


def test_depth_changes() -> None:
    every = np.arange(256, dtype=np.uint8).reshape(1, 256, 1).repeat(3, 2)
    assert np.array_equal(pixels.to_depth(pixels.to_depth(every, 16), 8), every)
    assert pixels.to_depth(np.array([[[128, 129, 65535]]], np.uint16), 8).tolist() == [[[0, 1, 255]]]


def test_sample_hash_knows_size_and_depth() -> None:
    rgb = np.zeros((2, 6, 3), np.uint8)
    others = [rgb.reshape(6, 2, 3), rgb.astype(np.uint16), np.ones_like(rgb)]
    assert len({pixels.sample_hash(picture) for picture in (rgb, *others)}) == 4
