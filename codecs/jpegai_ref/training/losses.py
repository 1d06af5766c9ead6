"""How the losses R + beta D of the pictures of a batch are weighed against each other; D is `jpegai_ref.distortion`."""

from __future__ import annotations

import torch
from torch import Tensor

from jpegai_ref.variable_rate import BETA_OF_UNIT_GAIN, RATE_MODELS


def balance(betas: Tensor) -> Tensor:
    """Factor of each picture's loss. R + beta D grows about with the square root of beta; divided by it, all rates count alike."""
    return (BETA_OF_UNIT_GAIN / betas).sqrt()


def nominal_betas() -> Tensor:
    """(4,): the beta of every model."""
    return torch.tensor([model.beta for model in RATE_MODELS])
