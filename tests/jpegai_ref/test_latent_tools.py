"""RVS, CWG, LSBS and LEF in whole files: both sides do the same, and each tool changes what it should and nothing else."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from jpegai_ref import weights
from jpegai_ref.analysed import analysed
from jpegai_ref.coder import Coder, load
from jpegai_ref.codestream import read_codestream, write_codestream
from jpegai_ref.decoder import decode
from jpegai_ref.encoder import Encoded, Setting, encode
from jpegai_ref.errors import BitstreamError
from jpegai_ref.model import OPERATING_POINTS, OperatingPoint
from jpegai_ref.picture import Picture
from jpegai_ref.picture_header import Tiling
from jpegai_ref.probe import probe
from jpegai_ref.rate_matching import matched
from jpegai_ref.region_payloads import Payloads
from jpegai_ref.tools import FITTED, NO_TOOLS, Tools
from jpegai_ref.variable_rate import RATE_MODELS
from jpegai_ref.weights import WeightsError

from tests.jpegai_ref.damage import Source, check_altered_bits
from tests.jpegai_ref.sample_pictures import digest, grey, rgb, ycc
from tests.jpegai_ref.some_tools import tool_tensors

BASE = Setting(1, 0)
ALL = Tools(rvs=True, cwg=True, lsbs=True, lef=True)
ENDS = [
    Setting(model_id, end) for model_id, model in enumerate(RATE_MODELS) for end in (model.lowest_displacement, model.highest_displacement)
]
"""Of every model: the outermost are those of the axis of qualities."""
EACH = [Tools.parse(name) for name in FITTED]
pytestmark = pytest.mark.usefixtures("one_thread")


def both_sides(coder: Coder, picture: Picture, operating_point: OperatingPoint, tools: Tools, setting: Setting = BASE) -> Encoded:
    encoded = encode(coder, picture, setting, tools)
    decoded = decode(coder, encoded.data, operating_point)
    assert digest(decoded) == digest(encoded.reconstruction(coder, operating_point))
    return encoded


def payloads(encoded: Encoded) -> tuple[bytes, Payloads, Payloads | None]:
    stream = read_codestream(encoded.data)
    return bytes(stream.hyper), stream.luma, stream.chroma


@pytest.mark.parametrize("tools", [Tools(*switches) for switches in product((False, True), repeat=4)], ids=str)
def test_every_combination(tool_coder: Coder, tools: Tools) -> None:
    encoded = both_sides(tool_coder, rgb(100, 135), "bop", tools)
    header = encoded.header
    for part in (header.luma, header.chroma):
        assert (part.rvs, part.channel_scales is not None) == (tools.rvs, tools.cwg)
    found = read_codestream(encoded.data).tools
    assert (found.luma_scaling, found.chroma_scaling, found.sharpening_channel is not None) == (tools.lsbs, tools.lsbs, tools.lef)


@pytest.mark.parametrize("operating_point", OPERATING_POINTS)
@pytest.mark.parametrize(("height", "width"), [(1, 1), (63, 64), (65, 67), (199, 121)])
def test_sizes(tool_coder: Coder, height: int, width: int, operating_point: OperatingPoint) -> None:
    both_sides(tool_coder, rgb(height, width), operating_point, ALL)


@pytest.mark.parametrize(
    "picture",
    [rgb(70, 81, 16), grey(70, 81), ycc(70, 81), ycc(71, 80, 10), ycc(65, 67, 10, (1, 2)), ycc(66, 69, 8, (1, 1))],
    ids=lambda picture: f"{picture.colour}-{picture.bit_depth}-{picture.subsampling}",
)
def test_kinds_of_pictures(tool_coder: Coder, picture: Picture) -> None:
    both_sides(tool_coder, picture, "sop", ALL)


@pytest.mark.parametrize("setting", ENDS, ids=str)
def test_all_rates(tool_coder: Coder, setting: Setting) -> None:
    both_sides(tool_coder, rgb(100, 90), "bop", ALL, setting)


def test_tiles(tool_coder: Coder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jpegai_ref.encoder.synthesis_tiles", lambda *_: Tiling(256, 64))
    for tools in EACH:
        both_sides(tool_coder, rgb(290, 300), "sop", tools)


def test_streams_and_planes_do_not_depend_on_threads(tool_coder: Coder) -> None:
    picture = rgb(280, 360)
    results = set()
    for threads in (1, 2, 4):
        torch.set_num_threads(threads)
        encoded = encode(tool_coder, picture, BASE, ALL)
        results.add((encoded.data, digest(decode(tool_coder, encoded.data, "bop", workers=threads))))
    assert len(results) == 1


@pytest.mark.parametrize("tools", [Tools(lsbs=True), Tools(lef=True), Tools(lsbs=True, lef=True)], ids=str)
def test_tools_behind_the_entropy_decoder_change_no_coded_symbol(tool_coder: Coder, tools: Tools) -> None:
    picture = rgb(130, 120)
    plain, other = encode(tool_coder, picture, BASE), encode(tool_coder, picture, BASE, tools)
    assert payloads(plain) == payloads(other)
    assert plain.header == other.header
    assert digest(decode(tool_coder, plain.data)) != digest(decode(tool_coder, other.data))
    assert torch.equal(plain.quantised.luma, other.quantised.luma) == (not tools.lsbs)


@pytest.mark.parametrize("tools", [Tools(rvs=True), Tools(cwg=True), Tools(rvs=True, cwg=True)], ids=str)
def test_scaling_changes_the_residual_alone(tool_coder: Coder, tools: Tools) -> None:
    picture = rgb(130, 120)
    plain, other = (payloads(encode(tool_coder, picture, BASE, switched)) for switched in (NO_TOOLS, tools))
    assert [one == two for one, two in zip(plain, other, strict=True)] == [True, False, False]


def test_scaling_of_latents_is_of_both_components(tool_coder: Coder) -> None:
    plain, scaled = (encode(tool_coder, rgb(80, 90), BASE, tools).quantised for tools in (NO_TOOLS, Tools(lsbs=True)))
    assert plain.chroma is not None
    assert scaled.chroma is not None
    assert not torch.equal(plain.luma, scaled.luma)
    assert not torch.equal(plain.chroma, scaled.chroma)
    data = encode(tool_coder, rgb(80, 90), BASE, Tools(lsbs=True)).data
    stream = read_codestream(data)
    luma_alone = replace(stream, tools=replace(stream.tools, chroma_scaling=False))
    assert digest(decode(tool_coder, write_codestream(luma_alone))) != digest(decode(tool_coder, data))


def test_sharpening_changes_luma_alone(tool_coder: Coder) -> None:
    picture = ycc(90, 80, 10)
    plain, sharp = (decode(tool_coder, encode(tool_coder, picture, BASE, tools).data) for tools in (NO_TOOLS, Tools(lef=True)))
    assert [np.array_equal(one, other) for one, other in zip(plain.planes, sharp.planes, strict=True)] == [False, True, True]


def test_the_steering_channel_has_the_largest_mean(tool_coder: Coder) -> None:
    source = analysed(tool_coder, rgb(100, 90))
    data = encode(tool_coder, rgb(100, 90), BASE, Tools(lef=True)).data
    means = (source.luma.sigma_index + tool_coder.exact.luma.gain_logs[1].astype(int)[:, None, None]).mean((1, 2))
    assert read_codestream(data).tools.sharpening_channel == int(np.argmax(means))


def test_probe_tells(tool_coder: Coder) -> None:
    text = probe(encode(tool_coder, rgb(64, 64), BASE, ALL).data)
    flagged = [int(number) for number in tool_coder.exact.luma.cwg.channels] if tool_coder.exact.luma.cwg else []
    for line in (
        "luma block scaling          on",
        "chroma block scaling        on",
        f"luma channel scaling        {flagged[1]} of 128 channels up",
        "latent scaling              luma, chroma",
        "sharpening                  steered by channel ",
    ):
        assert line in text


def test_rates_are_matched_with_tools(own_coder: Coder) -> None:
    match = matched(own_coder, analysed(own_coder, rgb(200, 300)), 1.0, tools=ALL)
    assert abs(match.deviation) <= 0.02
    assert match.encoded.header.luma.rvs


def test_streams_that_ask_for_what_is_not_there(tool_coder: Coder, coder: Coder) -> None:
    stream = read_codestream(encode(tool_coder, rgb(64, 64), BASE, ALL).data)
    beyond = replace(stream, tools=replace(stream.tools, sharpening_channel=200))
    with pytest.raises(BitstreamError, match="channel 200 steers the sharpening, and luma has 128 channels"):
        decode(tool_coder, write_codestream(beyond))
    for tool, subject in (
        ("lsbs", r"latents are scaled before the synthesis \(LSBS\)"),
        ("lef", r"luma is sharpened \(LEF\)"),
        ("rvs", r"residual and variance are scaled by blocks \(RVS\)"),
        ("cwg", r"residual and variance are scaled by channels \(CWG\)"),
    ):
        with_it = read_codestream(encode(tool_coder, rgb(64, 64), BASE, Tools.parse(tool)).data)
        with pytest.raises(BitstreamError, match=f"^{subject}, and these weights have no constants for it$"):
            decode(coder, write_codestream(replace(with_it, weights_id=coder.weights_id)))


def test_altered_bytes_give_a_picture_or_a_clear_error(tool_coder: Coder) -> None:
    """Half of the changes are in the headers, where the tools are."""
    data = encode(tool_coder, rgb(66, 70), BASE, ALL).data
    check_altered_bits(Source(data, partial(decode, tool_coder, operating_point="sop")), 150, span=(0, 120), share=0.5)


def test_constants_are_part_of_the_weights_id(coder: Coder, tool_coder: Coder) -> None:
    assert coder.weights_id != tool_coder.weights_id
    with pytest.raises(BitstreamError, match="made with the weights"):
        decode(coder, encode(tool_coder, rgb(64, 64), BASE).data)


def test_weights_with_constants_that_cannot_be(weights_path: Path, tmp_path: Path) -> None:
    tensors = weights.read(weights_path).tensors
    for name in ("tools.cwg.factors", "tools.lef.gains"):
        weights.write(tmp_path / "x.safetensors", tensors | tool_tensors() | {name: tool_tensors()[name] + 100_000})
        with pytest.raises(WeightsError, match=r"no entropy part or constants that can be used: .* are in"):
            load(tmp_path / "x.safetensors")
