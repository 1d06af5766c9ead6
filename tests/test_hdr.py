"""HDR pictures through conversion, codecs and the whole pipeline."""

from __future__ import annotations

import subprocess
from pathlib import Path

import colour
import imagecodecs
import numpy as np
import OpenEXR
import pandas as pd
import pytest

from ctc import datasets, ffmpeg, light, pixels, plugins
from ctc.errors import UsageError
from ctc.picturefiles import read_samples, write_png
from ctc.plan import Options, resolve
from ctc.records import Picture, PixelFormat
from ctc.store import Store
from tests.conftest import Ctc

WIDTH, HEIGHT = 96, 80


def scene() -> np.ndarray:
    """Linear light (80, 96, 3), float32: texture in the dark and a lamp of fifty times white."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    texture = 0.05 + 0.04 * np.sin(rows / 3) * np.cos(columns / 5) + columns / 200
    lamp = 50 * np.exp(-((rows - 30) ** 2 + (columns - 60) ** 2) / 80)
    return np.stack([texture + lamp, 0.8 * texture + lamp, 0.5 * texture + 0.7 * lamp], axis=-1).astype(np.float32)


def write_scene(path: Path) -> Path:
    kind = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(kind, {name: scene()[..., plane].copy() for plane, name in enumerate("RGB")}).write(str(path))
    return path


@pytest.fixture
def hdr(tmp_path: Path) -> Path:
    """A folder with the scene as `lamp.exr`."""
    (tmp_path / "hdr").mkdir()
    write_scene(tmp_path / "hdr" / "lamp.exr")
    return tmp_path / "hdr"


# Conversion -------------------------------------------------------------------------------------------------------------------------


def test_ycc_of_pq_is_bt2020_of_non_constant_luminance() -> None:
    rgb = light.on_pq_grid(np.random.default_rng(1).random((30, 40, 3)))
    weights = colour.WEIGHTS_YCBCR["ITU-R BT.2020"]
    expected = colour.RGB_to_YCbCr(rgb / 65535, K=weights, in_bits=10, in_legal=False, out_bits=10, out_legal=False)
    # Full range of ITU-R BT.2100 table 9.
    codes = np.rint(np.moveaxis(expected, -1, 0) * 1023 + np.array([0, 512, 512])[:, None, None])
    planes = pixels.rgb_to_ycc(rgb, 10, "pq")
    np.testing.assert_allclose(planes, np.clip(codes, 0, 1023), atol=0)
    assert np.abs(pixels.ycc_to_rgb(planes, 10, 16, "pq").astype(int) - rgb).max() < 2.1 * 65535 / 1023
    metric = pixels.metric_codes(rgb, "yuv", 10, "pq").astype(int)
    # In float32 a tie may fall to the other side.
    assert (metric[0] != planes[0]).mean() < 0.01
    assert np.abs(metric[0] - planes[0].astype(int)).max() <= 1
    assert np.abs(metric[1:] - planes[1:]).max() <= 1


def test_metrics_see_the_codes_of_a_pq_picture_themselves() -> None:
    codes = np.arange(1023).reshape(11, 31, 3)
    rgb = light.on_pq_grid(codes / 1023)
    assert np.array_equal(pixels.metric_codes(rgb, "rgb", 10, "pq"), np.moveaxis(codes, -1, 0))


def test_names_tell_pq_and_sdr_apart() -> None:
    raw = PixelFormat("yuv", "444", 10)
    assert pixels.conversion_name(raw, 16) == "bt709-full-rounded"
    assert pixels.conversion_name(raw, 10, "pq") == "bt2020-full-rounded"
    assert (pixels.preparation("sdr"), pixels.preparation("pq")) == ("bt709-full-float32-1", "bt2020-full-float32-1")
    name = Path(pixels.raw_name("a", 7, 5, raw, "pq"))
    assert name == Path("a_7x5_10bit_444_pq.yuv")
    assert (pixels.raw_size(name), pixels.raw_transfer(name), pixels.raw_transfer(Path("a_7x5_10bit_444.yuv"))) == ((7, 5), "pq", "sdr")


# Codecs -----------------------------------------------------------------------------------------------------------------------------


def coded(name: str, setting: float, folder: Path) -> tuple[pixels.Rgb, pixels.Rgb]:
    """The scene as PQ, and its reconstruction by a codec."""
    rgb = light.linear_to_pq(scene(), light.PRIMARIES["bt709"], 203.0)[0]
    codec = plugins.codec_for_depth(plugins.codecs()[name], light.BITS)
    source = pixels.write_source(rgb, codec.pixels, folder, "pq")
    codec.encode(source, folder / "bitstream", setting)
    codec.decode(folder / "bitstream", folder / "decoded")
    return rgb, pixels.read_decoded(folder / "decoded", codec.pixels, WIDTH, HEIGHT, 16, "pq")


@pytest.mark.parametrize(("name", "setting"), [("hevc-x265", 4), ("vvc-vvenc", 8), ("jpeg2000", 60)])
def test_ten_bits_go_through(tmp_path: Path, name: str, setting: float) -> None:
    rgb, decoded = coded(name, setting, tmp_path)
    luma = [pixels.metric_codes(picture, "y", 10, "pq").astype(int) for picture in (rgb, decoded)]
    # Through 8 bits, errors are spread evenly over 4 codes: a mean square of 16 / 12 and more.
    assert ((luma[0] - luma[1]) ** 2).mean() < 1.2


@pytest.mark.parametrize(("name", "form"), [("hevc-x265", "hevc"), ("vvc-vvenc", "vvc")])
def test_streams_say_what_their_samples_are(tmp_path: Path, name: str, form: str) -> None:
    coded(name, 30, tmp_path)
    probe = (str(ffmpeg.executable()), "-hide_banner", "-f", form, "-i", str(tmp_path / "bitstream"))
    assert "bt2020nc/bt2020/smpte2084" in subprocess.run(probe, capture_output=True, text=True, check=False).stderr


def test_jpeg2000_has_ten_bits_by_its_header_and_the_psnr_that_was_asked_for(tmp_path: Path) -> None:
    rgb, decoded = coded("jpeg2000", 42, tmp_path)
    stream = (tmp_path / "bitstream").read_bytes()
    size = stream.index(b"\xff\x51")
    assert [stream[size + 40 + 3 * component] for component in range(3)] == [9, 9, 9]
    codes = np.rint(rgb / 65535 * 1023)
    assert np.array_equal(imagecodecs.jpeg2k_decode(stream), np.rint(decoded / 65535 * 1023))
    error = ((imagecodecs.jpeg2k_decode(stream) - codes) ** 2).mean()
    assert 20 * np.log10(1023) - 10 * np.log10(error) == pytest.approx(42, abs=1.0)


# Sets and runs ----------------------------------------------------------------------------------------------------------------------


def test_an_entry_of_a_set_says_what_light_is(tmp_path: Path, hdr: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = tmp_path / "datasets.yaml"
    monkeypatch.setenv("CTC_DATASETS", str(entries))
    entries.write_text("")
    plain = datasets.load(str(hdr), Store(tmp_path / "store"))
    entries.write_text("lamps: {about: lamps, folder: hdr, light: {cd_m2_per_unit: 100, primaries: p3-d65}}")
    said = datasets.load("lamps", Store(tmp_path / "store"))
    again = datasets.load("lamps", Store(tmp_path / "store"))
    assert (plain.pictures[0].transfer, plain.pictures[0].bit_depth) == ("pq", 10)
    assert "1.0 at 100 cd/m2 (as the set says), primaries p3-d65" in said.pictures[0].colour
    assert said.pictures == again.pictures
    expected = light.linear_to_pq(scene(), light.PRIMARIES["p3-d65"], 100.0)[0]
    assert said.pictures[0].sha256 == pixels.sample_hash(expected) != plain.pictures[0].sha256
    for wrong, place in (("cd_m2_per_unit: 0", "cd_m2_per_unit"), ("primaries: xyz", "primaries"), ("white: 3", "white")):
        entries.write_text(f"lamps: {{about: lamps, folder: hdr, light: {{{wrong}}}}}")
        with pytest.raises(UsageError, match=rf"light\.{place}: "):
            datasets.load("lamps", Store(tmp_path / "store"))


def test_hdr_measures_are_added_where_there_are_hdr_pictures(tmp_path: Path) -> None:
    plan = resolve(Options("x", tmp_path, tmp_path, codecs=("jpeg", "jpeg2000"), anchor="jpeg"))
    sdr = Picture("x", "a", "a.png", 64, 64, 8, "RGB", "0" * 64)
    pq = Picture("x", "b", "b.exr", 64, 64, 10, "RGB", "1" * 64, "pq")
    names = [metric.name for metric in plan.on([sdr]).metrics]
    assert names == list(plugins.default_metrics())
    assert [metric.name for metric in plan.on([sdr, pq]).metrics] == list(plugins.default_metrics({"sdr", "pq"}))
    assert [codec.deep for codec in plan.on([sdr]).codecs] == [None, None]
    units = {(unit.codec, unit.picture.name): unit.codec_version for unit in plan.on([sdr, pq]).coding_units([sdr, pq])}
    assert units["jpeg", "a"] == units["jpeg", "b"]
    assert "10 bits" in units["jpeg2000", "b"]
    assert "10 bits" not in units["jpeg2000", "a"]


def test_a_run_over_hdr_and_sdr_pictures(ctc: Ctc, hdr: Path, tmp_path: Path) -> None:
    write_png(hdr / "flat.png", (scene()[..., ::-1] * 180).clip(0, 255).astype(np.uint8))
    arguments = ("run", "--set", hdr, "--out", "out", "--codecs", "jpeg,hevc-x265", "--anchor", "hevc-x265", "--rates", "0.5,1")
    metrics = ("--metrics", "psnr_y,pu21_psnr,delta_e_itp,wpsnr_y")
    first = ctc(*arguments, *metrics)
    assert first.status == 0, first.err
    points = pd.read_csv(tmp_path / "out" / "points.csv", keep_default_na=False)
    row = points[(points.codec == "jpeg") & (points.picture == "lamp")]
    assert row[["status", "target_bpp", "reason"]].values.tolist() == [
        ["unsupported", "", "the picture is HDR (PQ of 10 bits), jpeg codes 8 bits"]
    ]
    of_hevc = points[(points.codec == "hevc-x265") & (points.status == "ok")]
    lamp, flat = of_hevc[of_hevc.picture == "lamp"], of_hevc[of_hevc.picture == "flat"]
    assert (lamp.pu21_psnr.astype(float) > 20).all()
    assert lamp.delta_e_itp.astype(float).is_monotonic_decreasing
    assert set(flat.pu21_psnr) == {""}
    findings = pd.read_csv(tmp_path / "out" / "findings.csv", keep_default_na=False)
    of_jpeg = findings[(findings.codec == "jpeg") & (findings.picture == "lamp") & (findings["check"] == "completeness")]
    assert of_jpeg[["severity", "target_bpp"]].values.tolist() == [["note", ""]]
    assert of_jpeg.message.item() == "unsupported: the picture is HDR (PQ of 10 bits), jpeg codes 8 bits"
    assert findings.message.str.contains("defined for PQ pictures only").any()
    page = (tmp_path / "out" / "report.html").read_text()
    assert "unsupported pictures" in page
    assert "<details open>\n<summary>Metrics outside the average, those for HDR among them</summary>" in page
    assert "BD-rate, HDR PU21-PSNR ΔE ITP wPSNR Y" in [" ".join(line.split()) for line in first.out.splitlines()]
    table = (tmp_path / "out" / "table.md").read_text()
    assert "| BD-rate, HDR | PU21-PSNR | ΔE ITP | wPSNR Y |\n| --- | ---: | ---: | ---: |\n| hevc-x265 | anchor |  |  |" in table
    assert "- N/A, jpeg, PU21-PSNR: " in table
    flat_alone = ctc(*arguments, "--metrics", "psnr_y", "--images", "flat*")
    assert "HDR" not in flat_alone.out
    assert "<details open>" not in (tmp_path / "out" / "report.html").read_text()
    second = ctc(*arguments, *metrics)
    assert "0 encodes, 0 decodes and 0 scores made" in second.out
    listed = ctc(*arguments, "--dry-run")
    assert "cannot   jpeg lamp: the picture is HDR" in listed.out


def test_one_point_by_hand(ctc: Ctc, hdr: Path, tmp_path: Path) -> None:
    encoded = ctc("encode", "--codec", "hevc-x265", "--setting", 30, hdr / "lamp.exr", "lamp.bits")
    assert encoded.status == 0, encoded.err
    size = f"{WIDTH}x{HEIGHT}"
    decoded = ctc("decode", "--codec", "hevc-x265", "--size", size, "--bit-depth", 16, "--transfer", "pq", "lamp.bits", "lamp.png")
    assert decoded.status == 0, decoded.err
    assert read_samples(tmp_path / "lamp.png").transfer == "pq"
    scored = ctc("score", "--metrics", "psnr_y,pu21_psnr", hdr / "lamp.exr", "lamp.png")
    assert scored.status == 0, scored.err
    assert "pu21_psnr" in scored.out
    refused = ctc("encode", "--codec", "jpeg", "--setting", 30, hdr / "lamp.exr", "lamp.bits")
    assert refused.status == 1
    assert refused.err == "ctc: lamp.exr: is HDR (PQ of 10 bits), jpeg codes 8 bits\n"
    write_png(tmp_path / "sdr.png", np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    mixed = ctc("score", "--metrics", "psnr_y", hdr / "lamp.exr", "sdr.png")
    assert mixed.err == "ctc: lamp.exr and sdr.png differ in kind: HDR (PQ) and SDR; metrics need equal kinds\n"
