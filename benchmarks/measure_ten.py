"""One measurement: a metric, a reference and ten reconstructions. Runs in a process of its own, see `processes`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from benchmarks.measure_score import WARM_UP_MEGAPIXELS, cost, give_back_free_memory
from benchmarks.pictures import pictures
from benchmarks.programs import METRICS, PEAK
from ctc import plugins
from ctc.complexity.memory import reuse_large_blocks
from ctc.protocols import Codes, Metric
from ctc.together import Prepared

QUALITIES = (10, 20, 30, 40, 50, 60, 70, 80, 90, 95)


def measured(metric: str, megapixels: float, repeats: int, budget_s: float) -> dict[str, Any]:
    """Seconds of one score, of ten together, and the peak of the ten together."""
    compared = METRICS[metric]
    metrics = [plugins.metrics()[name] for name in compared.names]
    reuse_large_blocks()
    reference, distorted = pictures(WARM_UP_MEGAPIXELS, compared.wants, QUALITIES[:2])
    prepared_once(metrics, reference, distorted)
    reference, distorted = pictures(megapixels, compared.wants, QUALITIES)
    give_back_free_memory()

    one: list[float] = []
    ten: list[float] = []
    peaks: list[int] = []
    began = time.monotonic()
    while not one or (len(one) < repeats and time.monotonic() - began < budget_s):
        # New copies, so that none is in the caches already.
        x, ys = reference.copy(), [each.copy() for each in distorted]
        references = [reference.copy() for _ in ys]
        together = cost(partial(prepared_once, metrics, x, ys))
        alone = cost(partial(each_alone, metrics, references, ys))
        one.append(alone.cpu_s / len(QUALITIES))
        ten.append(together.cpu_s)
        peaks.append(together.peak_bytes)
    return {"one_cpu_s": min(one), "ten_cpu_s": min(ten), "peak_bytes": max(peaks)}


def prepared_once(metrics: Sequence[Metric], reference: Codes, distorted: Sequence[Codes]) -> float:
    """The last score."""
    prepared = Prepared(metrics, reference, PEAK, "cpu")
    return [prepared.values(each)[metrics[0].name] for each in distorted][-1]


def each_alone(metrics: Sequence[Metric], references: Sequence[Codes], distorted: Sequence[Codes]) -> float:
    """The last score."""
    return [prepared_once(metrics, x, [y]) for x, y in zip(references, distorted, strict=True)][-1]
