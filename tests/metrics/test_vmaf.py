from __future__ import annotations

import csv
import math
import re
import subprocess
import time

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000

from ctc.errors import MetricUndefined, ToolFailed, ToolMissing
from ctc.metrics import vmaf as module
from ctc.metrics.vmaf import METRICS, ciede2000, vmaf, vmaf_neg

PEAK = 1023
OF_LIBVMAF = {"vmaf_neg": ("vmaf-neg", 1e-3), "ciede2000": ("ciede2000", 1e-6)}
"""Our name -> libvmaf's name and tolerance: its AVX-512 code is 2e-4 away from its other code on the pairs of 451x300."""

XYZ_OF_RGB = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])
D65 = np.array([0.95047, 1.0, 1.08883])


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Puts a shell script in the place of ffmpeg."""

    def install(script: str) -> None:
        path = tmp_path / "ffmpeg"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setenv("CTC_FFMPEG", str(path))

    return install


def by_file(folder, reference, distorted, *, pixel_format="yuv444p10le", options=""):
    """What ffmpeg says in the plainest use: two raw files of all planes, the score printed at the end."""
    from ctc import ffmpeg

    _, height, width = reference.shape
    for name, codes in (("reference", reference), ("distorted", distorted)):
        (folder / name).write_bytes(codes.astype("u1" if pixel_format == "yuv444p" else "<u2").tobytes())
    raw = ["-f", "rawvideo", "-pix_fmt", pixel_format, "-s", f"{width}x{height}", "-i"]
    inputs = [*raw, str(folder / "distorted"), *raw, str(folder / "reference")]
    command = [str(ffmpeg.executable()), "-nostdin", *inputs, "-lavfi", f"libvmaf{options}", "-f", "null", "-"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    printed = re.search(r"VMAF score: ([0-9.]+)", run.stderr)
    assert printed is not None
    return float(printed[1])


@pytest.mark.parametrize(("rows", "columns"), [(200, 301), (201, 300), (201, 301)])
def test_equals_libvmaf_with_all_planes(pair, tmp_path, rows, columns):
    reference, distorted = pair("astronaut", 30, "yuv", rows, columns)
    assert vmaf(reference[0], distorted[0], PEAK) == pytest.approx(by_file(tmp_path, reference, distorted), abs=1e-6)


def test_equals_libvmaf_at_eight_bits(pair, tmp_path):
    reference, distorted = pair("chelsea", 30, "yuv", bits=8)
    printed = by_file(tmp_path, reference, distorted, pixel_format="yuv444p")
    assert vmaf(reference[0], distorted[0], 255) == pytest.approx(printed, abs=1e-6)


def test_neg_equals_libvmaf_with_all_planes(pair, tmp_path):
    reference, distorted = pair("rocket", 20, "yuv", 200, 301)
    printed = by_file(tmp_path, reference, distorted, options="=model=version=vmaf_v0.6.1neg")
    assert vmaf_neg(reference[0], distorted[0], PEAK) == pytest.approx(printed, abs=1e-6)
    assert vmaf(reference[0], distorted[0], PEAK) > printed + 0.5


@pytest.mark.parametrize("name", OF_LIBVMAF)
def test_golden_values_of_the_libvmaf_program(name, golden, golden_folder, golden_pair):
    """Of libvmaf 3.2.0's own command line."""
    metric = next(metric for metric in METRICS if metric.name == name)
    called, tolerance = OF_LIBVMAF[name]
    files = {row["pair"]: row for row in golden}
    with (golden_folder / "other-implementations.csv").open(newline="") as table:
        rows = [row for row in csv.DictReader(table) if row["metric"] == called]
    assert len(rows) == 12
    off = {}
    for row in rows:
        value = metric.score(*golden_pair(files[row["pair"]], metric), PEAK)
        if not abs(value - float(row["value"])) <= tolerance:
            off[row["pair"]] = value, row["value"]
    assert not off


def lab(rgb):
    """CIE Lab under D65 of nonlinear sRGB (3, ...), which may leave 0..1, as (..., 3)."""
    linear = np.where(rgb > 10 / 255, (np.maximum(rgb, 0.0) + 0.055) ** 2.4 / 1.055**2.4, rgb / 12.92)
    xyz = np.moveaxis(np.tensordot(XYZ_OF_RGB, linear, 1), 0, -1) / D65
    x, y, z = np.moveaxis(np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (29 / 6) ** 2 / 3 + 4 / 29), -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def as_libvmaf_sees(codes):
    """Lab of 10-bit codes taken for limited range, by the matrix of the analogue U and V."""
    y, u, v = (codes.astype(float) - np.array([64, 512, 512])[:, None, None]) / np.array([876, 896, 896])[:, None, None]
    return lab(np.stack([y + 1.28033 * v, y - 0.21482 * u - 0.38059 * v, y + 2.12798 * u]))


def as_it_is(codes):
    """Lab of 10-bit BT.709 codes at full range."""
    y, u, v = (codes.astype(float) - np.array([0, 512, 512])[:, None, None]) / 1023
    red, blue = y + 1.5748 * v, y + 1.8556 * u
    return lab(np.stack([red, (y - 0.2126 * red - 0.0722 * blue) / 0.7152, blue]))


def decibel(seen, reference, distorted):
    return 45 - 20 * math.log10(deltaE_ciede2000(seen(reference), seen(distorted), kL=0.65, kC=1, kH=4).mean())


@pytest.mark.parametrize(("name", "quality"), [("astronaut", 10), ("chelsea", 40), ("camera", 30), ("rocket", 85)])
def test_ciede2000_is_the_mean_of_scikit_image(pair, name, quality):
    reference, distorted = pair(name, quality, "yuv")
    value = ciede2000(reference, distorted, PEAK)
    assert value == pytest.approx(decibel(as_libvmaf_sees, reference, distorted), abs=5e-5)
    assert 0.4 < decibel(as_it_is, reference, distorted) - value < 1.3


def test_ciede2000_of_one_sample(noise):
    reference, distorted = noise(3, 1, 1), noise(3, 1, 1, seed=1)
    assert ciede2000(reference, distorted, PEAK) == pytest.approx(decibel(as_libvmaf_sees, reference, distorted), abs=1e-4)


def test_not_symmetric(pair):
    reference, distorted = pair("chelsea", 10)
    assert vmaf(reference, distorted, PEAK) != vmaf(distorted, reference, PEAK)


@pytest.mark.parametrize("score", [vmaf, vmaf_neg])
@pytest.mark.parametrize("size", [(33, 33), (33, 200), (200, 33)])
def test_smallest_sides(noise, size, score):
    picture = noise(*size)
    assert score(picture, picture, PEAK) == pytest.approx(97.43, abs=0.01)


@pytest.mark.parametrize(("score", "label"), [(vmaf, "VMAF"), (vmaf_neg, "VMAF-NEG")])
@pytest.mark.parametrize("size", [(1, 1), (16, 200), (200, 32)])
def test_too_small_is_undefined(noise, size, score, label):
    with pytest.raises(MetricUndefined, match=f"^{label}: .*too small"):
        score(noise(*size), noise(*size, seed=1), PEAK)


@pytest.mark.parametrize("record", METRICS, ids=lambda record: record.name)
def test_other_bit_depths_are_undefined(noise, record):
    shape = (64, 64) if record.wants == "y" else (3, 64, 64)
    with pytest.raises(MetricUndefined, match="peak of 65535"):
        record.score(noise(*shape), noise(*shape, seed=1), 65535)


def test_slices_and_other_types_are_sent_as_they_are(pair):
    reference, distorted = pair("camera", 30)
    expected = vmaf(reference[::2, ::2].copy(), distorted[::2, ::2].copy(), PEAK)
    assert vmaf(reference[::2, ::2], distorted[::2, ::2], PEAK) == expected
    assert vmaf(reference[::2, ::2].astype(np.int64), distorted[::2, ::2].astype(">u2"), PEAK) == expected


def test_failure_carries_command_and_log(noise, program):
    program("echo 'No such filter: libvmaf' >&2; exit 8")
    with pytest.raises(ToolFailed, match="status 8") as failure:
        vmaf(noise(600, 600), noise(600, 600, seed=1), PEAK)
    assert "No such filter: libvmaf" in failure.value.log_tail
    assert any("libvmaf=model=version=vmaf_v0.6.1" in word for word in failure.value.command)


def test_no_score_is_a_failure(noise, program):
    program("cat <&3 >/dev/null; exit 0")
    with pytest.raises(ToolFailed, match="no VMAF"):
        vmaf(noise(64, 64), noise(64, 64, seed=1), PEAK)


def test_a_hanging_program_is_ended_with_its_children(noise, program, monkeypatch):
    program("sleep 60")
    monkeypatch.setattr(module, "TIME_LIMIT_S", 0.5)
    started = time.perf_counter()
    with pytest.raises(ToolFailed, match="within"):
        vmaf(noise(600, 600), noise(600, 600, seed=1), PEAK)
    assert time.perf_counter() - started < 30


def test_missing_ffmpeg_says_so_and_leaks_no_pipe(noise, tmp_path, monkeypatch):
    monkeypatch.setenv("CTC_FFMPEG", str(tmp_path / "absent"))
    with pytest.raises(ToolMissing):
        vmaf(noise(64, 64), noise(64, 64, seed=1), PEAK)
    with pytest.raises(ToolMissing):
        METRICS[0].version()


def test_versions_name_options_and_program():
    versions = {metric.name: metric.version() for metric in METRICS}
    assert "model=version=vmaf_v0.6.1:n_threads=0" in versions["vmaf"]
    assert "model=version=vmaf_v0.6.1neg:n_threads=0" in versions["vmaf_neg"]
    assert "feature=name=ciede" in versions["ciede2000"]
    assert all("ffmpeg " in version for version in versions.values())


def test_only_vmaf_is_computed_unasked():
    assert [metric.name for metric in METRICS if not metric.extra] == ["vmaf"]


def test_score_has_six_decimals(pair):
    value = vmaf(*pair("camera", 30), PEAK)
    assert value == round(value, 6)
    assert not np.isclose(value, round(value, 2), atol=1e-9) or value == 100.0
