"""The bitrate matcher: one analysis, then a bounded number of passes of quantisation and entropy coding until the real bytes fit.

All settings lie on one axis, `quality`: the gain of the quantiser in 1/128 level, model after model. The rate rises along it, nearly as an
exponential, so that each pass tells the next where to go: secant on ln(bytes) inside the bracket known so far.
"""

from __future__ import annotations

import math

from jpegai_ref.variable_rate import BETA_OF_UNIT_GAIN, LOG_LEVEL, RATE_MODELS, STEPS_PER_LEVEL

MOST_PASSES = 10
TOLERANCE = 0.02


def _nominal(model_id: int) -> int:
    """Gain of a model without displacement, in 1/128 level."""
    return round(math.log(RATE_MODELS[model_id].beta / BETA_OF_UNIT_GAIN) / (2 * LOG_LEVEL) * STEPS_PER_LEVEL)
