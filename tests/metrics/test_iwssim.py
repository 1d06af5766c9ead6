from __future__ import annotations

import numpy as np
import pytest

from ctc.errors import MetricUndefined
from ctc.kernels import iwssim as kernels
from ctc.metrics import iwssim as module

PEAK = 1023
PIQ = 5e-4
"""piq enlarges the parent band with other corners and normalises the weights."""


SINGLE = 1e-8
"""Rounding of the windowed moments in float32: two orders of the same sums."""


def iwssim(reference, distorted, peak):
    return module.iwssim(reference, peak)(distorted)


@pytest.mark.parametrize(("name", "quality"), [("astronaut", 10), ("chelsea", 50), ("rocket", 85)])
@pytest.mark.parametrize("size", [(256, 256), (301, 257)])
def test_close_to_piq(pair, name, quality, size):
    torch = pytest.importorskip("torch")
    piq = pytest.importorskip("piq")
    reference, distorted = pair(name, quality, "y", *size)
    x, y = (torch.from_numpy(codes / float(PEAK))[None, None] for codes in (reference, distorted))
    assert iwssim(reference, distorted, PEAK) == pytest.approx(float(piq.information_weighted_ssim(y, x, data_range=1.0)), abs=PIQ)


@pytest.mark.parametrize("size", [(100, 300), (255, 255), (2, 3)])
def test_small_pictures_are_extended_by_zeros_to_256(pair, size):
    reference, distorted = pair("astronaut", 20, "y", *size)
    rows, columns = (max(0, 256 - side) for side in reference.shape)
    padded = [np.pad(codes, ((0, rows), (0, columns))) for codes in (reference, distorted)]
    assert iwssim(reference, distorted, PEAK) == iwssim(*padded, PEAK)


def test_indifferent_to_transposition_but_not_symmetric(pair):
    reference, distorted = pair("chelsea", 10)
    value = iwssim(reference, distorted, PEAK)
    assert iwssim(reference.T, distorted.T, PEAK) == pytest.approx(value, abs=SINGLE)
    assert abs(iwssim(distorted, reference, PEAK) - value) > 1e-4


def test_independent_of_the_grid(pair):
    """The same samples on a grid of twice the codes."""
    reference, distorted = pair("rocket", 30)
    finer = [(2 * codes).astype(np.uint16) for codes in (reference, distorted)]
    assert iwssim(*finer, 2 * PEAK) == pytest.approx(iwssim(reference, distorted, PEAK), abs=SINGLE)


@pytest.mark.parametrize("at_once", [1, 3, 1000])
def test_pieces_of_work_do_not_show(pair, monkeypatch, at_once):
    reference, distorted = pair("chelsea", 20)
    whole = iwssim(reference, distorted, PEAK)
    monkeypatch.setattr(kernels, "AT_ONCE", at_once)
    assert iwssim(reference, distorted, PEAK) == pytest.approx(whole, abs=1e-11)


def test_flat_reference_is_undefined(noise):
    with pytest.raises(MetricUndefined, match="flat"):
        iwssim(np.full((300, 300), 500, np.uint16), noise(300, 300), PEAK)


def test_stripes_are_undefined(noise):
    stripes = np.repeat(noise(300, 1), 280, axis=1)
    with pytest.raises(MetricUndefined, match="no inverse"):
        iwssim(stripes, noise(300, 280, seed=1), PEAK)


def test_flat_distorted_picture_has_a_value(noise):
    assert 0.0 <= iwssim(noise(300, 300), np.full((300, 300), 500, np.uint16), PEAK) < 0.2
