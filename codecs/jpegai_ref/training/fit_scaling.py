"""Constants of RVS and CWG: thresholds and numbers of channels as given, factors by a coordinate search on the real coder.

minimise the mean of ln(R + beta D) over samples, for each model id, one tool at a time
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from jpegai_ref.coder import Coder
from jpegai_ref.cwg import HIGHEST_FACTOR, LOWEST_FACTOR, ONE
from jpegai_ref.quantiser import HIGHEST_SCALE, LOWEST_SCALE, NEUTRAL_SCALE
from jpegai_ref.rvs import SEGMENTS
from jpegai_ref.tool_constants import COMPONENTS, MODELS, Constants
from jpegai_ref.tools import Tools
from jpegai_ref.training.fit_samples import Sample, cost, with_constants
from jpegai_ref.training.fit_search import search

THRESHOLDS = ((1003, 1352, 1937), (1003, 1270, 1908), (1003, 1378, 1934), (1003, 1296, 1908))
"""Likely scales of the reference software, models 0 to 3: standard deviations of 0.528, about 0.9 and about 2.2."""
SCALE_STEPS = (16, 8, 4)
"""Of the search, in 1/128."""
FLAGGED_SHARES = ((5 / 160, 24 / 160, 35 / 160, 64 / 160), (10 / 96,) * 4)
"""Of luma's and of chroma's channels: those of the reference software."""
FACTOR_STEPS = (64, 32, 16)
"""Of the search, in 1/1024."""

Report = Callable[[str], None]


def fit_rvs(coder: Coder, found: Sequence[Sample], report: Report) -> dict[str, Tensor]:
    """`tools.rvs.*`."""
    thresholds = np.array([THRESHOLDS] * COMPONENTS, np.int32)
    scales = np.full((COMPONENTS, MODELS, SEGMENTS), NEUTRAL_SCALE, np.int32)
    for model_id in range(MODELS):

        def tried(values: Constants, model_id: int = model_id) -> float:
            scales[:, model_id] = values.reshape(COMPONENTS, SEGMENTS)
            return cost(with_constants(coder, _rvs_tensors(thresholds, scales)), found, model_id, Tools(rvs=True))

        best, gain = search(tried, scales[:, model_id].ravel(), SCALE_STEPS, (LOWEST_SCALE, HIGHEST_SCALE))
        scales[:, model_id] = best.reshape(COMPONENTS, SEGMENTS)
        report(f"rvs   model {model_id}: R + beta D {100 * gain:+.2f} %, scales {scales[:, model_id].tolist()}")
    return _rvs_tensors(thresholds, scales)


def fit_cwg(coder: Coder, found: Sequence[Sample], report: Report) -> dict[str, Tensor]:
    """`tools.cwg.*`."""
    channels = (coder.model.dimensions.luma_latent, coder.model.dimensions.chroma_latent)
    flagged = np.array([[round(share * all_) for share in shares] for shares, all_ in zip(FLAGGED_SHARES, channels, strict=True)], np.int32)
    factors = np.full((COMPONENTS, MODELS, 2), ONE, np.int32)
    for model_id in range(MODELS):

        def tried(values: Constants, model_id: int = model_id) -> float:
            factors[:, model_id] = values.reshape(COMPONENTS, 2)
            return cost(with_constants(coder, _cwg_tensors(factors, flagged)), found, model_id, Tools(cwg=True))

        best, gain = search(tried, factors[:, model_id].ravel(), FACTOR_STEPS, (LOWEST_FACTOR, HIGHEST_FACTOR))
        factors[:, model_id] = best.reshape(COMPONENTS, 2)
        report(f"cwg   model {model_id}: R + beta D {100 * gain:+.2f} %, factors {factors[:, model_id].tolist()}")
    return _cwg_tensors(factors, flagged)


def _rvs_tensors(thresholds: Constants, scales: Constants) -> dict[str, Tensor]:
    return {"tools.rvs.thresholds": torch.tensor(thresholds), "tools.rvs.scales": torch.tensor(scales)}


def _cwg_tensors(factors: Constants, flagged: Constants) -> dict[str, Tensor]:
    return {"tools.cwg.factors": torch.tensor(factors), "tools.cwg.channels": torch.tensor(flagged)}
