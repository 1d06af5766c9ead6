"""LEF: the equation sample by sample, in strips of any number of rows, and on the whole picture whatever the tiles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from jpegai_ref import post_filters
from jpegai_ref.coder import Coder
from jpegai_ref.encoder import Setting, encode
from jpegai_ref.lef import Lef, sharpened_rows
from jpegai_ref.picture_header import Tiling
from jpegai_ref.reconstruction import reconstructed, synthesised
from jpegai_ref.tools import Tools

from tests.jpegai_ref.sample_pictures import digest, rgb
from tests.jpegai_ref.some_tools import tool_tensors

KERNEL = np.array([[5, 5, 5], [5, 24, 5], [5, 5, 5]]) / 64


def lef() -> Lef:
    found = Lef.from_tensors(tool_tensors())
    assert found
    return found


@pytest.mark.parametrize(("height", "width"), [(64, 64), (65, 67), (3, 3), (2, 70), (70, 2), (1, 1)])
def test_the_equation(height: int, width: int) -> None:
    constants, random = lef(), np.random.default_rng(height)
    luma = random.uniform(0, 255, (height, width)).astype(np.float32)
    scale = random.integers(-100, 3000, (-(-height // 16), -(-width // 16))).astype(np.int32)
    scale[0, 0] = constants.thresholds[1, 2]
    strengths = torch.from_numpy(constants.strengths(1, scale))
    found = sharpened_rows(torch.from_numpy(luma), strengths, 0, height).numpy()
    for row, column in np.ndindex(luma.shape):
        here, expected = int(scale[row // 16, column // 16]), float(luma[row, column])
        reached = sum(here >= threshold for threshold in constants.thresholds[1].tolist())
        factor = 1.0 if reached == 0 else int(constants.gains[1, reached - 1]) / 1024
        if 0 < row < height - 1 and 0 < column < width - 1:
            blurred = float((KERNEL * luma[row - 1 : row + 2, column - 1 : column + 2].astype(np.float64)).sum()) / 255
            expected = 255 * min(max(blurred + factor * (expected / 255 - blurred), 0), 1)
        assert found[row, column] == pytest.approx(expected, abs=1e-3)
    assert min(height, width) < 64 or np.abs(found - luma).max() > 5


@pytest.mark.parametrize("rows", [16, 48, 512])
def test_strips_change_nothing(rows: int) -> None:
    random = np.random.default_rng(rows)
    luma = torch.from_numpy(random.uniform(0, 255, (331, 75)).astype(np.float32))
    strengths = torch.from_numpy(random.uniform(-0.5, 1, (21, 5)).astype(np.float32))
    strips = [sharpened_rows(luma, strengths, first, min(first + rows, 331)) for first in range(0, 331, rows)]
    assert torch.equal(torch.cat(strips), sharpened_rows(luma, strengths, 0, 331))
    with pytest.raises(ValueError, match="multiple of 16"):
        sharpened_rows(luma, strengths, 8, 24)


def test_seams_of_tiles_are_filtered_like_the_rest(tool_coder: Coder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The filter sees the joined tiles: samples on both sides of a seam, which belong to other tiles, blur each other."""
    encoded = encode(tool_coder, rgb(300, 330), Setting(1, 0), Tools(lef=True))
    header, tiles = encoded.header, Tiling(256, 64)
    luma_part, chroma_part = (replace(part, tiling=tiles) for part in (header.luma, header.chroma))
    tiled = replace(encoded.quantised, header=replace(header, luma=luma_part, chroma=chroma_part))
    planes = synthesised(tool_coder, tiled, "bop")
    assert tool_coder.lef
    assert tiled.sharpening is not None
    strengths = torch.from_numpy(tool_coder.lef.strengths(1, tiled.sharpening))
    luma = sharpened_rows(planes[0], strengths, 0, 300)
    assert (luma - planes[0]).abs().max() > 1
    filtered = post_filters.filtered(tool_coder, tiled, planes, "bop")(0, 300)
    assert torch.equal(filtered[0], luma)
    assert all(torch.equal(one, other) for one, other in zip(filtered[1:], planes[1:], strict=True))
    whole = digest(reconstructed(tool_coder, tiled, "bop"))
    monkeypatch.setattr("jpegai_ref.reconstruction.STRIP", 32)
    assert digest(reconstructed(tool_coder, tiled, "bop")) == whole


@pytest.mark.parametrize(("name", "value", "reason"), [("gains", 2049, "gains of LEF are in"), ("thresholds", 8192, "thresholds of LEF")])
def test_constants_out_of_range(name: str, value: int, reason: str) -> None:
    tensors = tool_tensors()
    tensors[f"tools.lef.{name}"] = torch.full_like(tensors[f"tools.lef.{name}"], value)
    with pytest.raises(ValueError, match=reason):
        Lef.from_tensors(tensors)
