"""The coder's tables and loops against a plain Python coder written from the definition of the states."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jpegai_ref.entropy import decode_hyper, encode_hyper, hyper_tables, residual_tables
from jpegai_ref.tans_loops import compiled
from jpegai_ref.tans_tables import CodingTables, coding_tables
from numpy.typing import NDArray


def test_states_owned_by_a_symbol_follow_the_definition() -> None:
    """Masses 3, 1, 252: [0, 3) owns 0, 1 and 128; [3, 4) owns 129; [4, 256) the rest, the lower half first."""
    tables = coding_tables(np.array([[3, 1, 252]]), np.array([2]))
    assert tables.states[0, :4].tolist() == [0, 1, 128, 129]
    assert tables.states[0, 4:].tolist() == [*range(2, 128), *range(130, 256)]
    position, bits, following = (tables.decoding[0, 1] >> 16).item(), (tables.decoding[0, 1] >> 8 & 15).item(), tables.decoding[0, 1] & 255
    assert (position, bits, following) == (0, 6, 0)  # 3 + 1 = 4 -> 4 << 6 = 256


@pytest.mark.parametrize("row", range(32))
def test_every_state_has_one_owner_and_a_way_back(row: int) -> None:
    """From each state any bits lead to a state x' from which coding the same symbol leads back to the state and leaves these bits."""
    tables = residual_tables()
    assert sorted(tables.states[row].tolist()) == list(range(256))
    for state in range(256):
        entry = int(tables.decoding[row, state])
        position, bits, base = entry >> 16, entry >> 8 & 15, entry & 255
        start = int(tables.starts[row, position])
        mass = int(tables.starts[row, position + 1]) - start
        for read in {0, (1 << bits) - 1}:
            x = 256 + (base | read)
            assert mass <= x >> bits < 2 * mass
            assert tables.states[row, start + (x >> bits) - mass] == state
            assert x & ((1 << bits) - 1) == read


def decode_by_hand(tables: CodingTables, payload: bytes, rows: list[int]) -> list[int]:
    """A lone thread's positions, bit by bit: two states in turn, the end mark, the last bit first."""
    bits = f"{int.from_bytes(payload, 'little'):b}"[1:]
    states = [int(bits[:8], 2), int(bits[8:16], 2)]
    at = 16
    positions = []
    for index, row in enumerate(rows):
        entry = int(tables.decoding[row, states[index % 2]])
        count = entry >> 8 & 15
        states[index % 2] = entry & 255 | int(bits[at : at + count] or "0", 2)
        at += count
        positions.append(entry >> 16)
    assert (at, states) == (len(bits), [0, 0])
    return positions


def test_the_stream_is_read_alike_by_hand() -> None:
    generator = np.random.default_rng(1)
    frequencies = generator.integers(1 << 22, 1 << 23, (2, 63)).astype(np.int32)
    tables = hyper_tables(frequencies)
    z = generator.integers(-31, 32, (2, 1, 101)).astype(np.int8)
    payload = encode_hyper(tables, z[:1], z[1:2])
    # The second channel is a call of its own: its first symbol is even again, whatever the first had.
    by_hand = decode_by_hand(tables, encode_hyper(hyper_tables(frequencies[:1]), z[:1], z[:0]), [0] * 101)
    assert by_hand == (z[0].ravel() + 31).tolist()
    luma, chroma = decode_hyper(tables, payload, (1, 1, 101), (1, 1, 101))
    assert np.array_equal(luma, z[:1])
    assert np.array_equal(chroma, z[1:])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 1 << 30), min_size=63, max_size=63), st.integers(0, 2**32 - 1))
def test_any_frequencies_code_any_hyper_latents(frequencies: list[int], seed: int) -> None:
    """Also where most symbols have no mass and go by the escape."""
    tables = hyper_tables(np.array([frequencies, [1] * 62 + [1 << 30]], np.int32))
    z = np.random.default_rng(seed).integers(-31, 32, (2, 3, 5)).astype(np.int8)
    luma, chroma = decode_hyper(tables, encode_hyper(tables, z[:1], z[1:]), (1, 3, 5), (1, 3, 5))
    assert np.array_equal(np.concatenate([luma, chroma]), z)


def test_tables_of_hyper_latents_share_255_units_in_proportion() -> None:
    frequencies = np.ones((1, 63), np.int32)
    frequencies[0, 31] = 10**9
    starts = hyper_tables(frequencies).starts[0]
    assert starts[31].item() == 0
    assert starts[32].item() == 255
    assert starts[63:].tolist() == [255] + [256] * 193


@pytest.mark.parametrize(
    ("masses", "escape"),
    [([[255]], 0), ([[256, 0]], 1), ([[-1, 257]], 1), ([[1] * 257], 0)],
    ids=["sum", "no escape", "negative", "too many"],
)
def test_what_is_no_distribution_is_refused(masses: list[list[int]], escape: int) -> None:
    with pytest.raises(ValueError, match="distribution"):
        coding_tables(np.array(masses), np.array([escape]))


def longest_run(tables: CodingTables, row: int) -> int:
    """By trying all states."""

    def run(state: int) -> int:
        entry = int(tables.decoding[row, state])
        return 0 if entry >> 8 & 15 else 1 + run(entry & 255)

    return max(run(state) for state in range(256))


@pytest.mark.parametrize("row", [0, 3, 8, 31])
def test_how_many_symbols_come_without_a_bit(row: int) -> None:
    assert residual_tables().free_runs[row] == longest_run(residual_tables(), row)


def test_no_stream_is_shorter_than_the_fewest_bits() -> None:
    """The likeliest symbol only, which is the shortest stream there is: the limit is below it, and not far."""
    frequencies = np.ones((1, 63), np.int32)
    frequencies[0, 31] = 10**9
    tables = hyper_tables(frequencies)
    zeros: NDArray[np.int8] = np.zeros((1, 300, 400), np.int8)
    payload = encode_hyper(tables, zeros, zeros[:0])
    assert 0.3 * 8 * len(payload) < tables.fewest_bits([zeros.size], 1) <= 8 * len(payload)


def test_loops_are_compiled_where_machine_code_cannot_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """numba raises RuntimeError where neither the source's folder nor the user's can be written."""
    real: Any = numba.njit

    def without_folder(signature: str, **options: bool) -> Any:
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return real(signature, **options)

    monkeypatch.setattr(numba, "njit", without_folder)

    def doubled(value: int) -> int:
        return 2 * value

    assert compiled("int64(int64)")(doubled)(21) == 42
