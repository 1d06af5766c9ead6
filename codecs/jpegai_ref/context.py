"""The multi-stage context model (MCM) of luma, and what takes its place for chroma: means of the latent, cell by cell.

A cell is 2x2 latents. Its four positions are decoded in the order (0,0), (1,1), (0,1), (1,0); (row, column).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jpegai_ref.blocks import conv
from jpegai_ref.dimensions import CONTEXT_CHANNELS_PER_GROUP

POSITIONS = ((0, 0), (1, 1), (0, 1), (1, 0))
"""(row, column) inside a cell, in the order of decoding."""

Reconstruct = Callable[[int, Tensor], Tensor]
"""(stage 0..3, mean mu of that stage (N, C, h2, w2)) -> y_hat of that stage, same shape."""


def split_cells(y: Tensor) -> list[Tensor]:
    """(N, C, h, w) -> four (N, C, ceil(h/2), ceil(w/2)) in the order of decoding; an odd size is completed with zeros."""
    y = F.pad(y, (0, y.shape[-1] % 2, 0, y.shape[-2] % 2))
    return [y[..., row::2, column::2] for row, column in POSITIONS]


def join_cells(stages: list[Tensor], height: int, width: int) -> Tensor:
    """The inverse of `split_cells`; height and width of the latent, which may be odd."""
    first, second, third, fourth = stages
    upper = torch.stack((first, third), -1).flatten(-2)
    lower = torch.stack((fourth, second), -1).flatten(-2)
    return torch.stack((upper, lower), -2).flatten(-3, -2)[..., :height, :width]


def chroma_means(psi: Tensor, height: int, width: int) -> Tensor:
    """Means of the chroma latent: psi (N, 4C, h2, w2) -> (N, C, height, width), size of the latent."""
    return join_cells(list(psi.chunk(4, 1)), height, width)


class FusionPredNet(nn.Module):
    """F_s: (N, a, h2, w2) -- C1 a->C -- ReLU -- C1 C->C -- ReLU -- C1 C->C -- (N, C, h2, w2); the mean starts near zero."""

    def __init__(self, before: int, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            conv(before, channels, 1, bias=False),
            nn.ReLU(),
            conv(channels, channels, 1, bias=False),
            nn.ReLU(),
            last := conv(channels, channels, 1, bias=False),
        )
        nn.init.normal_(last.weight, std=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        mean: Tensor = self.layers(x)
        return mean


class ContextModel(nn.Module):
    """Four stages; each predicts a quarter of the luma latent from psi and from the quarters that are known already.

    psi (N, 4C, h2, w2) -- quarters psi_0..psi_3 (N, C, h2, w2)
    stage 0:  psi_0 -- F_0 -- mu_0
    stage s:  y_hat of stages 0..s-1 (N, sC, h2, w2) -- G_s = C1 sC->C, C3 C->C in C/32 groups -- (N, C, h2, w2)
              cat(., psi_s) (N, 2C, h2, w2) -- F_s -- mu_s
    y_hat_s = reconstruct(s, mu_s);  after four stages the cells are joined: y_hat (N, C, h, w)
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        groups = channels // CONTEXT_CHANNELS_PER_GROUP
        self.gather = nn.ModuleList(
            nn.Sequential(conv(stage * channels, channels, 1, bias=False), conv(channels, channels, 3, groups=groups))
            for stage in range(1, len(POSITIONS))
        )
        self.predict = nn.ModuleList(FusionPredNet(channels if stage == 0 else 2 * channels, channels) for stage in range(len(POSITIONS)))

    def forward(self, psi: Tensor, reconstruct: Reconstruct, height: int, width: int) -> Tensor:
        """y_hat of `height` x `width` latents. Encoder, decoder and training differ only in `reconstruct`."""
        known: list[Tensor] = []
        for stage, prediction in enumerate(psi.chunk(len(POSITIONS), 1)):
            known.append(reconstruct(stage, self.mean(stage, known, prediction)))
        return join_cells(known, height, width)

    def mean(self, stage: int, known: list[Tensor], prediction: Tensor) -> Tensor:
        """mu of a stage from y_hat of the stages before and psi of this one, (N, C, h2, w2) each."""
        if stage:
            prediction = torch.cat((self.gather[stage - 1](torch.cat(known, 1)), prediction), 1)
        mean: Tensor = self.predict[stage](prediction)
        return mean
