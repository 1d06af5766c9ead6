from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import fftconvolve

from ctc.errors import MetricUndefined
from ctc.kernels import strips
from ctc.metrics.vif import vif

PEAK = 1023
SAFEGUARD = 2e-8
"""piq adds 1e-8 where the formula here adds 1e-10."""
FLOAT32 = 5e-4
"""Cancellation in float32 variances: 6e-5 on whole photographs, 3e-4 here over a flat sky; up to 1.4e-3 where half a picture is flat."""


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
def test_equals_the_authors_formula(pair, name, quality, size):
    reference, distorted = pair(name, quality, "y", *size)
    assert vif(reference, distorted, PEAK) == pytest.approx(in_float64(reference, distorted), abs=1e-9)


@pytest.mark.parametrize(("name", "quality"), [("astronaut", 10), ("camera", 85), ("rocket", 40)])
@pytest.mark.parametrize(("dtype", "bound"), [(np.float64, SAFEGUARD), (np.float32, FLOAT32)])
def test_close_to_piq(pair, name, quality, dtype, bound):
    torch, piq = pytest.importorskip("torch"), pytest.importorskip("piq")
    reference, distorted = pair(name, quality, "y", 200, 221)
    x, y = (torch.from_numpy((codes / PEAK).astype(dtype))[None, None] for codes in (reference, distorted))
    assert vif(reference, distorted, PEAK) == pytest.approx(float(piq.vif_p(y, x, data_range=1.0)), abs=bound)


@pytest.mark.parametrize("rows", [5, 33, 1000])
def test_strips_do_not_show(pair, monkeypatch, rows):
    reference, distorted = pair("chelsea", 20)
    whole = vif(reference, distorted, PEAK)
    monkeypatch.setattr(strips, "STRIP_ROWS", rows)
    assert vif(reference, distorted, PEAK) == pytest.approx(whole, rel=1e-13)


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
