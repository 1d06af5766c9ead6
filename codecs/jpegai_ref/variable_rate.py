"""Variable rate: four models, each a vector of gains per channel, and a displacement that scales all gains of a model together.

A residual is multiplied by the gain before it is rounded and divided by it after. Gains are kept as levels of the sigma grid:
gain = exp(level * log_k); the bitstream has them in 1/128 level. The Lagrangian weight beta of distortion grows with the square of the
gain, as the distortion of a uniform quantiser falls with the square of its step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

SIGMA_MINIMUM = 0.11
SIGMA_MAXIMUM = 54.82
LEVELS = 32
LOG_LEVEL = (math.log(SIGMA_MAXIMUM) - math.log(SIGMA_MINIMUM)) / (LEVELS - 1)
"""log_k: neighbouring levels of sigma differ by the factor exp(log_k) = 1.2218."""
STEPS_PER_LEVEL = 128
LOWEST_GAIN_LOG, HIGHEST_GAIN_LOG = -2048, 2047
BETA_OF_UNIT_GAIN = 0.012


@dataclass(frozen=True)
class RateModel:
    """One `model_id`: its Lagrangian weight and the displacements (in 1/128 level) over which it is used and a training
    draws. What the committed weights have seen of them is in TRAINING.md."""

    beta: float
    lowest_displacement: int
    highest_displacement: int


RATE_MODELS = (
    RateModel(0.0004, -832, 320),
    RateModel(0.002, -832, 480),
    RateModel(0.01, -576, 736),
    RateModel(0.1, -432, 1000),
)
"""Placed where these networks need them for 0.06 to 2 bpp; the reference software has 0.002, 0.012, 0.075 and 0.5. Ranges overlap with the
neighbours'; its encoder goes from -1069 to 702."""


class GainVectors(nn.Module):
    """The gains of one component: a trained vector of C levels for each of the four models.

    They start at gain = sqrt(beta / 0.012) in all channels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        start = [math.log(model.beta / BETA_OF_UNIT_GAIN) / (2 * LOG_LEVEL) for model in RATE_MODELS]
        self.levels = nn.Parameter(torch.tensor(start).unsqueeze(1).repeat(1, channels))

    def forward(self, model_ids: Tensor, displacements: Tensor) -> Tensor:
        """Gains in levels, (N, C, 1, 1), for the model (int64, (N,)) and displacement (1/128 level, (N,)) of each picture."""
        levels = self.levels[model_ids] + displacements.to(self.levels.dtype).unsqueeze(1) / STEPS_PER_LEVEL
        return levels[..., None, None]

    @torch.no_grad()
    def gain_logs(self) -> Tensor:
        """int16 (4, C): the gains as the bitstream has them, in 1/128 level, -2048..2047."""
        return torch.round(self.levels * STEPS_PER_LEVEL).clamp(LOWEST_GAIN_LOG, HIGHEST_GAIN_LOG).to(torch.int16)


def sigma_of(levels: Tensor) -> Tensor:
    """Standard deviation of residual symbols at a level of the grid; levels below 0 count as 0."""
    return SIGMA_MINIMUM * torch.exp(levels.clamp(min=0) * LOG_LEVEL)


def gain_of(levels: Tensor) -> Tensor:
    """The factor that a level of gain stands for."""
    return torch.exp(levels * LOG_LEVEL)
