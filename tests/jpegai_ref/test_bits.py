"""Bits and the codes ue and se."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jpegai_ref.bits import BitReader, BitWriter
from jpegai_ref.errors import BitstreamError


@pytest.mark.parametrize(("value", "code"), [(0, "1"), (1, "010"), (2, "011"), (3, "00100"), (6, "00111"), (7, "0001000")])
def test_codes_of_ue(value: int, code: str) -> None:
    out = BitWriter()
    out.ue(value)
    assert out.aligned() == bytes([int(code.ljust(8, "0"), 2)])


@pytest.mark.parametrize(("value", "as_ue"), [(0, 0), (1, 1), (-1, 2), (2, 3), (-2, 4)])
def test_codes_of_se(value: int, as_ue: int) -> None:
    signed, unsigned = BitWriter(), BitWriter()
    signed.se(value)
    unsigned.ue(as_ue)
    assert signed.aligned() == unsigned.aligned()


FIELD = st.one_of(
    st.tuples(st.just("ue"), st.integers(0, 2**32 - 2)),
    st.tuples(st.just("se"), st.integers(-(2**31) + 1, 2**31 - 1)),
    st.integers(1, 40).flatmap(lambda count: st.tuples(st.just(count), st.integers(0, 2**count - 1))),
)


@given(st.lists(FIELD, max_size=30))
def test_what_is_written_is_read(fields: list[tuple[str | int, int]]) -> None:
    out = BitWriter()
    for kind, value in fields:
        if isinstance(kind, int):
            out.u(value, kind)
        else:
            getattr(out, kind)(value)
    source = BitReader(out.aligned())
    for kind, value in fields:
        assert (source.u(kind) if isinstance(kind, int) else getattr(source, kind)()) == value
    source.finish()


@pytest.mark.parametrize(("value", "count"), [(4, 2), (-1, 8), (1, 0)])
def test_what_does_not_fit_is_not_written(value: int, count: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        BitWriter().u(value, count)


@pytest.mark.parametrize("value", [-1, 2**32 - 1])
def test_ue_has_a_range(value: int) -> None:
    with pytest.raises(ValueError, match="no code"):
        BitWriter().ue(value)


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\0\0\0\0\0\0\0\0", b"\x01"])
def test_a_code_that_does_not_end_is_refused(data: bytes) -> None:
    with pytest.raises(BitstreamError):
        BitReader(data).ue()


def test_filling_bits_must_be_zero_and_the_end_must_be_the_end() -> None:
    source = BitReader(b"\xc0")
    source.u(1)
    with pytest.raises(BitstreamError, match="not zero"):
        source.align()
    source = BitReader(b"\x80\x01")
    source.u(1)
    with pytest.raises(BitstreamError, match="left over"):
        source.finish()
