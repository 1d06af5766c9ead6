"""Colour and packing against the harness's own conversion and against explicit indexing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from jpegai_ref.colour import (
    analysis_input,
    codes_from_samples,
    denormalise,
    normalise,
    rgb_from_ycc,
    samples_from_codes,
    subsampled,
    upsampled,
    ycc_from_rgb,
)

from ctc.pixels import rgb_to_ycc


def test_colour_agrees_with_the_harness() -> None:
    rgb = np.random.default_rng(1).integers(0, 65536, (40, 50, 3), dtype=np.uint16)
    theirs = rgb_to_ycc(rgb, 16).astype(np.float64) / 257
    ours = ycc_from_rgb(torch.from_numpy(rgb.astype(np.float64) / 257).permute(2, 0, 1)).numpy()
    ours[1:] += 0.5 / 257
    assert np.abs(ours - theirs).max() < 0.006


def test_there_and_back() -> None:
    rgb = torch.rand(2, 3, 9, 11) * 255
    torch.testing.assert_close(rgb_from_ycc(ycc_from_rgb(rgb)), rgb, rtol=0, atol=1e-3)
    torch.testing.assert_close(denormalise(normalise(rgb)), rgb, rtol=0, atol=1e-4)


def test_neutral_chroma_and_primaries() -> None:
    grey = ycc_from_rgb(torch.full((3, 1, 1), 77.0)).flatten()
    torch.testing.assert_close(grey, torch.tensor([77.0, 127.5, 127.5]))
    blue = ycc_from_rgb(torch.tensor([0.0, 0.0, 255.0]).reshape(3, 1, 1)).flatten()
    torch.testing.assert_close(blue[:2], torch.tensor([0.0722 * 255, 255.0]))


@pytest.mark.parametrize("bits", [8, 10, 16])
def test_codes_are_rounded_to_even_and_survive(bits: int) -> None:
    codes = torch.arange(0, 1 << bits, max(1, (1 << bits) // 1024), dtype=torch.int32)
    assert torch.equal(codes_from_samples(samples_from_codes(codes, bits), bits), codes)
    assert codes_from_samples(torch.tensor([0.5, 1.5, -3.0, 300.0]), 8).tolist() == [0, 2, 0, 255]


def test_twelve_planes_are_the_phases_of_y_u_v() -> None:
    luma, chroma = torch.rand(1, 1, 6, 8) * 255, torch.rand(1, 2, 6, 8) * 255
    padded, planes = analysis_input(luma, chroma)
    assert padded.shape == (1, 1, 6, 8)
    for plane, source in enumerate((luma[0, 0], chroma[0, 0], chroma[0, 1])):
        for phase in range(4):
            expected = normalise(source[phase // 2 :: 2, phase % 2 :: 2])
            torch.testing.assert_close(planes[0, 4 * plane + phase], expected)


def test_subsampled_chroma_is_repeated_over_the_phases() -> None:
    luma, half = torch.rand(1, 1, 7, 9) * 255, torch.rand(1, 2, 4, 5) * 255
    _, planes = analysis_input(luma, half)
    for phase in range(4):
        torch.testing.assert_close(planes[:, 4 + phase], normalise(half[:, 0]))
    _, planes = analysis_input(luma[..., :6, :8], torch.rand(1, 2, 6, 4) * 255)
    assert torch.equal(planes[:, 4], planes[:, 5])
    assert not torch.equal(planes[:, 4], planes[:, 6])


@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 4), (4, 5)])
def test_odd_pictures_of_full_chroma(height: int, width: int) -> None:
    luma, planes = analysis_input(torch.zeros(1, 1, height, width), torch.zeros(1, 2, height, width))
    assert luma.shape[-2:] == (height + height % 2, width + width % 2)
    assert planes.shape[-2:] == (-(-height // 2), -(-width // 2))


def test_a_chroma_size_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="does not go with"):
        analysis_input(torch.zeros(1, 1, 16, 16), torch.zeros(1, 2, 5, 5))


def test_chroma_down_and_up() -> None:
    flat = torch.full((1, 2, 7, 9), 90.0)
    small = subsampled(flat, 2, 2)
    assert small.shape == (1, 2, 4, 5)
    torch.testing.assert_close(upsampled(small, 7, 9), flat)
    ramp = torch.arange(9.0).expand(1, 2, 7, 9) * 10
    torch.testing.assert_close(upsampled(subsampled(ramp, 1, 2), 7, 9)[..., 2:-2], ramp[..., 2:-2], rtol=0, atol=0.5)
