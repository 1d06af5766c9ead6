"""What our metrics and other programs cost on one thread, as a Markdown table: CPU time per megapixel, ratio, peak memory.

    python benchmarks/metrics_speed.py [MEGAPIXELS ...]        (0.26 and 2 unless given)

Every program scores a photograph (repeated in mirrored tiles) against its JPEG at quality 40, in a process of its own and after
one small pair, so that imports and compilation are not timed; of three times the least counts. The ratio is to ours. Packages
that are not installed are left out.
"""

from __future__ import annotations

import io
import math
import resource
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
import psutil
from PIL import Image
from skimage import data

from ctc import plugins
from ctc.pixels import metric_codes
from ctc.protocols import Codes

PEAK = 1023
REPEATS = 3
SMALL_MEGAPIXELS = 0.1

Score = Callable[[Codes, Codes], object]


@dataclass(frozen=True)
class Cost:
    cpu_ms_per_mp: float
    peak_bytes: int


def ours(*names: str) -> Score:
    metrics = [plugins.metrics()[name] for name in names]
    return lambda x, y: [metric.score(x, y, PEAK) for metric in metrics]


def piq(function: str) -> Score:
    import piq
    import torch

    torch.set_num_threads(1)

    def score(x: Codes, y: Codes) -> object:
        planes = [torch.from_numpy(codes.astype(np.float32) / PEAK).reshape(1, -1, *codes.shape[-2:]) for codes in (y, x)]
        return float(getattr(piq, function)(*planes, data_range=1.0))

    return score


def pytorch_msssim() -> Score:
    import torch
    from pytorch_msssim import ms_ssim

    torch.set_num_threads(1)
    return lambda x, y: float(ms_ssim(*(torch.from_numpy(codes.astype(np.float32))[None, None] for codes in (y, x)), data_range=PEAK))


def psnr_hvsm(backend: str) -> Score:
    with redirect_stdout(io.StringIO()):
        from psnr_hvsm import BACKENDS
    both = BACKENDS[backend]["psnr_hvs_hvsm"]

    def score(x: Codes, y: Codes) -> object:
        rows, columns = (side // 8 * 8 for side in x.shape)
        with np.errstate(divide="ignore", invalid="ignore"):
            return both(x[:rows, :columns] / PEAK, y[:rows, :columns] / PEAK)

    return score


PROGRAMS: dict[str, dict[str, tuple[str, Callable[[], Score]]]] = {
    "VIF": {"ours": ("y", lambda: ours("vif")), "piq": ("y", lambda: piq("vif_p"))},
    "IW-SSIM": {"ours": ("y", lambda: ours("iwssim")), "piq": ("y", lambda: piq("information_weighted_ssim"))},
    "MS-SSIM": {
        "ours": ("y", lambda: ours("msssim")),
        "pytorch_msssim": ("y", pytorch_msssim),
        "piq": ("y", lambda: piq("multi_scale_ssim")),
    },
    "MS-SSIM (IQA)": {"ours": ("y", lambda: ours("msssim_iqa"))},
    "NLPD": {"ours": ("y", lambda: ours("nlpd"))},
    "PSNR-HVS and -M": {
        "ours": ("y", lambda: ours("psnr_hvs", "psnr_hvs_m")),
        "psnr_hvsm (NumPy)": ("y", lambda: psnr_hvsm("numpy")),
        "psnr_hvsm (C++)": ("y", lambda: psnr_hvsm("cpp")),
    },
    "FSIM": {"ours": ("rgb", lambda: ours("fsim")), "piq": ("rgb", lambda: piq("fsim"))},
}


def main(sizes: list[float]) -> None:
    print("| metric | megapixels | program | CPU ms/MP | ratio | peak MiB above the pictures |\n|---|---|---|---|---|---|")
    for metric, programs in PROGRAMS.items():
        for megapixels in sizes:
            reference_cost: Cost | None = None
            for program in programs:
                cost = in_own_process(metric, program, megapixels)
                if cost is None:
                    continue
                reference_cost = reference_cost or cost
                ratio = cost.cpu_ms_per_mp / reference_cost.cpu_ms_per_mp
                print(f"| {metric} | {megapixels:g} | {program} | {cost.cpu_ms_per_mp:.1f} | {ratio:.1f} | {cost.peak_bytes / 2**20:.0f} |")


def in_own_process(metric: str, program: str, megapixels: float) -> Cost | None:
    """None where the program is not installed."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measured, metric, program, megapixels).result()


def measured(metric: str, program: str, megapixels: float) -> Cost | None:
    wants, make = PROGRAMS[metric][program]
    try:
        score = make()
    except (ImportError, KeyError):
        return None
    score(*pair(SMALL_MEGAPIXELS, wants))
    reference, distorted = pair(megapixels, wants)
    samples = reference.shape[-2] * reference.shape[-1]
    before = psutil.Process().memory_info().rss
    times = []
    for _ in range(REPEATS):
        # Copies, since a metric may know the pair that it scored last.
        copies = reference.copy(), distorted.copy()
        start = cpu()
        score(*copies)
        times.append(cpu() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Cost(min(times) * 1e9 / samples, max(0, peak - before))


def pair(megapixels: float, wants: str) -> tuple[Codes, Codes]:
    tile = data.astronaut()
    height = round(math.sqrt(megapixels * 1e6 * 9 / 16))
    width = round(megapixels * 1e6 / height)
    missing = [(0, max(0, side - length)) for side, length in zip((height, width), tile.shape, strict=False)]
    rgb = np.ascontiguousarray(np.pad(tile, [*missing, (0, 0)], mode="symmetric")[:height, :width])
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "JPEG", quality=40, subsampling=0)
    return metric_codes(rgb, wants), metric_codes(np.asarray(Image.open(stream).convert("RGB")), wants)


def cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main([float(size) for size in sys.argv[1:]] or [0.26, 2.0])
