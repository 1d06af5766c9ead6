from __future__ import annotations

import math

import numpy as np
import pytest

from ctc.metrics.psnr import METRICS, psnr

PEAK = 1023


@pytest.mark.parametrize("quality", [10, 50, 95])
@pytest.mark.parametrize("name", ["astronaut", "chelsea", "camera"])
def test_equals_scikit_image(pair, name, quality):
    witness = pytest.importorskip("skimage.metrics").peak_signal_noise_ratio
    reference, distorted = pair(name, quality, "yuv")
    for metric, plane in zip(METRICS, range(3), strict=True):
        inputs = (reference[0], distorted[0]) if metric.wants == "y" else (reference, distorted)
        expected = witness(reference[plane].astype(float), distorted[plane].astype(float), data_range=PEAK)
        assert metric.score(*inputs, PEAK) == pytest.approx(expected, abs=1e-10)


def test_one_code_of_difference_everywhere():
    reference = np.full((5, 7), 500, np.uint16)
    assert psnr(reference, (reference - 1).astype(np.uint16), PEAK) == pytest.approx(20 * math.log10(PEAK), abs=1e-12)
    assert psnr(reference, (reference + 1).astype(np.uint16), PEAK) == pytest.approx(20 * math.log10(PEAK), abs=1e-12)


def test_black_against_white_is_zero_and_does_not_overflow():
    black, white = np.zeros((400, 400), np.uint16), np.full((400, 400), 65535, np.uint16)
    assert psnr(black, white, 65535) == pytest.approx(0.0, abs=1e-12)


def test_equal_planes_are_infinite():
    assert psnr(np.zeros((1, 1), np.uint16), np.zeros((1, 1), np.uint16), PEAK) == math.inf


def test_empty_pictures_are_refused():
    with pytest.raises(ValueError, match="empty"):
        psnr(np.zeros((0, 4), np.uint16), np.zeros((0, 4), np.uint16), PEAK)
