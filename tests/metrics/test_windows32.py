"""Windowed moments in single precision, against torch's convolution to the bit."""

from __future__ import annotations

import numpy as np
import pytest

from ctc.kernels import strips
from ctc.kernels.vif import halved
from ctc.kernels.windows32 import Samples32, moments_against, room, scale_of, weights_of
from ctc.metrics._planes import gaussian

WINDOWS = {taps: gaussian(taps, sigma) for taps, sigma in ((17, 3.4), (11, 1.5), (9, 1.8), (5, 1.0), (3, 0.6))}


@pytest.fixture(scope="module")
def torch():
    """Where it convolves by oneDNN's direct loops with fused multiplication and addition."""
    module = pytest.importorskip("torch")
    if not module.backends.mkldnn.is_available() or module.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"):
        pytest.skip("torch convolves otherwise on this processor")
    return module


def convolved(torch, plane, window):
    square = torch.from_numpy((np.outer(window, window) / np.outer(window, window).sum()).astype(np.float32))
    return torch.conv2d(torch.from_numpy(plane)[None, None], square[None, None])[0, 0]


def picture(*shape, seed=0):
    """Flat areas, where errors are the same everywhere, beside noise."""
    codes = np.random.default_rng(seed).integers(0, 1024, shape).astype(np.uint16)
    codes[:, shape[1] // 2 :] = 811 + codes[:, shape[1] // 2 :] % (seed + 1)
    return Samples32(codes, 1023, 255.0)


@pytest.mark.parametrize("taps", WINDOWS)
@pytest.mark.parametrize("shape", [(165, 300), (64, 700), (281, 130)])
def test_moments_of_the_reference_are_the_bits_of_torch(torch, taps, shape):
    x = picture(*shape)
    plane = x[:]
    scale = scale_of(x, weights_of(WINDOWS[taps]))
    mean = convolved(torch, plane, WINDOWS[taps])
    variance = convolved(torch, plane * plane, WINDOWS[taps]) - mean * mean
    np.testing.assert_array_equal(scale.means, mean.numpy())
    np.testing.assert_array_equal(scale.variances, variance.numpy())


@pytest.mark.parametrize("taps", WINDOWS)
@pytest.mark.parametrize(("left", "count"), [(0, 256), (31, 100), (254, 30)])
def test_moments_of_the_distorted_picture_are_the_bits_of_torch(torch, taps, left, count):
    x, y = (picture(83, 300, seed=seed)[:] for seed in (0, 2))
    window, rows = WINDOWS[taps], 83 - taps + 1
    scale = scale_of(x, weights_of(window))
    samples, found = room(3, rows, taps - 1)
    moments_against(x, y, scale.weights, scale.means, left, count, samples, found)
    mean_x, mean_y = convolved(torch, x, window), convolved(torch, y, window)
    expected = mean_y, convolved(torch, y * y, window) - mean_y * mean_y, convolved(torch, x * y, window) - mean_x * mean_y
    for moment in range(3):
        np.testing.assert_array_equal(found[moment, :rows, :count], expected[moment].numpy()[:, left : left + count])


@pytest.mark.parametrize("taps", [9, 5, 3])
@pytest.mark.parametrize("shape", [(162, 301), (163, 300), (301, 99)])
def test_halved_has_the_bits_of_torch(torch, taps, shape):
    expected = convolved(torch, picture(*shape)[:], WINDOWS[taps]).numpy()[::2, ::2]
    np.testing.assert_array_equal(halved(picture(*shape), weights_of(WINDOWS[taps])), expected)


@pytest.mark.parametrize("rows", [1, 7, 50])
def test_strips_do_not_show(monkeypatch, rows):
    whole = scale_of(picture(90, 280), weights_of(WINDOWS[11]))
    small = halved(picture(90, 280), weights_of(WINDOWS[9]))
    monkeypatch.setattr(strips, "STRIP_ROWS", rows)
    again = scale_of(picture(90, 280), weights_of(WINDOWS[11]))
    np.testing.assert_array_equal(again.means, whole.means)
    np.testing.assert_array_equal(again.variances, whole.variances)
    np.testing.assert_array_equal(halved(picture(90, 280), weights_of(WINDOWS[9])), small)


def test_samples_are_rounded_after_the_division_and_after_the_product():
    codes = np.arange(1024, dtype=np.uint16).reshape(32, 32)
    expected = codes.astype(np.float32) / np.float32(1023) * np.float32(255)
    np.testing.assert_array_equal(Samples32(codes, 1023, 255.0)[3:9], expected[3:9])
