from __future__ import annotations

import numpy as np
import pytest

from ctc.kernels import nlpd as kernels
from ctc.metrics import nlpd as module
from ctc.metrics.nlpd import LOW_PASS, NEIGHBOURS, SIGMAS

PEAK = 1023
SINGLE = 1e-7
"""Rounding of the bands in float32."""


def nlpd(reference, distorted, peak):
    return module.nlpd(reference, peak)(distorted)


def written_in_torch(reference, distorted):
    """The metric as its authors wrote it for torch: padding, convolution and interpolation by torch's own operators."""
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    window = torch.outer(torch.tensor(LOW_PASS), torch.tensor(LOW_PASS))[None, None]

    def low_pass(plane, stride):
        return functional.conv2d(functional.pad(plane, (2, 2, 2, 2), mode="reflect"), window, stride=stride)

    def bands(codes):
        plane = torch.from_numpy(codes / float(PEAK))[None, None]
        for sigma, (above, left, right, below) in zip(SIGMAS, NEIGHBOURS, strict=True):
            low = low_pass(plane, 2)
            up = functional.interpolate(low, scale_factor=2, mode="bilinear", align_corners=True)
            band = plane - low_pass(up, 1)[..., : plane.shape[2], : plane.shape[3]]
            cross = torch.tensor([[0, above, 0], [left, 0, right], [0, below, 0]], dtype=torch.float64)[None, None]
            surround = functional.conv2d(functional.pad(band.abs(), (1, 1, 1, 1), mode="reflect"), cross)
            yield band / (sigma + surround)
            plane = low

    pairs = zip(bands(reference), bands(distorted), strict=True)
    return float(np.mean([float((x - y).square().mean().sqrt()) for x, y in pairs]))


@pytest.mark.parametrize(("name", "quality"), [("astronaut", 10), ("camera", 40), ("chelsea", 85)])
@pytest.mark.parametrize("size", [(300, 300), (301, 451), (128, 129), (151, 200)])
def test_equals_the_same_in_torch(pair, name, quality, size):
    reference, distorted = pair(name, quality, "y", *size)
    assert nlpd(reference, distorted, PEAK) == pytest.approx(written_in_torch(reference, distorted), abs=SINGLE)


@pytest.mark.parametrize("size", [(100, 300), (127, 127), (1, 1)])
def test_small_pictures_are_extended_by_zeros_to_128(pair, size):
    reference, distorted = pair("astronaut", 20, "y", *size)
    rows, columns = (max(0, 128 - side) for side in reference.shape)
    padded = [np.pad(codes, ((0, rows), (0, columns))) for codes in (reference, distorted)]
    assert nlpd(reference, distorted, PEAK) == nlpd(*padded, PEAK)


def test_a_distance_is_symmetric(pair):
    reference, distorted = pair("chelsea", 10)
    value = nlpd(reference, distorted, PEAK)
    assert value > 0.0
    assert nlpd(distorted, reference, PEAK) == pytest.approx(value, abs=1e-14)


def test_triangle_inequality(pair):
    """It is a mean of norms of differences of one transform."""
    reference, coarse = pair("rocket", 5)
    _, fine = pair("rocket", 60)
    assert nlpd(reference, coarse, PEAK) <= nlpd(reference, fine, PEAK) + nlpd(fine, coarse, PEAK)


def test_two_flat_pictures_differ_by_nothing():
    """No band sees a constant: a change of the mean alone costs nothing but roundings, which flat bands divide by sigma."""
    assert nlpd(np.full((200, 200), 100, np.uint16), np.full((200, 200), 900, np.uint16), PEAK) == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize("at_once", [1, 3, 1000])
def test_pieces_of_work_do_not_show(pair, monkeypatch, at_once):
    reference, distorted = pair("chelsea", 20)
    whole = nlpd(reference, distorted, PEAK)
    monkeypatch.setattr(kernels, "AT_ONCE", at_once)
    assert nlpd(reference, distorted, PEAK) == pytest.approx(whole, rel=1e-13)
