"""Pictures coded in regions: both sides alike, a region alone as in the whole, missing regions, the command line."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from jpegai_ref.analysed import analysed
from jpegai_ref.chroma_grid import Rectangle
from jpegai_ref.coder import Coder
from jpegai_ref.codestream import read_codestream
from jpegai_ref.decoder import check_supported, decode
from jpegai_ref.encoder import Encoded, Setting, encode
from jpegai_ref.errors import BitstreamError
from jpegai_ref.markers import Marker, read_substreams, write_substreams
from jpegai_ref.model import OPERATING_POINTS, OperatingPoint
from jpegai_ref.picture import Picture, cropped
from jpegai_ref.pictures import file_content, read_picture
from jpegai_ref.rate_matching import matched
from jpegai_ref.region_residuals import RegionMissing
from jpegai_ref.regions import NoSuchRegion, Regions
from jpegai_ref.tools import NO_TOOLS, Tools, tool_names

from tests.conftest import Command
from tests.jpegai_ref.conftest import refused
from tests.jpegai_ref.damage import Source, check_altered_bits
from tests.jpegai_ref.sample_pictures import digest, grey, rgb, ycc

BASE = Setting(1, 0)
INDEPENDENT, DEPENDENT = Regions(2, 1), Regions.parse("2x1:dependent")
ALL_TOOLS = Tools.parse("+".join(name for name in tool_names() if name != "rdlr"))
pytestmark = pytest.mark.usefixtures("one_thread")


def both_sides(
    coder: Coder, picture: Picture, point: OperatingPoint, regions: Regions, tools: Tools = NO_TOOLS, setting: Setting = BASE
) -> tuple[Encoded, Picture]:
    """The decoded picture, which is the one that the encoder expects, and made up of the regions as they are decoded alone."""
    encoded = encode(coder, picture, setting, tools, regions=regions)
    decoded = decode(coder, encoded.data, point)
    assert digest(decoded) == digest(encoded.reconstruction(coder, point))
    assert [plane.shape for plane in decoded.planes] == [plane.shape for plane in picture.planes]
    for region in encoded.header.parts:
        alone = decode(coder, encoded.data, point, wanted=region.index)
        assert digest(alone) == digest(cropped(decoded, region.place.within(Rectangle(0, 0, picture.height, picture.width))))
    return encoded, decoded


@pytest.mark.parametrize("regions", [INDEPENDENT, DEPENDENT, Regions(2, 1, False)], ids=["independent", "dependent", "apart"])
@pytest.mark.parametrize(
    "picture",
    [rgb(261, 67), grey(259, 70), ycc(271, 75), ycc(258, 66, 10, (1, 2)), rgb(300, 30)],
    ids=lambda picture: f"{picture.colour}-{picture.width}x{picture.height}-{picture.subsampling}",
)
def test_kinds_of_pictures(coder: Coder, picture: Picture, regions: Regions) -> None:
    both_sides(coder, picture, "sop", regions)


@pytest.mark.parametrize("regions", [INDEPENDENT, DEPENDENT], ids=["independent", "dependent"])
@pytest.mark.parametrize("point", OPERATING_POINTS)
@pytest.mark.parametrize("picture", [rgb(270, 100), ycc(263, 90)], ids=["rgb", "420"])
def test_all_tools(tool_coder: Coder, picture: Picture, point: OperatingPoint, regions: Regions) -> None:
    encoded, _ = both_sides(tool_coder, picture, point, regions, ALL_TOOLS)
    assert encoded.header.luma.rvs
    assert encoded.quantised.tools.sharpening_channel is not None


def test_regions_in_both_directions_and_cubes_across_them(coder: Coder) -> None:
    """Regions of 128 rows and 256 columns; cubes are of 256x256."""
    encoded, decoded = both_sides(coder, rgb(260, 560), "sop", Regions(2, 2))
    assert [region.place.top for region in encoded.header.parts] == [0, 0, 128, 128]
    assert encoded.header.luma.may_skip is not None
    assert not all(encoded.header.luma.may_skip)
    touched = decode(coder, encoded.data, "sop", wanted=Rectangle(127, 300, 129, 301))
    assert digest(touched) == digest(cropped(decoded, Rectangle(0, 256, 260, 560)))


def test_regions_that_are_larger_than_a_tile(coder: Coder) -> None:
    """1100 rows of a picture of more than 1024x1024 are synthesised in tiles of the region's own."""
    picture = rgb(300, 70)
    tall = Picture(tuple(np.tile(plane, (8, 7)) for plane in picture.planes), 8, "rgb")
    encoded = encode(coder, cropped(tall, Rectangle(0, 0, 2300, 470)), BASE, NO_TOOLS, regions=INDEPENDENT)
    assert encoded.header.luma.tiling is not None
    assert encoded.header.parts[0].height == 1152
    decoded = decode(coder, encoded.data, "sop")
    assert digest(decoded) == digest(encoded.reconstruction(coder, "sop"))
    assert digest(decode(coder, encoded.data, "sop", wanted=1)) == digest(cropped(decoded, Rectangle(1152, 0, 2300, 470)))


def test_streams_and_planes_do_not_depend_on_threads(tool_coder: Coder) -> None:
    picture, results = rgb(270, 560), set()
    for threads in (1, 3):
        torch.set_num_threads(threads)
        for regions in (Regions(2, 2), Regions.parse("2x2:dependent")):
            encoded = encode(tool_coder, picture, BASE, ALL_TOOLS, regions=regions)
            results.add((regions, encoded.data, digest(decode(tool_coder, encoded.data, "sop", workers=threads))))
        assert torch.get_num_threads() == threads
    assert len(results) == 2


def test_dependent_regions_have_the_symbols_of_the_whole(own_coder: Coder) -> None:
    """With the overlaps that the command line gives them, but for ties in the last digits of floats."""
    picture = rgb(270, 120)
    whole = encode(own_coder, picture, BASE)
    divided = encode(own_coder, picture, BASE, NO_TOOLS, regions=DEPENDENT)
    assert float((divided.quantised.luma - whole.quantised.luma).abs().median()) < 1e-4
    assert 0 < len(divided.data) - len(whole.data) < 40


def test_a_region_knows_nothing_of_what_is_in_another(own_coder: Coder) -> None:
    """Beyond what the analysis of the encoder reaches, of which the regions' own hyper-latents are made."""
    encoded = encode(own_coder, rgb(270, 100), BASE, NO_TOOLS, regions=INDEPENDENT)
    damaged = {marker: list(map(bytes, contents)) for marker, contents in read_substreams(encoded.data).items()}
    damaged[Marker.SORP][1] = damaged[Marker.SORP][1][:1]
    data = write_substreams(damaged)
    assert digest(decode(own_coder, data, wanted=0)) == digest(decode(own_coder, encoded.data, wanted=0))
    with pytest.raises(BitstreamError):
        decode(own_coder, data)


def without(data: bytes, marker: Marker, index: int) -> bytes:
    parts = {each: list(map(bytes, contents)) for each, contents in read_substreams(data).items()}
    parts[marker] = [content for content in parts[marker] if content[0] != index]
    return write_substreams({each: contents for each, contents in parts.items() if contents})


@pytest.mark.parametrize("marker", [Marker.SORP, Marker.SORS])
@pytest.mark.parametrize("picture", [rgb(270, 80), ycc(270, 81, 10)], ids=["rgb", "420-10"])
def test_a_missing_region(coder: Coder, picture: Picture, marker: Marker) -> None:
    whole = encode(coder, picture, BASE, NO_TOOLS, regions=INDEPENDENT).data
    data = without(whole, marker, 0)
    with pytest.raises(RegionMissing, match="region 0 is missing"):
        decode(coder, data, "sop")
    with pytest.raises(RegionMissing, match="region 0 is missing"):
        decode(coder, data, "sop", wanted=0)
    there = Rectangle(128, 0, 270, picture.width)
    expected = digest(cropped(decode(coder, whole, "sop"), there))
    assert digest(decode(coder, data, "sop", wanted=1)) == expected
    filled = decode(coder, data, "sop", fill_missing=True)
    assert digest(cropped(filled, there)) == expected
    for plane in cropped(filled, Rectangle(0, 0, 128, picture.width)).planes:
        assert np.all(plane == 1 << picture.bit_depth - 1)


def test_a_picture_that_lost_all_chroma_is_grey(coder: Coder) -> None:
    data = encode(coder, rgb(270, 70), BASE, NO_TOOLS, regions=INDEPENDENT).data
    grey_data = without(without(data, Marker.SORS, 0), Marker.SORS, 1)
    decoded = decode(coder, grey_data, "sop")
    assert decoded.colour == "grey"
    assert decoded.height == 270


def test_dependent_regions_and_undivided_pictures_cannot_lose_anything(coder: Coder) -> None:
    data = encode(coder, rgb(270, 64), BASE, NO_TOOLS, regions=DEPENDENT).data
    assert len(read_substreams(data)[Marker.SORP]) == 1
    with pytest.raises(NoSuchRegion, match="no region 2"):
        decode(coder, data, wanted=2)
    undivided = encode(coder, rgb(64, 64), BASE).data
    assert digest(decode(coder, undivided, "sop", wanted=0)) == digest(decode(coder, undivided, "sop"))


@pytest.mark.parametrize(("hyper", "context", "supported"), [(3, 15, False), (0, 15, False), (3, 0, False), (1, 3, True), (2, 8, True)])
def test_overlaps_that_multiply_the_work(coder: Coder, hyper: int, context: int, supported: bool) -> None:
    """32 regions of 256x512."""
    stream = read_codestream(encode(coder, rgb(270, 64), BASE, NO_TOOLS, regions=DEPENDENT).data)
    plain = replace(stream.header, luma=replace(stream.header.luma, may_skip=None), chroma=replace(stream.header.chroma, may_skip=None))
    header = replace(plain, width=2048, height=2048, regions=Regions(8, 4, False, hyper, context))
    large = replace(stream, header=header, luma=(b"",) * 32, chroma=(b"",) * 32)
    if supported:
        check_supported(coder, large)
    else:
        with pytest.raises(BitstreamError, match="more than 6 times the picture"):
            check_supported(coder, large)


def test_a_rate_is_met_with_regions(own_coder: Coder) -> None:
    picture = rgb(270, 160)
    match = matched(own_coder, analysed(own_coder, picture, regions=INDEPENDENT), 0.8)
    assert abs(match.deviation) <= 0.02
    assert match.encoded.header.regions == INDEPENDENT


def test_a_grid_that_the_picture_is_too_small_for(coder: Coder) -> None:
    with pytest.raises(ValueError, match="at most 1x1 regions"):
        analysed(coder, rgb(200, 200), regions=INDEPENDENT)


def test_altered_bytes_give_a_picture_or_a_clear_error(coder: Coder) -> None:
    data = encode(coder, rgb(260, 64), BASE, regions=INDEPENDENT).data
    source = Source(data, partial(decode, coder, operating_point="sop", fill_missing=True))
    check_altered_bits(source, 60, span=(0, 40), share=0.5, seed=1)


@pytest.fixture
def tall(jpegai: Command) -> Command:
    """The command line, where source.png is a picture of 70x270."""
    Path("source.png").write_bytes(file_content(".png", rgb(270, 70)))
    return jpegai


def test_the_command_line(tall: Command, tmp_path: Path) -> None:
    assert tall("encode", "source.png", "a.jai", "--quality", "900", "--regions", "2x1", "--threads", "1").status == 0
    data = (tmp_path / "a.jai").read_bytes()
    assert read_codestream(data).header.regions == INDEPENDENT
    assert "2x1 (rows x columns) of 70x128, the last 70x142, independent" in tall("probe", "a.jai").out
    assert tall("decode", "a.jai", "whole.png", "--op", "sop").status == 0
    assert tall("decode", "a.jai", "part.png", "--op", "sop", "--region", "1").status == 0
    assert tall("decode", "a.jai", "touched.png", "--op", "sop", "--region", "3,200,1,1").status == 0
    whole, part, touched = (read_picture(tmp_path / f"{name}.png") for name in ("whole", "part", "touched"))
    assert digest(part) == digest(touched) == digest(cropped(whole, Rectangle(128, 0, 270, 70)))
    (tmp_path / "cut.jai").write_bytes(without(data, Marker.SORP, 1))
    lacking = tall("decode", "cut.jai", "cut.png", "--op", "sop")
    assert (lacking.status, lacking.err) == (1, "jpegai_ref: cut.jai: region 1 is missing\n")
    assert tall("decode", "cut.jai", "cut.png", "--op", "sop", "--fill-missing").status == 0
    assert (read_picture(tmp_path / "cut.png").planes[0][128:] == 128).all()


@pytest.mark.parametrize(
    ("arguments", "status", "reason"),
    [
        (("encode", "source.png", "a.jai", "--quality", "900", "--regions", "3x1"), 2, "has at most 2x1 regions (rows x columns), not 3x1"),
        (("encode", "source.png", "a.jai", "--quality", "900", "--regions", "2"), 2, "regions are ROWSxCOLUMNS"),
        (("decode", "a.jai", "a.png", "--region", "x"), 2, "a region is an INDEX"),
        (("decode", "a.jai", "a.png", "--region", "2"), 2, "--region: there is no region 2: the picture has 2, from 0"),
        (("decode", "a.jai", "a.png", "--region", "70,0,5,5"), 2, "--region: the rectangle lies outside of the picture"),
    ],
)
def test_wrong_command_lines(tall: Command, arguments: tuple[str, ...], status: int, reason: str) -> None:
    assert tall("encode", "source.png", "a.jai", "--quality", "900", "--regions", "2x1:dependent").status == 0
    refused(tall(*arguments), status, reason)
