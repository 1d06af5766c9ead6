"""Whole files with quality maps: both sides do the same with every kind of picture and tool, and the region gets the quality."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from jpegai_ref.analysed import analysed
from jpegai_ref.channel_prefix import ALL_CHANNELS, ChannelPrefix
from jpegai_ref.coder import Coder
from jpegai_ref.codestream import read_codestream, write_codestream
from jpegai_ref.decoder import decode, decode_stream
from jpegai_ref.encoder import Encoded, Setting, encode, encode_analysed
from jpegai_ref.errors import BitstreamError
from jpegai_ref.knob import HIGHEST_QUALITY
from jpegai_ref.model import OPERATING_POINTS, OperatingPoint
from jpegai_ref.partial_file import read_partial_file
from jpegai_ref.picture import Picture
from jpegai_ref.picture_header import Tiling
from jpegai_ref.prefix_probe import prefix_probe
from jpegai_ref.probe import probe
from jpegai_ref.quality import last_quality_of, quality_of, setting_of, setting_of_model
from jpegai_ref.quality_map import OFFSETS, Qps, encode_map
from jpegai_ref.rate_matching import matched
from jpegai_ref.region_of_interest import Levels, Mask, Rectangle, region_map
from jpegai_ref.tools import NO_TOOLS, Tools, tool_names

from tests.jpegai_ref.damage import Source, check_altered_bits
from tests.jpegai_ref.sample_pictures import digest, grey, rgb, ycc

BASE = Setting(1, 0)
ALL = Tools.parse("+".join(name for name in tool_names() if name != "rdlr"))
pytestmark = pytest.mark.usefixtures("one_thread")


def map_for(picture: Picture, seed: int = 0) -> Qps:
    """All values, in no order."""
    size = -(-max(picture.height, 64) // 16), -(-max(picture.width, 64) // 16)
    return np.random.default_rng(seed).integers(-8, 9, size).astype(np.int8)


def both_sides(coder: Coder, picture: Picture, point: OperatingPoint, tools: Tools = NO_TOOLS, setting: Setting = BASE) -> Encoded:
    encoded = encode(coder, picture, setting, tools, map_for(picture))
    assert encoded.header.quality_map is not None
    decoded = decode(coder, encoded.data, point)
    assert digest(decoded) == digest(encoded.reconstruction(coder, point))
    return encoded


@pytest.mark.parametrize("operating_point", OPERATING_POINTS)
@pytest.mark.parametrize(("height", "width"), [(1, 1), (63, 64), (65, 67), (199, 121)])
def test_sizes(tool_coder: Coder, height: int, width: int, operating_point: OperatingPoint) -> None:
    both_sides(tool_coder, rgb(height, width), operating_point, ALL)


@pytest.mark.parametrize(
    "picture",
    [rgb(70, 81, 16), grey(70, 81), grey(1, 1, 16), ycc(70, 81), ycc(71, 80, 10), ycc(65, 67, 10, (1, 2)), ycc(66, 69, 8, (1, 1))],
    ids=lambda picture: f"{picture.colour}-{picture.bit_depth}-{picture.subsampling}",
)
@pytest.mark.parametrize("tools", [NO_TOOLS, ALL], ids=["none", "all"])
def test_kinds_of_pictures(tool_coder: Coder, picture: Picture, tools: Tools) -> None:
    both_sides(tool_coder, picture, "sop", tools)


@pytest.mark.parametrize("name", [name for name in tool_names() if name != "rdlr"])
def test_each_tool(tool_coder: Coder, name: str) -> None:
    both_sides(tool_coder, rgb(100, 135), "bop", Tools.parse(name))


@pytest.mark.parametrize("setting", [Setting(0, -1398), Setting(2, -320), Setting(3, 1000)])
def test_all_rates(tool_coder: Coder, setting: Setting) -> None:
    both_sides(tool_coder, rgb(100, 90), "bop", ALL, setting)


def test_cube_flags(tool_coder: Coder) -> None:
    """At a low rate cubes are forced, where a fine position would lose too much."""
    encoded = both_sides(tool_coder, rgb(300, 280), "sop", NO_TOOLS, Setting(0, -400))
    assert encoded.header.luma.may_skip is not None
    assert len(set(encoded.header.luma.may_skip)) == 2


def test_tiles(tool_coder: Coder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jpegai_ref.encoder.synthesis_tiles", lambda *_: Tiling(256, 64))
    both_sides(tool_coder, rgb(270, 200), "sop", Tools(rvs=True, lsbs=True))


@pytest.mark.slow
def test_streams_and_planes_do_not_depend_on_threads(tool_coder: Coder) -> None:
    picture = rgb(200, 260)
    results = set()
    for threads in (1, 2, 4):
        torch.set_num_threads(threads)
        encoded = encode(tool_coder, picture, BASE, ALL, map_for(picture))
        results.add((encoded.data, digest(decode(tool_coder, encoded.data, "bop", workers=threads))))
    assert len(results) == 1


@pytest.mark.parametrize("threads", [1, 2, 16])
def test_threads_of_the_map_change_nothing(tool_coder: Coder, threads: int) -> None:
    picture = rgb(100, 90)
    encoded = encode(tool_coder, picture, BASE, NO_TOOLS, map_for(picture))
    stream = read_codestream(encoded.data)
    header, payload = encode_map(map_for(picture), threads)
    other = write_codestream(replace(stream, header=replace(stream.header, quality_map=header), quality_map=payload))
    assert digest(decode(tool_coder, other, "bop", workers=4)) == digest(decode(tool_coder, encoded.data, "bop"))


def test_a_map_of_zeros_is_no_map(tool_coder: Coder) -> None:
    picture = rgb(100, 90)
    assert encode(tool_coder, picture, BASE, NO_TOOLS, map_for(picture) * np.int8(0)).data == encode(tool_coder, picture, BASE).data
    flat = Picture((np.full((80, 80), 77, np.uint8),), 8, "grey")
    assert encode(tool_coder, flat, BASE, Tools(quality_map=True)).data == encode(tool_coder, flat, BASE).data


def test_a_constant_map_is_a_displacement(own_coder: Coder) -> None:
    """qp 4 doubles all gains, as a displacement of 443 does to one part in a thousand."""
    picture = rgb(130, 120)
    doubled = encode(own_coder, picture, Setting(2, -300), NO_TOOLS, np.full((9, 8), 4, np.int8))
    moved = encode(own_coder, picture, Setting(2, 143))
    assert len(doubled.data) == pytest.approx(len(moved.data), rel=0.02)
    one, other = (encoded.reconstruction(own_coder, "bop") for encoded in (doubled, moved))
    shown, others, original = (np.stack(shown.planes).astype(float) for shown in (one, other, picture))
    assert np.abs(shown - others).mean() < 0.1 * np.abs(shown - original).mean()


def test_what_is_no_map_of_the_picture(tool_coder: Coder) -> None:
    with pytest.raises(ValueError, match=r"int8 \(4, 5\), not int8 \(5, 4\)"):
        encode(tool_coder, rgb(64, 70), BASE, NO_TOOLS, np.ones((5, 4), np.int8))
    with pytest.raises(ValueError, match=r"values in -8\.\.8"):
        encode(tool_coder, rgb(64, 70), BASE, NO_TOOLS, np.full((4, 5), 9, np.int8))


def test_the_tool_adds_to_the_region(tool_coder: Coder) -> None:
    picture = rgb(200, 220)
    source = analysed(tool_coder, picture)
    adaptive = source.quality_map(adaptive=True)
    assert adaptive is not None
    assert set(adaptive.ravel().tolist()) <= {0, -1, -2, -3, -4}
    assert len(set(adaptive.ravel().tolist())) > 1
    region = map_for(picture)
    both = replace(source, interest=region).quality_map(adaptive=True)
    assert both is not None
    assert np.array_equal(both, np.clip(adaptive + region, -8, 8))
    assert source.quality_map(adaptive=False) is None
    data = encode_analysed(tool_coder, source, BASE, Tools(quality_map=True)).data
    assert data == encode(tool_coder, picture, BASE, NO_TOOLS, adaptive).data


def test_probe_tells(tool_coder: Coder) -> None:
    picture = rgb(64, 128)
    region = region_map(Rectangle(0, 0, 32, 32).mask(64, 128))
    text = probe(encode(tool_coder, picture, BASE, NO_TOOLS, region).data)
    assert "quality map                 4x8, -3 to +6: -3 in 87.5 %, +6 in 12.5 %; distribution " in text
    assert "SOQ                         " in text
    assert " and 13 values more; " in probe(encode(tool_coder, rgb(200, 200), BASE, NO_TOOLS, map_for(rgb(200, 200))).data)
    assert "quality map                 no" in probe(encode(tool_coder, picture, BASE).data)


def test_the_first_channels_of_a_picture_with_a_map(tool_coder: Coder) -> None:
    """Coded alone, decoded of a whole file and of one that is cut off; what the probe says that all take is the substream."""
    picture = rgb(100, 90)
    source = analysed(tool_coder, picture, map_for(picture))
    whole, alone = (encode_analysed(tool_coder, part, BASE) for part in (source, source.limited(ChannelPrefix(40, 7))))
    assert digest(decode(tool_coder, alone.data, "bop")) == digest(alone.reconstruction(tool_coder, "bop"))
    stream = read_codestream(whole.data)
    luma, chroma = stream.residual_sizes
    told = dict(line.rsplit("  ", 1) for line in prefix_probe(tool_coder, whole.data).splitlines())
    sizes = {name.strip(): size for name, size in told.items()}
    assert sizes["luma, first 128"] == f"{luma} bytes"
    assert sizes["chroma, first 64"] == f"{chroma} bytes"
    cut = read_partial_file(whole.data[:-chroma], tool_coder.weights_id)
    assert cut.whole == (128, 0)
    shown = decode_stream(tool_coder, cut.stream, "bop", prefix=cut.available(ALL_CHANNELS))
    assert digest(shown) == digest(decode_stream(tool_coder, stream, "bop", prefix=ChannelPrefix(None, 0)))


def squared_errors(picture: Picture, decoded: Picture, inside: Mask) -> tuple[float, float]:
    """Mean inside and outside of the region."""
    errors = np.mean([(one.astype(float) - other) ** 2 for one, other in zip(picture.planes, decoded.planes, strict=True)], axis=0)
    return float(errors[inside].mean()), float(errors[~inside].mean())


@pytest.mark.parametrize("levels", [Levels(), Levels(0, -3), Levels(3, -2)], ids=str)
def test_the_region_gets_the_quality_at_the_same_rate(own_coder: Coder, levels: Levels) -> None:
    picture = rgb(256, 384)
    inside = Rectangle(96, 64, 128, 96).mask(256, 384)
    source = analysed(own_coder, picture)
    errors = []
    for region in (None, region_map(inside, levels)):
        # Not beside a join of the models: with a map the next model may be taken, whose chroma is better everywhere.
        match = matched(own_coder, replace(source, interest=region), 0.6)
        assert abs(match.deviation) <= 0.02
        errors.append(squared_errors(picture, decode(own_coder, match.encoded.data, "bop"), inside))
    (inside_before, outside_before), (inside_after, outside_after) = errors
    gain, loss = 10 * np.log10(inside_before / inside_after), 10 * np.log10(outside_after / outside_before)
    assert gain > 0.8
    assert 0 < loss < 6


def test_a_map_for_each_position_reaches_it(own_coder: Coder) -> None:
    """Quality follows the map from one position to the next, chroma's too."""
    picture = rgb(256, 256)
    stripes = np.where(np.arange(16) % 8 < 4, np.int8(4), np.int8(-4))[None].repeat(16, 0)
    files = [encode(own_coder, picture, Setting(2, 0), NO_TOOLS, qps).data for qps in (stripes, -stripes)]
    one, other = (decode(own_coder, data, "bop") for data in files)
    fine = stripes.repeat(16, 0).repeat(16, 1) > 0
    for original, there, elsewhere in zip(picture.planes, one.planes, other.planes, strict=True):
        first, second = ((original.astype(float) - plane) ** 2 for plane in (there, elsewhere))
        assert first[fine].mean() < 0.7 * second[fine].mean()
        assert second[~fine].mean() < 0.7 * first[~fine].mean()


@pytest.mark.parametrize(
    ("bpp", "tools"),
    [(0.12, NO_TOOLS), (0.5, NO_TOOLS), (2.0, NO_TOOLS), pytest.param(0.5, replace(ALL, eicci=False), marks=pytest.mark.slow)],
    ids=str,
)
def test_rates_are_matched_with_maps(own_coder: Coder, bpp: float, tools: Tools) -> None:
    picture = rgb(300, 400)
    region = region_map(Rectangle(60, 80, 160, 120).mask(300, 400))
    match = matched(own_coder, analysed(own_coder, picture, region), bpp, tools=tools)
    assert abs(match.deviation) <= 0.02
    assert match.encoded.header.quality_map is not None


@pytest.mark.parametrize("finest", OFFSETS)
def test_the_axis_of_rates_with_a_map(finest: int) -> None:
    """The model is the one that would code the finest position; its quantiser goes on by steps of 1/128 level from one end to the other."""
    for quality in range(0, HIGHEST_QUALITY + 1, 7):
        setting = setting_of(quality, finest)
        assert setting.model_id == setting_of(min(max(quality + finest, 0), HIGHEST_QUALITY)).model_id
        assert quality_of(setting) == quality
        last = last_quality_of(setting.model_id, finest)
        assert quality <= last <= HIGHEST_QUALITY
        assert setting_of_model(setting.model_id, last, finest).displacement == setting.displacement + last - quality
    assert setting_of(1000, 0) == setting_of(1000)


def test_altered_bytes_give_a_picture_or_a_clear_error(tool_coder: Coder) -> None:
    data = encode(tool_coder, rgb(64, 64), BASE, Tools(rvs=True, lsbs=True), map_for(rgb(64, 64))).data
    place = data.index(b"\xff\x8b")
    source = Source(data, partial(decode, tool_coder, operating_point="sop"))
    survived = check_altered_bits(source, 100, span=(place, place + 40), share=0.7)
    assert any("quality map" in message for message in survived.messages)


def test_a_map_that_is_missing_or_not_announced(tool_coder: Coder) -> None:
    picture = rgb(64, 64)
    stream = read_codestream(encode(tool_coder, picture, BASE, NO_TOOLS, map_for(picture)).data)
    data = write_codestream(stream)
    start = data.index(b"\xff\x8b")
    end = data.index(b"\xff\x88")
    with pytest.raises(BitstreamError, match="a quality map is announced in the header and not there"):
        decode(tool_coder, data[:start] + data[end:])
    plain = encode(tool_coder, picture, BASE).data
    place = plain.index(b"\xff\x88")
    with pytest.raises(BitstreamError, match="a quality map is announced in the header and not there"):
        decode(tool_coder, plain[:place] + data[start:end] + plain[place:])
