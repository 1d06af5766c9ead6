"""The exponential moving average of the weights, which validation and export use."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from jpegai_ref.model import Model

LONGEST_MEMORY = 0.999


class Average:
    """Starts as the weights themselves; the n-th update keeps min(0.999, n / (9 + n)) of it.

    So it covers about the last tenth of the steps since its start, and never much more than the last thousand.
    """

    def __init__(self, model: Model) -> None:
        self.model = copy.deepcopy(model).requires_grad_(False)
        self.updates = 0

    def restart(self, model: Model) -> None:
        """From the weights as they are now."""
        self.resume(model.state_dict(), 0)

    def resume(self, state: Mapping[str, Tensor], updates: int) -> None:
        """From a state of the averages after so many updates."""
        self.model.load_state_dict(state)
        self.updates = updates

    def update(self, parameters: Mapping[str, Tensor]) -> None:
        """Takes in what a step made of the parameters that it trains, by their names in the model."""
        self.updates += 1
        keep = min(LONGEST_MEMORY, self.updates / (9 + self.updates))
        averages = dict(self.model.named_parameters())
        average_all = get_ema_multi_avg_fn(keep)  # type: ignore[no-untyped-call]
        average_all([averages[name] for name in parameters], [value.detach() for value in parameters.values()], torch.tensor(self.updates))
