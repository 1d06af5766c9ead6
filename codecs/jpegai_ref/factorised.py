"""The distribution of hyper-latent symbols: one fully factorised density per channel.

J. Ballé, D. Minnen, S. Singh, S. J. Hwang, N. Johnston, "Variational image compression with a scale hyperprior", ICLR 2018, appendix 6.1.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jpegai_ref.hyper import HYPER_LATENT_PEAK

WIDTHS = (1, 3, 3, 3, 1)
INITIAL_SCALE = 10.0
FREQUENCY_UNIT = 1e9


class FactorisedModel(nn.Module):
    """A cumulative distribution per channel, monotone by construction: four layers of widths 1-3-3-3-1.

        z (C, n) -- softplus(H_1) z + b_1 -- x + tanh(a_1) tanh(x) -- ... -- H_4, b_4 -- sigmoid -- (C, n)

    The likelihood of a symbol s is the difference of the distribution at s + 1/2 and s - 1/2. Always float32.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        scale = INITIAL_SCALE ** (1 / (len(WIDTHS) - 1))
        self.matrices = nn.ParameterList()
        self.biases = nn.ParameterList()
        self.factors = nn.ParameterList()
        for before, after in pairwise(WIDTHS):
            start = math.log(math.expm1(1 / scale / after))
            self.matrices.append(nn.Parameter(torch.full((channels, after, before), start)))
            self.biases.append(nn.Parameter(torch.empty(channels, after, 1).uniform_(-0.5, 0.5)))
        for after in WIDTHS[1:-1]:
            self.factors.append(nn.Parameter(torch.zeros(channels, after, 1)))

    def _logits(self, x: Tensor) -> Tensor:
        for layer, (matrix, bias) in enumerate(zip(self.matrices, self.biases, strict=True)):
            x = F.softplus(matrix) @ x + bias
            if layer < len(self.factors):
                x = x + torch.tanh(self.factors[layer]) * torch.tanh(x)
        return x

    def likelihood(self, z: Tensor) -> Tensor:
        """z (N, C, h, w) of any real values -> probability of the unit interval around each, same shape."""
        with torch.autocast(z.device.type, enabled=False):
            x = z.float().transpose(0, 1).flatten(1).unsqueeze(1)
            lower, upper = self._logits(x - 0.5), self._logits(x + 0.5)
            # Differences are taken in the tail where the sigmoid keeps its digits.
            side = torch.where(lower + upper > 0, -1.0, 1.0)
            mass = (torch.sigmoid(side * upper) - torch.sigmoid(side * lower)).abs()
            return mass.reshape(z.shape[1], z.shape[0], *z.shape[2:]).transpose(0, 1)

    @torch.no_grad()
    def frequencies(self) -> Tensor:
        """int32 (C, 63): frequencies of the symbols -31..31 of every channel, at least 1 each."""
        channels = self.biases[0].shape[0]
        symbols = torch.arange(-HYPER_LATENT_PEAK, HYPER_LATENT_PEAK + 1, dtype=torch.float32, device=self.biases[0].device)
        mass = self.likelihood(symbols.expand(1, channels, 1, -1))[0, :, 0]
        return (mass.double() * FREQUENCY_UNIT).to(torch.int32) + 1
