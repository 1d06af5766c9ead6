"""One measurement of `jpegai_ref`: a task, a size, a number of threads. Runs in a process of its own, see `processes`."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch
from jpegai_ref import complexity, exact
from jpegai_ref.analysed import analysed
from jpegai_ref.coder import Coder, load
from jpegai_ref.codestream import read_codestream
from jpegai_ref.decoded_latents import quantised_picture
from jpegai_ref.decoder import decode
from jpegai_ref.dimensions import COMPACT
from jpegai_ref.encoder import encode_analysed
from jpegai_ref.memory import reuse_large_blocks
from jpegai_ref.model import OperatingPoint
from jpegai_ref.picture import Picture
from jpegai_ref.rate_matching import matched
from jpegai_ref.reconstruction import reconstructed
from jpegai_ref.weights_place import weights_file

from benchmarks.pictures import rgb_pair
from benchmarks.processes import peak_resident

Result = TypeVar("Result")
TARGET_BPP = 0.5
WARM_UP_MEGAPIXELS = 0.1
MATRIX_SIDE = 2048
MATRIX_SECONDS = 1.0


def measured(megapixels: float, threads: int, repeats: int, points: Sequence[OperatingPoint]) -> dict[str, Any]:
    """Seconds (wall, CPU) of every step at 0.5 bpp, least of the repeats; peak bytes of the process in encoder and decoder."""
    torch.set_num_threads(threads)
    reuse_large_blocks()
    coder = load(weights_file())
    _coded(coder, picture_of(WARM_UP_MEGAPIXELS), threads, points)
    picture = picture_of(megapixels)
    times: dict[str, tuple[float, float]] = {}
    encode_peak = 0
    for _ in range(repeats):
        stream, seconds = _coded(coder, picture, threads, points)
        encode_peak = encode_peak or peak_resident()
        for name, pair in seconds.items():
            known = times.get(name, pair)
            times[name] = min(known[0], pair[0]), min(known[1], pair[1])
    samples = picture.width * picture.height
    macs = {name: _synthesis_kmac(name) * 1000 * samples / times[f"synthesis {name}"][1] for name in points}
    return {
        "times": times,
        "encode_peak_bytes": encode_peak,
        "peak_bytes": peak_resident(),
        "bpp": 8 * len(stream) / samples,
        "matrix_macs_per_cpu_s": matrix_macs_per_second(),
        "synthesis_macs_per_cpu_s": macs,
    }


def _synthesis_kmac(operating_point: str) -> float:
    return sum(part.kmac_per_sample for name, part in complexity.parts(COMPACT).items() if name.startswith(operating_point))


def picture_of(megapixels: float) -> Picture:
    rgb, _ = rgb_pair(megapixels)
    return Picture(tuple(np.ascontiguousarray(rgb[..., plane]) for plane in range(3)), 8, "rgb")


def _coded(coder: Coder, picture: Picture, threads: int, points: Sequence[OperatingPoint]) -> tuple[bytes, dict[str, tuple[float, float]]]:
    times: dict[str, tuple[float, float]] = {}

    def timed(name: str, work: Callable[[], Result]) -> Result:
        wall, cpu = time.perf_counter(), cpu_seconds()
        result = work()
        times[name] = time.perf_counter() - wall, cpu_seconds() - cpu
        return result

    source = timed("analysis", lambda: analysed(coder, picture))
    match = timed("rate matching", lambda: matched(coder, source, TARGET_BPP))
    timed("one pass", lambda: encode_analysed(coder, source, match.setting))
    timed("encode", lambda: encode_analysed(coder, analysed(coder, picture), match.setting))
    data = match.encoded.data
    stream = read_codestream(data)
    decoded = timed("entropy decoding", lambda: exact.decode_symbols(coder.exact, stream, threads))
    quantised = timed("prediction", lambda: quantised_picture(coder, stream, decoded))
    for name in points:
        timed(f"synthesis {name}", partial(reconstructed, coder, quantised, name))
    for name in points:
        timed(f"decode {name}", partial(_decoded, coder, data, name, threads))
    return data, times


def _decoded(coder: Coder, data: bytes, operating_point: OperatingPoint, threads: int) -> Picture:
    return decode(coder, data, operating_point, threads)


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def matrix_macs_per_second() -> float:
    """Multiplications and additions a second of one core in a float32 product of matrices, the most that a network could reach."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        a, b = torch.rand(MATRIX_SIDE, MATRIX_SIDE), torch.rand(MATRIX_SIDE, MATRIX_SIDE)
        best, began = 0.0, time.monotonic()
        while time.monotonic() - began < MATRIX_SECONDS:
            cpu = cpu_seconds()
            torch.mm(a, b)
            best = max(best, MATRIX_SIDE**3 / (cpu_seconds() - cpu))
        return best
    finally:
        torch.set_num_threads(threads)
