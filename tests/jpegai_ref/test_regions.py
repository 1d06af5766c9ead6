"""The grid of regions, its fields in the header, the substreams of regions, and the tiles of networks."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jpegai_ref.bits import BitReader, BitWriter
from jpegai_ref.chroma_grid import Rectangle
from jpegai_ref.codestream import read_codestream, write_codestream
from jpegai_ref.errors import BitstreamError
from jpegai_ref.exact import decode_hyper_latents, decode_residuals, decode_symbols, encode_symbols
from jpegai_ref.markers import Marker, read_substreams, write_substreams
from jpegai_ref.picture_header import PictureHeader
from jpegai_ref.picture_header_syntax import read_picture_header, write_picture_header
from jpegai_ref.probe import probe
from jpegai_ref.region_payloads import region_payloads, region_substreams
from jpegai_ref.region_residuals import RegionMissing
from jpegai_ref.region_tiles import context_latent, predictions, tiles_of
from jpegai_ref.regions import NoSuchRegion, Region, Regions, chosen, frame_of, parse_wanted, regions_of

from tests.jpegai_ref.small import SMALL, small_model
from tests.jpegai_ref.small_exact import WEIGHTS_ID, file_of, header, model, same, symbols_for, with_cube_flags

MODEL = model()
TALL = header(72, 280)
KINDS = (Regions(2, 1), Regions(2, 1, False, 1, 3), Regions(2, 1, False))


@st.composite
def divided(draw: st.DrawFn) -> tuple[Regions, int, int]:
    height, width = draw(st.integers(64, 5000)), draw(st.integers(64, 5000))
    rows, columns = draw(st.integers(1, -(-height // 256))), draw(st.integers(1, -(-width // 512)))
    assume(rows * columns <= 256)
    return Regions(rows, columns), height, width


@settings(max_examples=200, deadline=None)
@given(divided())
def test_regions_make_up_the_picture(case: tuple[Regions, int, int]) -> None:
    regions, height, width = case
    places = [region.place for region in regions_of(regions, height, width)]
    assert len(places) == regions.rows * regions.columns
    assert sum(place.area for place in places) == height * width
    for place in places:
        assert place.top % 128 == place.left % 128 == 0
        assert place.bottom % 128 == 0 or place.bottom == height
        assert place.right % 128 == 0 or place.right == width
        # What a decoder cuts off, up to 63 rows and columns, leaves something of every region.
        assert regions.rows == 1 or place.bottom - place.top > 63
        assert regions.columns == 1 or place.right - place.left > 63
    first_column = places[:: regions.columns]
    assert all(above.bottom == below.top for above, below in pairwise(first_column))
    assert len({place.bottom - place.top for place in first_column[:-1]}) <= 1


def test_sizes_of_regions_by_hand() -> None:
    """ceil(1080 / 128) = 9 blocks in 4 rows: 2 each and the rest; ceil(1920 / 128) = 15 blocks in 3 columns: 5 each."""
    places = [region.place for region in regions_of(Regions(4, 3), 1080, 1920)]
    assert [place.top for place in places[::3]] == [0, 256, 512, 768]
    assert places[-1] == Rectangle(768, 1280, 1080, 1920)
    assert regions_of(None, 70, 80) == (Region(0, Rectangle(0, 0, 70, 80)),)


@pytest.mark.parametrize(
    ("regions", "reason"),
    [
        (Regions(5, 1), "at most 4x3 regions"),
        (Regions(1, 4), "not 1x4"),
        (Regions(0, 1), "not 0x1"),
        (Regions(2, 2, False, 4), "cannot overlap by 4 and 0"),
        (Regions(2, 2, False, 0, 16), "cannot overlap by 0 and 16"),
        (Regions(2, 2, True, 1), "do not overlap"),
    ],
)
def test_a_grid_that_cannot_be(regions: Regions, reason: str) -> None:
    assert reason in (regions.problem(1024, 1536) or "")
    with pytest.raises(ValueError, match=reason):
        regions_of(regions, 1024, 1536)
    with pytest.raises(ValueError, match=reason):
        replace(header(1536, 1024), regions=regions)


def test_an_index_is_a_byte() -> None:
    assert "at most 256 independent regions, not 272" in (Regions(17, 16).problem(8192, 8192) or "")
    assert Regions(17, 16, False).problem(8192, 8192) is None
    assert Regions(16, 16).problem(8192, 8192) is None


def test_names_of_grids_and_wanted_regions() -> None:
    assert Regions.parse("2x3") == Regions(2, 3) == Regions.parse("2x3:independent")
    assert Regions.parse("4x1:dependent") == Regions(4, 1, False, 1, 3)
    assert parse_wanted("7") == 7
    assert parse_wanted("10,20,30,40") == Rectangle(20, 10, 60, 40)
    for text in ("", "2", "2x", "x", "2x3:", "2x3:other", "2x3x4", "-1x2"):
        with pytest.raises(ValueError, match="ROWSxCOLUMNS"):
            Regions.parse(text)
    for text in ("", "a", "1,2", "1,2,3", "-1", "1.5"):
        with pytest.raises(ValueError, match="INDEX"):
            parse_wanted(text)
    with pytest.raises(ValueError, match="a width and a height"):
        parse_wanted("1,2,0,4")


def test_which_regions_a_rectangle_touches() -> None:
    regions = regions_of(Regions(4, 3), 1080, 1920)
    assert [one.index for one in chosen(regions, Rectangle(255, 639, 257, 641))] == [0, 1, 3, 4]
    assert frame_of(chosen(regions, Rectangle(255, 639, 257, 641))) == Rectangle(0, 0, 512, 1280)
    assert [one.index for one in chosen(regions, Rectangle(800, 1900, 9999, 9999))] == [11]
    assert chosen(regions, 5) == (regions[5],)
    assert chosen(regions, None) == regions
    with pytest.raises(NoSuchRegion, match="no region 12"):
        chosen(regions, 12)
    with pytest.raises(NoSuchRegion, match="outside"):
        chosen(regions, Rectangle(1080, 0, 1090, 10))


def test_the_bits_of_regions() -> None:
    def bits(regions: Regions | None) -> str:
        out = BitWriter()
        out.u(1, 1)
        out.u(0, 7)
        before = 8
        plane = replace(header(1536, 1024), regions=regions)
        written, without = (f"{int.from_bytes(write_picture_header(one), 'big'):b}" for one in (plane, header(1536, 1024)))
        start = next(index for index, pair in enumerate(zip(written, without, strict=False)) if pair[0] != pair[1])
        assert before <= start
        return written[start : start + 22]

    assert bits(Regions(3, 2)).startswith("1000001000000011")
    assert bits(Regions(3, 2, False, 1, 3)).startswith("1000001000000010010011")


def test_a_header_of_a_huge_grid_is_refused() -> None:
    written = write_picture_header(replace(header(1536, 1024), regions=Regions(4, 3)))
    grid = f"{int.from_bytes(written, 'big'):0{8 * len(written)}b}"
    place = grid.index("1000001100000101")
    huge = grid[:place] + "111111111111111" + grid[place + 15 :]
    with pytest.raises(BitstreamError, match=r"at most 4x3 regions \(rows x columns\), not 128x128"):
        read_picture_header(int(huge, 2).to_bytes(len(written), "big"))


def test_substreams_of_independent_regions() -> None:
    regions = Regions(2, 2)
    assert region_substreams(regions, (b"a", None, b"", b"dd")) == [b"\0a", b"\2", b"\3dd"]
    assert region_payloads("SORP", regions, [memoryview(b"\3dd"), memoryview(b"\0a")]) == (b"a", None, None, b"dd")


def test_the_substream_of_dependent_regions() -> None:
    regions = Regions(2, 2, False)
    payloads = (b"a", b"", b"c" * 200, b"dd")
    (content,) = region_substreams(regions, payloads)
    assert region_payloads("SORP", regions, [memoryview(content)]) == payloads
    source = BitReader(content)
    assert [source.ue() for _ in range(3)] == [1, 0, 200]
    assert bytes(source.rest()) == b"a" + b"c" * 200 + b"dd"
    assert region_substreams(None, (b"abc",)) == [b"abc"]
    with pytest.raises(ValueError, match="only independent"):
        region_substreams(regions, (b"a", None, b"c", b"d"))


@pytest.mark.parametrize(
    ("regions", "substreams", "reason"),
    [
        (Regions(2, 2), [b"\0a", b"\1b", b"\0c"], "of region 0 is there twice"),
        (Regions(2, 2), [b"\4a"], "of region 4, and the picture has 4"),
        (Regions(2, 2), [b"\xffa"], "of region 255"),
        (Regions(2, 2), [b"\0a", b""], "no index"),
        (Regions(2, 2, False), [b"a", b"b"], "2 substreams SORP"),
        (None, [b"a", b"b"], "2 substreams SORP"),
        (Regions(2, 1, False), [b"\x10abcdef"], "have 7 bytes and more, and it has only 6"),
        (Regions(3, 1, False), [b"\xff\xffabc"], "not zero"),
        (Regions(2, 1, False), [b"\x00\x00\x00\x00\x00\x00"], "leading zeros"),
        (Regions(2, 1, False), [b""], "end inside"),
    ],
)
def test_substreams_that_cannot_be(regions: Regions | None, substreams: list[bytes], reason: str) -> None:
    with pytest.raises(BitstreamError, match=reason):
        region_payloads("SORP", regions, [memoryview(content) for content in substreams])


def with_regions(regions: Regions, threads: int = 1) -> PictureHeader:
    return with_cube_flags(replace(header(72, 280, threads), regions=regions), 0.5)


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("regions", KINDS, ids=["independent", "dependent", "apart"])
def test_symbols_come_back(regions: Regions, threads: int) -> None:
    """Also the cube flags of cubes that reach across regions."""
    plain = with_regions(regions, threads)
    symbols = symbols_for(MODEL, plain)
    stream = read_codestream(file_of(MODEL, plain, symbols))
    assert stream.header == plain
    assert same(decode_symbols(MODEL, stream, workers=2).symbols, symbols)
    assert len(read_substreams(write_codestream(stream))[Marker.SORP]) == (2 if regions.independent else 1)


@pytest.mark.parametrize("device", [None, "cpu"])
def test_a_region_alone_has_its_part_of_everything(device: str | None) -> None:
    plain = with_regions(Regions(2, 1))
    symbols = symbols_for(MODEL, plain)
    stream = read_codestream(file_of(MODEL, plain, symbols))
    hyper = decode_hyper_latents(MODEL, stream)
    whole = decode_residuals(MODEL, stream, hyper, device=device)
    for region in plain.parts:
        alone = decode_residuals(MODEL, stream, hyper, device=device, region=region)
        (rows, columns), (z_rows, z_columns) = region.window(16), region.window(64)
        assert np.array_equal(alone.symbols.luma, symbols.luma[:, rows, columns])
        assert np.array_equal(alone.symbols.chroma, symbols.chroma[:, rows, columns])
        assert np.array_equal(alone.symbols.luma_z, whole.symbols.luma_z[:, z_rows, z_columns])


def test_a_window_of_the_sigma_index() -> None:
    z = np.random.default_rng(3).integers(-31, 32, (8, 9, 7)).astype(np.int8)
    scale = MODEL.luma.scale_decoder
    whole = scale.sigma_index(z, 34, 27)
    for rows, columns in ((slice(0, 8), slice(0, 27)), (slice(8, 16), slice(8, 27)), (slice(24, 34), slice(16, 24))):
        assert np.array_equal(scale.sigma_index_of(z, (rows, columns)), whole[:, rows, columns])
        assert np.array_equal(scale.sigma_index_of(z, (rows, columns), "cpu"), whole[:, rows, columns])


def dropped(data: bytes, marker: Marker, index: int) -> bytes:
    """The file without the substream of a region."""
    parts = {each: list(map(bytes, contents)) for each, contents in read_substreams(data).items()}
    parts[marker] = [content for content in parts[marker] if content[0] != index]
    return write_substreams(parts)


@pytest.mark.parametrize("marker", [Marker.SORP, Marker.SORS])
def test_a_missing_region_is_named(marker: Marker) -> None:
    plain = with_regions(Regions(2, 1))
    data = dropped(file_of(MODEL, plain, symbols_for(MODEL, plain)), marker, 0)
    stream = read_codestream(data)
    assert [stream.lacks(region) for region in plain.parts] == [True, False]
    assert "missing regions             0\n" in probe(data)
    with pytest.raises(RegionMissing, match="region 0 is missing"):
        decode_symbols(MODEL, stream)
    hyper = decode_hyper_latents(MODEL, stream)
    assert decode_residuals(MODEL, stream, hyper, region=plain.parts[1]).symbols.luma.any()


def test_the_order_of_regions_in_the_file_does_not_matter() -> None:
    plain = with_regions(Regions(2, 1))
    data = file_of(MODEL, plain, symbols_for(MODEL, plain))
    parts = {marker: list(map(bytes, contents)) for marker, contents in read_substreams(data).items()}
    parts[Marker.SORP].reverse()
    turned = write_substreams(parts)
    assert turned != data
    assert read_codestream(turned) == read_codestream(data)


def test_payloads_of_another_number_of_regions() -> None:
    plain = with_regions(Regions(2, 1))
    hyper, luma, chroma = encode_symbols(MODEL, plain, symbols_for(MODEL, plain))
    assert len(luma) == len(chroma) == 2
    stream = read_codestream(file_of(MODEL, plain, symbols_for(MODEL, plain)))
    with pytest.raises(ValueError, match="2 regions has as many payloads"):
        replace(stream, luma=luma[:1])
    assert bytes(stream.hyper) == hyper
    assert stream.weights_id == WEIGHTS_ID


@pytest.mark.parametrize(
    ("regions", "name", "value"),
    [(Regions(2, 1), "missing regions", "none"), (Regions(2, 1, False, 1, 3), "regions overlap by", "2 hyper-latents and 6 latents")],
)
def test_probe_prints_regions(regions: Regions, name: str, value: str) -> None:
    plain = with_regions(regions)
    lines = {line[:28].rstrip(): line[28:] for line in probe(file_of(MODEL, plain, symbols_for(MODEL, plain))).splitlines()}
    kind = "independent" if regions.independent else "dependent"
    assert lines["regions"] == f"2x1 (rows x columns) of 72x128, the last 72x152, {kind}"
    assert lines[name] == value
    assert lines["SORP"].endswith(" in 2 regions") == regions.independent


NETWORK = small_model().eval()
for name, weight in NETWORK.context.predict.named_parameters():
    if name.endswith("layers.4.weight"):
        # Means that count for something, not as small as they start.
        torch.nn.init.normal_(weight, std=0.2)


def latents_by(regions: Regions | None, height: int = 280, width: int = 600) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    """y_hat of luma with random residuals, and psi of every tile."""
    generator = np.random.default_rng(5)
    z = generator.integers(-9, 10, (SMALL.luma_latent, -(-height // 64), -(-width // 64))).astype(np.int8)
    size = -(-height // 16), -(-width // 16)
    cells = 1, SMALL.luma_latent, -(-size[0] // 2), -(-size[1] // 2)
    residual = [torch.from_numpy(generator.normal(size=cells)).float() for _ in range(4)]
    tiles = tiles_of(regions, height, width)
    with torch.inference_mode():
        psi = predictions(NETWORK.luma_prior, z, tiles, torch.device("cpu"))
        return context_latent(NETWORK.context, psi, tiles, lambda stage, _: residual[stage], size), psi


def test_dependent_regions_with_enough_overlap_have_the_latents_of_the_whole() -> None:
    whole, _ = latents_by(None)

    def error(regions: Regions) -> float:
        return float((latents_by(regions)[0] - whole).abs().max())

    assert error(Regions.parse("2x2:dependent")) < 1e-5
    for less in (Regions(2, 2, False, 0, 3), Regions(2, 2, False, 1, 0), Regions(2, 2)):
        assert error(less) > 1e-3


def test_an_independent_region_sees_nothing_of_the_others() -> None:
    divided, psi = latents_by(Regions(2, 2))
    region = tiles_of(Regions(2, 2), 280, 600)[3].region
    generator = np.random.default_rng(5)
    z = generator.integers(-9, 10, (SMALL.luma_latent, 5, 10)).astype(np.int8)
    alone = tiles_of(None, region.height, region.width)
    with torch.inference_mode():
        (own,) = predictions(NETWORK.luma_prior, z[:, *region.window(64)], alone, torch.device("cpu"))
    assert torch.equal(own, psi[3])
    assert divided.shape == (1, SMALL.luma_latent, 18, 38)
