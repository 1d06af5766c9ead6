"""eICCI in whole files: both sides do the same, every kind of picture, other tools beside it, what is refused."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from jpegai_ref import weights
from jpegai_ref.coder import Coder, load
from jpegai_ref.codestream import read_codestream, tool_bits, write_codestream
from jpegai_ref.decoder import decode
from jpegai_ref.eicci_fit import _luma_score, _squared_error
from jpegai_ref.eicci_header import EicciHeader, EicciTile
from jpegai_ref.encoder import Encoded, Setting, encode
from jpegai_ref.errors import BitstreamError
from jpegai_ref.markers import Marker, read_substreams, write_substreams
from jpegai_ref.model import OPERATING_POINTS, OperatingPoint
from jpegai_ref.picture import Picture
from jpegai_ref.picture_header import Tiling
from jpegai_ref.picture_header_syntax import write_picture_header
from jpegai_ref.post_filters import filtered
from jpegai_ref.probe import probe
from jpegai_ref.reconstruction import synthesised
from jpegai_ref.regions import Regions
from jpegai_ref.tool_header import ALL_OFF, Enhancement
from jpegai_ref.tools import NO_TOOLS, Tools, ToolUnavailable
from jpegai_ref.weights import WeightsError

from tests.jpegai_ref.damage import Source, check_altered_bits
from tests.jpegai_ref.sample_pictures import digest, grey, rgb, ycc
from tests.jpegai_ref.some_networks import eicci_tensors

BASE = Setting(1, 0)
EICCI = Tools(eicci=True)
PICTURES = [rgb(70, 81, 16), ycc(66, 69, 8, (1, 1)), ycc(65, 67, 10, (1, 2)), ycc(67, 66, 10, (2, 1)), grey(70, 81)]
pytestmark = pytest.mark.usefixtures("one_thread")


def both_sides(coder: Coder, picture: Picture, operating_point: OperatingPoint, tools: Tools = EICCI) -> Encoded:
    encoded = encode(coder, picture, BASE, tools)
    decoded = decode(coder, encoded.data, operating_point)
    assert digest(decoded) == digest(encoded.reconstruction(coder, operating_point))
    assert [plane.shape for plane in decoded.planes] == [plane.shape for plane in picture.planes]
    return encoded


@pytest.mark.usefixtures("everything_is_chosen")
@pytest.mark.parametrize("operating_point", OPERATING_POINTS)
@pytest.mark.parametrize(("height", "width"), [(1, 1), (65, 67), (130, 121)])
def test_sizes(tool_coder: Coder, height: int, width: int, operating_point: OperatingPoint) -> None:
    encoded = both_sides(tool_coder, rgb(height, width), operating_point)
    assert encoded.decisions.enhancement == Enhancement(eicci=EicciHeader(None, (EicciTile(True, True, True),)))
    assert digest(decode(tool_coder, encoded.data)) != digest(decode(tool_coder, encode(tool_coder, rgb(height, width), BASE).data))


@pytest.mark.usefixtures("everything_is_chosen")
@pytest.mark.parametrize(
    "picture", [rgb(70, 81, 16), ycc(66, 69, 8, (1, 1)), ycc(65, 67, 10, (1, 2)), ycc(67, 66, 10, (2, 1)), grey(70, 81)]
)
def test_kinds_of_pictures(tool_coder: Coder, picture: Picture) -> None:
    encoded = both_sides(tool_coder, picture, "bop")
    plain = decode(tool_coder, encode(tool_coder, picture, BASE).data)
    planes = zip(decode(tool_coder, encoded.data).planes, plain.planes, strict=True)
    assert not any(np.array_equal(*pair) for pair in planes)


def test_chroma_of_half_the_size_both_ways_goes_without(tool_coder: Coder) -> None:
    picture = ycc(66, 70)
    assert both_sides(tool_coder, picture, "sop").data == encode(tool_coder, picture, BASE).data


@pytest.mark.usefixtures("everything_is_chosen")
@pytest.mark.parametrize("switches", list(product((False, True), repeat=3)), ids=str)
def test_other_tools_beside_it(tool_coder: Coder, switches: tuple[bool, bool, bool]) -> None:
    others, linear, nonlinear = switches
    tools = Tools(rvs=others, cwg=others, lsbs=others, lef=others, efe_linear=linear, efe_nonlinear=nonlinear, eicci=True)
    found = read_codestream(both_sides(tool_coder, rgb(100, 120), "bop", tools).data).tools
    assert found.enhancement.eicci is not None
    assert (found.sharpening_channel is not None) == others
    assert linear or found.enhancement.linear is None
    assert nonlinear or found.enhancement.nonlinear is None


@pytest.mark.usefixtures("everything_is_chosen")
def test_efe_goes_on_from_what_eicci_leaves(tool_coder: Coder) -> None:
    """Both adaptive filters still gain in chroma, which random networks have spoilt."""
    picture, errors = ycc(120, 130, 8, (1, 1)), []
    for tools in (EICCI, replace(EICCI, efe_nonlinear=True)):
        decoded = decode(tool_coder, encode(tool_coder, picture, Setting(3, 0), tools).data)
        errors.append(sum(np.square(decoded.planes[index] - picture.planes[index].astype(float)).mean() for index in (1, 2)))
    assert errors[1] < errors[0]


@pytest.mark.usefixtures("everything_is_chosen")
def test_tiles(tool_coder: Coder, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = both_sides(tool_coder, rgb(200, 300), "sop").reconstruction(tool_coder, "sop")
    monkeypatch.setattr("jpegai_ref.eicci_fit.chosen_tiling", lambda *_: Tiling(256, 48))
    encoded = both_sides(tool_coder, rgb(200, 300), "sop")
    assert encoded.quantised.tools.enhancement.eicci == EicciHeader(Tiling(256, 48), (EicciTile(True, True, True),) * 2)
    tiled = encoded.reconstruction(tool_coder, "sop")
    assert max(np.abs(one.astype(int) - other).max() for one, other in zip(plain.planes, tiled.planes, strict=True)) <= 1


@pytest.mark.usefixtures("everything_is_chosen")
def test_streams_and_planes_do_not_depend_on_threads(tool_coder: Coder) -> None:
    results = set()
    for threads in (1, 2, 4):
        torch.set_num_threads(threads)
        encoded = encode(tool_coder, rgb(290, 200), BASE, replace(EICCI, efe_linear=True, efe_nonlinear=True))
        results.add((encoded.data, digest(decode(tool_coder, encoded.data, "bop", workers=threads))))
    assert len(results) == 1


@pytest.mark.usefixtures("everything_is_chosen")
@pytest.mark.parametrize("tools", [EICCI, replace(EICCI, lef=True), Tools.parse("lef+efe-linear+eicci+efe-nonlinear")], ids=str)
@pytest.mark.parametrize(
    "picture", [rgb(150, 133), ycc(101, 120, 10, (1, 2)), ycc(131, 90, 10, (2, 1))], ids=lambda one: str(one.subsampling)
)
def test_rows_do_not_depend_on_where_the_picture_is_cut(tool_coder: Coder, picture: Picture, tools: Tools) -> None:
    """Other filters see all of what eICCI leaves, beyond the rows that are asked for."""
    quantised, height = encode(tool_coder, picture, BASE, tools).quantised, picture.height
    planes = synthesised(tool_coder, quantised, "sop")
    rows = filtered(tool_coder, quantised, planes, "sop")
    whole = rows(0, height)
    assert [plane.shape for plane in whole] == [plane.shape for plane in planes]
    assert not any(torch.equal(one, other) for one, other in zip(whole, planes, strict=True))
    for step in (16, 64):
        strips = [rows(first, min(first + step, height)) for first in range(0, height, step)]
        assert all(torch.equal(torch.cat(parts), plane) for *parts, plane in zip(*strips, whole, strict=True))


def test_what_is_chosen_comes_nearer(tool_coder: Coder) -> None:
    """By the scores of the standard, in the decoded samples, within their rounding."""
    picture = ycc(170, 180, 10, (1, 1))
    for setting in (Setting(0, 0), Setting(3, 0)):
        encoded = encode(tool_coder, picture, setting, EICCI)
        eicci = encoded.quantised.tools.enhancement.eicci
        before, behind = (decode(tool_coder, encode(tool_coder, picture, setting, tools).data) for tools in (NO_TOOLS, EICCI))
        for index, plane in enumerate(picture.planes):
            parts = plane, before.planes[index], behind.planes[index]
            aim, one, other = (torch.tensor(part.astype(np.float32)) * (255 / 1023) for part in parts)
            score = _luma_score if index == 0 else _squared_error
            used = eicci is not None and eicci.tiles[0][index]
            assert torch.equal(one, other) != used
            assert score(other, aim) <= score(one, aim)


@pytest.mark.usefixtures("everything_is_chosen")
def test_the_file_grows_by_the_header_alone(tool_coder: Coder) -> None:
    plain, behind = (encode(tool_coder, rgb(140, 130), BASE, tools) for tools in (NO_TOOLS, EICCI))
    assert 8 * (len(behind.data) - len(plain.data)) == tool_bits(behind.quantised.tools, (1, 1)) <= 8 * 5
    assert read_codestream(plain.data).luma == read_codestream(behind.data).luma


@pytest.mark.usefixtures("everything_is_chosen")
@pytest.mark.parametrize("picture", [rgb(70, 81), ycc(70, 81, 10, (1, 1))], ids=lambda picture: picture.colour)
def test_luma_is_not_filtered_where_chroma_was_dropped(tool_coder: Coder, picture: Picture) -> None:
    """The networks of luma look at U and V, which are not there."""
    grey_pictures = []
    for tools in (Tools(lef=True), Tools(lef=True, eicci=True)):
        stream = read_codestream(encode(tool_coder, picture, BASE, tools).data)
        grey_pictures.append(decode(tool_coder, write_codestream(replace(stream, chroma=None))))
    assert stream.tools.enhancement.eicci is not None
    assert grey_pictures[0].colour == "grey"
    assert digest(grey_pictures[0]) == digest(grey_pictures[1])


@pytest.mark.usefixtures("everything_is_chosen")
def test_luma_of_regions_is_not_filtered_where_chroma_was_dropped(tool_coder: Coder) -> None:
    found = []
    for tools in (NO_TOOLS, EICCI):
        stream = read_codestream(encode(tool_coder, rgb(70, 81), BASE, tools, regions=Regions.parse("1x1")).data)
        found.append(digest(decode(tool_coder, write_codestream(replace(stream, chroma=None)))))
    assert stream.tools.enhancement.eicci is not None
    assert found[0] == found[1]


@pytest.mark.usefixtures("everything_is_chosen")
def test_weights_without_networks(coder: Coder, tool_coder: Coder) -> None:
    with pytest.raises(ToolUnavailable, match=r"no constants for eicci: `jpegai_ref\.training\.fit_eicci` trains"):
        encode(coder, rgb(64, 64), BASE, EICCI)
    stream = read_codestream(encode(tool_coder, rgb(64, 64), BASE, EICCI).data)
    with pytest.raises(BitstreamError, match="eICCI"):
        decode(coder, write_codestream(replace(stream, weights_id=coder.weights_id)))


def test_networks_are_part_of_the_weights(weights_path: Path, tmp_path: Path) -> None:
    tensors, path, ids = weights.read(weights_path).tensors, tmp_path / "one.safetensors", set()
    for networks in ({}, eicci_tensors(0), eicci_tensors(1)):
        ids.add(weights.write(path, tensors | networks))
        assert ("eicci" in load(path).available()) == bool(networks)
    assert len(ids) == 3
    weights.write(path, tensors | {"tools.eicci.luma.first.weight": torch.zeros(1)})
    with pytest.raises(WeightsError, match="the networks of eICCI are others"):
        load(path)


def test_probe_tells(coder: Coder) -> None:
    stream = read_codestream(encode(coder, rgb(200, 300), BASE).data)
    tiles = (EicciTile(True, False, True), EicciTile(True, False, False))
    tools = replace(ALL_OFF, enhancement=Enhancement(eicci=EicciHeader(Tiling(256, 48), tiles)))
    text = probe(write_codestream(replace(stream, tools=tools)))
    assert "trained filter              Y in 2, U in 0, V in 1 of 2 tiles of 256, overlap 48\n" in text
    assert "trained filter              off\n" in probe(write_codestream(stream))


@pytest.mark.usefixtures("everything_is_chosen")
def test_filters_of_another_picture_are_refused(tool_coder: Coder) -> None:
    stream = read_codestream(encode(tool_coder, rgb(64, 70), BASE, EICCI).data)
    two = replace(ALL_OFF, enhancement=Enhancement(eicci=EicciHeader(None, (EicciTile(True, True, True),) * 2)))
    with pytest.raises(ValueError, match="not of this picture: 2 tiles where there are 1"):
        replace(stream, tools=two)
    parts = read_substreams(write_codestream(stream)) | {
        Marker.PIH: [write_picture_header(replace(stream.header, source_subsampling=(2, 2), coded_subsampling=(2, 2), colour_transform=0))]
    }
    with pytest.raises(BitstreamError):
        decode(tool_coder, write_substreams({marker: list(map(bytes, contents)) for marker, contents in parts.items()}))


@pytest.mark.usefixtures("everything_is_chosen")
def test_altered_bytes_give_a_picture_or_a_clear_error(tool_coder: Coder) -> None:
    data = encode(tool_coder, rgb(66, 65), Setting(2, 0), replace(EICCI, efe_linear=True)).data
    check_altered_bits(Source(data, partial(decode, tool_coder, operating_point="sop")), 100, span=(0, 80), share=1)
