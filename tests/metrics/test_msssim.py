from __future__ import annotations

import numpy as np
import pytest

from ctc.kernels import ssim as kernels
from ctc.metrics import msssim as module
from ctc.metrics.msssim import WINDOW

PEAK = 1023
SINGLE = 1e-7
"""Our own rounding: moments about a sample nearby in float32, of what is lacking to one."""
FLOAT32 = 1e-5
"""Rounding of programs that compute in float32: 6e-6 over a clear sky."""


def msssim(reference, distorted, peak):
    return module.msssim(reference, peak)(distorted)


def witness(reference, distorted, dtype):
    torch = pytest.importorskip("torch")
    package = pytest.importorskip("pytorch_msssim")
    x, y = (torch.from_numpy(codes.astype(dtype))[None, None] for codes in (reference, distorted))
    # Left to itself it takes a window of float32 numbers in float64 too.
    window = torch.from_numpy(WINDOW)[None, None, None] if dtype is np.float64 else None
    return float(package.ms_ssim(y, x, data_range=PEAK, win=window))


@pytest.mark.parametrize(("name", "quality"), [("astronaut", 10), ("camera", 40), ("chelsea", 85)])
@pytest.mark.parametrize("size", [(300, 300), (301, 450), (189, 173), (164, 164), (256, 221)])
def test_equals_pytorch_msssim_at_even_and_odd_sizes(pair, name, quality, size):
    reference, distorted = pair(name, quality, "y", *size)
    value = msssim(reference, distorted, PEAK)
    assert value == pytest.approx(witness(reference, distorted, np.float32), abs=FLOAT32)
    assert value == pytest.approx(witness(reference, distorted, np.float64), abs=SINGLE)


@pytest.mark.parametrize("size", [(40, 300), (163, 163), (1, 1), (300, 100)])
def test_small_pictures_are_extended_by_zeros_to_164(pair, size):
    reference, distorted = pair("astronaut", 20, "y", *size)
    rows, columns = (max(0, 164 - side) for side in reference.shape)
    padded = [np.pad(codes, ((0, rows), (0, columns))) for codes in (reference, distorted)]
    assert msssim(reference, distorted, PEAK) == pytest.approx(witness(*padded, np.float32), abs=FLOAT32)


def test_symmetric_and_indifferent_to_transposition(pair):
    reference, distorted = pair("rocket", 10)
    value = msssim(reference, distorted, PEAK)
    assert msssim(distorted, reference, PEAK) == pytest.approx(value, abs=FLOAT32)
    assert msssim(reference.T.copy(), distorted.T.copy(), PEAK) == pytest.approx(value, abs=FLOAT32)


def test_negative_of_a_picture_scores_zero(pair):
    """The framework sets a negative mean to zero, and with it the product."""
    reference, _ = pair("astronaut", 50)
    assert msssim(reference, (PEAK - reference).astype(np.uint16), PEAK) == 0.0


@pytest.mark.parametrize("at_once", [1, 3, 1000])
def test_pieces_of_work_do_not_show(pair, monkeypatch, at_once):
    reference, distorted = pair("chelsea", 20)
    whole = msssim(reference, distorted, PEAK)
    monkeypatch.setattr(kernels, "AT_ONCE", at_once)
    assert msssim(reference, distorted, PEAK) == pytest.approx(whole, abs=1e-13)
