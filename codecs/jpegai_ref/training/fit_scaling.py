"""Constants of RVS and CWG: thresholds and numbers of channels as given, factors by a coordinate search on the real coder.

minimise the mean of what the tool costs alone and together with those that were fitted before it, see `fit_judge`

Constants that are best alone do not add: each of these tools moves the steps of the quantiser, and two that move them the same way go
too far.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from statistics import fmean

import numpy as np
import torch
from torch import Tensor

from jpegai_ref.coder import Coder
from jpegai_ref.cwg import HIGHEST_FACTOR, LOWEST_FACTOR, ONE
from jpegai_ref.quantiser import HIGHEST_SCALE, LOWEST_SCALE, NEUTRAL_SCALE
from jpegai_ref.rvs import SEGMENTS
from jpegai_ref.tool_constants import COMPONENTS, MODELS, Constants
from jpegai_ref.tools import NO_TOOLS, Tools
from jpegai_ref.training.fit_judge import Judge
from jpegai_ref.training.fit_samples import Sample, with_constants
from jpegai_ref.training.fit_search import search

THRESHOLDS = ((1003, 1352, 1937), (1003, 1270, 1908), (1003, 1378, 1934), (1003, 1296, 1908))
"""Likely scales of the reference software, models 0 to 3: standard deviations of 0.528, about 0.9 and about 2.2."""
SCALE_STEPS = (16, 8)
"""Of the search, in 1/128."""
FLAGGED_SHARES = ((5 / 160, 24 / 160, 35 / 160, 64 / 160), (10 / 96,) * 4)
"""Of luma's and of chroma's channels: those of the reference software."""
FACTOR_STEPS = (64, 32)
"""Of the search, in 1/1024."""

Report = Callable[[str], None]


def fit_rvs(coder: Coder, found: Sequence[Sample], before: Tools, report: Report) -> dict[str, Tensor]:
    """`tools.rvs.*`; the coder has the constants of the tools `before`."""
    thresholds = np.array([THRESHOLDS] * COMPONENTS, np.int32)
    scales = np.full((COMPONENTS, MODELS, SEGMENTS), NEUTRAL_SCALE, np.int32)
    bounds = (LOWEST_SCALE, HIGHEST_SCALE)
    return _fitted(coder, found, before, report, Tools(rvs=True), scales, SCALE_STEPS, bounds, lambda: _rvs_tensors(thresholds, scales))


def fit_cwg(coder: Coder, found: Sequence[Sample], before: Tools, report: Report) -> dict[str, Tensor]:
    """`tools.cwg.*`; the coder has the constants of the tools `before`."""
    channels = (coder.model.dimensions.luma_latent, coder.model.dimensions.chroma_latent)
    flagged = np.array([[round(share * all_) for share in shares] for shares, all_ in zip(FLAGGED_SHARES, channels, strict=True)], np.int32)
    factors = np.full((COMPONENTS, MODELS, 2), ONE, np.int32)
    bounds = (LOWEST_FACTOR, HIGHEST_FACTOR)
    return _fitted(coder, found, before, report, Tools(cwg=True), factors, FACTOR_STEPS, bounds, lambda: _cwg_tensors(factors, flagged))


def _fitted(
    coder: Coder,
    found: Sequence[Sample],
    before: Tools,
    report: Report,
    tool: Tools,
    values: Constants,
    steps: Sequence[int],
    bounds: tuple[int, int],
    tensors: Callable[[], dict[str, Tensor]],
) -> dict[str, Tensor]:
    """Sets `values` (components, 4, n) row by row, each for its component alone; the tensors that are made of them."""
    choices = [tool] if before == NO_TOOLS else [tool, before | tool]
    for model_id, component in product(range(MODELS), range(COMPONENTS)):
        row, judge = values[component, model_id], Judge(coder, found, model_id, component)

        def tried(candidate: Constants, row: Constants = row, judge: Judge = judge) -> float:
            row[:] = candidate
            scaled = with_constants(coder, tensors())
            return fmean(judge.cost(judge.coded(scaled, chosen)) for chosen in choices)

        name = f"{tool!s:5} model {model_id}: rate of {('luma', 'chroma')[component]}"
        if judge.reacts:
            row[:], gain = search(tried, row.copy(), steps, bounds)
            report(f"{name} {100 * gain:+.2f} %, {row.tolist()}")
        else:
            report(f"{name} does not react to the quantiser: nothing to fit")
    return tensors()


def _rvs_tensors(thresholds: Constants, scales: Constants) -> dict[str, Tensor]:
    return {"tools.rvs.thresholds": torch.tensor(thresholds), "tools.rvs.scales": torch.tensor(scales)}


def _cwg_tensors(factors: Constants, flagged: Constants) -> dict[str, Tensor]:
    return {"tools.cwg.factors": torch.tensor(factors), "tools.cwg.channels": torch.tensor(flagged)}
