from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import fftconvolve

from ctc.errors import MetricUndefined
from ctc.kernels import strips
from ctc.metrics.vif import METRICS

PEAK = 1023
DOUBLE = 2e-4
"""What single precision is worth: cancellation in the variances."""
PIQ = 2e-5
"""piq computes its windows in single precision; 1e-5 on whole photographs."""
TORCH = 1e-7
"""The logarithms, which torch takes in single precision."""

(METRIC,) = METRICS


def vif(reference, distorted, peak):
    return METRIC.score(reference, distorted, peak)


def official(reference, distorted):
    """The formulas of IQA_pytorch's VIFs by torch's convolution of two dimensions."""
    torch = pytest.importorskip("torch")
    x, y = (torch.from_numpy(codes.astype(np.float32) / np.float32(PEAK))[None, None] * 255.0 for codes in (reference, distorted))
    seen = total = 0.0
    for taps in (17, 9, 5, 3):
        line = np.exp(-((np.arange(taps) - taps // 2) ** 2) / (2 * (taps / 5) ** 2))
        window = torch.from_numpy((np.outer(line, line) / line.sum() ** 2).astype(np.float32))[None, None]
        # Several planes at once, since small single ones are not convolved by oneDNN.
        if taps < 17:
            x, y = torch.conv2d(torch.stack([x[0], y[0]]), window)[:, None, :, ::2, ::2].contiguous()
        a, b, c, d, e = torch.conv2d(torch.stack([plane[0] for plane in (x, y, x * x, y * y, x * y)]), window)
        held, variance, covariance = torch.relu(c - a * a), torch.relu(d - b * b), e - a * b
        gain = covariance / (held + 1e-10)
        rest = torch.where(gain < 0, variance, variance - gain * covariance).clamp(min=1e-10)
        gain = torch.where(variance < 1e-10, 0.0, gain.clamp(min=0.0))
        seen += float(torch.log(1 + gain**2 * held / (rest + 2)).double().sum())
        total += float(torch.log(1 + held / 2).double().sum())
    return seen / total


def in_float64(reference, distorted):
    """Sheikh's vifp_mscale.m, written with scipy's convolution by FFT."""
    x, y = (codes * (255.0 / PEAK) for codes in (reference, distorted))
    seen = total = 0.0
    for taps in (17, 9, 5, 3):
        line = np.exp(-((np.arange(taps) - taps // 2) ** 2) / (2 * (taps / 5) ** 2))
        window = np.outer(line, line) / line.sum() ** 2

        def mean(plane, window=window):
            return fftconvolve(plane, window, mode="valid")

        if taps < 17:
            x, y = mean(x)[::2, ::2], mean(y)[::2, ::2]
        variance_x, variance_y = mean(x * x) - mean(x) ** 2, mean(y * y) - mean(y) ** 2
        covariance = mean(x * y) - mean(x) * mean(y)
        gain = np.maximum(covariance, 0) / (np.maximum(variance_x, 0) + 1e-10)
        rest = np.maximum(np.where(covariance < 0, variance_y, variance_y - gain * covariance), 1e-10)
        seen += np.log10(1 + gain**2 * np.maximum(variance_x, 0) / (rest + 2)).sum()
        total += np.log10(1 + np.maximum(variance_x, 0) / 2).sum()
    return seen / total


@pytest.mark.parametrize(("name", "quality"), [("astronaut", 10), ("chelsea", 85), ("rocket", 40)])
@pytest.mark.parametrize("size", [(200, 200), (301, 251), (96, 101)])
def test_close_to_the_authors_formula_in_float64(pair, name, quality, size):
    reference, distorted = pair(name, quality, "y", *size)
    assert vif(reference, distorted, PEAK) == pytest.approx(in_float64(reference, distorted), abs=DOUBLE)


@pytest.mark.parametrize(("name", "quality"), [("astronaut", 10), ("camera", 85), ("chelsea", 30), ("rocket", 40)])
@pytest.mark.parametrize("size", [(200, 200), (301, 251), (96, 101)])
def test_equals_the_formula_in_single_precision(pair, name, quality, size):
    reference, distorted = pair(name, quality, "y", *size)
    assert vif(reference, distorted, PEAK) == pytest.approx(official(reference, distorted), abs=TORCH)


def piq_value(reference, distorted):
    torch, piq = pytest.importorskip("torch"), pytest.importorskip("piq")
    x, y = (torch.from_numpy(codes.astype(np.float32) / np.float32(PEAK))[None, None] for codes in (reference, distorted))
    return float(piq.vif_p(y, x, data_range=1.0))


@pytest.mark.parametrize(("name", "quality"), [("astronaut", 10), ("chelsea", 85), ("rocket", 40)])
def test_close_to_piq(pair, name, quality):
    reference, distorted = pair(name, quality)
    assert vif(reference, distorted, PEAK) == pytest.approx(piq_value(reference, distorted), abs=PIQ)


def test_close_to_piq_on_noise(noise):
    reference, distorted = noise(150, 201), noise(150, 201, seed=1)
    assert vif(reference, distorted, PEAK) == pytest.approx(piq_value(reference, distorted), abs=PIQ)


def test_rounds_over_a_flat_sky_as_the_official_program_does(pair):
    """There, double precision is another number."""
    reference, distorted = (codes[:200] for codes in pair("camera", 40))
    value = vif(reference, distorted, PEAK)
    assert value == pytest.approx(official(reference, distorted), abs=TORCH)
    assert abs(value - in_float64(reference, distorted)) > 1e-4


def test_more_contrast_is_above_one(pair):
    reference, _ = pair("chelsea", 90)
    stretched = np.clip((reference.astype(float) - 512) * 1.2 + 512, 0, PEAK).astype(np.uint16)
    assert vif(reference, stretched, PEAK) > 1.0


def test_not_symmetric(pair):
    reference, distorted = pair("astronaut", 10)
    assert abs(vif(reference, distorted, PEAK) - vif(distorted, reference, PEAK)) > 0.01


@pytest.mark.parametrize("size", [(20, 300), (63, 63), (3, 3)])
def test_small_pictures_are_extended_by_zeros_to_64(pair, size):
    reference, distorted = pair("astronaut", 20, "y", *size)
    rows, columns = (max(0, 64 - side) for side in reference.shape)
    padded = [np.pad(codes, ((0, rows), (0, columns))) for codes in (reference, distorted)]
    assert vif(reference, distorted, PEAK) == vif(*padded, PEAK)


def test_flat_reference_is_undefined(noise):
    with pytest.raises(MetricUndefined, match="flat"):
        vif(np.full((80, 80), 7, np.uint16), noise(80, 80), PEAK)


def test_shape_and_peak_of_the_distorted_picture_are_checked_by_the_scorer(noise):
    scorer = METRIC.against(noise(80, 80), PEAK)
    with pytest.raises(ValueError, match="differ in shape"):
        scorer(noise(80, 81))
    with pytest.raises(ValueError, match="above the peak"):
        scorer(noise(80, 80, low=2000, high=3000))


def test_a_prepared_reference_gives_the_same_bits_in_any_order(pair):
    reference, first = pair("chelsea", 10)
    second = pair("chelsea", 80)[1]
    scorer = METRIC.against(reference, PEAK)
    values = [scorer(codes) for codes in (second, first, reference, second)]
    assert values == [vif(reference, codes, PEAK) for codes in (second, first, reference, second)]


def test_same_bits_with_any_number_of_threads_and_close_with_other_strips(pair, monkeypatch):
    reference, distorted = pair("chelsea", 30)
    one = vif(reference, distorted, PEAK)
    for count in (2, 3):
        with strips.threads(count):
            assert vif(reference, distorted, PEAK) == one
    monkeypatch.setattr(strips, "STRIP_ROWS", 24)
    assert vif(reference, distorted, PEAK) == pytest.approx(one, abs=1e-13)
