"""Distortion D of the loss R + beta D, with which the networks are trained.

D is on samples in [0, 255]; its weights for planes and for MS-SSIM are those of the reference software's training.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from pytorch_msssim import ms_ssim
from torch import Tensor

from jpegai_ref.colour import PEAK

MSSSIM_SCALE = 1000.0
SMALLEST_SIDE_FOR_MSSSIM = 161
"""Five scales with a window of eleven samples."""


@dataclass(frozen=True)
class DistortionWeights:
    """Of one model id. In the mixed stage a share `msssim` of luma's weight is taken by 1000 (1 - MS-SSIM)."""

    mse: tuple[float, float, float]
    mixed: tuple[float, float, float]
    msssim: float
    msssim_factor: float
    chroma_keeps: float
    """Part of the chroma MSE's weight that is left in the mixed stage."""


def _weights() -> tuple[DistortionWeights, ...]:
    low = DistortionWeights((0.8, 0.1, 0.1), (0.6667, 0.1667, 0.1667), 0.5, 1.0, 0.5)
    middle = DistortionWeights((0.8, 0.1, 0.1), (0.7143, 0.1429, 0.2857), 0.4, 0.7143, 1.0)
    high = DistortionWeights((1 / 3, 1 / 3, 1 / 3), (0.6667, 0.1667, 0.3333), 0.3, 0.6667, 1.0)
    return low, low, middle, high


WEIGHTS = _weights()


def plane_mse(planes: Tensor, reference: Tensor) -> Tensor:
    """Mean squared errors of Y, U, V: (N, 3, H, W) twice, in [0, 255] -> (N, 3)."""
    return (planes - reference).square().mean((-2, -1))


def distortion(planes: Tensor, reference: Tensor, model_ids: Tensor, mixed: bool) -> Tensor:
    """D of each picture, (N,). `planes` and `reference` (N, 3, H, W) in [0, 255]; mixed needs sides of at least 161 samples."""
    mse = plane_mse(planes, reference)
    if not mixed:
        return (_column("mse", model_ids, mse) * mse).sum(1)
    keep = torch.stack([torch.tensor([1 - w.msssim, w.chroma_keeps, w.chroma_keeps]) for w in WEIGHTS]).to(mse)[model_ids]
    structure = 1 - ms_ssim(planes[:, :1], reference[:, :1], data_range=PEAK, size_average=False)
    share = torch.tensor([MSSSIM_SCALE * w.msssim * w.msssim_factor for w in WEIGHTS]).to(mse)[model_ids]
    return (keep * _column("mixed", model_ids, mse) * mse).sum(1) + share * structure


def _column(name: str, model_ids: Tensor, like: Tensor) -> Tensor:
    return torch.tensor([getattr(weights, name) for weights in WEIGHTS]).to(like)[model_ids]
