"""Constants of LSBS in closed form: least squares of what a quantised latent lacks, on its mean and on its residual.

    minimise sum (y - y_hat - a mean - b resid)^2 over each segment;  s0 = 2^13 a, s1 = 2^13 b

Sums are kept for bins of the likely scale, so the two boundaries between the three segments are the best of all, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jpegai_ref import latents
from jpegai_ref.analysed import AnalysedComponent
from jpegai_ref.coder import Coder
from jpegai_ref.codestream import read_codestream
from jpegai_ref.exact import ExactComponent, decode_symbols
from jpegai_ref.likely import LARGEST_LIKELY, likely_scale
from jpegai_ref.lsbs import SEGMENTS, UNIT
from jpegai_ref.quantiser import WHOLE, expanded
from jpegai_ref.scales import BlockScales
from jpegai_ref.tool_constants import COMPONENTS, MODELS
from jpegai_ref.training.fit_samples import Sample, coded

BIN = 128
BINS = LARGEST_LIKELY // BIN + 1
LARGEST_SHARE = 0.5
"""Of mean and residual; more is not believed, it comes of a segment in which there is next to nothing."""
RIDGE = 1e-3
"""Added to the diagonal, as a share of the sum of squared errors: what a segment lacks must show in more than noise."""

Moments = NDArray[np.float64]
"""(..., BINS, 3, 3): sums of the products of mean, residual and what is lacking."""
Report = Callable[[str], None]


def fit_lsbs(coder: Coder, found: Sequence[Sample], report: Report) -> dict[str, Tensor]:
    """`tools.lsbs.*`."""
    thresholds = np.empty((COMPONENTS, MODELS, SEGMENTS - 1), np.int32)
    scales = np.empty((COMPONENTS, MODELS, SEGMENTS, 2), np.int32)
    for model_id in range(MODELS):
        moments = np.sum([_moments(coder, sample, model_id) for sample in found], axis=0)
        for component in range(COMPONENTS):
            thresholds[component, model_id], scales[component, model_id], left = fitted(moments[component])
            name = ("luma", "chroma")[component]
            report(
                f"lsbs  model {model_id}: squared error of {name} {100 * (left - 1):+.2f} %, thresholds "
                f"{thresholds[component, model_id].tolist()}, scales {scales[component, model_id].tolist()}"
            )
    return {"tools.lsbs.thresholds": torch.from_numpy(thresholds), "tools.lsbs.scales": torch.from_numpy(scales)}


def _moments(coder: Coder, sample: Sample, model_id: int) -> Moments:
    """Of luma and of chroma, (2, BINS, 3, 3). Raises ValueError for a grey sample."""
    encoded = coded(coder, sample, model_id)
    symbols = decode_symbols(coder.exact, read_codestream(encoded.data)).symbols
    source, quantised = sample.source, encoded.quantised
    if source.chroma is None or quantised.chroma is None:
        raise ValueError("a sample has no chroma")
    parts = (
        (coder.exact.luma, source.luma, quantised.luma, symbols.luma),
        (coder.exact.chroma, source.chroma, quantised.chroma, symbols.chroma),
    )
    return np.stack([_moments_of(exact, model_id, sample.displacement, part, y_hat[0], q) for exact, part, y_hat, q in parts])


def _moments_of(
    exact: ExactComponent, model_id: int, displacement: int, part: AnalysedComponent, y_hat: Tensor, symbols: NDArray[np.int16]
) -> Moments:
    likely = likely_scale(exact.skip_scale(model_id, displacement, part.sigma_index))
    steps = latents.quantiser(exact, model_id, displacement, BlockScales(None, None), y_hat.device)
    residual = steps.dequantised(torch.from_numpy(symbols).to(y_hat.device), WHOLE)
    values = torch.stack([y_hat - residual, residual, part.y[0] - y_hat]).double().flatten(1).cpu().numpy()
    bins = expanded(torch.from_numpy((likely - 1).clip(0) // BIN), WHOLE, *symbols.shape[1:]).flatten().numpy()
    moments = np.zeros((BINS, 3, 3))
    for row in range(3):
        for column in range(row, 3):
            sums = np.bincount(bins, values[row] * values[column], BINS)
            moments[:, row, column] = moments[:, column, row] = sums
    return moments


def fitted(moments: Moments) -> tuple[NDArray[np.int32], NDArray[np.int32], float]:
    """Thresholds (2,), scales (3, 2), and which share of the squared error they leave.

    A bin holds the likely scales above its number times 128, up to the next; bin 0 also has 0."""
    sums = np.concatenate([np.zeros((1, 3, 3)), moments.cumsum(0)])
    best: tuple[float, tuple[int, int], list[NDArray[np.int32]]] | None = None
    solved = {(first, last): _solved(sums[last] - sums[first]) for first, last in combinations(range(BINS + 1), 2)}
    for inner in combinations(range(1, BINS), 2):
        parts = [solved[pair] for pair in ((0, inner[0]), inner, (inner[1], BINS))]
        error = sum(part[1] for part in parts)
        if best is None or error < best[0]:
            best = error, inner, [part[0] for part in parts]
    if best is None:
        raise ValueError("there are too few bins")
    error, inner, scales = best
    whole = float(moments[:, 2, 2].sum())
    return np.array(inner, np.int32) * BIN, np.stack(scales), error / whole if whole else 1.0


def _solved(moments: NDArray[np.float64]) -> tuple[NDArray[np.int32], float]:
    """s0 and s1 of a segment from its moments (3, 3), and the squared error that is left."""
    lacking = float(moments[2, 2])
    if not lacking:
        return np.zeros(2, np.int32), 0.0
    square = moments[:2, :2] + RIDGE * lacking * np.eye(2)
    share = np.linalg.solve(square, moments[:2, 2]).clip(-LARGEST_SHARE, LARGEST_SHARE)
    scales = np.rint(share * UNIT).astype(np.int32)
    weights = np.array([*(-scales / UNIT), 1.0])
    return scales, float(weights @ moments @ weights)
