"""The distribution of hyper-latents from its frequencies: the float model that training goes on with, where only integers were kept."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from jpegai_ref.factorised import FactorisedModel
from jpegai_ref.hyper import HYPER_LATENT_PEAK

STEPS = 200
LEARNING_RATE = 0.05
NARROWEST = 0.1
"""Standard deviation that the fit begins with at least."""
LOGISTIC_SLOPE = math.pi / math.sqrt(3)
"""Of a logistic distribution of unit deviation."""
SPREAD = 0.1
"""Of the biases that the fit begins with: hidden units that are all alike would stay so."""
LIKELIHOOD_FLOOR = 1e-12


def fit(model: FactorisedModel, frequencies: Tensor) -> None:
    """Fits the densities to frequencies (C, 63) of the symbols -31..31, by maximum likelihood; the same each time on one machine."""
    counts = frequencies.double()
    mass = (counts / counts.sum(1, keepdim=True)).float()
    symbols = torch.arange(-HYPER_LATENT_PEAK, HYPER_LATENT_PEAK + 1, dtype=torch.float32)
    _begin(model, mass, symbols)
    parameters = [parameter.requires_grad_() for parameter in model.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=LEARNING_RATE, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    values = symbols.expand(1, len(mass), 1, -1)
    with torch.enable_grad():
        for _ in range(STEPS):
            likelihood = model.likelihood(values)[0, :, 0].clamp(min=LIKELIHOOD_FLOOR)
            optimiser.zero_grad()
            # Channels share no parameter: the sum has each of them at its own best.
            (-(mass * likelihood.log()).sum()).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
    model.requires_grad_(False)


@torch.no_grad()
def _begin(model: FactorisedModel, mass: Tensor, symbols: Tensor) -> None:
    """A logistic distribution of the table's mean and deviation, but for small differences between hidden units."""
    mean = (mass * symbols).sum(1, keepdim=True)
    deviation = (mass * (symbols - mean).square()).sum(1, keepdim=True).sqrt().clamp(min=NARROWEST)
    slope = (LOGISTIC_SLOPE / deviation).unsqueeze(2)
    random = torch.Generator().manual_seed(len(mass))
    for layer, (matrix, bias) in enumerate(zip(model.matrices, model.biases, strict=True)):
        factor = (1 if layer else slope) * torch.ones_like(matrix) / matrix.shape[2]
        matrix.copy_(torch.log(torch.expm1(factor)))
        bias.copy_(SPREAD * torch.randn(bias.shape, generator=random))
    model.biases[0].sub_(slope * mean.unsqueeze(2))
    for factor in model.factors:
        factor.zero_()
