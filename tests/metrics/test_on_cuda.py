"""The torch metrics of `ctc/cuda`: on the CPU as a device everywhere, and on a GPU where there is one."""

from __future__ import annotations

import math
import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest
import torch

from ctc import plugins
from ctc.cuda import OnCuda, device
from ctc.cuda.device import exact, require_cuda
from ctc.cuda.pyramid import Enlargement, chunks
from ctc.errors import CtcError, MetricUndefined, OutOfDeviceMemory, ToolMissing
from ctc.metrics._planes import interpolation

PEAK = 1023
FROM_CPU = {"msssim": 3e-6, "msssim_iqa": 5e-6, "iwssim": 1e-7, "vif": 1e-5, "fsim": 1e-5, "nlpd": 1e-7}
"""Name -> largest difference from the value of the CPU metric, both on the CPU. Four are float32 in torch, whose order of summation is not
that of the official convolution, which the CPU metrics follow."""

SMALL_PAIRS = ("camera_256x256_q40", "chelsea_451x300_contrast", "chelsea_451x300_q40", "ihc_384x384_q40")
GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
NO_GPU = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")

names = pytest.mark.parametrize("name", FROM_CPU)


def prepare(name):
    """(reference, peak, device) -> scorer."""
    return getattr(import_module(f"ctc.cuda.{name}"), name)


def on_cpu(name, reference, distorted, peak=PEAK):
    return prepare(name)(reference, peak, "cpu")(distorted)


def shaped(name, height, width):
    return (3, height, width) if name == "fsim" else (height, width)


def outcome(score, *arguments):
    """The value, or the reason why there is none."""
    try:
        return score(*arguments)
    except MetricUndefined as undefined:
        return str(undefined)


def test_all_torch_metrics_are_offered():
    offered = {name: metric.on_cuda for name, metric in plugins.metrics().found.items() if metric.on_cuda is not None}
    assert set(offered) == set(FROM_CPU)
    assert all(way.name == name for name, way in offered.items())


@names
def test_golden_values(name, golden, golden_pair):
    metric = plugins.metrics()[name]
    rows = [row for row in golden if row["metric"] == name and row["pair"] in SMALL_PAIRS]
    assert len(rows) == len(SMALL_PAIRS)
    for row in rows:
        value = on_cpu(name, *golden_pair(row, metric))
        assert abs(value - float(row["value"])) <= float(row["tolerance"]), row


@names
@pytest.mark.parametrize(("picture", "quality", "rows", "columns"), [("astronaut", 10, 269, 301), ("chelsea", 60, 170, 171)])
def test_values_of_the_cpu_metric(name, pair, picture, quality, rows, columns):
    metric = plugins.metrics()[name]
    reference, distorted = pair(picture, quality, metric.wants, rows, columns)
    assert on_cpu(name, reference, distorted) == pytest.approx(metric.score(reference, distorted, PEAK), abs=FROM_CPU[name])


@names
@pytest.mark.parametrize("peak", [255, 65535])
def test_other_bit_depths(name, noise, peak):
    metric = plugins.metrics()[name]
    reference, distorted = (noise(*shaped(name, 180, 260), seed=seed, high=peak + 1) for seed in (1, 2))
    mixed = ((3 * reference.astype(np.int64) + distorted) // 4).astype(np.uint16)
    assert on_cpu(name, reference, mixed, peak) == pytest.approx(metric.score(reference, mixed, peak), abs=FROM_CPU[name])


@names
@pytest.mark.parametrize("size", [(1, 1), (2, 1), (7, 9), (1, 300)])
def test_tiny_pictures_have_the_value_or_the_reason_of_the_cpu_metric(name, noise, size):
    metric = plugins.metrics()[name]
    reference, distorted = (noise(*shaped(name, *size), seed=seed) for seed in (2, 3))
    expected = outcome(metric.score, reference, distorted, PEAK)
    given = outcome(on_cpu, name, reference, distorted)
    # piq takes other directions of the filters than the official program where a side is odd, which shows where there are few samples.
    tolerance = 1e-3 if name == "fsim" else FROM_CPU[name]
    assert given == (expected if isinstance(expected, str) else pytest.approx(expected, abs=tolerance))


@names
def test_flat_pictures_have_the_value_or_the_reason_of_the_cpu_metric(name):
    metric = plugins.metrics()[name]
    reference, distorted = (np.full(shaped(name, 280, 280), level, np.uint16) for level in (400, 500))
    expected = outcome(metric.score, reference, distorted, PEAK)
    given = outcome(on_cpu, name, reference, distorted)
    # The variance of a flat plane in pytorch_msssim is the rounding of its float32.
    tolerance = 2e-4 if name == "msssim" else 1e-5
    assert given == (expected if isinstance(expected, str) else pytest.approx(expected, abs=tolerance))


@names
def test_a_scorer_serves_again(name, pair):
    metric = plugins.metrics()[name]
    reference, first = pair("camera", 20, metric.wants, 200, 210)
    _, second = pair("camera", 70, metric.wants, 200, 210)
    scorer = prepare(name)(reference, PEAK, "cpu")
    values = [scorer(distorted) for distorted in (first, second, first)]
    assert values == [on_cpu(name, reference, distorted) for distorted in (first, second, first)]
    assert values[0] != values[1]


@names
def test_refusals(name, noise):
    reference = noise(*shaped(name, 200, 300))
    with pytest.raises(ValueError, match="expected"):
        prepare(name)(noise(4, 20, 20), PEAK, "cpu")
    with pytest.raises(ValueError, match="above the peak 255"):
        prepare(name)(reference, 255, "cpu")
    with pytest.raises(ValueError, match=r"200, 300\).*200, 301\)"):
        prepare(name)(reference, PEAK, "cpu")(noise(*shaped(name, 200, 301)))


@names
def test_inputs_are_not_written(name, pair):
    reference, distorted = (codes.copy() for codes in pair("camera", 30, plugins.metrics()[name].wants, 170, 180))
    before = reference.copy(), distorted.copy()
    reference.setflags(write=False)
    distorted.setflags(write=False)
    on_cpu(name, reference, distorted)
    assert np.array_equal(reference, before[0])
    assert np.array_equal(distorted, before[1])


@pytest.mark.parametrize("name", ["iwssim", "nlpd"])
@pytest.mark.parametrize("at_once", [1, 5000])
def test_values_do_not_depend_on_the_rows_at_a_time(name, pair, monkeypatch, at_once):
    reference, distorted = pair("chelsea", 30, "y", 131, 260)
    whole = on_cpu(name, reference, distorted)
    monkeypatch.setattr("ctc.cuda.pyramid.SAMPLES_AT_ONCE", at_once)
    assert len(list(chunks(reference.shape))) > 5
    assert on_cpu(name, reference, distorted) == pytest.approx(whole, rel=1e-12)


def test_an_enlargement_is_its_matrix():
    operator = interpolation(np.arange(9) / 2.0 - 0.25, 5)
    enlargement = Enlargement.of(operator, "cpu")
    smaller = np.random.default_rng(0).normal(size=5)
    places = enlargement.first[None] + torch.arange(len(enlargement.weights))[:, None]
    larger = (torch.from_numpy(smaller)[places] * enlargement.weights).sum(dim=0)
    assert len(enlargement.weights) == 2
    assert larger.numpy() == pytest.approx(operator @ smaller, abs=1e-15)


@names
@pytest.mark.parametrize("when", ["prepared", "scored"])
def test_too_small_a_gpu_says_what_to_do(name, noise, monkeypatch, when):
    def exhausted(*_):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 3.00 GiB.")

    reference = noise(*shaped(name, 270, 300))
    label = plugins.metrics()[name].info.label.replace("(", r"\(").replace(")", r"\)")
    message = f"^{label}: the GPU's memory does not hold a picture of 300x270; use --metric-device cpu$"
    if when == "scored":
        scorer = prepare(name)(reference, PEAK, "cpu")
    monkeypatch.setattr(f"ctc.cuda.{name}.samples", exhausted)
    with pytest.raises(OutOfDeviceMemory, match=message):
        scorer(reference) if when == "scored" else prepare(name)(reference, PEAK, "cpu")


def test_lack_of_room_to_work_is_lack_of_memory_and_no_other_error_is(noise):
    with pytest.raises(OutOfDeviceMemory, match="4x3"), exact("VIF", noise(3, 4)):
        raise RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED")
    with pytest.raises(RuntimeError, match="another") as other, exact("VIF", noise(3, 4)):
        raise RuntimeError("another")
    assert not isinstance(other.value, CtcError)


def test_arithmetic_is_exact_inside_and_as_before_outside(noise):
    def settings():
        cudnn = torch.backends.cudnn
        return cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32, cudnn.deterministic, cudnn.benchmark

    before = settings()
    try:
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.benchmark = True
        changed = settings()
        with exact("VIF", noise(3, 4)):
            assert settings() == (False, False, True, False)
            assert torch.is_inference_mode_enabled()
        assert settings() == changed
        assert not torch.is_inference_mode_enabled()
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.benchmark = before[1], before[3]


@NO_GPU
def test_without_a_gpu_a_line_says_so(noise):
    message = r"^no GPU for the metrics: .+ \(torch [0-9.+a-z]+\); use --metric-device cpu$"
    metric = plugins.metrics()["vif"]
    for call in (require_cuda, lambda: metric.version("cuda"), lambda: metric.on_cuda(noise(70, 70), PEAK)):
        with pytest.raises(ToolMissing, match=message) as missing:
            call()
        assert "\n" not in str(missing.value)


def test_torch_without_cuda_is_missing_too(monkeypatch):
    def without(*_, **__):
        raise AssertionError("Torch not compiled with CUDA enabled")

    require_cuda.cache_clear()
    monkeypatch.setattr(device.torch, "zeros", without)
    with pytest.raises(ToolMissing, match="not compiled with CUDA"):
        require_cuda()


def test_version_names_what_computes(monkeypatch):
    monkeypatch.setattr(device, "require_cuda", lambda: None)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA Imaginary")
    version = plugins.metrics()["vif"].version("cuda")
    assert all(part in version for part in ("cuda 1", f"torch {torch.__version__}", "NVIDIA Imaginary", "piq "))
    assert version != plugins.metrics()["vif"].version()


def test_without_a_path_on_the_gpu_the_version_is_that_of_the_cpu():
    assert plugins.metrics()["psnr_y"].version("cuda") == plugins.metrics()["psnr_y"].version()


def test_listing_the_metrics_imports_no_torch():
    program = "import sys; from ctc import plugins; plugins.metrics(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], timeout=120).returncode == 0


@GPU
@names
def test_golden_values_on_the_gpu(name, golden, golden_pair):
    metric = plugins.metrics()[name]
    for row in (row for row in golden if row["metric"] == name):
        value = metric.on_cuda(*(golden_pair(row, metric)[:1]), PEAK)(golden_pair(row, metric)[1])
        assert abs(value - float(row["value"])) <= float(row["tolerance"]), row


@GPU
@names
def test_values_on_the_gpu_are_those_of_the_cpu_and_the_same_again(name, pair):
    metric = plugins.metrics()[name]
    reference, distorted = pair("astronaut", 10, metric.wants, 269, 301)
    assert isinstance(metric.on_cuda, OnCuda)
    scorer = metric.on_cuda(reference, PEAK)
    value = scorer(distorted)
    tolerance = {"iwssim": 1e-9, "nlpd": 1e-11, "vif": 7e-5, "fsim": 2e-5}.get(name, 5e-6)
    assert value == pytest.approx(metric.score(reference, distorted, PEAK), abs=tolerance)
    assert value == scorer(distorted)
    assert math.isfinite(value)
