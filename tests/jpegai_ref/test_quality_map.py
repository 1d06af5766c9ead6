"""The quality map: its tables, its bits, and the arithmetic of the factors."""

from __future__ import annotations

import math
import resource
import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jpegai_ref.context import split_cells
from jpegai_ref.distributions import LOG_STEP
from jpegai_ref.entropy import encode_residual
from jpegai_ref.errors import BitstreamError
from jpegai_ref.picture_header import QUALITY_DISTRIBUTIONS, THREADS, QualityMap
from jpegai_ref.quality_map import (
    FACTORS,
    OFFSETS,
    Qps,
    check_map,
    combined,
    decode_map,
    differences,
    encode_map,
    factors,
    finest,
    sigma_offsets,
)
from jpegai_ref.quantiser import Quantiser, inverse_factors, rounded
from jpegai_ref.sigma import skip_scale
from numpy.typing import NDArray


def random_map(seed: int, size: tuple[int, int], patch: int = 1) -> Qps:
    """Patches of random values."""
    rows, columns = (-(-side // patch) for side in size)
    values = np.random.default_rng(seed).integers(-8, 9, (rows, columns)).astype(np.int8)
    return np.ascontiguousarray(values.repeat(patch, 0).repeat(patch, 1)[: size[0], : size[1]])


def payload_of(symbols: NDArray[np.int16], distribution: int, threads: int = 1) -> bytes:
    """Differences as SOQ has them, whatever they add up to."""
    shape = (1, *symbols.shape)
    return encode_residual(symbols[None], np.ones(shape, np.bool_), np.full(shape, distribution, np.uint8), threads)


def test_four_steps_halve_the_quantiser() -> None:
    for qp, factor, offset in zip(range(-8, 9), FACTORS, OFFSETS, strict=True):
        assert abs(factor - 16 * 2 ** (qp / 4)) < 1
        assert offset == round(128 * math.log(2) / LOG_STEP * qp / 4)
        assert (factor == 16 * 2 ** (qp / 4)) == (qp % 4 == 0)


def test_values_of_positions() -> None:
    qps = np.array([[-8, 0], [3, 8]], np.int8)
    assert factors(qps).tolist() == [[4, 16], [27, 64]]
    assert sigma_offsets(qps).tolist() == [[-886, 0], [332, 886]]
    assert (finest(qps), finest(qps[:1]), finest(qps[:1, :1]), finest(None)) == (886, 0, -886, 0)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 9), st.integers(0, 2**32 - 1), st.sampled_from(THREADS), st.integers(1, 2))
def test_a_map_comes_back(rows: int, columns: int, patch: int, seed: int, threads: int, workers: int) -> None:
    qps = random_map(seed, (rows, columns), patch)
    header, payload = encode_map(qps, threads)
    assert header.threads == threads
    assert np.array_equal(decode_map(payload, header, qps.shape, workers), qps)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_differences_are_to_the_left_and_the_upper_value(rows: int, columns: int, seed: int) -> None:
    qps = random_map(seed, (rows, columns))
    found = differences(qps)
    for row, column in np.ndindex(rows, columns):
        left = int(qps[row, column - 1]) if column else None
        upper = int(qps[row - 1, column]) if row else None
        known = [value for value in (left, upper) if value is not None]
        assert found[row, column] == qps[row, column] - (math.floor(sum(known) / len(known)) if known else 0)


@pytest.mark.parametrize("distribution", QUALITY_DISTRIBUTIONS)
@pytest.mark.parametrize("threads", [1, 4])
def test_every_distribution_is_read(distribution: int, threads: int) -> None:
    qps = random_map(distribution, (13, 17), 2)
    payload = payload_of(differences(qps), distribution, threads)
    assert np.array_equal(decode_map(payload, QualityMap(threads, distribution), (13, 17)), qps)


@pytest.mark.parametrize("patch", [1, 2, 4, 8, 40])
def test_the_distribution_is_the_one_of_the_fewest_bytes(patch: int) -> None:
    qps = random_map(patch, (40, 40), patch)
    header, payload = encode_map(qps)
    sizes = {distribution: len(payload_of(differences(qps), distribution)) for distribution in QUALITY_DISTRIBUTIONS}
    assert len(payload) == sizes[header.distribution] == min(sizes.values())
    assert max(sizes.values()) > len(payload)


def test_smooth_maps_take_next_to_nothing() -> None:
    assert len(encode_map(np.zeros((48, 32), np.int8))[1]) <= 6
    assert len(encode_map(np.full((48, 32), -3, np.int8))[1]) <= 8


def test_maps_add_up_within_their_range() -> None:
    qps = random_map(3, (5, 4))
    assert combined([]) is None
    assert combined([qps * np.int8(0)]) is None
    both = combined([qps, np.full((5, 4), 3, np.int8)])
    assert both is not None
    assert np.array_equal(both, np.minimum(qps + 3, 8))
    assert combined([qps, -qps]) is None


@pytest.mark.parametrize(
    ("qps", "reason"),
    [
        (np.zeros((4, 5), np.int16), r"int8 \(4, 5\), not int16 \(4, 5\)"),
        (np.zeros((5, 4), np.int8), r"int8 \(4, 5\), not int8 \(5, 4\)"),
        (np.full((4, 5), 9, np.int8), r"-8\.\.8"),
        (np.full((4, 5), -9, np.int8), r"-8\.\.8"),
    ],
)
def test_what_is_no_map(qps: Qps, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_map(qps, (4, 5))


@pytest.mark.parametrize("threads", [1, 2, 16])
def test_a_map_that_is_cut_short_or_too_long_is_refused(threads: int) -> None:
    qps = random_map(1, (30, 20), 2)
    header, payload = encode_map(qps, threads)
    for size in range(len(payload)):
        with pytest.raises(BitstreamError):
            decode_map(payload[:size], header, qps.shape)
    with pytest.raises(BitstreamError):
        decode_map(payload + b"\1", header, qps.shape)


@pytest.mark.parametrize("size", [(30, 19), (29, 20), (31, 20), (4, 4), (20, 29)])
def test_a_map_of_another_size_is_refused(size: tuple[int, int]) -> None:
    header, payload = encode_map(random_map(1, (30, 20), 2))
    with pytest.raises(BitstreamError, match="quality map"):
        decode_map(payload, header, size)


@pytest.mark.parametrize("value", [9, -9, 17, 128, 250, 256, 264, 32767, -32768])
@pytest.mark.parametrize("place", [(0, 0), (0, 5), (5, 0), (5, 5)])
def test_values_beyond_the_range_are_refused(value: int, place: tuple[int, int]) -> None:
    """Also those that would wrap around to valid ones in 8 bits."""
    symbols = np.zeros((6, 6), np.int16)
    symbols[place] = value
    for distribution in QUALITY_DISTRIBUTIONS:
        with pytest.raises(BitstreamError, match=r"the quality map has a value outside of -8\.\.8"):
            decode_map(payload_of(symbols, distribution), QualityMap(1, distribution), (6, 6))


def test_a_sum_beyond_the_range_is_refused() -> None:
    symbols = np.zeros((4, 4), np.int16)
    symbols[0] = (8, 0, 0, 1)
    with pytest.raises(BitstreamError, match="outside"):
        decode_map(payload_of(symbols, 5), QualityMap(1, 5), (4, 4))


@pytest.mark.parametrize("seed", range(40))
def test_noise_is_no_map(seed: int) -> None:
    noise = np.random.default_rng(seed)
    header = QualityMap(THREADS[seed % 5], QUALITY_DISTRIBUTIONS[seed % 8])
    with pytest.raises(BitstreamError):
        decode_map(noise.bytes(int(noise.integers(0, 200))), header, (30, 20))


@pytest.mark.parametrize("distribution", QUALITY_DISTRIBUTIONS)
def test_a_huge_map_in_a_small_file_takes_neither_time_nor_memory(distribution: int) -> None:
    start, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BitstreamError, match="60 bytes of quality map are too few for a picture of this size"):
        decode_map(b"\1" * 60, QualityMap(1, distribution), (4100, 4100))
    assert time.process_time() - start < 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 10_000


def test_offsets_enter_the_scale_as_integers() -> None:
    """By numpy in 64 bits and by floats of 64 bits, as a GPU would have them."""
    random = np.random.default_rng(0)
    index = random.integers(0, 3968, (3, 9, 7)).astype(np.int32)
    gain, qps = random.integers(-2048, 2048, 3).astype(np.int16), random_map(0, (9, 7))
    found = skip_scale(index, gain, -700, sigma_offsets(qps))
    assert found.dtype == np.int32
    wide = index.astype(np.int64) + gain[:, None, None] - 700 + sigma_offsets(qps)
    assert np.array_equal(found, wide)
    floats = torch.from_numpy(index).double() + torch.from_numpy(gain).double()[:, None, None] - 700
    assert np.array_equal(found, (floats + torch.from_numpy(sigma_offsets(qps)).double()).numpy())


@pytest.mark.parametrize(("offset", "gain"), [(886, 2047), (-886, -2048)])
def test_offsets_keep_the_sum_in_its_range(offset: int, gain: int) -> None:
    """-4096..4094 of gain and displacement leave room for any offset; one more level of gain than that would not."""
    index, offsets = np.zeros((1, 1, 2), np.int32), np.array([[0, offset]], np.int32)
    assert skip_scale(index, np.array([gain], np.int16), gain, offsets)[0, 0, 1] == 2 * gain + offset
    limit = 8191 if gain > 0 else -8192
    assert skip_scale(index, np.array([limit - offset], np.int64), 0, offsets)[0, 0, 1] == limit
    with pytest.raises(ValueError, match="outside"):
        skip_scale(index, np.array([limit - offset + (1 if gain > 0 else -1)], np.int64), 0, offsets)


def test_offsets_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match=r"are of \(2, 3\), not \(3, 2\)"):
        skip_scale(np.zeros((1, 2, 3), np.int32), np.zeros(1, np.int16), 0, np.zeros((3, 2), np.int32))


@pytest.mark.parametrize("scaled", [False, True])
def test_the_quantiser_with_factors(scaled: bool) -> None:
    """Operation by operation in doubles that are rounded to floats each time: what every device that follows IEEE 754 must give."""
    random = np.random.default_rng(1)
    qps = random_map(5, (16, 24))
    scales = random.integers(16, 256, (2, 2, 3)).astype(np.uint8) if scaled else None
    gains = np.float32([0.3, 17.0])
    residual = (random.normal(size=(2, 16, 24)) * 40).astype(np.float32)
    quantiser = Quantiser(torch.from_numpy(gains), scales, factors(qps))
    found = quantiser.steps(torch.from_numpy(residual))
    values = quantiser.dequantised(rounded(found))

    def once(value: NDArray[np.float64]) -> NDArray[np.float64]:
        return value.astype(np.float32).astype(np.float64)

    share = factors(qps) / 16
    steps = once(once(residual.astype(np.float64) * gains[:, None, None].astype(np.float64)) * share)
    if scales is not None:
        steps = once(steps * (scales / 128).repeat(8, 1).repeat(8, 2))
    assert np.array_equal(found.numpy(), steps)
    known = np.rint(np.clip(steps, -32768, 32767))
    if scales is not None:
        known = once(known * inverse_factors()[scales].astype(np.float64).repeat(8, 1).repeat(8, 2))
    assert np.array_equal(values.numpy(), once(once(known / share) / gains[:, None, None].astype(np.float64)))


@pytest.mark.parametrize("size", [(16, 24), (15, 23), (1, 1), (7, 2)])
def test_the_stages_of_the_quantiser_are_parts_of_the_whole(size: tuple[int, int]) -> None:
    random = np.random.default_rng(2)
    scales = random.integers(16, 256, (3, -(-size[0] // 8), -(-size[1] // 8))).astype(np.uint8)
    quantiser = Quantiser(torch.tensor([0.5, 1.5, 9.0]), scales, factors(random_map(1, size)))
    residual = torch.from_numpy((random.normal(size=(1, 3, *size)) * 40).astype(np.float32))
    whole = quantiser.steps(residual)
    symbols = rounded(whole)
    values = quantiser.dequantised(symbols)
    for stage, (part, steps, cells, known) in enumerate(
        zip(split_cells(residual), split_cells(whole), split_cells(symbols), split_cells(values), strict=True)
    ):
        assert torch.equal(quantiser.steps(part, stage), steps)
        assert torch.equal(quantiser.dequantised(cells, stage), known)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_gpu_quantises_alike() -> None:
    random = np.random.default_rng(4)
    residual = torch.from_numpy((random.normal(size=(1, 2, 33, 31)) * 40).astype(np.float32))
    here = Quantiser(torch.tensor([0.3, 17.0]), None, factors(random_map(5, (33, 31))))
    there = Quantiser(here.gains.cuda(), None, here.factors)
    symbols = rounded(here.steps(residual))
    assert torch.equal(symbols, rounded(there.steps(residual.cuda())).cpu())
    assert torch.equal(here.dequantised(symbols), there.dequantised(symbols.cuda()).cpu())
