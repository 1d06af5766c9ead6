"""The tool header there and back, bit by bit where the standard says so, and what hostile ones may cost."""

from __future__ import annotations

import random
import resource
import time
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jpegai_ref.bits import BitReader, BitWriter
from jpegai_ref.chroma_grid import ChromaGrid
from jpegai_ref.efe_linear_header import FilterSet, LinearFilter, PlaneFilter, set_bits, write_linear
from jpegai_ref.efe_nonlinear_header import Correction, Masks, NonlinearFilter
from jpegai_ref.eicci_header import EicciHeader, EicciTile
from jpegai_ref.errors import BitstreamError
from jpegai_ref.filter_codes import ZERO, CodeRange, codes_of, weights_of
from jpegai_ref.picture_header import Tiling
from jpegai_ref.tool_header import Enhancement, ToolHeader, read_tool_header, write_tool_header

from tests.jpegai_ref.filter_headers import FILTER_SETS, LINEAR_FILTERS, eicci_headers, nonlinear_filters

SIZE = 200, 300
GRID = ChromaGrid.of(*SIZE, (1, 1))
ENHANCEMENTS = st.builds(Enhancement, st.none() | LINEAR_FILTERS, st.none() | nonlinear_filters(GRID), st.none() | eicci_headers(*SIZE))
HEADERS = st.builds(ToolHeader, st.booleans(), st.booleans(), st.none() | st.integers(0, 255), ENHANCEMENTS)
SUBSAMPLINGS = st.sampled_from([(1, 1), (1, 2), (2, 2)])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(HEADERS, SUBSAMPLINGS)
def test_a_tool_header_comes_back(header: ToolHeader, subsampling: tuple[int, int]) -> None:
    if subsampling == (2, 2):
        header = replace(header, enhancement=replace(header.enhancement, eicci=None))
    assert read_tool_header(write_tool_header(header, subsampling), subsampling, SIZE) == header


def test_chroma_of_half_the_size_both_ways_has_no_trained_filter() -> None:
    """And no flag of it."""
    plain, filtered = ToolHeader(), ToolHeader(enhancement=Enhancement(eicci=EicciHeader(None, (EicciTile(True, False, False),))))
    assert read_tool_header(write_tool_header(plain, (2, 2)), (2, 2), SIZE) == plain
    with pytest.raises(ValueError, match="half the size"):
        write_tool_header(filtered, (2, 2))


ONE = PlaneFilter(0, 1, ((ZERO + 5,),), ((ZERO,),))
TWO = PlaneFilter(1, 1, ((ZERO,), (ZERO + 1,)), ((ZERO + 2,), (ZERO + 3,)))


def bits_of(data: bytes) -> str:
    return f"{int.from_bytes(data, 'big'):0{8 * len(data)}b}"


def test_the_bits_of_the_linear_filter_are_in_the_order_of_the_standard() -> None:
    header = ToolHeader(enhancement=Enhancement(LinearFilter((12850, 1), FilterSet(ONE, TWO), FilterSet(None, ONE))))
    zero, lowest = f"{ZERO:016b}", f"{ZERO:016b}"
    expected = "00" + "1" + f"{12850:015b}{1:015b}"
    # The alternative: none for U, split 0 for V; side 1; codes 0 and 5 above the lowest in 3 bits.
    expected += "0000" + "0001" + "0001" + lowest + f"{5:016b}" + "101" + "000"
    # The output: splits 0 and 1, sides 1 and 1; w of U, v of U, w of V's two regions, v of V's two regions.
    expected += "0001" + "0010" + "0001" + "0001" + zero + f"{5:016b}" + "101" + "000" + "000" + "001" + "010" + "011"
    expected += "0" + "0" + "0"  # eICCI, EFE non-linear, LEF
    assert bits_of(write_tool_header(header, (1, 1))).rstrip("0") == expected.rstrip("0")


def test_the_bits_of_the_nonlinear_filter_are_in_the_order_of_the_standard() -> None:
    correction = Correction((64, 128), (100,), (25500,), None, tuple(range(7, 15)))
    masks = Masks(80, (1, 2), b"\2\1", None)
    header = ToolHeader(sharpening_channel=9, enhancement=Enhancement(None, NonlinearFilter(correction, masks)))
    expected = "00" + "0" + "1" + f"{7:016b}{7:016b}"  # no eICCI flag for planes of half size
    expected += "1" + "0" + f"{80:010b}{1:010b}{2:010b}" + "10" + "01"
    expected += "0" + "1" + f"{128:016b}{64:016b}{1:016b}{100:016b}{25500:016b}" + f"{8:016b}" + "".join(f"{n:03b}" for n in range(8))
    expected += "1" + f"{9:08b}"
    assert bits_of(write_tool_header(header, (2, 2))).rstrip("0") == expected.rstrip("0")


@settings(max_examples=40, deadline=None)
@given(FILTER_SETS)
def test_the_bits_of_a_set_are_known_before_it_is_written(filters: FilterSet) -> None:
    both = [BitWriter() for _ in range(2)]
    write_linear(both[0], LinearFilter((0, 0), filters))
    codes = [code for spec in filters.planes if spec for code in spec.codes]
    span = max(codes) - min(codes) if codes else 0
    expected = 30 + set_bits(0, 0, 0) + set_bits(len(codes), sum(spec is not None for spec in filters.planes), span)
    assert len(both[0].aligned()) == -(-expected // 8)


def test_weights_of_codes() -> None:
    assert weights_of([0, 32767, 32768, 65535]).tolist() == [-32767 / 2048, 0.0, 1 / 2048, 16.0]
    assert codes_of(weights_of(range(0, 65536, 77))).tolist() == list(range(0, 65536, 77))
    assert codes_of(weights_of([0]) * 9).tolist() == [0]
    assert CodeRange.of([]) == CodeRange(ZERO, 0)


@given(st.integers(0, 7), st.lists(st.integers(0, 2**11 - 1), max_size=40))
def test_numbers_at_once_are_those_one_by_one(offset: int, values: list[int]) -> None:
    out = BitWriter()
    out.u(0, offset)
    for value in values:
        out.u(value, 11)
    source = BitReader(out.aligned())
    source.u(offset)
    assert source.numbers(len(values), 11) == values
    assert source.left < 8
    with pytest.raises(BitstreamError, match="data end"):
        source.numbers(1, 9)


def test_the_bits_of_the_trained_filter_are_in_the_order_of_the_standard() -> None:
    tiles = (EicciTile(True, False, True), EicciTile(False, False, False), EicciTile(False, True, False), EicciTile(True, False, False))
    header = ToolHeader(enhancement=Enhancement(eicci=EicciHeader(Tiling(256, 48), tiles)))
    expected = "00" + "0" + "1" + "1" + f"{16:08b}{3:05b}"
    # Flags of Y, U, V; short list; network of Y; network of U and V.
    expected += "101" + "1" + "00" + "00"
    expected += "000"
    expected += "010" + "1" + "00"
    expected += "100" + "1" + "00"
    expected += "0" + "0"  # EFE non-linear, LEF
    written = write_tool_header(header, (1, 1))
    assert bits_of(written).startswith(expected)
    assert len(written) == -(-len(expected) // 8)
    assert read_tool_header(written, (1, 1), (400, 400)) == header
    whole = ToolHeader(enhancement=Enhancement(eicci=EicciHeader(None, tiles[:1])))
    assert bits_of(write_tool_header(whole, (1, 1))) == "00" + "0" + "1" + "0" + "101" + "1" + "00" + "00" + "00" + "0"


def with_field(header: ToolHeader, place: int, value: str) -> bytes:
    bits = bits_of(write_tool_header(header, (1, 1)))
    bits = bits[:place] + value + bits[place + len(value) :]
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


LINEAR = ToolHeader(enhancement=Enhancement(LinearFilter((1, 2), FilterSet(ONE, TWO))))
NONLINEAR = ToolHeader(
    enhancement=Enhancement(
        None, NonlinearFilter(Correction((64, 64), (1, 2), (3, 4), tuple(range(16)), None), Masks(80, (1, 2), b"\0\1", b"\2\2"))
    )
)

TRAINED = ToolHeader(enhancement=Enhancement(eicci=EicciHeader(Tiling(256, 48), (EicciTile(True, True, True),) * 2)))


@pytest.mark.parametrize(
    ("header", "place", "value", "reason"),
    [
        (TRAINED, 5, f"{10:08b}", "tiles of 160 that overlap by 48"),
        (TRAINED, 13, f"{9:05b}", "tiles of 256 that overlap by 144"),
        (TRAINED, 21, "0", "no networks but those of the short list"),
        (TRAINED, 22, "01", "no network 1"),
        (TRAINED, 24, "10", "no network 2"),
        (LINEAR, 73, "1001", "no linear filter of split 8 and side 1"),
        (LINEAR, 81, "0000", "no linear filter of split 0 and side 0"),
        (LINEAR, 85, "0101", "no linear filter of split 1 and side 5"),
        (LINEAR, 89, "1" * 16, "codes of 0..65535, not 65535..65540"),
        (LINEAR, 105, f"{4:016b}", "beyond the range"),
        (NONLINEAR, 39, f"{0:010b}", "blocks of 0"),
        (NONLINEAR, 69, "11", "0, 1 or 2"),
        (NONLINEAR, 79, f"{100:016b}", "multiples of 64"),
        (NONLINEAR, 111, f"{3:016b}", "non-linear filter"),
        (NONLINEAR, 127, f"{4:016b}", "lowest and a highest"),
        (NONLINEAR, 191, f"{15:016b}", "15 weights"),
    ],
)
def test_fields_that_are_not_valid_are_named(header: ToolHeader, place: int, value: str, reason: str) -> None:
    with pytest.raises(BitstreamError, match=reason):
        read_tool_header(with_field(header, place, value), (1, 1), SIZE)


@pytest.mark.parametrize("header", [LINEAR, NONLINEAR, TRAINED])
def test_headers_that_end_early_or_late_are_refused(header: ToolHeader) -> None:
    written = write_tool_header(header, (1, 1))
    for size in range(len(written)):
        with pytest.raises(BitstreamError):
            read_tool_header(written[:size], (1, 1), SIZE)
    with pytest.raises(BitstreamError, match="left over"):
        read_tool_header(written + b"\0", (1, 1), SIZE)


def test_mutated_headers_end_in_a_header_or_a_clear_error() -> None:
    choice = random.Random(5)
    messages, read = set(), 0
    for number in range(3000):
        data = bytearray(write_tool_header((LINEAR, NONLINEAR, TRAINED)[number % 3], (1, 1)))
        for _ in range(choice.randint(1, 5)):
            data[choice.randrange(len(data))] ^= 1 << choice.randrange(8)
        try:
            read_tool_header(bytes(data), (1, 1), SIZE)
            read += 1
        except BitstreamError as error:
            messages.add(str(error))
    assert 0 < read < 3000
    assert len(messages) > 10
    assert not any("\n" in message for message in messages)


@pytest.mark.parametrize("fill", [b"\x00", b"\x55", b"\xaa", b"\xff"])
def test_large_counts_cost_what_the_data_cost(fill: bytes) -> None:
    """The largest masks, the most tiles, weights of no bits: refused, or read in little time and memory."""
    start, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for span in (0, 65535):
        out = BitWriter()
        for value, count in ((0b0001, 4), (0, 16), (span, 16), (0b11, 2), (1, 10), (1023, 10), (1023, 10)):
            out.u(value, count)
        prefix = out.aligned()
        for size in (0, 1000, 600_000, 2_000_000):
            with pytest.raises(BitstreamError):
                read_tool_header(prefix + fill * size, (1, 1), SIZE)
        out = BitWriter()
        for value, count in ((0b0001, 4), (0, 16), (span, 16), (0b0011, 4), (64, 16), (64, 16), (65535, 16)):
            out.u(value, count)
        with pytest.raises(BitstreamError):
            read_tool_header(out.aligned() + fill * 300_000, (1, 1), SIZE)
    # 66,049 tiles.
    out = BitWriter()
    for value, count in ((0b00011, 5), (16, 8), (0, 5)):
        out.u(value, count)
    with pytest.raises(BitstreamError, match="data end"):
        read_tool_header(out.aligned() + fill * 1000, (1, 1), (65599, 65599))
    assert time.process_time() - start < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000
