"""Whole files: symbols to bytes and back, by every way to compute and any number of threads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from jpegai_ref.codestream import read_codestream
from jpegai_ref.errors import BitstreamError
from jpegai_ref.exact import ExactModel, decode_symbols, encode_symbols
from jpegai_ref.picture_header import ComponentHeader, PictureHeader

from tests.jpegai_ref.small_exact import file_of, header, model, same, symbols_for, tensors, with_cube_flags, with_quality_map

MODEL = model()


@pytest.mark.parametrize("threads", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("device", [None, "cpu"])
def test_symbols_come_back_from_a_file(threads: int, device: str | None) -> None:
    plain = header(threads=threads)
    symbols = symbols_for(MODEL, plain)
    stream = read_codestream(file_of(MODEL, plain, symbols))
    assert same(decode_symbols(MODEL, stream, workers=1, device=device).symbols, symbols)
    assert same(decode_symbols(MODEL, stream, workers=2, device=device).symbols, symbols)


@pytest.mark.parametrize(("width", "height"), [(64, 64), (65, 67), (560, 888), (64, 401), (1025, 64)])
def test_odd_sizes(width: int, height: int) -> None:
    plain = header(width, height)
    symbols = symbols_for(MODEL, plain, seed=width)
    assert same(decode_symbols(MODEL, read_codestream(file_of(MODEL, plain, symbols))).symbols, symbols)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_cube_flags_both_ways(share: float) -> None:
    plain = with_cube_flags(header(500, 300), share)
    symbols = symbols_for(MODEL, plain)
    assert same(decode_symbols(MODEL, read_codestream(file_of(MODEL, plain, symbols))).symbols, symbols)


def test_cube_flags_decide_what_is_coded() -> None:
    plain = replace(header(), displacement=-1500)
    all_coded = with_cube_flags(plain, 0.0)
    z = symbols_for(MODEL, plain).luma_z
    assert not MODEL.luma.scales(plain, plain.luma, -1500, z).coded(plain.luma.may_skip).all()
    assert MODEL.luma.scales(all_coded, all_coded.luma, -1500, z).coded(all_coded.luma.may_skip).all()


def test_a_picture_where_everything_is_skipped() -> None:
    plain = replace(header(threads=4), displacement=-2048)
    symbols = symbols_for(MODEL, plain)
    assert not symbols.luma.any()
    data = file_of(MODEL, plain, symbols)
    assert len(read_codestream(data).luma) <= 12
    assert same(decode_symbols(MODEL, read_codestream(data)).symbols, symbols)


@pytest.mark.parametrize("threads", [1, 2, 16])
@pytest.mark.parametrize(("width", "height"), [(64, 64), (200, 136), (65, 401)])
def test_symbols_come_back_with_a_quality_map(width: int, height: int, threads: int) -> None:
    """By integers and by floats of 64 bits, with one worker and several."""
    mapped, qps = with_quality_map(with_cube_flags(header(width, height, threads), 0.6), width, threads)
    symbols = symbols_for(MODEL, mapped, quality=qps)
    stream = read_codestream(file_of(MODEL, mapped, symbols, quality=qps))
    for workers, device in ((1, None), (2, None), (1, "cpu")):
        decoded = decode_symbols(MODEL, stream, workers, device)
        assert decoded.quality is not None
        assert np.array_equal(decoded.quality, qps)
        assert same(decoded.symbols, symbols)


def test_a_quality_map_decides_what_is_coded() -> None:
    mapped, qps = with_quality_map(header())
    z = symbols_for(MODEL, mapped, quality=qps).luma_z
    plain, other = (MODEL.luma.scales(mapped, mapped.luma, 0, z, quality=one) for one in (None, qps))
    for qp, offset in ((-8, -886), (0, 0), (8, 886)):
        assert np.unique((other.skip - plain.skip)[:, qps == qp]).tolist() == [offset]
    assert np.any(other.coded(None) & ~plain.coded(None))
    assert np.any(plain.coded(None) & ~other.coded(None))


def test_a_quality_map_and_its_header_go_together() -> None:
    mapped, qps = with_quality_map(header())
    symbols = symbols_for(MODEL, mapped, quality=qps)
    for one, quality in ((mapped, None), (header(), qps)):
        with pytest.raises(ValueError, match="a quality map is announced"):
            encode_symbols(MODEL, one, symbols, quality)
    stream = read_codestream(file_of(MODEL, mapped, symbols, quality=qps))
    for change in ({"quality_map": None}, {"header": header()}):
        with pytest.raises(ValueError, match="a quality map is announced"):
            replace(stream, **change)  # type: ignore[arg-type]


def test_fewer_channels_than_there_are() -> None:
    plain = replace(header(), luma=ComponentHeader(3), chroma=ComponentHeader(0))
    symbols = symbols_for(MODEL, plain)
    assert symbols.luma[2].any()
    assert not symbols.luma[3:].any()
    assert same(decode_symbols(MODEL, read_codestream(file_of(MODEL, plain, symbols))).symbols, symbols)


def test_a_stream_without_chroma_is_grey() -> None:
    plain = header()
    symbols = symbols_for(MODEL, plain)
    stream = replace(read_codestream(file_of(MODEL, plain, symbols)), chroma=None)
    decoded = decode_symbols(MODEL, stream).symbols
    assert np.array_equal(decoded.luma, symbols.luma)
    assert not decoded.chroma.any()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"luma": ComponentHeader(9)}, "luma has 9 channels"),
        ({"luma": ComponentHeader(8, rvs=True)}, "RVS"),
        ({"chroma": ComponentHeader(1, channel_scales=(True,))}, "CWG"),
    ],
)
def test_what_is_not_supported_is_named(change: dict[str, ComponentHeader], reason: str) -> None:
    plain = header()
    symbols = symbols_for(MODEL, plain)
    exact = ExactModel.from_tensors(tensors())
    other: PictureHeader = replace(plain, **change)  # type: ignore[arg-type]
    stream = read_codestream(file_of(MODEL, plain, symbols))
    with pytest.raises(BitstreamError, match=reason):
        decode_symbols(exact, replace(stream, header=other))
    with pytest.raises(ValueError, match=reason):
        encode_symbols(exact, other, symbols)


def test_symbols_that_are_not_coded_must_be_zero() -> None:
    plain = replace(header(), luma=ComponentHeader(3))
    symbols = symbols_for(MODEL, plain)
    symbols.luma[7, 0, 0] = 1
    with pytest.raises(ValueError, match="not coded"):
        encode_symbols(MODEL, plain, symbols)


def test_a_model_of_other_sizes_is_refused() -> None:
    parts = tensors()
    with pytest.raises(ValueError, match="gains"):
        ExactModel.from_tensors(parts | {"luma.gain_logs": parts["chroma.gain_logs"]})
    with pytest.raises(ValueError, match="distributions of z"):
        ExactModel.from_tensors(parts | {"luma.frequencies": parts["chroma.frequencies"]})
    with pytest.raises(ValueError, match="gains are in"):
        ExactModel.from_tensors(parts | {"luma.gain_logs": parts["luma.gain_logs"] * 0 + 3000})
    with pytest.raises(KeyError):
        ExactModel.from_tensors({name: tensor for name, tensor in parts.items() if "second" not in name})
