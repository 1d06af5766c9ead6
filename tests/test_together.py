"""Scoring several reconstructions together: each reference prepared once, the values those of single scores, failures kept apart."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from ctc import plugins, together
from ctc.errors import MetricUndefined, ToolFailed
from ctc.pixels import metric_codes
from ctc.protocols import Codes, Metric, Scorer
from ctc.together import MEMORY_BYTES, MOST, Measured, at_once, measure

RNG = np.random.default_rng(7)
REFERENCE = np.kron(RNG.integers(0, 256, (20, 20, 3), dtype=np.uint8), np.ones((10, 10, 1), np.uint8))
DISTORTED = [np.clip(REFERENCE.astype(int) + RNG.integers(-k, k + 1, REFERENCE.shape), 0, 255).astype(np.uint8) for k in (3, 9, 27)]


def everything(_index: int, _name: str) -> bool:
    return True


def test_the_values_are_those_of_single_scores() -> None:
    metrics = [plugins.metrics()[name] for name in plugins.default_metrics()]
    found = {(each.metric, each.index): each.value for each in measure(REFERENCE, DISTORTED, metrics, everything, 10, "cpu")}
    assert len(found) == len(metrics) * len(DISTORTED)
    for metric in metrics:
        for index, distorted in enumerate(DISTORTED):
            single = metric.score(metric_codes(REFERENCE, metric.wants), metric_codes(distorted, metric.wants), 1023)
            assert found[metric.name, index] == single, metric.name


def spy(metric: Metric, prepared: Counter[str]) -> Metric:
    def against(reference: Codes, peak: int) -> Scorer:
        prepared[metric.name] += 1
        return metric.against(reference, peak)

    return replace(metric, against=against)


def test_each_reference_is_prepared_once_and_only_where_it_is_wanted() -> None:
    prepared: Counter[str] = Counter()
    metrics = [spy(plugins.metrics()[name], prepared) for name in ("psnr_y", "psnr_u", "psnr_v")]
    found = list(measure(REFERENCE, DISTORTED, metrics, lambda index, name: name != "psnr_u" and index != 1, 10, "cpu"))
    assert prepared == {"psnr_y": 1, "psnr_v": 1}
    assert [(each.metric, each.index) for each in found] == [("psnr_y", 0), ("psnr_y", 2), ("psnr_v", 0), ("psnr_v", 2)]


def broken(when: str, error: Exception) -> Metric:
    def against(_reference: Codes, _peak: int) -> Scorer:
        if when == "prepare":
            raise error

        def score(_distorted: Codes) -> float:
            raise error

        return score

    return replace(plugins.metrics()["psnr_y"], against=against)


@pytest.mark.parametrize("when", ["prepare", "score"])
def test_what_goes_wrong_is_told_for_each_reconstruction(when: str) -> None:
    error = ToolFailed("gone")
    found = list(measure(REFERENCE, DISTORTED, [broken(when, error), plugins.metrics()["psnr_u"]], everything, 10, "cpu"))
    assert [(each.index, each.error) for each in found if each.metric == "psnr_y"] == [(0, error), (1, error), (2, error)]
    assert all(each.value is not None for each in found if each.metric == "psnr_u")


@pytest.mark.parametrize("when", ["prepare", "score"])
def test_an_undefined_metric_has_a_reason(when: str) -> None:
    found = next(measure(REFERENCE, DISTORTED, [broken(when, MetricUndefined("flat"))], everything, 10, "cpu"))
    assert found == Measured(0, "psnr_y", None, "flat")


def test_large_pictures_go_in_small_batches_and_a_busy_machine_in_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = SimpleNamespace(available=64 << 30)
    monkeypatch.setattr(together.psutil, "virtual_memory", lambda: memory)
    monkeypatch.setattr(together, "machine", lambda: SimpleNamespace(cores=4))
    assert [at_once(pixels) for pixels in (100_000, 2_000_000, 50_000_000, MEMORY_BYTES)] == [MOST, MOST, 3, 1]
    memory.available = 4 << 30
    assert [at_once(pixels) for pixels in (100_000, 10_000_000, 50_000_000)] == [MOST, 8, 1]
