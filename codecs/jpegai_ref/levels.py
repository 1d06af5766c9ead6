"""Profiles and levels: which pictures, models and operating points a decoder must be able to decode."""

from __future__ import annotations

from typing import Final

SOP, BOP, HOP = range(3)
"""Ids of the synthesis transforms: simple, base and high operating point."""
TRANSFORM_NAMES: Final = ("SOP", "BOP", "HOP")

PROFILE_NAMES: Final = ("simple", "main", "high")
DEFAULT_TRANSFORMS: Final = ({SOP}, {SOP, BOP}, {SOP, BOP, HOP})
"""By decoder profile: what the first synthesis transform of a stream may be."""

MOST_SAMPLES: Final = {1: 6_220_800, 2: 24_883_200, 3: 99_532_800, 4: 149_817_600, 5: 398_131_200}
"""Luma samples by the tens of level_idc."""
MODELS: Final = ({2}, {2, 3}, {0, 1, 2, 3})
"""Model ids by the ones of level_idc."""


def is_level(level_idc: int) -> bool:
    return level_idc // 10 in MOST_SAMPLES and level_idc % 10 < len(MODELS)


def level_for(samples: int, model_id: int) -> int:
    """The lowest level_idc that allows so many luma samples and the model. Raises ValueError where none does."""
    sizes = [size for size, most in MOST_SAMPLES.items() if samples <= most]
    sets = [index for index, models in enumerate(MODELS) if model_id in models]
    if not sizes or not sets:
        raise ValueError(f"no level allows {samples} samples and model {model_id}")
    return 10 * sizes[0] + sets[0]
