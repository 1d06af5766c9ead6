"""What the trained filter is trained for: what it leaves of each error, as a share of what is there without it.

    luma      0.3 MSE + 0.35 structure lost + 0.35 information lost        chroma      MSE

Shares count alike at all rates and in all pictures. Squared error alone would smooth; the metrics of the common test conditions also ask
for contrast. Luma needs sides of at least 128.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from jpegai_ref.visible_errors import SMALLEST_ERRORS, information_lost, squared_error, structure_lost, windows


@dataclass(frozen=True)
class LumaShares:
    """How much each error of luma counts."""

    mse: float = 0.3
    structure: float = 0.35
    information: float = 0.35


def _luma_errors(luma: Tensor, original: Tensor) -> list[Tensor]:
    scales = list(windows(luma, original))
    return [squared_error(luma, original), structure_lost(scales), information_lost(scales)]


def loss(filtered: Tensor, decoded: Tensor, original: Tensor, shares: LumaShares) -> Tensor:
    """Mean over a batch of Y, U, V (N, 3, H, W) in [0, 255], the shares of luma, of U and of V added: 3 for planes that are as decoded."""
    result = torch.zeros(())
    with torch.no_grad():
        without = _luma_errors(decoded[:, :1], original[:, :1])
    errors, weights = _luma_errors(filtered[:, :1], original[:, :1]), (shares.mse, shares.structure, shares.information)
    for error, other, weight, smallest in zip(errors, without, weights, SMALLEST_ERRORS[: len(errors)], strict=True):
        result = result + weight * (error / other.clamp(min=smallest)).mean()
    for plane in (1, 2):
        chosen = slice(plane, plane + 1)
        other = squared_error(decoded[:, chosen], original[:, chosen]).clamp(min=SMALLEST_ERRORS[0])
        result = result + (squared_error(filtered[:, chosen], original[:, chosen]) / other).mean()
    return result
