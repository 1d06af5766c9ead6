from __future__ import annotations

import time

import numpy as np
import pytest

from ctc.errors import MetricUndefined, ToolFailed, ToolMissing
from ctc.metrics import vmaf as module
from ctc.metrics.vmaf import METRICS, vmaf

PEAK = 1023


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Puts a shell script in the place of ffmpeg."""

    def install(script: str) -> None:
        path = tmp_path / "ffmpeg"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setenv("CTC_FFMPEG", str(path))

    return install


def test_equals_libvmaf_from_files(pair, tmp_path):
    """The plainest use of the program: two raw files, the score from what it prints."""
    import re
    import subprocess

    from ctc import ffmpeg

    reference, distorted = pair("astronaut", 30, "yuv", 200, 301)
    for name, codes in (("reference", reference), ("distorted", distorted)):
        (tmp_path / f"{name}.yuv").write_bytes(codes.astype("<u2").tobytes())
    raw = ["-f", "rawvideo", "-pix_fmt", "yuv444p10le", "-s", "301x200", "-i"]
    command = [str(ffmpeg.executable()), "-nostdin", *raw, str(tmp_path / "distorted.yuv"), *raw, str(tmp_path / "reference.yuv")]
    run = subprocess.run([*command, "-lavfi", "libvmaf", "-f", "null", "-"], capture_output=True, text=True, timeout=120, check=True)
    printed = re.search(r"VMAF score: ([0-9.]+)", run.stderr)
    assert printed is not None
    assert vmaf(reference, distorted, PEAK) == pytest.approx(float(printed[1]), abs=1e-6)


def test_only_luma_is_looked_at(pair):
    reference, distorted = pair("chelsea", 30, "yuv")
    grey = distorted.copy()
    grey[1:] = 512
    assert vmaf(reference, grey, PEAK) == vmaf(reference, distorted, PEAK)


def test_not_symmetric(pair):
    reference, distorted = pair("chelsea", 10, "yuv")
    assert vmaf(reference, distorted, PEAK) != vmaf(distorted, reference, PEAK)


@pytest.mark.parametrize("size", [(33, 33), (33, 200), (200, 33)])
def test_smallest_sides(noise, size):
    picture = noise(3, *size)
    assert vmaf(picture, picture, PEAK) == pytest.approx(97.43, abs=0.01)


@pytest.mark.parametrize("size", [(1, 1), (16, 200), (200, 32)])
def test_too_small_is_undefined(noise, size):
    with pytest.raises(MetricUndefined, match="too small"):
        vmaf(noise(3, *size), noise(3, *size, seed=1), PEAK)


def test_other_bit_depths_are_undefined(noise):
    with pytest.raises(MetricUndefined, match="peak of 65535"):
        vmaf(noise(3, 64, 64), noise(3, 64, 64, seed=1), 65535)


def test_failure_carries_command_and_log(noise, program):
    program("echo 'No such filter: libvmaf' >&2; exit 8")
    with pytest.raises(ToolFailed, match="status 8") as failure:
        vmaf(noise(3, 600, 600), noise(3, 600, 600, seed=1), PEAK)
    assert "No such filter: libvmaf" in failure.value.log_tail
    assert any("libvmaf=model=version=vmaf_v0.6.1" in word for word in failure.value.command)


def test_no_score_is_a_failure(noise, program):
    program("cat <&3 >/dev/null; exit 0")
    with pytest.raises(ToolFailed, match="no score"):
        vmaf(noise(3, 64, 64), noise(3, 64, 64, seed=1), PEAK)


def test_a_hanging_program_is_ended_with_its_children(noise, program, monkeypatch):
    program("sleep 60")
    monkeypatch.setattr(module, "TIME_LIMIT_S", 0.5)
    started = time.perf_counter()
    with pytest.raises(ToolFailed, match="within"):
        vmaf(noise(3, 600, 600), noise(3, 600, 600, seed=1), PEAK)
    assert time.perf_counter() - started < 30


def test_missing_ffmpeg_says_so_and_leaks_no_pipe(noise, tmp_path, monkeypatch):
    monkeypatch.setenv("CTC_FFMPEG", str(tmp_path / "absent"))
    with pytest.raises(ToolMissing):
        vmaf(noise(3, 64, 64), noise(3, 64, 64, seed=1), PEAK)
    with pytest.raises(ToolMissing):
        METRICS[0].version()


def test_version_names_model_and_program():
    version = METRICS[0].version()
    assert "vmaf_v0.6.1" in version
    assert "ffmpeg " in version


def test_score_has_six_decimals(pair):
    value = vmaf(*pair("camera", 30, "yuv"), PEAK)
    assert value == round(value, 6)
    assert not np.isclose(value, round(value, 2), atol=1e-9) or value == 100.0
