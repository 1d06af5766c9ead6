"""Training that starts from weights on disk: the networks as they are, the entropy part from its integers."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from jpegai_ref.dimensions import Dimensions
from jpegai_ref.exact import ExactComponent, ExactModel
from jpegai_ref.model import Hyperprior, Model
from jpegai_ref.post_training import restored
from jpegai_ref.training.density_fit import fit
from jpegai_ref.training.quantised import HIDDEN_BITS
from jpegai_ref.variable_rate import STEPS_PER_LEVEL
from jpegai_ref.weights import Weights, WeightsError, load_networks


def model_of(weights: Weights, dimensions: Dimensions) -> Model:
    """On the processor. Gains and hyper-scale decoder have the very integers of the weights; the density of z is fitted to its frequencies.

    Raises WeightsError where the weights are of other networks or have no entropy part that can be used.
    """
    model = load_networks(weights, dimensions)
    try:
        exact = ExactModel.from_tensors(weights.tensors)
    except (KeyError, ValueError) as error:
        raise WeightsError(f"the weights have no entropy part that can be used: {error}") from error
    for name, prior, component in (("luma", model.luma_prior, exact.luma), ("chroma", model.chroma_prior, exact.chroma)):
        if component.scale_decoder.channels != prior.gains.levels.shape[1]:
            raise WeightsError(f"weights of other networks: {component.scale_decoder.channels} gains of {name}")
        _restore(prior, component)
        fit(prior.symbols, weights.tensors[f"{name}.frequencies"])
    return model


@torch.no_grad()
def _restore(prior: Hyperprior, component: ExactComponent) -> None:
    gain_logs: NDArray[np.int16] = component.gain_logs
    prior.gains.levels.copy_(torch.from_numpy(gain_logs) / STEPS_PER_LEVEL)
    for layer, (weight, bias) in zip(prior.scale_decoder.convolutions, restored(component.scale_decoder, HIDDEN_BITS), strict=True):
        layer.load_state_dict({"weight": weight, "bias": bias})
