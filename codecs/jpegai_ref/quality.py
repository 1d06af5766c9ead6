"""One axis for all rates: the displacements of one model after those of the other.

    quality 0 ... HIGHEST_QUALITY -- model, displacement

A step of 128 makes the quantiser of a model 1.22 times as fine. Where one model ends the next goes on at about the same rate: its gains
are others, so the displacement is another.

With a quality map the quality is that of positions of qp 0, and the model the one that serves the finest position: at the same rate it
gives more than a lower model does, to the region and to what is around it.
"""

from __future__ import annotations

from itertools import accumulate

from jpegai_ref.encoder import Setting
from jpegai_ref.knob import HIGHEST_QUALITY, SPANS
from jpegai_ref.variable_rate import RATE_MODELS

_FIRST = (0, *accumulate(last - first + 1 for first, last in SPANS[:-1]))
"""The quality with which each model begins."""


def setting_of(quality: int, finest: int = 0) -> Setting:
    """The model and displacement of a quality, 0..HIGHEST_QUALITY. Raises ValueError outside.

    finest  by how many steps of quality the finest position of a quality map is above, see `quality_map.finest`
    """
    if not 0 <= quality <= HIGHEST_QUALITY:
        raise ValueError(f"a quality is in 0..{HIGHEST_QUALITY}, not {quality}")
    model_id = max(index for index, first in enumerate(_FIRST) if first <= max(quality + finest, 0))
    return setting_of_model(model_id, quality, finest)


def setting_of_model(model_id: int, quality: int, finest: int = 0) -> Setting:
    """The quality as if the span of a model went on there, up to the model's own limits. Raises ValueError beyond these."""
    displacement = quality - _FIRST[model_id] + SPANS[model_id][0]
    lowest, highest = _limits(model_id, finest)
    if not lowest <= displacement <= highest:
        raise ValueError(f"model {model_id} is not used at quality {quality}")
    return Setting(model_id, displacement)


def quality_of(setting: Setting) -> int:
    """The place of a setting on the axis; where it is beyond the span of its model, that of `setting_of_model`."""
    return setting.displacement - SPANS[setting.model_id][0] + _FIRST[setting.model_id]


def last_quality_of(model_id: int, finest: int = 0) -> int:
    """The highest quality that a model reaches."""
    return min(_FIRST[model_id] + _limits(model_id, finest)[1] - SPANS[model_id][0], HIGHEST_QUALITY)


def _limits(model_id: int, finest: int) -> tuple[int, int]:
    """The lowest and the highest displacement of a model: those with which the finest position is within the model's own.

    Beyond the ends of the axis there is no model that would serve it better."""
    model = RATE_MODELS[model_id]
    lowest, highest = model.lowest_displacement - finest, model.highest_displacement - finest
    if model_id == 0:
        lowest = min(lowest, model.lowest_displacement)
    if model_id == len(RATE_MODELS) - 1:
        highest = max(highest, model.highest_displacement)
    return lowest, highest
