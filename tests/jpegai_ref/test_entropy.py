"""Residual symbols and hyper-latents there and back, in any number of threads; and what is no such stream."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jpegai_ref.distributions import LOG_STEP, LOWEST_SIGMA
from jpegai_ref.entropy import (
    channels_per_call,
    decode_hyper,
    decode_residual,
    encode_hyper,
    encode_residual,
    hyper_tables,
    joined,
    prefix_bits,
    residual_calls,
    separated,
)
from jpegai_ref.errors import BitstreamError
from numpy.typing import NDArray

THREADS = [1, 2, 4, 8, 16]
Residual = tuple[NDArray[np.int16], NDArray[np.bool_], NDArray[np.uint8]]


def gaussian(shape: tuple[int, int, int], skipped: float, seed: int = 0) -> Residual:
    """Symbols as their distributions expect them."""
    generator = np.random.default_rng(seed)
    distribution = generator.integers(0, 32, shape).astype(np.uint8)
    coded = generator.random(shape) >= skipped
    sigma = LOWEST_SIGMA * np.exp(distribution * LOG_STEP)
    return np.where(coded, np.rint(generator.normal(size=shape) * sigma), 0).astype(np.int16), coded, distribution


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("shape", [(128, 4, 4), (7, 5, 9), (1, 1, 1), (64, 1, 3), (3, 33, 31), (0, 4, 4)])
@pytest.mark.parametrize("skipped", [0.0, 0.8, 1.0])
def test_symbols_come_back_from_any_number_of_threads(shape: tuple[int, int, int], skipped: float, threads: int) -> None:
    symbols, coded, distribution = gaussian(shape, skipped)
    payload = encode_residual(symbols, coded, distribution, threads)
    assert np.array_equal(decode_residual(payload, coded, distribution, threads), symbols)


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("shape", [(128, 4, 4), (7, 5, 9), (3, 33, 31), (40, 3, 3)])
@pytest.mark.parametrize("skipped", [0.0, 0.8])
def test_the_first_channels_alone(shape: tuple[int, int, int], skipped: float, threads: int) -> None:
    """Also where they end inside a call, or have no symbol at all."""
    symbols, coded, distribution = gaussian(shape, skipped)
    coded[0] = coded[-2:] = False
    symbols[~coded] = 0
    symbols[:, 0, :2] *= 40  # with escapes
    payload = encode_residual(symbols, coded, distribution, threads)
    for channels in range(shape[0] + 1):
        found = decode_residual(payload, coded, distribution, threads, workers=2, channels=channels)
        assert np.array_equal(found, symbols[:channels])


@pytest.mark.parametrize("threads", [1, 2])
def test_what_lies_behind_the_first_channels_is_not_looked_at(threads: int) -> None:
    """A payload is read from its threads' ends, so that this is the front of each."""
    symbols, coded, distribution = gaussian((16, 8, 8), 0.2)
    parts = separated(encode_residual(symbols, coded, distribution, threads), threads)
    damaged = joined([b"\xaa" * (len(part) // 3) + bytes(part[len(part) // 3 :]) for part in parts])
    assert np.array_equal(decode_residual(damaged, coded, distribution, threads, channels=8), symbols[:8])
    with pytest.raises(BitstreamError):
        decode_residual(damaged, coded, distribution, threads)
    assert not np.any(decode_residual(b"", coded, distribution, threads, channels=0))


@pytest.mark.parametrize("threads", [1, 4])
def test_bits_of_the_first_channels(threads: int) -> None:
    """So many bytes from the end of a lone thread are enough for them."""
    symbols, coded, distribution = gaussian((12, 8, 9), 0.3)
    payload = encode_residual(symbols, coded, distribution, threads)
    bits = prefix_bits(payload, coded, distribution, threads)
    per_call = channels_per_call(coded.shape, threads)
    assert len(bits) == -(-12 // per_call)
    assert np.all(np.diff(bits) > 0)
    assert bits[-1] == 8 * len(payload)
    if threads == 1:
        for channels, used in enumerate(bits, 1):
            end = payload[-max(-(-used // 8), 1) :]
            assert np.array_equal(decode_residual(end, coded, distribution, channels=channels), symbols[:channels])
            if channels > 1:
                with pytest.raises(BitstreamError):
                    decode_residual(payload[-(used // 8 - 1) :], coded, distribution, channels=channels)


@pytest.mark.parametrize("threads", THREADS)
def test_workers_change_no_symbol(threads: int) -> None:
    symbols, coded, distribution = gaussian((16, 20, 24), 0.5)
    payload = encode_residual(symbols, coded, distribution, threads)
    for workers in (2, 3, 16):
        assert np.array_equal(decode_residual(payload, coded, distribution, threads, workers), symbols)


@pytest.mark.parametrize("row", range(32))
def test_every_symbol_of_16_bits_goes_by_every_distribution(row: int) -> None:
    symbols = np.arange(-32768, 32768).astype(np.int16).reshape(4, 128, 128)
    coded = np.ones(symbols.shape, np.bool_)
    distribution = np.full(symbols.shape, row, np.uint8)
    payload = encode_residual(symbols, coded, distribution, 2)
    assert np.array_equal(decode_residual(payload, coded, distribution, 2), symbols)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_symbols_at_any_places(data: st.DataObject) -> None:
    shape = data.draw(st.tuples(*[st.integers(1, 6)] * 3))
    count = int(np.prod(shape))
    values = data.draw(st.lists(st.one_of(st.integers(-3, 3), st.integers(-32768, 32767)), min_size=count, max_size=count))
    coded = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count))).reshape(shape)
    distribution = np.array(data.draw(st.lists(st.integers(0, 31), min_size=count, max_size=count)), np.uint8).reshape(shape)
    symbols = np.where(coded, np.array(values, np.int16).reshape(shape), np.int16(0))
    threads = data.draw(st.sampled_from(THREADS))
    assert np.array_equal(decode_residual(encode_residual(symbols, coded, distribution, threads), coded, distribution, threads), symbols)


def test_the_cost_is_the_entropy_of_the_tables() -> None:
    """Within 1 % of -log2 of the masses: what 256 states lose."""
    from jpegai_ref.distributions import residual_masses

    symbols, coded, distribution = gaussian((32, 64, 64), 0.0)
    position = np.where(symbols < 0, -2 * symbols.astype(np.int64) - 1, 2 * symbols.astype(np.int64))
    inside = position < 2 * np.array([np.count_nonzero(row) // 2 for row in residual_masses()])[distribution] - 1
    symbols = np.where(inside, symbols, 0).astype(np.int16)
    ideal = -np.log2(residual_masses()[distribution, np.where(inside, position, 0)] / 256).sum()
    assert 8 * len(encode_residual(symbols, coded, distribution)) == pytest.approx(ideal, rel=0.01)


def test_one_wrong_distribution_is_noticed() -> None:
    """A choice off by one level at one place shows in the symbols; at about one place in a hundred it happens to change none."""
    symbols, coded, distribution = gaussian((8, 16, 16), 0.3)
    payload = encode_residual(symbols, coded, distribution)
    places = np.argwhere(coded & (distribution >= 4))
    assert len(places) > 1000
    unnoticed = 0
    for place in map(tuple, places):
        wrong = distribution.copy()
        wrong[place] ^= 1
        try:
            unnoticed += np.array_equal(decode_residual(payload, coded, wrong), symbols)
        except BitstreamError:
            continue
    assert unnoticed < 0.02 * len(places)


def test_calls_are_the_fewest_channels_that_fill_groups_of_four() -> None:
    coded = np.ones((6, 3, 4), np.bool_)
    assert residual_calls(coded, 1).tolist() == [12, 24, 36, 48, 60, 72]
    assert residual_calls(coded, 2).tolist() == [24, 48, 72]
    assert residual_calls(coded, 4).tolist() == [48, 72]
    assert residual_calls(coded, 16).tolist() == [72]
    coded[0, 0, 0] = coded[3, 1, 1] = False
    assert residual_calls(coded, 2).tolist() == [23, 46, 70]


@pytest.mark.parametrize("threads", THREADS)
def test_hyper_latents_come_back(threads: int) -> None:
    generator = np.random.default_rng(3)
    tables = hyper_tables(generator.integers(1, 1 << 30, (12, 63)).astype(np.int32))
    luma = generator.integers(-31, 32, (8, 3, 5)).astype(np.int8)
    chroma = generator.integers(-31, 32, (4, 3, 5)).astype(np.int8)
    payload = encode_hyper(tables, luma, chroma, threads)
    found = decode_hyper(tables, payload, luma.shape, chroma.shape, threads, workers=2)
    assert np.array_equal(found[0], luma)
    assert np.array_equal(found[1], chroma)


def test_a_picture_too_large_for_its_bytes_is_refused_before_memory_is_taken() -> None:
    tables = hyper_tables(np.ones((192, 63), np.int32))
    with pytest.raises(BitstreamError, match="too few"):
        decode_hyper(tables, b"\x01" * 100, (128, 1025, 1025), (64, 1025, 1025))


@pytest.mark.parametrize("threads", [1, 4])
def test_a_stream_cut_short_or_longer_is_noticed(threads: int) -> None:
    symbols, coded, distribution = gaussian((4, 16, 16), 0.2)
    payload = encode_residual(symbols, coded, distribution, threads)
    for damaged in (payload[:-1], payload[1:], payload + b"\0", b"", b"\0" * 40, b"\xff" * 400):
        with pytest.raises(BitstreamError):
            decode_residual(damaged, coded, distribution, threads)


def test_sizes_of_threads_are_differences_to_their_mean() -> None:
    parts = [b"a" * 5, b"b" * 9, b"c" * 1, b"d" * 7]
    payload = joined(parts)
    assert payload[:2] == bytes([0b1_0001001, 0b0001000_0])  # se of 5 - 5, 5 - 9 and 5 - 1
    assert [bytes(part) for part in separated(payload, 4)] == parts
    assert separated(b"abc", 1) == [b"abc"]


@pytest.mark.parametrize("wrong", ["symbols", "skipped", "distribution", "threads", "shape"])
def test_an_encoder_is_told_what_cannot_be_coded(wrong: str) -> None:
    symbols, coded, distribution = gaussian((2, 4, 4), 0.0)
    threads = 1
    if wrong == "symbols":
        symbols = symbols.astype(np.int32)
    elif wrong == "skipped":
        coded = np.zeros_like(coded)
        symbols[0, 0, 0] = 1
    elif wrong == "distribution":
        distribution[1, 1, 1] = 32
    elif wrong == "threads":
        threads = 3
    else:
        distribution = distribution[:1]
    with pytest.raises(ValueError, match=r"int16|skipped|distributions|threads|shape"):
        encode_residual(symbols, coded, distribution, threads)


def test_hyper_latents_out_of_range_are_refused() -> None:
    tables = hyper_tables(np.ones((1, 63), np.int32))
    with pytest.raises(ValueError, match=r"-31\.\.31"):
        encode_hyper(tables, np.full((1, 1, 1), 32, np.int8), np.zeros((0, 1, 1), np.int8))
    with pytest.raises(ValueError, match="channels"):
        encode_hyper(tables, np.zeros((2, 1, 1), np.int8), np.zeros((0, 1, 1), np.int8))
