"""Linear light to PQ BT.2020, against colour-science and the published matrix of ITU-R BT.2087."""

from __future__ import annotations

import colour
import numpy as np
import pytest
from colour.models import eotf_inverse_ST2084, eotf_ST2084

from ctc import light

RADIANCE = (0.640, 0.330, 0.290, 0.600, 0.150, 0.060, 1 / 3, 1 / 3)
"""Primaries of the Radiance manual: green of NTSC, white of equal energy."""


def theirs(name: str) -> colour.RGB_Colourspace:
    """A colour space of theirs whose matrices follow from its primaries, to all digits."""
    space = colour.RGB_COLOURSPACES[name].copy()
    space.use_derived_transformation_matrices(True)
    return space


def test_pq_is_that_of_colour_science_both_ways() -> None:
    signal = np.linspace(0, 1, 1024)
    np.testing.assert_allclose(light.pq_to_light(signal), eotf_ST2084(signal), rtol=1e-12)
    cd_m2 = np.geomspace(1e-5, 1e4, 500)
    np.testing.assert_allclose(light.light_to_pq(cd_m2), eotf_inverse_ST2084(cd_m2), rtol=1e-12)
    np.testing.assert_allclose(light.pq_to_light(light.light_to_pq(cd_m2)), cd_m2, rtol=1e-8, atol=1e-9)


def test_known_levels() -> None:
    # BT.2408: reference white of 203 cd/m2 is 58 % of PQ; BT.2100: 100 cd/m2 is 51 %, 1000 is 75 %.
    assert light.light_to_pq(np.array([203.0, 100.0, 1000.0, 10000.0, 50000.0])).round(2).tolist() == [0.58, 0.51, 0.75, 1.0, 1.0]


def test_bt709_to_bt2020_is_the_matrix_of_bt2087() -> None:
    published = [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]
    np.testing.assert_allclose(light.to_bt2020(light.PRIMARIES["bt709"]), published, atol=5e-5)


def test_primaries_that_no_light_has() -> None:
    """AP0 of ACES, SMPTE ST 2065-1, which OpenEXR files of films have: its blue has a negative y."""
    matrix = light.to_bt2020((0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767))
    np.testing.assert_allclose(matrix, colour.matrix_RGB_to_RGB(theirs("ACES2065-1"), theirs("ITU-R BT.2020"), "Bradford"), atol=1e-12)


@pytest.mark.parametrize(("ours", "name"), [("bt709", "ITU-R BT.709"), ("p3-d65", "P3-D65"), ("bt2020", "ITU-R BT.2020")])
def test_primaries_are_those_of_colour_science(ours: str, name: str) -> None:
    expected = colour.matrix_RGB_to_RGB(theirs(name), theirs("ITU-R BT.2020"), None)
    np.testing.assert_allclose(light.to_bt2020(light.PRIMARIES[ours]), expected, atol=1e-12)


def test_another_white_is_adapted_as_colour_science_does() -> None:
    space = colour.RGB_Colourspace("Radiance", np.array(RADIANCE[:6]).reshape(3, 2), np.array(RADIANCE[6:]))
    space.use_derived_transformation_matrices(True)
    expected = colour.matrix_RGB_to_RGB(space, theirs("ITU-R BT.2020"), "Bradford")
    np.testing.assert_allclose(light.to_bt2020(RADIANCE), expected, atol=1e-12)
    np.testing.assert_allclose(light.to_bt2020(RADIANCE) @ np.ones(3), 1, atol=1e-12)


def test_linear_to_pq_is_the_chain_of_colour_science() -> None:
    samples = np.random.default_rng(3).lognormal(-1, 2, (300, 40, 3)).astype(np.float32)
    codes, clipped = light.linear_to_pq(samples, light.PRIMARIES["bt709"], 100.0)
    cd_m2 = 100 * colour.RGB_to_RGB(samples.astype(np.float64), theirs("ITU-R BT.709"), theirs("ITU-R BT.2020"), None)
    expected = np.rint(1023 * eotf_inverse_ST2084(np.minimum(cd_m2, 10000)))
    assert np.array_equal(np.rint(codes / 65535 * 1023), expected)
    assert clipped == pytest.approx((cd_m2 > 10000).mean())
    assert clipped > 0


def test_codes_fill_sixteen_bits_and_come_back() -> None:
    codes = light.on_pq_grid(np.arange(1024) / 1023)
    assert codes[[0, 1, 512, 1023]].tolist() == [0, 64, 32800, 65535]
    assert np.array_equal(np.rint(codes.astype(np.float32) / 65535 * 1023), np.arange(1024))


def test_below_zero_becomes_zero() -> None:
    samples = np.array([[[-0.5, 0.0, 0.0]]], np.float32)
    assert light.linear_to_pq(samples, light.PRIMARIES["bt709"], 203.0)[0].tolist() == [[[0, 0, 0]]]


def test_impossible_primaries_are_refused() -> None:
    with pytest.raises(ValueError, match="lie on a line"):
        light.to_bt2020((0.3, 0.3, 0.4, 0.4, 0.5, 0.5, 0.3127, 0.3290))
    with pytest.raises(ValueError, match="none of real primaries"):
        light.to_bt2020((0.64, 0.33, 0.3, 0.6, 0.15, 0.0, 0.3127, 0.3290))
