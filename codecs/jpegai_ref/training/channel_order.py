"""Another order of the latents' channels in weights that compute the same: which tensors are concerned, and along which axis.

Hyper-latents, predictions of luma and all that lies between two layers keep their order. Constants of tools go by models, components
and segments, never by channels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jpegai_ref.integer_hyperscale import SHUFFLE
from jpegai_ref.model import COPIES, OPERATING_POINTS, OperatingPoint
from jpegai_ref.weights import WeightsError

Component = Literal["luma", "chroma"]
COMPONENTS: tuple[Component, Component] = ("luma", "chroma")
LUMA, CHROMA = COMPONENTS
STAGES = 4
"""Of the context model, and positions of a cell."""
Orders = Mapping[Component, Sequence[int]]
"""For each place in the new order the channel that was there: a permutation of 0..C-1 of each component."""


@dataclass(frozen=True)
class Axis:
    """An axis of a tensor that has channels of latents: those of one part after those of the other, behind entries that are something
    else, if there are more."""

    name: str
    axis: int
    parts: tuple[Component, ...]
    entries: int = 1
    """Along the axis, for each channel."""

    def index(self, size: int, orders: Orders) -> Tensor:
        """Where each entry of the reordered axis was. Raises WeightsError where the axis is too short."""
        channels = [np.asarray(orders[part], np.int64) for part in self.parts]
        first = size - self.entries * sum(map(len, channels))
        if first < 0:
            raise WeightsError(f"weights of other networks: axis {self.axis} of {self.name} has {size} entries")
        found: list[NDArray[np.int64]] = [np.arange(first)]
        for order in channels:
            found.append((first + self.entries * order[:, None] + np.arange(self.entries)).ravel())
            first += self.entries * len(order)
        return torch.from_numpy(np.concatenate(found))


def reordered(tensors: Mapping[str, Tensor], orders: Orders) -> dict[str, Tensor]:
    """The tensors of a file of weights with the channels in new orders.

    Raises WeightsError where weights are of other networks, ValueError where an order is no permutation."""
    for component in COMPONENTS:
        if sorted(orders[component]) != list(range(len(orders[component]))):
            raise ValueError(f"the order of {component} is no permutation of its channels")
    found = dict(tensors)
    for one in _axes():
        if one.name not in found:
            raise WeightsError(f"weights of other networks: there is no {one.name}")
        tensor = found[one.name]
        found[one.name] = tensor.index_select(one.axis, one.index(tensor.shape[one.axis], orders))
    return found


def _axes() -> Iterator[Axis]:
    for component in COMPONENTS:
        yield Axis(f"{component}_analysis.mix.weight", 0, (component,))
        yield Axis(f"{component}_prior.encoder.first.weight", 1, (component,))
        yield Axis(f"{component}.gain_logs", 1, (component,))
        for part in ("weight", "bias", "shift"):
            yield Axis(f"{component}.scale_decoder.third.{part}", 0, (component,), entries=SHUFFLE**2)
    # The means of chroma are the hyper-decoder's own; for luma the context model makes them of its output.
    of_cell = (CHROMA,) * STAGES
    yield Axis("chroma_prior.decoder.last.weight", 0, of_cell)
    yield Axis("chroma_prior.decoder.last.bias", 0, of_cell)
    for stage in range(STAGES):
        if stage:
            yield Axis(f"context.gather.{stage - 1}.0.weight", 1, (LUMA,) * stage)
        yield Axis(f"context.predict.{stage}.layers.4.weight", 0, (LUMA,))
    for operating_point in OPERATING_POINTS:
        for copy in range(COPIES[operating_point]):
            yield from _synthesis_axes(operating_point, f"synthesis.{operating_point}.{copy}")


def _synthesis_axes(operating_point: OperatingPoint, prefix: str) -> Iterator[Axis]:
    high = operating_point == "hop"
    entrance, exit_ = ("first", "second") if high else ("conv", "conv")
    yield Axis(f"{prefix}.luma.pre.{entrance}.weight", 1, (LUMA,))
    yield Axis(f"{prefix}.luma.pre.{exit_}.weight", 0, (LUMA,))
    yield Axis(f"{prefix}.luma.pre.{exit_}.bias", 0, (LUMA,))
    # Transposed convolutions have their inputs first.
    layer, inputs = (".conv", 1) if operating_point == "sop" else ("", 0)
    yield Axis(f"{prefix}.luma.up1{layer}.weight", inputs, (LUMA,))
    yield Axis(f"{prefix}.chroma.combine.weight", 1, COMPONENTS)
    yield Axis(f"{prefix}.chroma.up{'1' if high else ''}{layer}.weight", inputs, (CHROMA,))
