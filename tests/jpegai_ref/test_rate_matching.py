"""The bitrate matcher: real bytes near the target, few passes, whatever the rate does along the axis."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jpegai_ref.analysed import Analysed, analysed
from jpegai_ref.coder import Coder
from jpegai_ref.decoder import decode
from jpegai_ref.encoder import encode_analysed
from jpegai_ref.knob import HIGHEST_QUALITY
from jpegai_ref.picture import Picture
from jpegai_ref.quality import quality_of, setting_of
from jpegai_ref.rate_matching import MOST_PASSES, TOLERANCE, Proposal, matched, search
from jpegai_ref.variable_rate import LOG_LEVEL, RATE_MODELS, STEPS_PER_LEVEL

from tests.jpegai_ref.sample_pictures import digest, rgb


def gain_log(proposal: Proposal) -> float:
    """ln(gain) of what is proposed, up to a constant, if models met in gain."""
    return quality_of(proposal.setting) * LOG_LEVEL / STEPS_PER_LEVEL


def searched(rate: Callable[[Proposal], float], target: float) -> list[tuple[Proposal, float]]:
    """All passes: (proposal, rate / target)."""
    passes = []
    proposals = search(math.log(target))
    proposal = next(proposals)
    while True:
        ratio = rate(proposal) / target
        passes.append((proposal, ratio))
        try:
            proposal = proposals.send(math.log(ratio))
        except StopIteration:
            return passes


@given(st.floats(0.06, 2), st.floats(0.3, 2.0), st.floats(0.4, 0.9))
def test_exponential_rates_take_few_passes(target: float, size: float, slope: float) -> None:
    passes = searched(lambda proposal: size * math.exp(slope * gain_log(proposal)) + 0.001, target)
    if passes[-1][0].setting not in (setting_of(0), setting_of(HIGHEST_QUALITY)):
        assert abs(passes[-1][1] - 1) <= TOLERANCE
        assert len(passes) <= 6


@given(st.floats(0.06, 2), st.floats(0.3, 2.0), st.floats(1.05, 1.3))
def test_a_step_between_models_is_passed(target: float, size: float, step: float) -> None:
    passes = searched(lambda proposal: size * math.exp(0.7 * gain_log(proposal)) * step**proposal.setting.model_id, target)
    assert len(passes) <= MOST_PASSES
    if passes[-1][0].setting in (setting_of(0), setting_of(HIGHEST_QUALITY)):
        return
    # Models overlap by 34 steps of gain, half of which can be gained on either side.
    nearest = min(abs(ratio - 1) for _, ratio in passes)
    assert nearest <= max(TOLERANCE, step - 1)


def test_steps_of_cube_flags_are_passed() -> None:
    settings = {setting_of(quality): quality for quality in range(HIGHEST_QUALITY + 1)}

    def rate(proposal: Proposal) -> float:
        quality = settings.get(proposal.setting, 0)
        flags = settings[proposal.decided_by] if proposal.decided_by else quality
        return 0.5 * math.exp((quality - 1850) / 700) * (1.2 if flags > 1830 else 1.0)

    passes = searched(rate, 0.53)
    assert abs(passes[-1][1] - 1) <= TOLERANCE
    assert passes[-1][0].decided_by is not None


@pytest.mark.parametrize("rate", [1e-9, 1e9])
def test_unreachable_rates_end_at_the_end_of_the_axis(rate: float) -> None:
    passes = searched(lambda proposal: math.exp(0.7 * gain_log(proposal)), rate)
    assert passes[-1][0].setting == setting_of(0 if rate < 1 else HIGHEST_QUALITY)
    assert len(passes) < MOST_PASSES


def test_a_rate_that_does_not_depend_on_quality() -> None:
    assert len(searched(lambda _: 1.0, 0.5)) <= MOST_PASSES
    assert len(searched(lambda _: 1.0, 2.0)) <= MOST_PASSES


@pytest.fixture(scope="module")
def photograph(own_coder: Coder) -> Analysed:
    return analysed(own_coder, rgb(320, 480))


@pytest.mark.parametrize("target", [0.25, 0.5, 0.75, 1.0, 2.0])
def test_a_photograph(own_coder: Coder, photograph: Analysed, target: float) -> None:
    match = matched(own_coder, photograph, target)
    assert match.passes <= MOST_PASSES
    assert abs(match.deviation) <= TOLERANCE
    assert match.deviation == 8 * len(match.encoded.data) / (320 * 480 * target) - 1
    decoded = decode(own_coder, match.encoded.data, "sop")
    assert digest(decoded) == digest(match.encoded.reconstruction(own_coder, "sop"))


def test_noise(own_coder: Coder) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (3, 200, 200), np.uint8)
    match = matched(own_coder, analysed(own_coder, Picture(tuple(noise), 8, "rgb")), 2.0)
    assert abs(match.deviation) <= TOLERANCE


def test_the_nearest_is_returned_where_none_fits(own_coder: Coder, photograph: Analysed) -> None:
    match = matched(own_coder, photograph, 0.001)
    assert match.setting == setting_of(0)
    assert match.deviation > 1


@pytest.mark.parametrize("target", [0.0, -1.0, math.inf, math.nan])
def test_targets_that_are_no_rate(own_coder: Coder, photograph: Analysed, target: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        matched(own_coder, photograph, target)


def test_the_axis_of_quality() -> None:
    settings = [setting_of(quality) for quality in range(HIGHEST_QUALITY + 1)]
    assert [quality_of(setting) for setting in settings] == list(range(HIGHEST_QUALITY + 1))
    assert [setting.model_id for setting in settings] == sorted(setting.model_id for setting in settings)
    assert settings[0].displacement == RATE_MODELS[0].lowest_displacement
    assert settings[-1].displacement == RATE_MODELS[-1].highest_displacement
    assert {setting.model_id for setting in settings} == {0, 1, 2, 3}
    for quality in (-1, HIGHEST_QUALITY + 1):
        with pytest.raises(ValueError, match="quality"):
            setting_of(quality)


def test_where_models_meet_the_rate_goes_on(own_coder: Coder, photograph: Analysed) -> None:
    """The constants of the axis are those of the weights: along it a photograph's rate rises, with small steps between models."""
    joins = [quality for quality in range(1, HIGHEST_QUALITY + 1) if setting_of(quality).model_id > setting_of(quality - 1).model_id]
    for join in joins:
        below, above = (len(encode_analysed(own_coder, photograph, setting_of(quality)).data) for quality in (join - 1, join))
        assert abs(math.log(above / below)) < 0.12
