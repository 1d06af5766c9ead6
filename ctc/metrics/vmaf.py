"""VMAF of one frame by the libvmaf inside ffmpeg, model vmaf_v0.6.1.

Equals the libvmaf 2.2.1 program that the common test conditions call, on planar 4:4:4 at full range. Only luma is looked at. A single
frame has no motion, so equal pictures score about 97, not 100. Pipes carry the pictures: nothing is written to disk.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from ctc import ffmpeg
from ctc.errors import MetricUndefined, ToolFailed
from ctc.metrics._planes import checked, defined
from ctc.protocols import Codes, Metric, each_alone
from ctc.records import MetricInfo

MODEL = "vmaf_v0.6.1"
FORMATS = {255: ("yuv444p", "u1"), 1023: ("yuv444p10le", "<u2")}
"""Peak -> ffmpeg's name of the planar format and the type of its samples."""

MINIMUM_SIDE = 33
"""Under 17 samples libvmaf crashes; from 17 to 32 equal pictures score anything from 70 to 97, from 33 on always 97.43."""

TIME_LIMIT_S = 600.0
LOG_TAIL_CHARACTERS = 4000


def vmaf(reference: Codes, distorted: Codes, peak: int) -> float:
    """VMAF of two YUV pictures (3, height, width) at peak 255 or 1023, 0 to 100, with the six decimals that libvmaf gives.

    Li et al., "Toward a practical perceptual video quality metric", Netflix 2016. Raises ValueError where the shapes differ,
    MetricUndefined for sides under 33 and other peaks, ToolMissing, and ToolFailed where ffmpeg fails or hangs.
    """
    checked(reference, distorted, peak, planes=3)
    height, width = reference.shape[1:]
    if min(height, width) < MINIMUM_SIDE:
        raise MetricUndefined(f"VMAF: {width}x{height} is too small, libvmaf needs {MINIMUM_SIDE} samples on each side")
    if peak not in FORMATS:
        raise MetricUndefined(f"VMAF: defined for 8 and 10 bits (peaks {', '.join(map(str, FORMATS))}), not for a peak of {peak}")
    pixel_format, sample = FORMATS[peak]
    command, log = _run(
        (distorted.astype(sample).tobytes(), reference.astype(sample).tobytes()),
        ("-f", "rawvideo", "-pix_fmt", pixel_format, "-s", f"{width}x{height}"),
    )
    try:
        value = float(json.loads(log)["frames"][0]["metrics"]["vmaf"])
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise ToolFailed("libvmaf wrote no score", command, log[-LOG_TAIL_CHARACTERS:]) from error
    return defined(value, "VMAF is not a number")


def _run(pictures: tuple[bytes, bytes], raw: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    """(command, libvmaf's log) for raw (distorted, reference); libvmaf's first input is the distorted one."""
    program = ffmpeg.executable()
    ends = [os.pipe() for _ in range(3)]
    (first, to_first), (second, to_second), (from_log, log) = ends
    command = _command(program, first, second, log, raw)
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=(first, second, log),
            process_group=0,
        )
    except OSError as error:
        for descriptor in (end for pair in ends for end in pair):
            os.close(descriptor)
        raise ToolFailed(f"ffmpeg does not start: {error}", command) from error
    for descriptor in (first, second, log):
        os.close(descriptor)
    with process, ThreadPoolExecutor(3) as pool:
        feeders = [pool.submit(_write, descriptor, data) for descriptor, data in zip((to_first, to_second), pictures, strict=True)]
        reader = pool.submit(_read, from_log)
        try:
            _, printed = process.communicate(timeout=TIME_LIMIT_S)
        except subprocess.TimeoutExpired as error:
            raise ToolFailed(f"ffmpeg gave no VMAF within {TIME_LIMIT_S:.0f} s", command) from error
        finally:
            # Ends the pipes, and with them the threads, on every way out; a wrapper around ffmpeg dies with its child.
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        for feeder in feeders:
            feeder.result()
        written = reader.result()
    if process.returncode != 0:
        tail = printed.decode(errors="replace")[-LOG_TAIL_CHARACTERS:]
        raise ToolFailed(f"ffmpeg ended with status {process.returncode} while computing VMAF", command, tail)
    return command, written


def _command(program: Path, first: int, second: int, log: int, raw: tuple[str, ...]) -> tuple[str, ...]:
    graph = f"[0:v][1:v]libvmaf=model=version={MODEL}:n_threads=1:log_fmt=json:log_path=/dev/fd/{log}"
    quiet = ("-nostdin", "-hide_banner", "-loglevel", "error", "-filter_complex_threads", "1")
    inputs = (*raw, "-i", f"pipe:{first}", *raw, "-i", f"pipe:{second}")
    return (str(program), *quiet, *inputs, "-lavfi", graph, "-f", "null", "-")


def _write(descriptor: int, data: bytes) -> None:
    # A program that dies early closes its end; its own message says why better than the broken pipe does.
    with suppress(BrokenPipeError), os.fdopen(descriptor, "wb", buffering=0) as pipe:
        remaining = memoryview(data)
        while remaining:
            remaining = remaining[pipe.write(remaining) :]


def _read(descriptor: int) -> str:
    with os.fdopen(descriptor, encoding="utf-8", errors="replace") as pipe:
        return pipe.read()


def _ffmpeg_version() -> str:
    ffmpeg.require_filter("libvmaf")
    return f"ffmpeg {ffmpeg.version()}"


METRICS: tuple[Metric, ...] = (
    Metric(
        MetricInfo(
            name="vmaf",
            label="VMAF",
            version=f"1, libvmaf {MODEL}",
            higher_is_better=True,
            range="0 to 100; equal pictures about 97.4",
            unit="",
            reference="Netflix libvmaf, model vmaf_v0.6.1, one frame of planar 4:4:4 at full range",
        ),
        "yuv",
        each_alone(vmaf),
        _ffmpeg_version,
    ),
)
