"""Every codec: the command line it builds, decode of encode, the expected quality, and refusal of rubbish."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from ctc import ffmpeg, pixels, plugins
from ctc.anchors.jpeg import BASE_TABLE, quantisation_table
from ctc.errors import ToolFailed, ToolMissing, UsageError
from ctc.metrics.psnr import METRICS as PSNR
from ctc.protocols import Codec, External

CODECS = plugins.codecs().found
NAMES = sorted(CODECS)


def usable(name: str) -> Codec:
    """The codec; a learned one whose weights are not there is skipped, and so is a program that does not come with the installation."""
    try:
        CODECS[name].version()
    except ToolMissing as missing:
        if "weights" not in str(missing) and not isinstance(CODECS[name], External):
            raise
        pytest.skip(str(missing))
    return CODECS[name]


def coded(codec: Codec, rgb: pixels.Rgb, setting: float, folder: Path) -> tuple[int, pixels.Rgb]:
    """Bytes of the bitstream, and the reconstruction."""
    source = pixels.write_source(rgb, codec.pixels, folder)
    cost = codec.encode(source, folder / "bitstream", setting)
    decode_cost = codec.decode(folder / "bitstream", folder / "decoded")
    for measured in (cost, decode_cost):
        assert measured.wall_s > 0
        assert measured.peak_bytes > 4 << 20
    height, width, _ = rgb.shape
    return (folder / "bitstream").stat().st_size, pixels.read_decoded(folder / "decoded", codec.pixels, width, height, 8)


def psnr_y(reference: pixels.Rgb, distorted: pixels.Rgb) -> float:
    planes = [pixels.metric_codes(picture, "y") for picture in (reference, distorted)]
    return PSNR[0].score(planes[0], planes[1], 1023)


# Luma PSNR at 0.5 bpp of scikit-image's astronaut, measured by others than this code with the reference encoders (JPEG XT, HM, VTM 4:2:0)
# and OpenJPEG; the tolerance is what the stand-in may lose to or win over them.
# The reference encoders themselves are within what rounds in that table and the other colour conversion (0.1 dB).
EXPECTED_AT_HALF_BPP = {
    "jpeg": (31.7, 0.3), "jpeg2000": (34.3, 0.3), "hevc-x265": (37.1, 0.6), "vvc-vvenc": (39.3, 0.6),
    "jpeg-xt": (31.7, 0.1), "hevc-hm": (37.1, 0.1), "hevc-scm": (37.8, 0.1), "vvc-vtm": (38.5, 0.1),
}  # fmt: skip
AROUND_HALF_BPP = {
    "jpeg": (24, 27), "jpeg2000": (0.49, 0.51), "hevc-x265": (31, 30), "vvc-vvenc": (29, 28),
    "jpeg-xt": (24, 27), "hevc-hm": (31, 30), "hevc-scm": (30, 29), "vvc-vtm": (30, 29),
}  # fmt: skip


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow if name == "vvc-vtm" else ()) for name in EXPECTED_AT_HALF_BPP])
def test_quality_at_half_a_bit_per_pixel(tmp_path: Path, name: str) -> None:
    codec, rgb, settings = usable(name), data.astronaut(), AROUND_HALF_BPP[name]
    points = [coded(codec, rgb, setting, tmp_path) for setting in settings]
    rates = [8 * size / 512**2 for size, _ in points]
    assert rates[0] < 0.5 < rates[1]
    at_half = np.interp(np.log(0.5), np.log(rates), [psnr_y(rgb, decoded) for _, decoded in points])
    expected, tolerance = EXPECTED_AT_HALF_BPP[name]
    assert abs(at_half - expected) < tolerance


@pytest.mark.parametrize("name", NAMES)
def test_odd_and_tiny_pictures(tmp_path: Path, name: str) -> None:
    codec, rgb = usable(name), data.coffee()
    # Headers alone are more than 2 bpp here, which a codec that is given its rate takes at its word.
    setting = codec.knob.start[-1][1] if codec.knob.integer else codec.knob.highest
    for height, width in ((1, 1), (5, 7), (17, 33), (40, 3), (53, 61)):
        picture = np.ascontiguousarray(rgb[180 : 180 + height, 200 : 200 + width])
        size, decoded = coded(codec, picture, setting, tmp_path)
        assert size < 4000
        assert decoded.shape == picture.shape
        assert psnr_y(picture, decoded) > 30


@pytest.mark.parametrize("name", NAMES)
def test_rate_follows_the_knob(tmp_path: Path, name: str) -> None:
    codec = usable(name)
    rgb = np.ascontiguousarray(data.chelsea()[60:188, 120:280])
    low, high = codec.knob.start[0][1], codec.knob.start[-1][1]
    smaller, _ = coded(codec, rgb, low, tmp_path)
    larger, _ = coded(codec, rgb, high, tmp_path)
    assert smaller < larger
    assert (high > low) == codec.knob.rate_rises


@pytest.mark.parametrize("name", NAMES)
def test_rubbish_is_refused(tmp_path: Path, name: str) -> None:
    codec = usable(name)
    source = pixels.write_source(np.ascontiguousarray(data.coffee()[:64, :64]), codec.pixels, tmp_path)
    codec.encode(source, tmp_path / "whole", codec.knob.start[-1][1])
    whole = (tmp_path / "whole").read_bytes()
    for content in (b"", b"rubbish" * 50, whole[:12]):
        (tmp_path / "bitstream").write_bytes(content)
        with pytest.raises(ToolFailed) as caught:
            codec.decode(tmp_path / "bitstream", tmp_path / "decoded")
        assert caught.value.command
        assert caught.value.log_tail
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "kept", "reason"),
    [
        ("hevc-x265", 10, "PTL information too short"),
        ("hevc-x265", 0, "Output file does not contain any stream"),
        ("vvc-vvenc", 10, "can't find slice in picture unit."),
    ],
)
def test_ffmpeg_tells_in_one_line_why_a_cut_bitstream_is_refused(tmp_path: Path, name: str, kept: int, reason: str) -> None:
    codec = CODECS[name]
    source = pixels.write_source(np.ascontiguousarray(data.coffee()[:64, :64]), codec.pixels, tmp_path)
    codec.encode(source, tmp_path / "whole.bits", 30)
    cut = tmp_path / "cut.bits"
    cut.write_bytes((tmp_path / "whole.bits").read_bytes()[:kept])
    with pytest.raises(ToolFailed) as caught:
        codec.decode(cut, tmp_path / "decoded")
    assert re.fullmatch(rf"ffmpeg\S* ended with status \d+: the bitstream cannot be decoded \({re.escape(reason)}\)", str(caught.value))
    assert "@ 0x" in caught.value.log_tail


@pytest.mark.parametrize("lacking", [1, 2, 40, 0.5, 0.9])
def test_a_cut_hevc_bitstream_is_refused_though_ffmpeg_decodes_it(tmp_path: Path, lacking: float) -> None:
    codec = CODECS["hevc-x265"]
    source = pixels.write_source(np.ascontiguousarray(data.coffee()[:96, :128]), codec.pixels, tmp_path)
    codec.encode(source, tmp_path / "whole.bits", 26)
    whole = (tmp_path / "whole.bits").read_bytes()
    cut = tmp_path / "cut.bits"
    cut.write_bytes(whole[: -int(lacking if lacking >= 1 else lacking * len(whole))])
    with pytest.raises(ToolFailed, match=r"^ffmpeg\S*: the bitstream is cut off: the picture goes on behind its end$"):
        codec.decode(cut, tmp_path / "decoded")


def test_ffmpeg_blames_the_bitstream_for_nothing_else(tmp_path: Path) -> None:
    codec = CODECS["hevc-x265"]
    source = pixels.write_source(np.ascontiguousarray(data.coffee()[:64, :64]), codec.pixels, tmp_path)
    codec.encode(source, tmp_path / "whole.bits", 30)
    with pytest.raises(ToolFailed) as caught:
        codec.decode(tmp_path / "whole.bits", tmp_path / "no folder" / "decoded")
    assert re.search(r"ended with status \d+: Error opening output .*No such file or directory", str(caught.value))
    with pytest.raises(ToolFailed, match=r"was killed by signal 9: it printed nothing$"):
        ffmpeg.decode(("sh", "-c", "kill -9 $$"), 1)


def test_ffmpeg_command_lines(tmp_path: Path) -> None:
    source = tmp_path / "source_61x53_10bit_444.yuv"
    hevc = " ".join(CODECS["hevc-x265"].encode_command(source, Path("out.hevc"), 32.0))
    for part in (
        "-s 61x53",
        "-pix_fmt yuv444p10le",
        "-c:v libx265 -preset slow -tune psnr -qp 32 ",
        "info=0",
        "ipratio=1",
        "range=full",
        "pools=1",
    ):
        assert part in hevc
    vvc = " ".join(CODECS["vvc-vvenc"].encode_command(tmp_path / "source_62x54_10bit_420.yuv", Path("out.266"), 30.0))
    for part in ("-s 62x54", "-pix_fmt yuv420p10le", "-preset medium -qp 30 -qpa 0", "-vvenc-params intraqpoffset=0", "-threads 1"):
        assert part in vvc
    assert "scale" not in hevc + vvc


def test_no_metadata_in_the_hevc_stream(tmp_path: Path) -> None:
    codec = CODECS["hevc-x265"]
    size, _ = coded(codec, np.full((64, 64, 3), 120, np.uint8), 51, tmp_path)
    assert size < 120
    assert b"x265" not in (tmp_path / "bitstream").read_bytes()


def test_jpeg_tables() -> None:
    assert quantisation_table(50) == [min(step, 255) for step in BASE_TABLE]
    assert quantisation_table(100) == [1] * 64
    assert quantisation_table(1) == quantisation_table(2) == [255] * 64
    assert quantisation_table(75)[:3] == [8, 8, 8]


def test_jpeg_is_what_it_says(tmp_path: Path) -> None:
    from PIL import Image, JpegImagePlugin

    for name, sampling in (("jpeg", 2), ("jpeg-444", 0)):
        coded(CODECS[name], np.ascontiguousarray(data.coffee()[:64, :64]), 50, tmp_path)
        with Image.open(tmp_path / "bitstream", formats=("JPEG",)) as image:
            assert JpegImagePlugin.get_sampling(image) == sampling
            assert list(image.quantization[0]) == quantisation_table(50)  # type: ignore[attr-defined]


def test_missing_ffmpeg_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CTC_FFMPEG", str(tmp_path / "nothing"))
    with pytest.raises(ToolMissing, match=r"ffmpeg is missing: .*nothing is not a program; unset CTC_FFMPEG"):
        CODECS["hevc-x265"].version()
    program = tmp_path / "false"
    program.write_text("#!/bin/sh\necho something else\n")
    program.chmod(0o755)
    monkeypatch.setenv("CTC_FFMPEG", str(program))
    with pytest.raises(ToolMissing, match="does not answer as ffmpeg"):
        ffmpeg.version()
    program.write_text("#!/bin/sh\necho ffmpeg version 1\n")
    ffmpeg._output.cache_clear()
    with pytest.raises(ToolMissing, match="has no filter libvmaf"):
        ffmpeg.require_filter("libvmaf")
    with pytest.raises(ToolMissing, match="has no working libvvenc"):
        CODECS["vvc-vvenc"].version()


def test_unknown_names_suggest_near_ones() -> None:
    with pytest.raises(UsageError, match=r"unknown codec 'jpg': did you mean jpeg"):
        plugins.codecs()["jpg"]
    with pytest.raises(UsageError, match="unknown metric 'psnr': did you mean psnr_"):
        plugins.metrics()["psnr"]
