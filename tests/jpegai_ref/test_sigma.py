"""Scales, skip mode, cube flags, gains and the quantiser."""

from __future__ import annotations

import hashlib
from math import exp

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from jpegai_ref.cubes import cube_count, cube_flags, cube_shape, flags_of_phase, forced_positions
from jpegai_ref.distributions import LOG_STEP, LOWEST_SIGMA
from jpegai_ref.quantiser import HIGHEST_LOG, LOWEST_LOG, Quantiser, factors, gains, rounded
from jpegai_ref.sigma import SKIP_THRESHOLD, coded_positions, distribution_index, skip_scale


def test_scales_add_up_channel_by_channel() -> None:
    index = np.arange(12, dtype=np.int32).reshape(3, 2, 2) * 300
    scale = skip_scale(index, np.array([-100, 0, 2047], np.int16), -7)
    assert scale.dtype == np.int32
    assert np.array_equal(scale, index + np.array([-107, -7, 2040])[:, None, None])


@pytest.mark.parametrize(
    ("highest", "gain", "displacement", "reason"),
    [(3968, 0, 0, r"0\.\.3967"), (-1, 0, 0, r"0\.\.3967"), (0, 8192, 0, "outside"), (0, -2048, -6145, "outside")],
)
def test_scales_out_of_range_are_refused(highest: int, gain: int, displacement: int, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        skip_scale(np.full((1, 1, 1), highest, np.int32), np.array([gain]), displacement)


def test_positions_of_a_standard_deviation_above_a_fifth_are_coded() -> None:
    assert LOWEST_SIGMA * exp(LOG_STEP * SKIP_THRESHOLD / 128) == pytest.approx(0.200, abs=1e-4)
    assert coded_positions(np.array([[[382, 383, -5000, 3967]]], np.int32)).tolist() == [[[False, True, False, True]]]


@pytest.mark.parametrize(
    ("scale", "index"), [(-5000, 0), (63, 0), (64, 1), (191, 1), (192, 2), (3967, 31), (3903, 30), (3904, 31), (9000, 31)]
)
def test_the_distribution_is_that_of_the_nearest_level(scale: int, index: int) -> None:
    assert distribution_index(np.array([[[scale]]], np.int32)).item() == index


@pytest.mark.parametrize(("height", "width", "shape"), [(1, 1, (4, 1, 1)), (16, 17, (4, 1, 2)), (56, 35, (4, 4, 3)), (33, 32, (4, 3, 2))])
def test_numbers_of_cubes(height: int, width: int, shape: tuple[int, int, int]) -> None:
    assert cube_shape(height, width) == shape
    assert cube_count(height, width) == shape[0] * shape[1] * shape[2]


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_a_flag_rules_the_positions_of_its_phase_and_block(height: int, width: int, seed: int) -> None:
    flags = np.random.default_rng(seed).random(cube_shape(height, width)) < 0.5
    forced = forced_positions(flags, height, width)
    for y, x in np.ndindex(height, width):
        assert forced[y, x] == (not flags[2 * (y % 2) + x % 2, y // 16, x // 16])


def test_a_cube_with_one_large_error_may_not_skip() -> None:
    error = np.zeros((5, 35, 20))
    error[3, 17, 8] = 3.001
    error[2, 0, 1] = 3.0
    flags = cube_flags(error)
    assert np.argwhere(~flags).tolist() == [[2, 1, 0]]
    assert np.array_equal(flags_of_phase(error[:, 1::2, 0::2], 3, 2), flags[2])


def test_flags_force_positions_to_be_coded() -> None:
    scale = np.full((2, 16, 32), 100, np.int32)
    flags = np.ones((4, 1, 2), np.bool_)
    assert not coded_positions(scale, flags).any()
    flags[1, 0, 1] = False
    assert np.argwhere(coded_positions(scale, flags)[0]).tolist() == [[y, x] for y in range(0, 16, 2) for x in range(17, 32, 2)]
    with pytest.raises(ValueError, match="cube flags"):
        coded_positions(scale, flags[:, :, :1])


def test_factors_are_exact_powers() -> None:
    wanted = np.rint(1024 * np.exp(np.arange(LOWEST_LOG, HIGHEST_LOG + 1) * LOG_STEP / 128))
    assert np.array_equal(factors(), wanted)
    assert factors()[[0, 4096, 4096 + 2047]].tolist() == [2, 1024, 25229]
    assert (
        hashlib.sha256(factors().astype("<i4").tobytes()).hexdigest() == "0824a95bc396237133214656030a9b460038df3bead1af30a5697fe059e0e219"
    )


def test_gains_are_multiples_of_1_in_1024() -> None:
    gain = gains(np.array([0, 259, -1069], np.int16), 0)
    assert gain.dtype == np.float32
    assert (gain * 1024).tolist() == [1024, 1536, 192]
    assert gains(np.array([100]), 159).tolist() == [1.5]
    with pytest.raises(ValueError, match="-2048"):
        gains(np.array([2048]), 0)


def test_the_quantiser_rounds_half_to_even_and_keeps_to_16_bits() -> None:
    quantiser = Quantiser(torch.tensor([0.5, 1.0]))
    residual = torch.tensor([[[1.0, 3.0, 5.0, -1.0]], [[40000.0, -40000.0, 0.5, 32767.4]]])
    symbols = rounded(quantiser.steps(residual))
    assert symbols.dtype == torch.int16
    assert symbols.tolist() == [[[0, 2, 2, 0]], [[32767, -32768, 0, 32767]]]
    assert quantiser.dequantised(symbols).tolist() == [[[0.0, 4.0, 4.0, 0.0]], [[32767.0, -32768.0, 0.0, 32767.0]]]
    assert rounded(quantiser.steps(torch.zeros(2, 2, 3, 3))).shape == (2, 2, 3, 3)
