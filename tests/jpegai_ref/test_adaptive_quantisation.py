"""Adaptive quantisation: which positions are coded coarser."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jpegai_ref.adaptive_quantisation import STRIP, THRESHOLDS, activity, adaptive_map
from numpy.typing import NDArray


def noise(height: int, width: int, seed: int) -> NDArray[np.float32]:
    """Of another strength in each 16x16."""
    random = np.random.default_rng(seed)
    strength = (90 * random.random((-(-height // 16), -(-width // 16))) ** 3).repeat(16, 0).repeat(16, 1)[:height, :width]
    return (128 + strength * random.uniform(-1, 1, (height, width))).astype(np.float32)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 2**32 - 1))
def test_activity_is_the_least_variance_of_sixteen_blocks(height: int, width: int, seed: int) -> None:
    luma = noise(height, width, seed)
    found = activity(luma)
    whole = luma[np.minimum(np.arange(-(-height // 16) * 16), height - 1)][:, np.minimum(np.arange(-(-width // 16) * 16), width - 1)]
    for row, column in np.ndindex(found.shape):
        part = whole[16 * row : 16 * row + 16, 16 * column : 16 * column + 16].astype(np.float64)
        blocks = [np.var(part[top : top + 4, left : left + 4]) for top in range(0, 16, 4) for left in range(0, 16, 4)]
        assert found[row, column] == pytest.approx(min(blocks), abs=1e-9)


def test_thresholds_are_of_the_mean() -> None:
    luma = noise(200, 180, 3)
    shares = activity(luma) / activity(luma).mean()
    found = adaptive_map(200, lambda rows: luma[rows])
    assert found.dtype == np.int8
    assert np.array_equal(found, -sum((shares > threshold).astype(int) for threshold in THRESHOLDS))
    assert set(found.ravel().tolist()) == {0, -1, -2, -3, -4}


def test_strips_make_no_difference() -> None:
    luma = noise(2 * STRIP + 37, 40, 5)
    rows_asked = []

    def rows(part: slice) -> NDArray[np.float32]:
        rows_asked.append(part.stop - part.start)
        return luma[part]

    shares = activity(luma) / activity(luma).mean()
    found = adaptive_map(len(luma), rows)
    assert np.array_equal(found, -np.searchsorted(np.array(THRESHOLDS), shares, side="left"))
    assert rows_asked == [STRIP, STRIP, 37]


def test_a_picture_of_one_value_keeps_its_steps() -> None:
    assert not adaptive_map(50, lambda rows: np.full((rows.stop - rows.start, 70), 99, np.float32)).any()


def test_an_edge_in_a_smooth_place_keeps_its_steps() -> None:
    luma = noise(64, 64, 1)
    luma[:16, :16] = 10
    luma[:16, 9:16] = 240
    luma[16:32, :16] += np.random.default_rng(0).uniform(-100, 100, (16, 16)).astype(np.float32)
    found = adaptive_map(64, lambda rows: luma[rows])
    assert found[0, 0] == 0
    assert found[1, 0] == -4
