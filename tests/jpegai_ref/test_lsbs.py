"""LSBS: the equation position by position, and constants that cannot be."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from jpegai_ref.lsbs import Lsbs

from tests.jpegai_ref.some_tools import tool_tensors


def test_the_equation() -> None:
    luma, chroma = Lsbs.from_tensors(tool_tensors()) or (None, None)
    assert luma
    assert chroma
    assert not np.array_equal(luma.scales, chroma.scales)
    random = np.random.default_rng(0)
    shape = (5, 13, 18)
    y_hat, residual = (random.normal(size=shape).astype(np.float32) * 4 for _ in range(2))
    likely = random.integers(0, 3000, (5, 2, 3)).astype(np.int32)
    likely[0, 0, :2] = luma.thresholds[2]
    found = luma.scaled(2, likely, torch.from_numpy(y_hat)[None], torch.from_numpy(residual)[None])[0].numpy()
    for place in np.ndindex(shape):
        block = int(likely[place[0], place[1] // 8, place[2] // 8])
        of_mean, of_residual = luma.scales[2, sum(block > threshold for threshold in luma.thresholds[2].tolist())].tolist()
        mean = float(y_hat[place]) - float(residual[place])
        expected = float(y_hat[place]) + (of_mean * mean + of_residual * float(residual[place])) / 8192
        assert found[place] == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert np.abs(found - y_hat).max() > 0.1


def test_neutral_constants_change_nothing() -> None:
    neutral = Lsbs(np.zeros((4, 2), np.int32), np.zeros((4, 3, 2), np.int32))
    y_hat = torch.randn(1, 3, 9, 9, generator=torch.Generator().manual_seed(1))
    assert torch.equal(neutral.scaled(0, np.full((3, 2, 2), 700, np.int32), y_hat, y_hat / 3), y_hat)


@pytest.mark.parametrize(("name", "value", "reason"), [("scales", 8193, "scales of LSBS"), ("thresholds", 4352, "thresholds of LSBS")])
def test_constants_out_of_range(name: str, value: int, reason: str) -> None:
    tensors = tool_tensors()
    tensors[f"tools.lsbs.{name}"] = torch.full_like(tensors[f"tools.lsbs.{name}"], value)
    with pytest.raises(ValueError, match=reason):
        Lsbs.from_tensors(tensors)
