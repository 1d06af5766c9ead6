from __future__ import annotations

import numpy as np
import pytest

from ctc.errors import MetricUndefined
from ctc.metrics.fsim import fsim

PEAK = 1023


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
