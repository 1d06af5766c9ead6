"""Building blocks against the same arithmetic written out another way."""

from __future__ import annotations

import pytest
import torch
from jpegai_ref.blocks import CAB, TAM, ChannelAttention, Conv2x2Pxl2, ResAU, crop, pad_to_even
from torch import nn


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(3)


def test_gate_multiplies_by_one_plus_its_convolutions() -> None:
    gate, x = ResAU(16, 4), 3 * torch.randn(2, 16, 5, 7)
    nn.init.normal_(gate.point.weight)
    factor = 1 + gate.point(gate.depth(x.clamp(0, 6)))
    torch.testing.assert_close(gate(x), x * factor)


def test_a_new_gate_is_nearly_open() -> None:
    x = torch.randn(1, 16, 8, 8)
    torch.testing.assert_close(ResAU(16, 1)(x), x, rtol=0.05, atol=0.01)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (4, 6), (5, 6), (3, 7)])
def test_padding_repeats_the_last_row_and_column(height: int, width: int) -> None:
    x = torch.randn(1, 2, height, width)
    padded = pad_to_even(x)
    expected = nn.functional.pad(x, (0, width % 2, 0, height % 2), mode="replicate")
    torch.testing.assert_close(padded, expected, rtol=0, atol=0)


def test_crop_rounds_sizes_up() -> None:
    assert crop(torch.zeros(1, 1, 20, 20), 65, 67, 8).shape == (1, 1, 9, 9)
    assert crop(torch.zeros(1, 1, 20, 20), 64, 1, 8).shape == (1, 1, 8, 1)


def test_simple_upsampler_sees_zeros_right_and_below() -> None:
    up, x = Conv2x2Pxl2(3, 2), torch.randn(1, 3, 4, 5)
    out = up(x)
    assert out.shape == (1, 2, 8, 10)
    last = torch.einsum("oi,i->o", up.conv.weight[:, :, 0, 0], x[0, :, -1, -1])
    torch.testing.assert_close(out[0, :, -2:, -2:].flatten(), last)


def test_channel_attention_head_by_head() -> None:
    attention, x = ChannelAttention(8), torch.randn(1, 8, 3, 5)
    nn.init.uniform_(attention.temperature, 1, 4)
    q, k, v = attention.spread(attention.mix(x))[0].flatten(1).split(8)
    heads = []
    for head in range(4):
        own = slice(2 * head, 2 * head + 2)
        unit_q = q[own] / q[own].norm(dim=1, keepdim=True)
        unit_k = k[own] / k[own].norm(dim=1, keepdim=True)
        heads.append(torch.softmax(unit_q @ unit_k.T * attention.temperature[head, 0, 0], 1) @ v[own])
    expected = attention.project(torch.cat(heads).reshape(1, 8, 3, 5))
    torch.testing.assert_close(attention(x), expected)


@pytest.mark.parametrize("downsample", [True, False])
def test_attention_modules_keep_the_size(downsample: bool) -> None:
    x = torch.randn(1, 16, 6, 10)
    assert TAM(16, downsample)(x).shape == x.shape
    assert CAB(16)(x).shape == x.shape


def test_channel_attention_does_not_depend_on_where_things_are() -> None:
    attention, x = ChannelAttention(8), torch.randn(1, 8, 4, 4)
    nn.init.zeros_(attention.spread.weight)
    with torch.no_grad():
        attention.spread.weight[:, 0, 1, 1] = 1
    turned = attention(x.flip(-1)).flip(-1)
    torch.testing.assert_close(turned, attention(x))
