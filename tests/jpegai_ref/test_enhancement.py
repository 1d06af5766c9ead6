"""EFE linear and EFE non-linear in whole files: both sides do the same, what is chosen is worth its bits, and rates are still hit."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import product

import numpy as np
import pytest
import torch
from jpegai_ref.analysed import analysed, planes_of
from jpegai_ref.coder import Coder
from jpegai_ref.codestream import read_codestream, tool_bits, write_codestream
from jpegai_ref.comparison import Objective
from jpegai_ref.decoder import decode
from jpegai_ref.efe_linear_header import FilterSet, LinearFilter
from jpegai_ref.efe_nonlinear_header import Correction, Masks, NonlinearFilter
from jpegai_ref.encoder import Encoded, Setting, encode, encode_analysed
from jpegai_ref.enhancement import enhanced
from jpegai_ref.errors import BitstreamError
from jpegai_ref.knob import HIGHEST_QUALITY
from jpegai_ref.markers import Marker, read_substreams, write_substreams
from jpegai_ref.model import OPERATING_POINTS, OperatingPoint
from jpegai_ref.picture import Picture
from jpegai_ref.picture_header import Tiling
from jpegai_ref.picture_header_syntax import write_picture_header
from jpegai_ref.post_filters import decoded_planes
from jpegai_ref.probe import probe
from jpegai_ref.quality import setting_of
from jpegai_ref.rate_matching import matched
from jpegai_ref.reconstruction import synthesised
from jpegai_ref.tool_header import ALL_OFF, Enhancement
from jpegai_ref.tools import NO_TOOLS, Tools
from jpegai_ref.variable_rate import RATE_MODELS

from tests.jpegai_ref.damage import Source, check_altered_bits
from tests.jpegai_ref.filter_headers import random_set
from tests.jpegai_ref.sample_pictures import digest, grey, rgb, ycc

BASE = Setting(1, 0)
LINEAR, NONLINEAR, BOTH = Tools(efe_linear=True), Tools(efe_nonlinear=True), Tools(efe_linear=True, efe_nonlinear=True)
OFF = Enhancement()
PICTURES = [rgb(70, 81, 16), ycc(130, 121), ycc(71, 80, 10), ycc(65, 67, 10, (1, 2)), ycc(67, 66, 10, (2, 1)), ycc(66, 69, 8, (1, 1))]
pytestmark = pytest.mark.usefixtures("one_thread")


def both_sides(coder: Coder, picture: Picture, operating_point: OperatingPoint, tools: Tools, setting: Setting = BASE) -> Encoded:
    encoded = encode(coder, picture, setting, tools)
    decoded = decode(coder, encoded.data, operating_point)
    assert digest(decoded) == digest(encoded.reconstruction(coder, operating_point))
    assert [plane.shape for plane in decoded.planes] == [plane.shape for plane in picture.planes]
    return encoded


@pytest.mark.parametrize("switches", list(product((False, True), repeat=3)), ids=str)
def test_combinations_with_other_tools(tool_coder: Coder, switches: tuple[bool, bool, bool]) -> None:
    others, linear, nonlinear = switches
    tools = Tools(rvs=others, cwg=others, lsbs=others, lef=others, efe_linear=linear, efe_nonlinear=nonlinear)
    # Networks with random weights leave much to correct, and this model pays for it.
    encoded = both_sides(tool_coder, rgb(140, 175), "bop", tools, Setting(3, 0))
    found = read_codestream(encoded.data).tools
    assert (found.enhancement.linear is not None, found.enhancement.nonlinear is not None) == (linear, nonlinear)
    assert (found.sharpening_channel is not None) == others


@pytest.mark.parametrize("operating_point", OPERATING_POINTS)
@pytest.mark.parametrize(("height", "width"), [(1, 1), (63, 64), (65, 67), (199, 121)])
def test_sizes(coder: Coder, height: int, width: int, operating_point: OperatingPoint) -> None:
    both_sides(coder, rgb(height, width), operating_point, BOTH)


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: f"{picture.colour}-{picture.bit_depth}-{picture.subsampling}")
def test_kinds_of_pictures(coder: Coder, picture: Picture) -> None:
    encoded = both_sides(coder, picture, "bop", BOTH)
    assert encoded.decisions.enhancement != OFF
    both_sides(coder, picture, "sop", BOTH)


def test_grey_pictures_have_no_filters(coder: Coder) -> None:
    encoded = both_sides(coder, grey(70, 81), "sop", BOTH)
    assert encoded.data == encode(coder, grey(70, 81), BASE).data
    colour = read_codestream(encode(coder, rgb(70, 81), BASE, BOTH).data)
    assert colour.tools != ALL_OFF
    assert decode(coder, write_codestream(replace(colour, chroma=None))).colour == "grey"


def test_tiles(coder: Coder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The filters see the whole picture, as the synthesis leaves it."""
    monkeypatch.setattr("jpegai_ref.encoder.synthesis_tiles", lambda *_: Tiling(256, 64))
    assert both_sides(coder, rgb(290, 300), "sop", BOTH).decisions.enhancement != OFF
    assert both_sides(coder, ycc(290, 300), "sop", BOTH).decisions.enhancement != OFF


@pytest.mark.parametrize("picture", [rgb(150, 133), ycc(141, 150)], ids=["444", "420"])
@pytest.mark.parametrize("rows", [16, 48, 1024])
def test_rows_that_are_filtered_together_change_nothing(
    tool_coder: Coder, picture: Picture, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = encode(tool_coder, picture, Setting(3, 0), replace(BOTH, lef=True))
    assert encoded.decisions.enhancement.linear is not None
    plain = digest(encoded.reconstruction(tool_coder, "sop"))
    monkeypatch.setattr("jpegai_ref.reconstruction.STRIP", rows)
    monkeypatch.setattr("jpegai_ref.post_filters.PART_COLUMNS", rows)
    assert digest(encoded.reconstruction(tool_coder, "sop")) == plain


def test_streams_and_planes_do_not_depend_on_threads(coder: Coder) -> None:
    picture = rgb(300, 420)
    results = set()
    for threads in (1, 2, 4):
        torch.set_num_threads(threads)
        encoded = encode(coder, picture, BASE, BOTH)
        results.add((encoded.data, digest(decode(coder, encoded.data, "bop", workers=threads))))
    assert len(results) == 1


def test_luma_and_symbols_stay(coder: Coder) -> None:
    picture = ycc(140, 130, 10)
    plain, filtered = (encode(coder, picture, BASE, tools) for tools in (NO_TOOLS, BOTH))
    assert read_codestream(plain.data).luma == read_codestream(filtered.data).luma
    assert read_codestream(plain.data).chroma == read_codestream(filtered.data).chroma
    planes = zip(decode(coder, plain.data).planes, decode(coder, filtered.data).planes, strict=True)
    assert [np.array_equal(one, other) for one, other in planes] == [True, False, False]


def test_the_file_grows_by_the_header_alone(coder: Coder) -> None:
    plain, filtered = (encode(coder, rgb(140, 130), BASE, tools) for tools in (NO_TOOLS, BOTH))
    assert 8 * (len(filtered.data) - len(plain.data)) == tool_bits(filtered.quantised.tools, (1, 1))


def errors_of(coder: Coder, picture: Picture, encoded: Encoded, operating_point: OperatingPoint = "bop") -> list[tuple[float, float]]:
    """Squared errors of U and V before and behind the filters."""
    decoded = decoded_planes(encoded.quantised, synthesised(coder, encoded.quantised, operating_point))
    original = planes_of(picture, slice(0, picture.height), slice(0, picture.width), coder.device)[1][0].numpy()
    pairs = []
    for filters in (OFF, encoded.decisions.enhancement):
        u, v = np.square(enhanced(decoded, filters, decoded.grid.whole) - original, dtype=np.float64).sum((1, 2))
        pairs.append((float(u), float(v)))
    return pairs


@pytest.mark.parametrize("tools", [LINEAR, NONLINEAR, BOTH], ids=str)
@pytest.mark.parametrize("setting", [setting_of(0), Setting(1, 0), Setting(2, 20), setting_of(HIGHEST_QUALITY)], ids=str)
@pytest.mark.parametrize("picture", [rgb(150, 133), ycc(140, 137), ycc(101, 160, 10, (1, 2))], ids=lambda picture: str(picture.subsampling))
def test_what_is_chosen_is_never_worse_than_nothing(coder: Coder, picture: Picture, setting: Setting, tools: Tools) -> None:
    encoded = encode(coder, picture, setting, tools)
    before, behind = errors_of(coder, picture, encoded)
    samples = picture.height * picture.width
    objective = Objective(RATE_MODELS[setting.model_id].beta, samples, picture.planes[1].size)
    bits = tool_bits(encoded.quantised.tools, picture.subsampling)
    assert (bits > 0) == (encoded.decisions.enhancement != OFF)
    assert objective(behind, bits) >= objective(before, 0) - 1e-4
    if bits:
        assert sum(behind) < sum(before)


def test_both_filters_serve_better_than_each(coder: Coder) -> None:
    picture, worth = rgb(200, 233), {}
    objective = Objective(RATE_MODELS[3].beta, 200 * 233, 200 * 233)
    for tools in (LINEAR, NONLINEAR, BOTH):
        encoded = encode(coder, picture, Setting(3, 0), tools)
        worth[tools] = objective(errors_of(coder, picture, encoded)[1], tool_bits(encoded.quantised.tools, (1, 1)))
    assert worth[BOTH] >= max(worth[LINEAR], worth[NONLINEAR]) - 1e-4


def test_the_decoded_picture_comes_nearer(coder: Coder) -> None:
    """In the samples that come out, chroma of 8 bits."""
    picture = ycc(150, 133, 8, (1, 1))
    plain, filtered = (decode(coder, encode(coder, picture, Setting(2, 0), tools).data) for tools in (NO_TOOLS, BOTH))
    for index in (1, 2):
        original = picture.planes[index].astype(float)
        errors = [np.square(decoded.planes[index] - original).mean() for decoded in (plain, filtered)]
        assert errors[1] < errors[0]


def test_the_weights_are_those_for_the_first_operating_point(coder: Coder) -> None:
    encoded = encode(coder, rgb(140, 130), BASE, BOTH)
    before, behind = errors_of(coder, rgb(140, 130), encoded)
    others = errors_of(coder, rgb(140, 130), encoded, "sop")[1]
    assert sum(behind) < sum(before)
    assert sum(behind) < sum(others)


@pytest.mark.parametrize("target", [0.7, 1.5])
def test_rates_are_matched(own_coder: Coder, target: float) -> None:
    match = matched(own_coder, analysed(own_coder, rgb(200, 300)), target, tools=BOTH)
    assert abs(match.deviation) <= 0.02


def test_decisions_of_another_pass_are_kept(coder: Coder) -> None:
    source = analysed(coder, rgb(120, 130))
    first = encode_analysed(coder, source, Setting(2, 0), BOTH)
    second = encode_analysed(coder, source, Setting(2, 9), BOTH, first.decisions)
    assert second.decisions.enhancement == first.decisions.enhancement
    assert second.decisions.enhancement != encode_analysed(coder, source, Setting(2, 9), BOTH).decisions.enhancement
    assert second.header.luma.may_skip == first.header.luma.may_skip


def test_probe_tells(coder: Coder) -> None:
    stream = read_codestream(encode(coder, rgb(140, 200), BASE).data)
    one, four = random_set(np.random.default_rng(0), 0, 1), random_set(np.random.default_rng(0), 7, 4)
    correction = Correction((64, 128), (150,) * 6, (20_000,) * 6, (32767,) * 48, None)
    masks = Masks(80, (2, 3), bytes(6), bytes(6))
    filters = Enhancement(LinearFilter((12745, 12800), four, FilterSet(None, one.v)), NonlinearFilter(correction, masks))
    text = probe(write_codestream(replace(stream, tools=replace(stream.tools, enhancement=filters))))
    for line in (
        "linear filter               means of U and V 127.45, 128.00",
        "linear filter of U          32 weights in each of 2x3 regions, codes 324",
        "alternative of U            none",
        "alternative of V            2 weights in each of 1x1 regions",
        "non-linear filter           U, 6 tiles of 64x128 (rows x columns), luma 1.50 to 200.00",
        "masks of filters            U, V, 2x3 blocks of 80",
    ):
        assert line in text
    assert "linear filter               off\ntrained filter              off\nnon-linear filter           off" in probe(
        write_codestream(stream)
    )


def test_filters_of_another_picture_are_refused(coder: Coder) -> None:
    stream = read_codestream(encode(coder, rgb(140, 200), BASE).data)
    correction = Correction((64, 128), (0,) * 6, (25_500,) * 6, (32767,) * 48, None)
    for filters, reason in (
        (NonlinearFilter(correction, None), "6 tiles"),
        (NonlinearFilter(None, Masks(80, (2, 3), bytes(6), None)), "blocks"),
    ):
        tools = replace(ALL_OFF, enhancement=Enhancement(None, filters))
        data = write_codestream(replace(stream, tools=tools))
        assert decode(coder, data).height == 140
        with pytest.raises(ValueError, match=f"not of this picture: .*{reason}"):
            replace(stream, header=replace(stream.header, height=200), tools=tools)
        parts = {marker: list(map(bytes, contents)) for marker, contents in read_substreams(data).items()}
        parts[Marker.PIH] = [write_picture_header(replace(stream.header, height=200))]
        with pytest.raises(BitstreamError, match=f"not of this picture: .*{reason}"):
            decode(coder, write_substreams(parts))


def test_altered_bytes_give_a_picture_or_a_clear_error(coder: Coder) -> None:
    """Most changes are in the headers, where the filters are."""
    data = encode(coder, rgb(110, 100), Setting(2, 0), BOTH).data
    check_altered_bits(Source(data, partial(decode, coder, operating_point="sop")), 150, span=(0, 200), share=0.8)
