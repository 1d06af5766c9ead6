"""One axis for all rates: the displacements of one model after those of the other.

    quality 0 ... HIGHEST_QUALITY -- model, displacement

A step of 128 makes the quantiser of a model 1.22 times as fine. Where one model ends the next goes on at about the same rate: its gains
are others, so the displacement is another.
"""

from __future__ import annotations

from itertools import accumulate

from jpegai_ref.encoder import Setting
from jpegai_ref.knob import HIGHEST_QUALITY, SPANS
from jpegai_ref.variable_rate import RATE_MODELS

_FIRST = (0, *accumulate(last - first + 1 for first, last in SPANS[:-1]))
"""The quality with which each model begins."""


def setting_of(quality: int) -> Setting:
    """The model and displacement of a quality, 0..HIGHEST_QUALITY. Raises ValueError outside."""
    if not 0 <= quality <= HIGHEST_QUALITY:
        raise ValueError(f"a quality is in 0..{HIGHEST_QUALITY}, not {quality}")
    model_id = max(index for index, first in enumerate(_FIRST) if first <= quality)
    return setting_of_model(model_id, quality)


def setting_of_model(model_id: int, quality: int) -> Setting:
    """The quality as if the span of a model went on there, up to the model's own limits. Raises ValueError beyond these."""
    displacement = quality - _FIRST[model_id] + SPANS[model_id][0]
    model = RATE_MODELS[model_id]
    if not model.lowest_displacement <= displacement <= model.highest_displacement:
        raise ValueError(f"model {model_id} is not used at quality {quality}")
    return Setting(model_id, displacement)


def quality_of(setting: Setting) -> int:
    """The place of a setting on the axis; where it is beyond the span of its model, that of `setting_of_model`."""
    return setting.displacement - SPANS[setting.model_id][0] + _FIRST[setting.model_id]


def last_quality_of(model_id: int) -> int:
    """The highest quality that a model reaches."""
    return min(_FIRST[model_id] + RATE_MODELS[model_id].highest_displacement - SPANS[model_id][0], HIGHEST_QUALITY)
