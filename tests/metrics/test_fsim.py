from __future__ import annotations

import numpy as np
import pytest

from ctc.errors import MetricUndefined
from ctc.kernels import strips
from ctc.kernels.fsim import box_means, filters_of, gradient, phase_congruency
from ctc.metrics.fsim import METRICS, YIQ

PEAK = 1023
PIQ = 1e-5
"""piq has other digits in the YIQ matrix, other guards and, at odd sizes, other directions of the filters; 6e-6 on photographs."""

(METRIC,) = METRICS


def fsim(reference, distorted, peak):
    return METRIC.score(reference, distorted, peak)


def piq_value(reference, distorted):
    torch, piq = pytest.importorskip("torch"), pytest.importorskip("piq")
    x, y = (torch.from_numpy(codes.astype(np.float32) / np.float32(PEAK))[None] for codes in (reference, distorted))
    return float(piq.fsim(y, x, data_range=1.0, chromatic=True))


def similarity(x, y, constant):
    return (2 * x * y + constant) / (x * x + y * y + constant)


def congruency(luma):
    """Kovesi's phase congruency, written down step by step in double precision."""
    height, width = luma.shape
    grids = [np.linspace(-0.5, 0.5, n) if n % 2 else np.arange(-n / 2, n / 2) / n for n in (height, width)]
    radius = np.fft.ifftshift(np.hypot(grids[0][:, None], grids[1]))
    theta = np.arctan2(-(np.arange(height) - height // 2)[:, None] / height, (np.arange(width) - width // 2) / width)
    theta = np.fft.ifftshift(theta)
    low_pass = 1 / (1 + (radius / 0.45) ** 30)
    radius[0, 0] = 1
    energy = amplitude = 0.0
    for angle in np.arange(4) * np.pi / 4:
        difference = np.angle(np.exp(1j * (theta - angle)))
        spread = np.exp(-(difference**2) / (2 * (np.pi / 4 / 1.2) ** 2))
        gabor = [np.exp(-(np.log(radius * wave) ** 2) / (2 * np.log(0.55) ** 2)) * low_pass * spread for wave in (6, 12, 24, 48)]
        for part in gabor:
            part[0, 0] = 0
        responses = [np.fft.ifft2(np.fft.fft2(luma) * part) for part in gabor]
        lengths = [np.sqrt(np.abs(part) ** 2 + 1e-12) for part in responses]
        mean = sum(responses)
        mean = mean / (np.sqrt(np.abs(mean) ** 2 + 1e-12) + 1e-4)
        aligned = sum((part * mean.conj()).real - np.abs((part * mean.conj()).imag) for part in responses)
        impulses = [np.fft.ifft2(part).real * np.sqrt(luma.size) for part in gabor]
        power = np.sort(lengths[0].ravel() ** 2)[(luma.size - 1) // 2] / np.log(2) / (gabor[0] ** 2).sum()
        pairs = sum((impulses[i] * impulses[j]).sum() for i in range(4) for j in range(i))
        tau = np.sqrt(power * sum((part**2).sum() for part in impulses) + 2 * power * pairs)
        threshold = (tau * np.sqrt(np.pi / 2) + 2 * np.sqrt(2 - np.pi / 2) * tau) / 1.7
        energy = energy + np.maximum(aligned - threshold, 0)
        amplitude = amplitude + sum(lengths)
    return energy / amplitude


@pytest.mark.parametrize(("name", "quality"), [("astronaut", 10), ("chelsea", 85), ("rocket", 40)])
@pytest.mark.parametrize("size", [(300, 450), (301, 451)])
def test_close_to_piq(pair, name, quality, size):
    reference, distorted = pair(name, quality, "rgb", *size)
    assert fsim(reference, distorted, PEAK) == pytest.approx(piq_value(reference, distorted), abs=PIQ)


@pytest.mark.parametrize("shape", [(3, 150, 201), (3, 384, 400), (3, 641, 650)])
def test_close_to_piq_on_noise(noise, shape):
    """At 384 a half rounds to two samples a box, at 641 two and a half to three."""
    reference, distorted = noise(*shape), noise(*shape, seed=1)
    assert fsim(reference, distorted, PEAK) == pytest.approx(piq_value(reference, distorted), abs=3 * PIQ)


@pytest.mark.parametrize("size", [(60, 80), (61, 80), (45, 45), (2, 9), (300, 450)])
@pytest.mark.parametrize("name", ["astronaut", "camera"])
def test_phase_congruency_equals_the_formula_in_double_precision(pair, name, size):
    plane = pair(name, 40, "y", *size)[0] / 4.0
    np.testing.assert_allclose(phase_congruency(plane, filters_of(*plane.shape)), congruency(plane), rtol=0, atol=2e-4)
    assert phase_congruency(plane, filters_of(*plane.shape)).mean() == pytest.approx(congruency(plane).mean(), abs=1e-6)


@pytest.mark.parametrize("shape", [(3, 150, 201), (3, 90, 64)])
def test_noise_equals_the_formula_in_double_precision(noise, shape):
    x, y = (np.tensordot(YIQ, codes * (255.0 / PEAK), 1) for codes in (noise(*shape), noise(*shape, seed=1)))
    a, b, g, h = congruency(x[0]), congruency(y[0]), gradient(x[0]), gradient(y[0])
    chroma = similarity(x[1], y[1], 200) * similarity(x[2], y[2], 200)
    expected = similarity(a, b, 0.85) * similarity(g, h, 160) * np.abs(chroma) ** 0.03 * np.maximum(a, b)
    value = fsim(noise(*shape), noise(*shape, seed=1), PEAK)
    assert value == pytest.approx(expected.sum() / np.maximum(a, b).sum(), abs=1e-6)


@pytest.mark.parametrize("factor", [1, 2, 5])
def test_box_means_equal_numpy(noise, factor):
    codes = noise(3, 151, 133, high=65536)
    cut = codes[:, : 151 // factor * factor, : 133 // factor * factor].astype(float)
    expected = cut.reshape(3, 151 // factor, factor, 133 // factor, factor).mean((2, 4))
    np.testing.assert_allclose(box_means(codes, factor), expected, rtol=1e-15)


def test_gradient_equals_scipy(noise):
    from scipy.ndimage import correlate

    plane = noise(31, 20).astype(float)
    kernel = np.array([[3.0, 0.0, -3.0], [10.0, 0.0, -10.0], [3.0, 0.0, -3.0]]) / 16.0
    across, down = (correlate(plane, part, mode="constant") for part in (kernel, kernel.T))
    np.testing.assert_allclose(gradient(plane), np.hypot(across, down), rtol=1e-12)


def test_chroma_counts(pair):
    """FSIMc and not FSIM: an error in colour alone, at equal Y of YIQ, lowers the value."""
    reference, _ = pair("astronaut", 50, "rgb")
    shifted = reference.astype(float)
    shifted[0] += 100.0
    shifted[1] -= 100.0 * 0.299 / 0.587
    inside = np.clip(shifted, 0, PEAK).astype(np.uint16)
    assert fsim(reference, inside, PEAK) < 0.999


def test_symmetric_and_indifferent_to_mirroring(pair):
    reference, distorted = pair("chelsea", 10, "rgb", 300, 300)
    value = fsim(reference, distorted, PEAK)
    assert fsim(distorted, reference, PEAK) == pytest.approx(value, abs=1e-6)
    assert fsim(reference[:, :, ::-1].copy(), distorted[:, :, ::-1].copy(), PEAK) == pytest.approx(value, abs=2e-3)


def test_decimation_drops_the_remainder(noise):
    """At sides from 384 on, 2x2 means are taken and an odd last row and column is not looked at."""
    reference, distorted = noise(3, 401, 401), noise(3, 401, 401, seed=1)
    assert fsim(reference, distorted, PEAK) == fsim(reference[:, :400, :400].copy(), distorted[:, :400, :400].copy(), PEAK)


@pytest.mark.parametrize("shape", [(3, 1, 1), (3, 1, 50), (3, 50, 1)])
def test_a_line_of_samples_is_undefined(noise, shape):
    with pytest.raises(MetricUndefined, match="too small"):
        fsim(noise(*shape), noise(*shape, seed=1), PEAK)


def test_two_flat_pictures_are_undefined():
    with pytest.raises(MetricUndefined, match="flat"):
        fsim(np.full((3, 60, 60), 7, np.uint16), np.full((3, 60, 60), 8, np.uint16), PEAK)


def test_one_flat_picture_has_a_value(noise):
    flat = np.full((3, 60, 61), 700, np.uint16)
    assert 0.0 < fsim(flat, noise(3, 60, 61), PEAK) < 1.0


def test_flat_but_for_what_is_not_looked_at_is_undefined():
    """The last row and column fill no box."""
    codes = np.full((3, 401, 401), 7, np.uint16)
    codes[:, 400] = 9
    with pytest.raises(MetricUndefined, match="flat"):
        fsim(codes, codes.copy(), PEAK)


def test_a_prepared_reference_gives_the_same_bits_in_any_order(pair):
    reference, first = pair("chelsea", 10, "rgb")
    second = pair("chelsea", 80, "rgb")[1]
    scorer = METRIC.against(reference, PEAK)
    values = [scorer(codes) for codes in (second, first, reference, second)]
    assert values == [fsim(reference, codes, PEAK) for codes in (second, first, reference, second)]


def test_same_bits_with_any_number_of_threads_and_any_strips(noise, monkeypatch):
    reference, distorted = noise(3, 400, 500), noise(3, 400, 500, seed=1)
    one = fsim(reference, distorted, PEAK)
    for count in (2, 3):
        with strips.threads(count):
            assert fsim(reference, distorted, PEAK) == one
    monkeypatch.setattr(strips, "STRIP_ROWS", 24)
    assert fsim(reference, distorted, PEAK) == one


def test_shape_of_the_distorted_picture_is_checked_by_the_scorer(noise):
    scorer = METRIC.against(noise(3, 80, 80), PEAK)
    with pytest.raises(ValueError, match="differ in shape"):
        scorer(noise(3, 80, 81))
