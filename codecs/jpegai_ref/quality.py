"""One axis for all rates: the gain of the quantiser in 1/128 level, model after model.

    quality 0 ... 2977 -- gain -- beta -- nearest model, displacement

A step of 128 makes the quantiser 1.22 times as fine. Where two models meet, the quality goes on without a step in gain.
"""

from __future__ import annotations

import math

from jpegai_ref.encoder import Setting
from jpegai_ref.knob import HIGHEST_QUALITY
from jpegai_ref.variable_rate import BETA_OF_UNIT_GAIN, LOG_LEVEL, RATE_MODELS, STEPS_PER_LEVEL, operating_point


def _gain_log(beta: float) -> float:
    """Of a quantiser for a Lagrangian weight, in 1/128 level."""
    return math.log(beta / BETA_OF_UNIT_GAIN) / (2 * LOG_LEVEL) * STEPS_PER_LEVEL


_NOMINAL = [_gain_log(model.beta) for model in RATE_MODELS]
_LOWEST = math.ceil(_NOMINAL[0] + RATE_MODELS[0].lowest_displacement)


def setting_of(quality: int) -> Setting:
    """The model and displacement of a quality, 0..HIGHEST_QUALITY. Raises ValueError outside."""
    if not 0 <= quality <= HIGHEST_QUALITY:
        raise ValueError(f"a quality is in 0..{HIGHEST_QUALITY}, not {quality}")
    beta = BETA_OF_UNIT_GAIN * math.exp(2 * LOG_LEVEL * (quality + _LOWEST) / STEPS_PER_LEVEL)
    return Setting(*operating_point(beta))


def setting_of_model(model_id: int, quality: int) -> Setting:
    """The same gain by a given model, where that reaches so far. Raises ValueError where it does not."""
    displacement = round(quality + _LOWEST - _NOMINAL[model_id])
    model = RATE_MODELS[model_id]
    if not model.lowest_displacement <= displacement <= model.highest_displacement:
        raise ValueError(f"model {model_id} is not used at quality {quality}")
    return Setting(model_id, displacement)


def last_quality_of(model_id: int) -> int:
    """The highest quality that a model reaches."""
    return min(math.floor(_NOMINAL[model_id] + RATE_MODELS[model_id].highest_displacement) - _LOWEST, HIGHEST_QUALITY)
