"""The container: markers and substreams, and what `probe` prints of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from jpegai_ref.codestream import Codestream, read_codestream, write_codestream
from jpegai_ref.errors import BitstreamError
from jpegai_ref.markers import Marker, read_substreams, write_substreams
from jpegai_ref.picture_header import Tiling
from jpegai_ref.picture_header_syntax import write_picture_header
from jpegai_ref.probe import probe
from jpegai_ref.tool_header import ToolHeader

from tests.jpegai_ref.small_exact import header

STREAM = Codestream(
    header(), b"zz", (b"luma",), (b"chroma",), b"\0\1\2\3", ToolHeader(luma_scaling=True, sharpening_channel=7), rendering=b"\1\1\1\x80"
)
PIH = write_picture_header(STREAM.header)
BODY = {Marker.PIH: [PIH], Marker.SOZ: [b"z"], Marker.SORP: [b"l"], Marker.UDI: [b"1234"]}


def test_a_codestream_comes_back() -> None:
    assert read_codestream(write_codestream(STREAM)) == STREAM
    plain = replace(STREAM, tools=ToolHeader(), chroma=None, rendering=None)
    assert read_codestream(write_codestream(plain)) == plain
    assert list(read_substreams(write_codestream(plain))) == [Marker.PIH, Marker.SOZ, Marker.SORP, Marker.UDI]


def test_the_bytes_of_a_container() -> None:
    data = write_substreams({Marker.PIH: [b"\x12"], Marker.SOZ: [b""], Marker.SORP: [b"abcdefg"], Marker.UDI: [b"u"]})
    assert data.hex(" ") == "ff 80 ff 82 40 12 ff 88 80 ff 89 10 61 62 63 64 65 66 67 ff 8c 40 75 ff 81"


def substream(marker: Marker, payload: bytes) -> bytes:
    """With a size below 127."""
    assert len(payload) < 127
    size = len(payload) + 1
    prefix = size.bit_length() - 1
    bits = 2 * prefix + 1
    width = -(-bits // 8)
    return marker.to_bytes(2, "big") + (size << 8 * width - bits).to_bytes(width, "big") + payload


SOC, EOC = b"\xff\x80", b"\xff\x81"
HEAD, Z, LUMA, UDI = (substream(marker, BODY[marker][0]) for marker in (Marker.PIH, Marker.SOZ, Marker.SORP, Marker.UDI))


def test_the_parts_make_a_file() -> None:
    assert write_substreams(BODY) == SOC + HEAD + Z + LUMA + UDI + EOC


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no JPEG AI codestream"),
        (b"\xff", "no JPEG AI codestream"),
        (b"\x89PNG\r\n\x1a\n", "no marker"),
        (b"\xff\xd8\xff\xe0", "no marker"),
        (EOC, "does not start with SOC"),
        (SOC, "before its EOC"),
        (SOC + EOC, "has no PIH, SOZ, SORP"),
        (SOC + HEAD + Z + UDI + EOC, "has no SORP"),
        (SOC + HEAD + LUMA + Z + UDI + EOC, "SOZ stands where it may not"),
        (SOC + HEAD + HEAD + Z + LUMA + UDI + EOC, "PIH stands where it may not"),
        (SOC + SOC + HEAD + Z + LUMA + UDI + EOC, "SOC stands where it may not"),
        (SOC + HEAD + Z + LUMA + UDI, "before its EOC"),
        (SOC + HEAD + Z + LUMA + UDI + EOC + b"\n", "1 byte follows the EOC"),
        (SOC + HEAD + Z + LUMA + UDI + b"\xff\x8d", "no marker"),
        (SOC + HEAD + Z + LUMA[:-1], "only 0 more"),
        (SOC + Marker.PIH.to_bytes(2, "big") + b"\0\0\0\0\xff\xff\xff\xff\xff", "leading zeros"),
        (SOC + Marker.PIH.to_bytes(2, "big") + b"\0\0\0\1\xff\xff\xff\xfe", "4294967294 bytes"),
        (SOC + HEAD + Z + LUMA + EOC, "which weights"),
        (SOC + HEAD + Z + LUMA + substream(Marker.UDI, b"12345") + EOC, "another encoder"),
        (SOC + HEAD + substream(Marker.SOQ, b"q") + Z + LUMA + UDI + EOC, "quality map"),
        (SOC + substream(Marker.PIH, PIH[:-1]) + Z + LUMA + UDI + EOC, "end inside a field"),
        (SOC + HEAD + substream(Marker.TON, b"") + Z + LUMA + UDI + EOC, "end inside a field"),
    ],
)
def test_what_is_no_codestream_is_refused_in_one_line(data: bytes, reason: str) -> None:
    with pytest.raises(BitstreamError, match=reason) as caught:
        read_codestream(data)
    assert "\n" not in str(caught.value)


def test_more_samples_than_allowed() -> None:
    data = write_codestream(STREAM)
    assert read_codestream(data, most_samples=200 * 136).header == STREAM.header
    with pytest.raises(BitstreamError, match="200x136 has more than the 27199"):
        read_codestream(data, most_samples=200 * 136 - 1)


def test_what_is_not_whole_is_not_written() -> None:
    with pytest.raises(ValueError, match="needs SOZ"):
        write_substreams({Marker.PIH: [b""], Marker.SORP: [b""]})
    with pytest.raises(ValueError, match="EOC is no substream"):
        write_substreams(BODY | {Marker.EOC: [b""]})
    with pytest.raises(ValueError, match="4 bytes"):
        replace(STREAM, weights_id=b"")


def test_probe_prints_every_field() -> None:
    component = replace(STREAM.header.luma, may_skip=(True,) * 3 + (False,), channel_scales=(True,) + (False,) * 7, tiling=Tiling(1024, 64))
    stream = replace(STREAM, header=replace(STREAM.header, luma=component, chroma_displacement=-5, reduction=(3, 2)))
    lines = {line[:28].rstrip(): line[28:] for line in probe(write_codestream(stream)).splitlines()}
    assert lines["picture"] == "197x134, 8 bit"
    assert lines["coded size"] == "200x136"
    assert lines["displacement"] == "luma 0, chroma -5"
    assert lines["luma cubes that may skip"] == "3 of 4"
    assert lines["luma channel scaling"] == "1 of 8 channels up"
    assert lines["luma tiles"] == "1024, overlap 64"
    assert lines["chroma cubes that may skip"] == "all"
    assert lines["weights"] == "00010203"
    assert lines["latent scaling"] == "luma"
    assert lines["sharpening"] == "steered by channel 7"
    assert lines["SORS"] == "6 bytes"
    assert lines["file"].endswith("bpp")
