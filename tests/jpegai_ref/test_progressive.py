"""Prefixes of channels: decoded of a whole stream, coded alone, and what a file that is cut off gives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from jpegai_ref import weights
from jpegai_ref.analysed import analysed
from jpegai_ref.channel_prefix import ChannelPrefix, ChannelsMissing
from jpegai_ref.coder import Coder, load
from jpegai_ref.codestream import Codestream, read_codestream, write_codestream
from jpegai_ref.decoder import decode, decode_stream
from jpegai_ref.encoder import Encoded, Setting, encode, encode_analysed
from jpegai_ref.errors import BitstreamError
from jpegai_ref.exact import decode_symbols
from jpegai_ref.markers import Marker
from jpegai_ref.partial_file import read_partial_file
from jpegai_ref.picture import Picture
from jpegai_ref.picture_header import Tiling
from jpegai_ref.tools import NO_TOOLS, Tools, tool_names
from jpegai_ref.training.channel_order import COMPONENTS, reordered
from jpegai_ref.training.channel_rates import channel_shares
from jpegai_ref.training.fit_samples import samples
from numpy.typing import NDArray

from tests.jpegai_ref.conftest import write_random_weights
from tests.jpegai_ref.sample_pictures import COFFEE, digest, grey, rgb, ycc

SETTING = Setting(1, 0)
LUMA, CHROMA = 128, 64
ALL_TOOLS = Tools.parse("+".join(name for name in tool_names() if name != "rdlr"))


def psnr(picture: Picture, decoded: Picture) -> float:
    errors = [np.subtract(one, other, dtype=np.float64) for one, other in zip(picture.planes, decoded.planes, strict=True)]
    return 10 * math.log10(255**2 / float(np.mean(np.square(errors))))


@pytest.fixture(scope="module")
def shares(own_coder: Coder) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Of the channels of the committed weights, from a part of a picture that is decoded nowhere here."""
    other = torch.from_numpy(np.ascontiguousarray(COFFEE[-256:, -256:].transpose(2, 0, 1)))
    return channel_shares(own_coder, samples(own_coder, [other], 1, seed=1))


def ordered(own_weights: Path, path: Path, values: Sequence[NDArray[np.float64]]) -> Coder:
    orders = {component: np.argsort(-part).tolist() for component, part in zip(COMPONENTS, values, strict=True)}
    weights.write(path, reordered(weights.read(own_weights).tensors, orders))
    return load(path)


@pytest.fixture(scope="module")
def ordered_coder(own_weights: Path, shares: Sequence[NDArray[np.float64]], tmp_path_factory: pytest.TempPathFactory) -> Coder:
    return ordered(own_weights, tmp_path_factory.mktemp("ordered") / "weights.safetensors", shares)


def test_more_channels_are_more_quality(ordered_coder: Coder) -> None:
    picture = rgb(128, 160)
    encoded = encode(ordered_coder, picture, Setting(2, 0))
    stream = read_codestream(encoded.data)
    prefixes = [(0, 0), (1, 1), (LUMA // 8, CHROMA // 8), (LUMA // 2, CHROMA // 2), (LUMA, CHROMA)]
    decoded = [decode_stream(ordered_coder, stream, prefix=ChannelPrefix(*prefix)) for prefix in prefixes]
    qualities = [psnr(picture, one) for one in decoded]
    assert np.all(np.diff(qualities) > 0.2)
    assert digest(decoded[-1]) == digest(decode(ordered_coder, encoded.data))


def test_the_first_channels_are_the_important_ones(
    ordered_coder: Coder, own_weights: Path, shares: Sequence[NDArray[np.float64]], tmp_path: Path
) -> None:
    """The same networks with the least ones first show less."""
    picture, half = rgb(128, 160), ChannelPrefix(LUMA // 2, CHROMA // 2)
    reverse = ordered(own_weights, tmp_path / "reverse.safetensors", [-part for part in shares])
    best, worst = (
        psnr(picture, decode_stream(coder, read_codestream(encode(coder, picture, Setting(2, 0)).data), prefix=half))
        for coder in (ordered_coder, reverse)
    )
    assert best > worst + 3


def test_channels_that_are_coded_alone_correct_one_another(ordered_coder: Coder) -> None:
    """What is coded after it is predicted from what the decoder will have: better than the same channels of a whole stream."""
    picture, prefix = rgb(128, 160), ChannelPrefix(16, 8)
    source = analysed(ordered_coder, picture)
    whole = encode_analysed(ordered_coder, source, Setting(2, 0))
    alone = encode_analysed(ordered_coder, source.limited(prefix), Setting(2, 0))
    assert len(alone.data) < 0.8 * len(whole.data)
    taken = decode_stream(ordered_coder, read_codestream(whole.data), prefix=prefix)
    assert psnr(picture, decode(ordered_coder, alone.data)) > psnr(picture, taken)


PICTURES = {"odd": rgb(67, 81), "grey": grey(70, 65), "420": ycc(66, 70), "10 bit": rgb(64, 64, 10)}


@pytest.mark.parametrize("kind", PICTURES)
def test_prefixes_with_all_tools(tool_coder: Coder, kind: str) -> None:
    encoded = encode(tool_coder, PICTURES[kind], SETTING, ALL_TOOLS)
    stream = read_codestream(encoded.data)
    chroma = 0 if kind == "grey" else CHROMA
    found = {}
    for prefix in ((0, 0), (1, min(1, chroma)), (LUMA // 2, chroma // 2), (LUMA, chroma)):
        decoded = decode_stream(tool_coder, stream, "sop", prefix=ChannelPrefix(*prefix))
        assert [plane.shape for plane in decoded.planes] == [plane.shape for plane in PICTURES[kind].planes]
        found[prefix] = digest(decoded)
    assert len(set(found.values())) == len(found)
    assert found[LUMA, chroma] == digest(decode(tool_coder, encoded.data, "sop"))


@pytest.mark.parametrize("kind", PICTURES)
@pytest.mark.parametrize("tools", [NO_TOOLS, ALL_TOOLS], ids=["plain", "tools"])
@pytest.mark.parametrize("prefix", [(0, 0), (1, 0), (17, 33)])
def test_channels_coded_alone(tool_coder: Coder, kind: str, tools: Tools, prefix: tuple[int, int]) -> None:
    """The decoder's picture is the one that the encoder expects."""
    chroma = None if kind == "grey" else prefix[1]
    encoded = encode_analysed(tool_coder, analysed(tool_coder, PICTURES[kind]).limited(ChannelPrefix(prefix[0], chroma)), SETTING, tools)
    header = read_codestream(encoded.data).header
    assert (header.luma.channels, header.chroma.channels) == (prefix[0], chroma or 0)
    assert digest(decode(tool_coder, encoded.data, "sop")) == digest(encoded.reconstruction(tool_coder, "sop"))


def test_the_first_channels_are_those_of_the_whole_stream(coder: Coder) -> None:
    stream = read_codestream(encode(coder, rgb(100, 90), SETTING).data)
    whole = decode_symbols(coder.exact, stream).symbols
    part = decode_symbols(coder.exact, stream, prefix=ChannelPrefix(37, 5)).symbols
    assert np.any(whole.luma[37:])
    for one, other, count in ((part.luma, whole.luma, 37), (part.chroma, whole.chroma, 5)):
        assert np.array_equal(one[:count], other[:count])
        assert not np.any(one[count:])


def test_in_tiles(coder: Coder) -> None:
    stream = read_codestream(encode(coder, rgb(272, 300), SETTING).data)
    tiles, header = Tiling(256, 64), stream.header
    tiled = replace(stream, header=replace(header, luma=replace(header.luma, tiling=tiles), chroma=replace(header.chroma, tiling=tiles)))
    parts = [decode_stream(coder, one, "sop", prefix=ChannelPrefix(20, 10)) for one in (stream, tiled)]
    assert np.array_equal(parts[0].planes[0][:100, :100], parts[1].planes[0][:100, :100])
    whole = decode_stream(coder, tiled, "sop", prefix=ChannelPrefix(LUMA, CHROMA))
    assert digest(whole) == digest(decode(coder, write_codestream(tiled), "sop"))


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ((LUMA + 1, None), "128 channels of luma, not 129"),
        ((255, 255), "luma"),
        ((500, None), "128 channels of luma, not 500"),
        ((1, CHROMA + 1), "64 channels of chroma"),
    ],
)
def test_more_channels_than_there_are(coder: Coder, asked: tuple[int, int | None], reason: str) -> None:
    prefix = ChannelPrefix(*asked)
    source = analysed(coder, rgb(64, 64))
    stream = read_codestream(encode_analysed(coder, source, SETTING).data)
    with pytest.raises(ChannelsMissing, match=reason):
        source.limited(prefix)
    with pytest.raises(ChannelsMissing, match=reason):
        decode_stream(coder, stream, prefix=prefix)
    with pytest.raises(ChannelsMissing, match="0 channels of chroma, not 1"):
        decode_stream(coder, replace(stream, chroma=None), prefix=ChannelPrefix(1, 1))


@pytest.mark.parametrize("text", ["", ",", "1,", ",1", "-1", "1,2,3", "1.5", "x", "\u0663", "9" * 40])
def test_what_is_no_prefix(text: str) -> None:
    with pytest.raises(ValueError, match="channels"):
        ChannelPrefix.parse(text)


def test_prefixes_in_words() -> None:
    assert ChannelPrefix.parse("0") == ChannelPrefix(0)
    assert ChannelPrefix.parse("255,7") == ChannelPrefix(255, 7)
    with pytest.raises(ValueError, match="not negative"):
        ChannelPrefix(3, -1)
    assert ChannelPrefix(3).counts(128, 64) == (3, 64)


@pytest.fixture(scope="module")
def encoded(coder: Coder) -> Encoded:
    return encode(coder, rgb(66, 70), SETTING)


def partial(coder: Coder, data: bytes) -> tuple[Picture, tuple[int, int]]:
    found = read_partial_file(data, coder.weights_id)
    return decode_stream(coder, found.stream, "sop", prefix=found.available(ChannelPrefix())), found.whole


def ends(stream: Codestream) -> dict[Marker, int]:
    """Where each substream ends in the file of a stream without tools."""
    data, places = write_codestream(stream), {}
    for marker, payload in ((Marker.SOZ, stream.hyper), (Marker.SORP, stream.luma[0]), (Marker.SORS, (stream.chroma or [b""])[0])):
        assert payload is not None
        places[marker] = data.index(bytes(payload), max(places.values(), default=0)) + len(payload)
    return places


def test_what_a_cut_file_gives(coder: Coder, encoded: Encoded) -> None:
    stream = read_codestream(encoded.data)
    places = ends(stream)
    expected = {
        places[Marker.SOZ]: (0, 0),
        places[Marker.SORP] - 1: (0, 0),
        places[Marker.SORP]: (LUMA, 0),
        places[Marker.SORS] - 1: (LUMA, 0),
    }
    expected |= dict.fromkeys((places[Marker.SORS], len(encoded.data) - 1, len(encoded.data)), (LUMA, CHROMA))
    for size, whole in expected.items():
        decoded, found = partial(coder, encoded.data[:size])
        assert found == whole
        assert digest(decoded) == digest(decode_stream(coder, stream, "sop", prefix=ChannelPrefix(*whole)))
    assert digest(partial(coder, encoded.data)[0]) == digest(decode(coder, encoded.data, "sop"))


def test_every_cut_is_a_preview_or_a_clear_error(coder: Coder, encoded: Encoded) -> None:
    first = ends(read_codestream(encoded.data))[Marker.SOZ]
    for size in [*range(0, len(encoded.data), 61), first - 1, first]:
        if size < first:
            with pytest.raises(BitstreamError) as caught:
                read_partial_file(encoded.data[:size], coder.weights_id)
            assert "\n" not in str(caught.value)
        else:
            found = read_partial_file(encoded.data[:size], coder.weights_id)
            assert found.cut
            decode_symbols(coder.exact, found.stream, prefix=found.available(ChannelPrefix()))


def test_cut_and_altered(coder: Coder, encoded: Encoded) -> None:
    generator = np.random.default_rng(0)
    errors: list[str] = []
    for _ in range(80):
        altered = bytearray(encoded.data[: generator.integers(1, len(encoded.data))])
        for place in generator.integers(0, len(altered), 2):
            altered[place] ^= 1 << int(generator.integers(0, 8))
        try:
            found = read_partial_file(bytes(altered), coder.weights_id)
            decode_symbols(coder.exact, found.stream, prefix=found.available(ChannelPrefix()))
        except BitstreamError as error:
            errors.append(str(error))
    assert 0 < len(errors) < 80
    assert not any("\n" in error for error in errors)


def test_grey_files_that_are_cut(coder: Coder) -> None:
    data = encode(coder, grey(66, 70), SETTING).data
    decoded, whole = partial(coder, data[:-1])
    assert (decoded.colour, whole) == ("grey", (LUMA, 0))
    assert digest(decoded) == digest(decode(coder, data, "sop"))
    assert partial(coder, data[:-200])[0].colour == "grey"


@pytest.mark.parametrize("picture", [rgb(66, 70), ycc(66, 70), ycc(66, 70, 10, (1, 2))], ids=lambda one: f"{one.colour}-{one.subsampling}")
def test_cut_files_of_no_channels_of_chroma_are_in_colour(coder: Coder, picture: Picture) -> None:
    """As the whole file is; but for Y'CbCr of full size nothing ahead of SORS tells such a file from a grey one's."""
    data = encode_analysed(coder, analysed(coder, picture).limited(ChannelPrefix(32, 0)), SETTING).data
    for size in (ends(read_codestream(data))[Marker.SORP] - 1, len(data) - 1):
        decoded, _ = partial(coder, data[:size])
        assert decoded.colour == decode(coder, data).colour == picture.colour
        assert [plane.shape for plane in decoded.planes] == [plane.shape for plane in picture.planes]


def test_a_cut_file_of_no_channels_of_chroma_of_full_size_is_taken_for_grey(coder: Coder) -> None:
    data = encode_analysed(coder, analysed(coder, ycc(66, 70, 8, (1, 1))).limited(ChannelPrefix(32, 0)), SETTING).data
    places = ends(read_codestream(data))
    assert partial(coder, data[: places[Marker.SORP] - 1])[0].colour == "grey"
    assert partial(coder, data[:-1])[0].colour == decode(coder, data).colour == "ycc"


def test_a_cut_file_asked_for_channels(coder: Coder, encoded: Encoded) -> None:
    found = read_partial_file(encoded.data[: ends(read_codestream(encoded.data))[Marker.SORP]], coder.weights_id)
    assert found.available(ChannelPrefix(7, 9)) == ChannelPrefix(7, 0)
    with pytest.raises(ChannelsMissing, match="128 channels of luma, not 200"):
        found.available(ChannelPrefix(200))


def test_cut_files_of_other_weights(encoded: Encoded, own_coder: Coder, tmp_path: Path) -> None:
    """While the id is there it is looked at; without it the hyper-latents tell, where their distributions are others."""
    write_random_weights(tmp_path / "other.safetensors", 2)
    with pytest.raises(BitstreamError, match="made with the weights"):
        partial(load(tmp_path / "other.safetensors"), encoded.data[:-1])
    with pytest.raises(BitstreamError, match="hyper-latents"):
        partial(own_coder, encoded.data[:-20])
