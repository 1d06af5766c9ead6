"""Regions with quality maps, eICCI and prefixes of channels: they do to a region that is decoded alone what they do to the whole."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from jpegai_ref.analysed import analysed
from jpegai_ref.channel_prefix import ChannelPrefix, ChannelsMissing
from jpegai_ref.chroma_grid import Rectangle
from jpegai_ref.coder import Coder
from jpegai_ref.codestream import read_codestream
from jpegai_ref.decoder import decode, decode_stream
from jpegai_ref.eicci import corrected
from jpegai_ref.eicci_header import EicciHeader, EicciTile
from jpegai_ref.encoder import Encoded, Setting, encode_analysed
from jpegai_ref.errors import BitstreamError
from jpegai_ref.partial_file import read_partial_file
from jpegai_ref.picture import Picture, cropped
from jpegai_ref.picture_header import Tiling
from jpegai_ref.prefix_probe import prefix_probe
from jpegai_ref.quality_map import Qps
from jpegai_ref.regions import Regions
from jpegai_ref.tools import NO_TOOLS, Tools, tool_names

from tests.jpegai_ref.sample_pictures import digest, grey, rgb, ycc

BASE = Setting(1, 0)
INDEPENDENT, DEPENDENT = Regions(2, 1), Regions(2, 1, False, 1, 3)
BOTH_KINDS = pytest.mark.parametrize("regions", [INDEPENDENT, DEPENDENT], ids=["independent", "dependent"])
EVERY_TOOL = Tools.parse("+".join(name for name in tool_names() if name != "rdlr"))
PREFIX = ChannelPrefix(40, 7)
pytestmark = pytest.mark.usefixtures("one_thread")


def map_for(picture: Picture) -> Qps:
    """All values, in no order."""
    size = -(-picture.height // 16), -(-max(picture.width, 64) // 16)
    return np.random.default_rng(0).integers(-8, 9, size).astype(np.int8)


def encoded_with(
    coder: Coder,
    picture: Picture,
    regions: Regions,
    tools: Tools = NO_TOOLS,
    quality: Qps | None = None,
    prefix: ChannelPrefix | None = None,
) -> Encoded:
    source = analysed(coder, picture, quality, regions)
    return encode_analysed(coder, source if prefix is None else source.limited(prefix), BASE, tools)


def check_regions_alone(coder: Coder, encoded: Encoded, picture: Picture) -> Picture:
    """The decoded picture: the one that the encoder expects, made up of the regions as they are decoded alone."""
    decoded = decode(coder, encoded.data, "bop")
    assert digest(decoded) == digest(encoded.reconstruction(coder, "bop"))
    for region in encoded.header.parts:
        alone = decode(coder, encoded.data, "bop", wanted=region.index)
        assert digest(alone) == digest(cropped(decoded, region.place.within(Rectangle(0, 0, picture.height, picture.width))))
    return decoded


@BOTH_KINDS
@pytest.mark.parametrize("picture", [rgb(279, 70), ycc(262, 66, 10, (2, 2)), grey(270, 64)], ids=["rgb", "420", "grey"])
def test_quality_maps(tool_coder: Coder, picture: Picture, regions: Regions) -> None:
    encoded = encoded_with(tool_coder, picture, regions, quality=map_for(picture))
    assert encoded.header.quality_map is not None
    plain = decode(tool_coder, encoded_with(tool_coder, picture, regions).data, "bop")
    assert digest(check_regions_alone(tool_coder, encoded, picture)) != digest(plain)


@pytest.mark.usefixtures("everything_is_chosen")
@BOTH_KINDS
@pytest.mark.parametrize("picture", [rgb(279, 70), ycc(271, 66, 10, (1, 2)), grey(270, 64)], ids=["rgb", "422", "grey"])
def test_every_tool_with_a_quality_map(tool_coder: Coder, picture: Picture, regions: Regions) -> None:
    encoded = encoded_with(tool_coder, picture, regions, EVERY_TOOL, map_for(picture))
    assert encoded.decisions.enhancement.eicci is not None
    check_regions_alone(tool_coder, encoded, picture)


def test_eicci_sees_nothing_of_other_regions_and_uses_the_tiles_of_the_picture(tool_coder: Coder) -> None:
    assert tool_coder.eicci is not None
    generator = torch.Generator().manual_seed(0)
    planes = [255 * torch.rand(400, 700, generator=generator) for _ in range(3)]
    tiles = tuple(EicciTile(*flags) for flags in ((True, False, True), (False, False, False), (True, True, False), (False, True, True)))
    header = EicciHeader(Tiling(384, 48), tiles)
    place = Rectangle(128, 256, 400, 700)
    parts = [plane[place.slices].contiguous() for plane in planes]
    found = corrected(tool_coder.eicci, "bop", 1, header, parts, (1, 1), ((400, 700), place))
    whole = corrected(tool_coder.eicci, "bop", 1, header, planes, (1, 1))
    inside = slice(40, None), slice(40, None)
    for part, plane in zip(found, whole, strict=True):
        torch.testing.assert_close(part[inside], plane[place.slices][inside], rtol=0, atol=1e-3)
    changed = [plane.clone() for plane in planes]
    for plane in changed:
        plane[:128], plane[:, :256] = 0, 0
    again = corrected(
        tool_coder.eicci, "bop", 1, header, [plane[place.slices].contiguous() for plane in changed], (1, 1), ((400, 700), place)
    )
    assert all(torch.equal(one, other) for one, other in zip(found, again, strict=True))


@BOTH_KINDS
def test_the_first_channels(tool_coder: Coder, regions: Regions) -> None:
    """Coded alone, and decoded of a whole stream: of every region the same as of the picture."""
    picture = rgb(279, 70)
    check_regions_alone(tool_coder, encoded_with(tool_coder, picture, regions, prefix=PREFIX), picture)
    stream = read_codestream(encoded_with(tool_coder, picture, regions).data)
    preview, nothing = (decode_stream(tool_coder, stream, "bop", prefix=prefix) for prefix in (PREFIX, ChannelPrefix(0, 0)))
    whole = decode_stream(tool_coder, stream, "bop")
    assert digest(decode_stream(tool_coder, stream, "bop", prefix=ChannelPrefix(128, 64))) == digest(whole)
    assert len({digest(one) for one in (preview, nothing, whole)}) == 3
    for region in stream.header.parts:
        alone = decode_stream(tool_coder, stream, "bop", prefix=PREFIX, wanted=region.index)
        assert digest(alone) == digest(cropped(preview, region.place.within(Rectangle(0, 0, 279, 70))))
    with pytest.raises(ChannelsMissing, match="128 channels of luma, not 129"):
        decode_stream(tool_coder, stream, "bop", prefix=ChannelPrefix(129))


@BOTH_KINDS
def test_what_the_first_channels_of_all_regions_take(tool_coder: Coder, regions: Regions) -> None:
    data = encoded_with(tool_coder, rgb(270, 70), regions, quality=map_for(rgb(270, 70))).data
    sizes = dict(line.rsplit("  ", 1) for line in prefix_probe(tool_coder, data).splitlines())
    luma, chroma = read_codestream(data).residual_sizes
    told = {name.strip(): size for name, size in sizes.items()}
    assert told["luma, first 128"] == f"{luma} bytes"
    assert told["chroma, first 64"] == f"{chroma} bytes"
    taken = [int(size.split()[0]) for name, size in told.items() if name.startswith("luma")]
    assert taken == sorted(taken)


@BOTH_KINDS
def test_no_preview_of_a_cut_file_with_regions(tool_coder: Coder, regions: Regions) -> None:
    data = encoded_with(tool_coder, rgb(270, 70), regions).data
    whole = read_partial_file(data, tool_coder.weights_id)
    assert whole.cut is None
    assert whole.whole == (128, 64)
    assert digest(decode_stream(tool_coder, whole.stream, "bop")) == digest(decode(tool_coder, data, "bop"))
    for missing in (1, len(data) // 3):
        with pytest.raises(BitstreamError, match="no previews of a picture of regions that is cut off: "):
            read_partial_file(data[:-missing], tool_coder.weights_id)
