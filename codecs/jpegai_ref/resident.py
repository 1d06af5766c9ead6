"""python -m jpegai_ref.resident [ENGINE [SHARE]]: codes file after file with weights that are loaded once, for whoever has many.

Reads a task from each line of standard input, answers with a line of JSON on standard output; first, when it is ready, with
{"cpu_s": ..., "peak_bytes": ...} of starting.

    {"task": "encode", "source": PICTURE, "destination": FILE, "quality": 1850, "tools": "rvs+cwg"}
    {"task": "decode", "source": FILE, "destination": PPM, "operating_point": "bop"}
    -> {"wall_s": ..., "cpu_s": ..., "read_s": ..., "write_s": ..., "peak_bytes": ...} or {"error": "one line"}

With "trace": NPZ in the task the integers behind the file are written there, see `tracing`, also those that were known when a task failed.
An engine other than cpu and cuda, see `engines`, is not warmed up: its times say nothing. SHARE, above 0 and up to 1, is the part of the
memory of the GPU that PyTorch may take; a task for which that is too little is an error, and nothing is warmed up, since that would need
memory too.

`wall_s` and `cpu_s` are of coding alone, `read_s` and `write_s` of reading and writing files. On a GPU the clock stops when the GPU has
done all that it was given. Peak memory is that of the process during the task, with interpreter, PyTorch and weights, and the files'
contents.
"""

from __future__ import annotations

import fcntl
import gc
import io
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from jpegai_ref.coder import Coder, DeviceMissing, check_device
from jpegai_ref.decoder import decode
from jpegai_ref.encoder import encode
from jpegai_ref.engines import load_engine
from jpegai_ref.errors import BitstreamError
from jpegai_ref.memory import return_freed, reuse_large_blocks
from jpegai_ref.model import OPERATING_POINTS
from jpegai_ref.picture import Picture
from jpegai_ref.pictures import PictureFileError, file_content, read_picture
from jpegai_ref.quality import setting_of
from jpegai_ref.tools import Tools, ToolUnavailable
from jpegai_ref.tracing import Trace, traced_decode, traced_encode
from jpegai_ref.weights import WeightsError
from jpegai_ref.weights_place import WeightsMissing, weights_file
from jpegai_ref.whole_file import write_whole

Read = TypeVar("Read")
Written = TypeVar("Written")
WARM_SIDE = 128
WARMED_UP = ("cpu", "cuda")
"""Engines that are timed."""
TOO_LITTLE = "the memory of the GPU is not enough"
STATUS, CLEAR_REFS = Path("/proc/self/status"), Path("/proc/self/clear_refs")
RESET_PEAK = "5"
"""proc(5): makes the peak resident memory of a process its present one."""


def _nothing() -> None:
    """A CPU has done all that it was given when a call returns."""


def perform(coder: Coder, task: dict[str, Any], settle: Callable[[], object] = _nothing) -> dict[str, float]:
    """Does one task; its cost. `settle` waits for the device that computes. Raises what reading, coding and writing do."""
    trace: Trace = {}
    try:
        return _performed(coder, task, trace, settle)
    finally:
        if "trace" in task:
            content = io.BytesIO()
            np.savez(content, **trace)  # type: ignore[arg-type]
            write_whole(Path(task["trace"]), content.getvalue())


def _performed(coder: Coder, task: dict[str, Any], trace: Trace, settle: Callable[[], object]) -> dict[str, float]:
    source, destination = Path(task["source"]), Path(task["destination"])
    _forget_peak()
    if task["task"] == "encode":
        quality, tools = int(task["quality"]), Tools.parse(task["tools"])
        return _timed(
            lambda: read_picture(source),
            lambda picture: traced_encode(coder, picture, quality, tools, trace),
            destination.write_bytes,
            settle,
        )
    traced, operating_point = partial(traced_decode, trace=trace) if "trace" in task else decode, task["operating_point"]
    return _timed(
        source.read_bytes,
        lambda data: traced(coder, data, operating_point),
        lambda picture: destination.write_bytes(file_content(".ppm", picture)),
        settle,
    )


def warm_up(coder: Coder) -> None:
    """What PyTorch and the compiled loops do once in a process is done before anything is timed."""
    ramp = np.add.outer(np.arange(WARM_SIDE, dtype=np.uint8), np.arange(WARM_SIDE, dtype=np.uint8))
    data = encode(coder, Picture((ramp,) * 3, 8, "rgb"), setting_of(1500)).data
    for operating_point in OPERATING_POINTS:
        decode(coder, data, operating_point)


def _timed(
    read: Callable[[], Read], code: Callable[[Read], Written], write: Callable[[Written], object], settle: Callable[[], object]
) -> dict[str, float]:
    """Seconds of the three in turn, and the peak memory once it is coded."""
    started = time.perf_counter()
    content = read()
    settle()
    cpu, begun = time.process_time(), time.perf_counter()
    result = code(content)
    settle()
    ended, cpu_s, peak = time.perf_counter(), time.process_time() - cpu, _peak_bytes()
    writing = time.perf_counter()
    write(result)
    written_s = time.perf_counter() - writing
    return {"wall_s": ended - begun, "cpu_s": cpu_s, "read_s": begun - started, "write_s": written_s, "peak_bytes": peak}


def settling(engine: str) -> Callable[[], object]:
    """What waits until the device of an engine has done all that it was given."""
    return torch.cuda.synchronize if engine == "cuda" else _nothing


def _forget_peak() -> None:
    """Gives back what the last task used, so that it is not counted as this one's."""
    gc.collect()
    return_freed()
    if CLEAR_REFS.exists():
        CLEAR_REFS.write_text(RESET_PEAK)


def _peak_bytes() -> int:
    if STATUS.exists():
        line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    import resource

    # Elsewhere the peak is of all tasks so far; macOS counts in bytes.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


@contextmanager
def gpu_alone() -> Iterator[None]:
    """While it lasts no other process of this user codes on the GPU: memory that does for one need not do for as many as there are
    workers. What a task has used is given back behind it."""
    with open(Path(tempfile.gettempdir()) / f"jpegai_ref-gpu-{os.getuid()}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            torch.cuda.empty_cache()


def allow(share: float) -> None:
    """Lets PyTorch take no more than this part of the memory of the GPU. Raises DeviceMissing where there is none."""
    check_device("cuda")
    torch.cuda.set_per_process_memory_fraction(share)


def main(engine: str = "cpu", share: str = "") -> int:
    # Whatever a library prints goes to standard error, the answers alone to standard output.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    reuse_large_blocks()
    alone = gpu_alone if engine == "cuda" else nullcontext
    try:
        if share:
            allow(float(share))
        coder = load_engine(engine, weights_file())
        if engine in WARMED_UP and not share:
            with alone():
                warm_up(coder)
    except (WeightsError, WeightsMissing, DeviceMissing) as error:
        print(error, file=sys.stderr)
        return 4
    except torch.cuda.OutOfMemoryError:
        print(TOO_LITTLE, file=sys.stderr)
        return 4
    settle = settling(engine)
    answers.write(json.dumps({"cpu_s": time.process_time(), "peak_bytes": _peak_bytes()}) + "\n")
    for line in sys.stdin:
        answer: dict[str, Any]
        try:
            with alone():
                answer = perform(coder, json.loads(line), settle)
        except (BitstreamError, PictureFileError, ToolUnavailable, OSError, MemoryError) as error:
            answer = {"error": " ".join(str(error).split()) or type(error).__name__}
        except torch.cuda.OutOfMemoryError:
            answer = {"error": TOO_LITTLE}
        answers.write(json.dumps(answer) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
