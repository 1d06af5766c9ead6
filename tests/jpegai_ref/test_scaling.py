"""RVS and CWG: the equations in plain Python beside the tables and loops of the coder, and symbols that come back."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from jpegai_ref.codestream import read_codestream
from jpegai_ref.cwg import Cwg
from jpegai_ref.distributions import LOG_STEP
from jpegai_ref.exact import decode_symbols
from jpegai_ref.likely import likely_scale, segment
from jpegai_ref.picture_header import ComponentHeader, PictureHeader
from jpegai_ref.quantiser import CELLS, HIGHEST_SCALE, LOWEST_SCALE, WHOLE, Quantiser, inverse_factors, log_additions, rounded
from jpegai_ref.rvs import Rvs
from jpegai_ref.tool_header import ToolHeader
from numpy.typing import NDArray

from tests.jpegai_ref.small_exact import CHROMA, LUMA, file_of, header, model, same, symbols_for, with_cube_flags
from tests.jpegai_ref.some_tools import tool_tensors

MODEL = model()
KINDS = {"rvs": (True, False), "cwg": (False, True), "both": (True, True)}


def scaled_header(plain: PictureHeader, rvs: bool, cwg: bool) -> PictureHeader:
    def part(component: ComponentHeader) -> ComponentHeader:
        flags = tuple(index % 3 == 0 for index in range(component.channels))
        return replace(component, rvs=rvs, channel_scales=flags if cwg else None)

    return replace(plain, luma=part(plain.luma), chroma=part(plain.chroma))


def likely_of(scale: NDArray[np.int32], channel: int, row: int, column: int) -> int:
    """Of the block that a position lies in."""
    height, width = scale.shape[1:]
    total = 0
    for y in range(row // 8 * 8, row // 8 * 8 + 8):
        for x in range(column // 8 * 8, column // 8 * 8 + 8):
            total += int(scale[channel, y, x]) if y < height and x < width else 1411
    return min(max(math.floor((total + 32) / 64), 0), 4351)


def scale_of(tools: tuple[Rvs, Cwg], part: ComponentHeader, model_id: int, likely: int, channel: int) -> int:
    rvs, cwg = tools
    scale = 128
    if part.rvs:
        scale = int(rvs.scales[model_id, sum(likely > threshold for threshold in rvs.thresholds[model_id].tolist())])
    if part.channel_scales is not None:
        scale = min(max(math.floor(scale * int(cwg.factors[model_id, int(part.channel_scales[channel])]) / 1024 + 0.5), 16), 255)
    return scale


def test_tables_are_those_of_the_standard() -> None:
    scales = (115, 122, 125, 128, 130, 146, 156, 160, 175)
    assert log_additions()[list(scales)].tolist() == [-68, -31, -15, 0, 10, 84, 126, 143, 200]
    every = np.arange(LOWEST_SCALE, HIGHEST_SCALE + 1)
    assert np.array_equal(log_additions()[LOWEST_SCALE:], np.rint(np.log(every / 128) / (LOG_STEP / 128)))
    assert np.array_equal(inverse_factors()[LOWEST_SCALE:].astype(np.float64) * 65536, np.floor(2.0**23 / every + 0.5))


@pytest.mark.parametrize(("height", "width"), [(8, 8), (1, 1), (9, 17), (24, 15)])
def test_likely_scales(height: int, width: int) -> None:
    scale = np.random.default_rng(height).integers(-4096, 8062, (3, height, width)).astype(np.int32)
    found = likely_scale(scale)
    assert found.shape == (3, -(-height // 8), -(-width // 8))
    for channel, row, column in np.ndindex(scale.shape):
        assert found[channel, row // 8, column // 8] == likely_of(scale, channel, row, column)
    assert likely_scale(np.full((1, 8, 8), 8061, np.int32)).item() == 4351
    assert likely_scale(np.full((1, 8, 8), -5, np.int32)).item() == 0


def test_a_segment_changes_strictly_above_its_threshold() -> None:
    assert segment(np.array([0, 9, 10, 11, 20, 21], np.int32), np.array([10, 20], np.int32)).tolist() == [0, 0, 0, 1, 1, 2]


@pytest.mark.parametrize("kind", KINDS)
def test_scales_and_distributions(kind: str) -> None:
    """Position by position, with integers of Python."""
    plain = scaled_header(header(328, 200), *KINDS[kind])
    z = symbols_for(MODEL, plain).luma_z
    without = MODEL.luma.scales(header(328, 200), header().luma, 70, z)
    found = MODEL.luma.scales(plain, plain.luma, 70, z, with_likely=True)
    assert np.array_equal(found.skip, without.skip)
    assert np.array_equal(found.coded(None), without.coded(None))
    steps, likely, distribution = found.blocks.steps, found.blocks.likely, found.distribution()
    assert steps is not None
    assert likely is not None
    assert MODEL.luma.rvs
    assert MODEL.luma.cwg
    tools = MODEL.luma.rvs, MODEL.luma.cwg
    for channel, row, column in np.ndindex(found.skip.shape):
        expected = likely_of(found.skip, channel, row, column)
        scale = scale_of(tools, plain.luma, plain.model_id, expected, channel)
        assert (likely[channel, row // 8, column // 8], steps[channel, row // 8, column // 8]) == (expected, scale)
        scale_log = int(found.skip[channel, row, column]) + round(math.log(scale / 128) / (LOG_STEP / 128))
        assert distribution[channel, row, column] == min(max((scale_log + 64) // 128, 0), 31)
        assert found.scale_log(channel)[row, column] == scale_log
    assert len(np.unique(steps)) > (2 if kind == "both" else 1)
    assert (distribution != without.distribution()).any()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("threads", [1, 4, 16])
@pytest.mark.parametrize("device", [None, "cpu"])
def test_symbols_come_back(kind: str, threads: int, device: str | None) -> None:
    plain = scaled_header(with_cube_flags(header(328, 200, threads), 0.7), *KINDS[kind])
    symbols = symbols_for(MODEL, plain)
    stream = read_codestream(file_of(MODEL, plain, symbols))
    assert same(decode_symbols(MODEL, stream, workers=2, device=device).symbols, symbols)


@pytest.mark.parametrize(("width", "height"), [(64, 64), (65, 67), (1025, 64)])
def test_odd_sizes(width: int, height: int) -> None:
    plain = scaled_header(header(width, height), True, True)
    symbols = symbols_for(MODEL, plain, seed=width)
    assert same(decode_symbols(MODEL, read_codestream(file_of(MODEL, plain, symbols))).symbols, symbols)


def test_fewer_channels_than_there_are() -> None:
    plain = scaled_header(replace(header(), luma=ComponentHeader(3), chroma=ComponentHeader(0)), True, True)
    symbols = symbols_for(MODEL, plain)
    tools = ToolHeader(luma_scaling=True, chroma_scaling=True, sharpening_channel=2)
    decoded = decode_symbols(MODEL, read_codestream(file_of(MODEL, plain, symbols, tools)))
    assert same(decoded.symbols, symbols)
    assert decoded.luma.likely is not None
    assert decoded.luma.steps is not None
    assert decoded.chroma.steps is not None
    assert (len(decoded.luma.likely), len(decoded.luma.steps), len(decoded.chroma.steps)) == (LUMA, LUMA, CHROMA)


def test_scales_change_the_stream() -> None:
    plain = header(328, 200)
    symbols = symbols_for(MODEL, plain)
    sizes = {file_of(MODEL, scaled_header(plain, rvs, cwg), symbols) for rvs in (False, True) for cwg in (False, True)}
    assert len(sizes) == 4


@pytest.mark.parametrize(("stage", "side"), [(None, WHOLE), (0, CELLS), (3, CELLS)])
def test_the_quantiser_with_scales(stage: int | None, side: int) -> None:
    random = np.random.default_rng(side)
    scales = random.integers(LOWEST_SCALE, 256, (3, 2, 3)).astype(np.uint8)
    gains = np.float32([0.7, 1.5, 22.0])
    height, width = 2 * side - 1, 3 * side - 2
    residual = (random.normal(size=(3, height, width)) * 30).astype(np.float32)
    residual[0, 0, 0] = 1e7
    quantiser = Quantiser(torch.from_numpy(gains), scales)
    symbols = rounded(quantiser.steps(torch.from_numpy(residual)[None], stage))
    values = quantiser.dequantised(symbols, stage)
    for channel, row, column in np.ndindex(residual.shape):
        scale = int(scales[channel, row // side, column // side])
        steps = (residual[channel, row, column] * gains[channel]) * np.float32(scale / 128)
        symbol = int(np.rint(np.clip(steps, -32768, 32767)))
        assert symbols[0, channel, row, column] == symbol
        inverse = np.float32(math.floor((1 << 23) / scale + 0.5) / 65536)
        assert values[0, channel, row, column].numpy() == np.float32(symbol) * inverse / gains[channel]
    assert symbols[0, 0, 0, 0] == 32767


def test_the_encoder_flags_the_channels_that_expect_most() -> None:
    scale = np.stack([np.full((4, 5), value, np.int32) for value in (5, 900, -3, 900, 40, 900)])
    cwg = Cwg(np.full((4, 2), 1024, np.int32), np.array([0, 2, 3, 255], np.int32))
    assert [sum(cwg.flags(model_id, scale)) for model_id in range(4)] == [0, 2, 3, 6]
    assert cwg.flags(1, scale) == (False, True, False, True, False, False)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("rvs.scales", 256, "scales of RVS are in 16..255"),
        ("rvs.thresholds", -1, "thresholds of RVS are in"),
        ("cwg.factors", 5000, "factors of CWG are in"),
        ("cwg.channels", 256, "numbers of channels of CWG"),
    ],
)
def test_constants_out_of_range(name: str, value: int, reason: str) -> None:
    tensors = tool_tensors()
    tensors[f"tools.{name}"] = torch.full_like(tensors[f"tools.{name}"], value)
    with pytest.raises(ValueError, match=reason):
        (Rvs if name.startswith("rvs") else Cwg).from_tensors(tensors)


def test_constants_of_another_shape_or_missing() -> None:
    tensors = tool_tensors()
    with pytest.raises(ValueError, match="do not rise"):
        Rvs.from_tensors(tensors | {"tools.rvs.thresholds": tensors["tools.rvs.thresholds"].flip(-1)})
    with pytest.raises(ValueError, match="2 components"):
        Rvs.from_tensors(tensors | {"tools.rvs.scales": tensors["tools.rvs.scales"][:1]})
    with pytest.raises(ValueError, match="are int32"):
        Cwg.from_tensors(tensors | {"tools.cwg.factors": tensors["tools.cwg.factors"].long()})
    with pytest.raises(KeyError):
        Cwg.from_tensors({"tools.cwg.factors": tensors["tools.cwg.factors"]})
    assert Rvs.from_tensors({}) is None
