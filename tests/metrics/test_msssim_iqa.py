from __future__ import annotations

import numpy as np
import pytest

from ctc.kernels import strips
from ctc.metrics._planes import gaussian
from ctc.metrics.msssim_iqa import METRICS, WEIGHTS

PEAK = 1023
SINGLE = 2e-7
"""Sums of whole maps in single precision, which torch adds in another order."""

(METRIC,) = METRICS


def witness(reference, distorted, double=False):
    """The formulas of IQA_pytorch's MS_SSIM by torch's convolution of two dimensions."""
    torch = pytest.importorskip("torch")
    pool = torch.nn.functional.avg_pool2d
    dtype = np.float64 if double else np.float32
    x, y = (torch.from_numpy(codes.astype(dtype) / dtype(PEAK))[None, None] for codes in (reference, distorted))
    window = torch.from_numpy(np.outer(gaussian(11, 1.5), gaussian(11, 1.5)).astype(dtype))[None, None]
    value = 1.0
    for scale, weight in enumerate(WEIGHTS):
        a, b, c, d, e = (torch.conv2d(plane, window) for plane in (x, y, x * x, y * y, x * y))
        contrast = torch.relu((2 * (e - a * b) + 0.03**2) / ((c - a * a) + (d - b * b) + 0.03**2))
        if scale == len(WEIGHTS) - 1:
            similarity = contrast * (2 * a * b + 0.01**2) / (a * a + b * b + 0.01**2)
            return value * float(similarity.mean()) ** (4 * weight)
        value *= float(contrast.mean()) ** weight
        x, y = (pool(plane, 2, padding=[side % 2 for side in plane.shape[2:]]) for plane in (x, y))
    return value


@pytest.mark.parametrize(("name", "quality"), [("astronaut", 10), ("camera", 40), ("chelsea", 85), ("rocket", 5)])
@pytest.mark.parametrize("size", [(300, 300), (301, 450), (189, 173), (164, 164)])
def test_equals_the_formula_in_single_precision_at_even_and_odd_sizes(pair, name, quality, size):
    reference, distorted = pair(name, quality, "y", *size)
    assert METRIC.score(reference, distorted, PEAK) == pytest.approx(witness(reference, distorted), abs=SINGLE)


def test_equals_the_formula_on_noise(noise):
    reference, distorted = noise(220, 301), noise(220, 301, seed=1)
    assert METRIC.score(reference, distorted, PEAK) == pytest.approx(witness(reference, distorted), abs=SINGLE)


def test_rounds_over_a_flat_sky_as_the_official_program_does(pair):
    """There, double precision is another number."""
    reference, distorted = (codes[:200] for codes in pair("camera", 40))
    value = METRIC.score(reference, distorted, PEAK)
    assert value == pytest.approx(witness(reference, distorted), abs=SINGLE)
    assert abs(value - witness(reference, distorted, double=True)) > 1e-6


@pytest.mark.parametrize("size", [(40, 300), (163, 163), (1, 1), (300, 100)])
def test_small_pictures_are_extended_by_zeros_to_164(pair, size):
    reference, distorted = pair("astronaut", 20, "y", *size)
    rows, columns = (max(0, 164 - side) for side in reference.shape)
    padded = [np.pad(codes, ((0, rows), (0, columns))) for codes in (reference, distorted)]
    assert METRIC.score(reference, distorted, PEAK) == METRIC.score(*padded, PEAK)


def test_the_last_scale_weighs_four_times(pair):
    """Without negative contrast-structure it differs from MS-SSIM by three more times the last scale only."""
    reference, _ = pair("chelsea", 60)
    distorted = (reference * 0.6).astype(np.uint16)
    torch = pytest.importorskip("torch")
    package = pytest.importorskip("pytorch_msssim")
    x, y = (torch.from_numpy(codes.astype(np.float64))[None, None] for codes in (reference, distorted))
    both = float(package.ms_ssim(y, x, data_range=PEAK))
    for _ in WEIGHTS[1:]:
        x, y = (torch.nn.functional.avg_pool2d(z, 2, padding=[side % 2 for side in z.shape[2:]]) for z in (x, y))
    last = float(package.ssim(y, x, data_range=PEAK, win_size=11, win_sigma=1.5))
    expected = both * last ** (3 * WEIGHTS[-1])
    assert METRIC.score(reference, distorted, PEAK) == pytest.approx(expected, abs=2e-5)
    assert abs(expected - both) > 1e-2


def test_symmetric_and_indifferent_to_transposition(pair):
    reference, distorted = pair("rocket", 10)
    value = METRIC.score(reference, distorted, PEAK)
    assert METRIC.score(distorted, reference, PEAK) == pytest.approx(value, abs=1e-6)
    assert METRIC.score(reference.T.copy(), distorted.T.copy(), PEAK) == pytest.approx(value, abs=1e-5)


def test_negative_contrast_counts_as_zero_at_each_sample(pair):
    reference, _ = pair("astronaut", 50)
    mixed = reference.copy()
    mixed[:150] = PEAK - mixed[:150]
    assert METRIC.score(reference, mixed, PEAK) > 0.2


def test_a_prepared_reference_gives_the_same_bits_in_any_order(pair):
    reference, first = pair("chelsea", 10)
    second = pair("chelsea", 80)[1]
    scorer = METRIC.against(reference, PEAK)
    values = [scorer(codes) for codes in (second, first, reference, second)]
    assert values == [METRIC.score(reference, codes, PEAK) for codes in (second, first, reference, second)]


def test_same_bits_with_any_number_of_threads_and_close_with_other_strips(pair, monkeypatch):
    reference, distorted = pair("chelsea", 30)
    one = METRIC.score(reference, distorted, PEAK)
    for count in (2, 3):
        with strips.threads(count):
            assert METRIC.score(reference, distorted, PEAK) == one
    monkeypatch.setattr(strips, "STRIP_ROWS", 24)
    assert METRIC.score(reference, distorted, PEAK) == pytest.approx(one, abs=1e-13)


def test_scorer_refuses_another_shape(noise):
    with pytest.raises(ValueError, match="differ in shape"):
        METRIC.against(noise(200, 200), PEAK)(noise(200, 201))
