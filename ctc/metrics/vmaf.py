"""VMAF, VMAF-NEG and CIEDE2000 of one frame by the libvmaf inside ffmpeg.

VMAF equals the libvmaf 2.2.1 program that the common test conditions call, on planar 4:4:4 at full range. Only luma is looked at: the
score has the same digits with 4:2:0 and one constant for all chroma, which is what the program gets. With that and without threads it
takes a quarter less time and a third less memory. Grey input is another thing, up to 3.3 away: ffmpeg converts its range. A single frame
has no motion, so equal pictures score about 97, not 100.

Each metric is a run of its own: together in one run VMAF and VMAF-NEG share no work and take as long as one after the other, and
CIEDE2000 costs nine times as much as VMAF. libvmaf's threads work on different frames: on one they gain nothing, and with none
(`n_threads=0`) it keeps fewer copies. Pipes carry the pictures: nothing is written to disk.
"""

from __future__ import annotations

import csv
import io
import os
import signal
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ctc import ffmpeg
from ctc.errors import MetricUndefined, ToolFailed
from ctc.metrics._planes import checked, defined
from ctc.protocols import Codes, Metric, each_alone
from ctc.records import MetricInfo


@dataclass(frozen=True)
class Question:
    """What libvmaf is asked: its options, and the column of its log with the answer."""

    label: str
    options: str
    column: str
    chroma: str
    """Chroma format of what it gets."""

    @property
    def version(self) -> str:
        return f"1, libvmaf {self.options}, planar 4:{self.chroma[1]}:{self.chroma[2]}"


VMAF = Question("VMAF", "model=version=vmaf_v0.6.1:n_threads=0", "vmaf", "420")
NEG = Question("VMAF-NEG", "model=version=vmaf_v0.6.1neg:n_threads=0", "vmaf", "420")
CIEDE2000 = Question("CIEDE2000", "model='':feature=name=ciede:n_threads=0", "ciede2000", "444")

DEPTHS = {255: ("", "u1"), 1023: ("10le", "<u2")}
"""Peak -> end of ffmpeg's name of a planar format and the type of its samples."""

MINIMUM_SIDE = 33
"""Of VMAF. Under 17 samples libvmaf crashes; from 17 to 32 equal pictures score anything from 70 to 97, from 33 on always 97.43."""

BLANK = memoryview(bytes(2**20))
TIME_LIMIT_S = 600.0
LOG_TAIL_CHARACTERS = 4000

Parts = Iterable[memoryview]
"""Bytes of one picture, in order."""


def vmaf(reference: Codes, distorted: Codes, peak: int) -> float:
    """VMAF of two luma planes (height, width) at peak 255 or 1023, 0 to 100, with the six decimals that libvmaf gives.

    Li et al., "Toward a practical perceptual video quality metric", Netflix 2016. Raises ValueError where the shapes differ,
    MetricUndefined for sides under 33 and other peaks, ToolMissing, and ToolFailed where ffmpeg fails or hangs.
    """
    return _of_luma(VMAF, reference, distorted, peak)


def vmaf_neg(reference: Codes, distorted: Codes, peak: int) -> float:
    """VMAF by the model vmaf_v0.6.1neg, which gives no credit for enhancement: its gains of detail and contrast are held at 1.

    Li et al., "Toward a better quality metric for the video community", Netflix 2020. Shapes, range and errors as `vmaf`.
    """
    return _of_luma(NEG, reference, distorted, peak)


def ciede2000(reference: Codes, distorted: Codes, peak: int) -> float:
    """45 - 20 log10 of the mean CIEDE2000 difference of two YUV pictures (3, height, width), in dB; higher is better.

    Between about 0 for opposite pictures and infinity for equal ones, for which libvmaf writes `inf` too. Sharma, Wu, Dalal, "The
    CIEDE2000 color-difference formula", Color Research & Application 30(1), 2005, with kL = 0.65, kC = 1, kH = 4, as libvmaf has it
    from Daala. The sRGB curve and D65 lead from R'G'B' to Lab.

    Two habits of libvmaf make its colours other than the true ones of these pictures. It takes every input for limited range, so that
    full-range samples reach from -0.07 to 1.10 and chroma is enlarged by 1.14. And its matrix, 1.28033, 0.21482, 0.38059, 2.12798, is
    that of the analogue U and V, to which it gives Cb and Cr. The mean difference of the true colours is smaller: over twelve
    golden pairs their value is 0.49 to 1.16 dB above this one.

    Raises ValueError where the shapes differ, MetricUndefined for other peaks than 255 and 1023, ToolMissing, and ToolFailed where ffmpeg
    fails or hangs.
    """
    checked(reference, distorted, peak, planes=3)
    return _answer(CIEDE2000, reference, distorted, peak)


def _of_luma(question: Question, reference: Codes, distorted: Codes, peak: int) -> float:
    checked(reference, distorted, peak)
    height, width = reference.shape
    if min(height, width) < MINIMUM_SIDE:
        reason = f"{width}x{height} is too small, libvmaf needs {MINIMUM_SIDE} samples on each side"
        raise MetricUndefined(f"{question.label}: {reason}")
    return _answer(question, reference, distorted, peak)


def _answer(question: Question, reference: Codes, distorted: Codes, peak: int) -> float:
    if peak not in DEPTHS:
        depths = f"8 and 10 bits (peaks {', '.join(map(str, DEPTHS))})"
        raise MetricUndefined(f"{question.label}: defined for {depths}, not for a peak of {peak}")
    end, sample = DEPTHS[peak]
    height, width = reference.shape[-2:]
    command, log = _run(
        question.options,
        (_parts(distorted, sample), _parts(reference, sample)),
        ("-f", "rawvideo", "-pix_fmt", f"yuv{question.chroma}p{end}", "-s", f"{width}x{height}"),
    )
    try:
        value = float(next(csv.DictReader(io.StringIO(log)))[question.column])
    except (StopIteration, KeyError, ValueError, TypeError) as error:
        raise ToolFailed(f"libvmaf wrote no {question.label}", command, log[-LOG_TAIL_CHARACTERS:]) from error
    return defined(value, f"{question.label} is not a number")


def _parts(codes: Codes, sample: str) -> Parts:
    """The samples, without a copy where they lie as they are sent; after luma alone, the constant chroma planes of 4:2:0."""
    yield np.ascontiguousarray(codes, dtype=sample).reshape(-1).view(np.uint8).data
    if codes.ndim == 2:
        height, width = codes.shape
        missing = 2 * ((height + 1) // 2) * ((width + 1) // 2) * np.dtype(sample).itemsize
        for done in range(0, missing, len(BLANK)):
            yield BLANK[: missing - done]


def _run(options: str, pictures: tuple[Parts, Parts], raw: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    """(command, libvmaf's log) for raw (distorted, reference); libvmaf's first input is the distorted one."""
    program = ffmpeg.executable()
    ends = [os.pipe() for _ in range(3)]
    (first, to_first), (second, to_second), (from_log, log) = ends
    command = _command(program, options, first, second, log, raw)
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
        feeders = [pool.submit(_write, descriptor, parts) for descriptor, parts in zip((to_first, to_second), pictures, strict=True)]
        reader = pool.submit(_read, from_log)
        try:
            _, printed = process.communicate(timeout=TIME_LIMIT_S)
        except subprocess.TimeoutExpired as error:
            raise ToolFailed(f"ffmpeg gave no score within {TIME_LIMIT_S:.0f} s", command) from error
        finally:
            # Ends the pipes, and with them the threads, on every way out; a wrapper around ffmpeg dies with its child.
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        for feeder in feeders:
            feeder.result()
        written = reader.result()
    if process.returncode != 0:
        tail = printed.decode(errors="replace")[-LOG_TAIL_CHARACTERS:]
        raise ToolFailed(f"ffmpeg ended with status {process.returncode} in libvmaf", command, tail)
    return command, written


def _command(program: Path, options: str, first: int, second: int, log: int, raw: tuple[str, ...]) -> tuple[str, ...]:
    graph = f"[0:v][1:v]libvmaf={options}:log_fmt=csv:log_path=/dev/fd/{log}"
    quiet = ("-nostdin", "-hide_banner", "-loglevel", "error", "-filter_complex_threads", "1")
    inputs = (*raw, "-i", f"pipe:{first}", *raw, "-i", f"pipe:{second}")
    return (str(program), *quiet, *inputs, "-lavfi", graph, "-f", "null", "-")


def _write(descriptor: int, parts: Parts) -> None:
    # A program that dies early closes its end; its own message says why better than the broken pipe does.
    with suppress(BrokenPipeError), os.fdopen(descriptor, "wb", buffering=0) as pipe:
        for remaining in parts:
            while remaining:
                remaining = remaining[pipe.write(remaining) :]


def _read(descriptor: int) -> str:
    with os.fdopen(descriptor, encoding="utf-8", errors="replace") as pipe:
        return pipe.read()


def _ffmpeg_version() -> str:
    ffmpeg.require_filter("libvmaf")
    return f"ffmpeg {ffmpeg.version()}"


def _info(question: Question, name: str, range: str, unit: str, reference: str, equals: str) -> MetricInfo:
    return MetricInfo(
        name=name,
        label=question.label,
        version=question.version,
        higher_is_better=True,
        range=range,
        unit=unit,
        reference=reference,
        equals=equals,
    )


METRICS: tuple[Metric, ...] = (
    Metric(
        _info(
            VMAF,
            "vmaf",
            "0 to 100; equal pictures about 97.4",
            "",
            "Li et al., Netflix 2016; model vmaf_v0.6.1, one frame, full range",
            "the JPEG AI quality framework (libvmaf 2.2.1)",
        ),
        "y",
        each_alone(vmaf),
        _ffmpeg_version,
    ),
    Metric(
        _info(
            NEG,
            "vmaf_neg",
            "0 to 100; equal pictures about 97.4",
            "",
            "Li et al., Netflix 2020; model vmaf_v0.6.1neg, one frame, full range",
            "libvmaf 3.2.0; to 2e-4 at odd sizes",
        ),
        "y",
        each_alone(vmaf_neg),
        _ffmpeg_version,
        extra=True,
    ),
    Metric(
        _info(
            CIEDE2000,
            "ciede2000",
            "about 0 to infinity",
            "dB",
            "Sharma, Wu, Dalal, Color Res. Appl. 30(1), 2005, with kL 0.65, kC 1, kH 4; 45 - 20 log10 of the mean difference",
            "libvmaf 3.2.0, which takes full range for limited: 0.5 to 1.2 dB below what these weights give of the true colours",
        ),
        "yuv",
        each_alone(ciede2000),
        _ffmpeg_version,
        extra=True,
    ),
)
