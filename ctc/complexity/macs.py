"""Counts the multiply-accumulates of a call that runs PyTorch networks, network by network, by two programs' rules at once.

* `flop_counter`: `torch.utils.flop_counter`, halved: every convolution and matrix product that is run, whoever asks for it. A transposed
  convolution counts per input position, as the arithmetic is. Biases, activations, normalisation count nothing.
* `official`: the rule of the JPEG AI reference software, which is that of ptflops 0.6.5: hooks of modules. A transposed convolution counts
  as a plain one would, per *output* position (about four times what it computes where it doubles both sides), a bias per output, an
  activation per element, a pooling per input element, a batch normalisation once or twice; functional operations and modules of other
  kinds count nothing.

PyTorch sees no arithmetic but its own, and the flop counter only that of the thread it was started in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils.flop_counter import FlopCounterMode

ACTIVATIONS = (nn.ReLU, nn.PReLU, nn.ELU, nn.LeakyReLU, nn.ReLU6)
POOLINGS = (
    nn.MaxPool1d, nn.AvgPool1d, nn.AvgPool2d, nn.MaxPool2d, nn.MaxPool3d, nn.AvgPool3d,
    nn.AdaptiveMaxPool1d, nn.AdaptiveAvgPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool3d, nn.AdaptiveAvgPool3d,
)  # fmt: skip
BATCH_NORMALISATIONS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@dataclass(frozen=True)
class Macs:
    """Multiply-accumulates of one part."""

    flop_counter: int = 0
    products: int = 0
    """Of the modules that the official rule counts as products, per input position where they are transposed."""
    transposed: int = 0
    """What the official rule adds to these for transposed convolutions."""
    biases: int = 0
    """What it adds for biases."""
    elements: int = 0
    """What it adds for activations, pooling, normalisation and enlarging."""

    @property
    def official(self) -> int:
        return self.products + self.transposed + self.biases + self.elements

    @property
    def functional(self) -> int:
        """What is computed outside the modules that the official rule knows, and so is not in it."""
        return self.flop_counter - self.products

    def __add__(self, other: Macs) -> Macs:
        return Macs(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))


def counted(call: Callable[[], object], networks: Mapping[str, Sequence[nn.Module]], rest: str) -> dict[str, Macs]:
    """What `call` computes by part: of each of `networks`, and as `rest` what is computed outside all of them. Parts that compute nothing
    are left out. Runs `call` with one thread of PyTorch."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with _flop_counter() as counter, _hooks(networks, rest, counter) as tally:
            call()
            tally.turn(rest)
    finally:
        torch.set_num_threads(threads)
    return {part: macs for part, macs in tally.macs.items() if macs != Macs()}


def _flop_counter() -> FlopCounterMode:
    counter = FlopCounterMode(display=False)
    # Its own bookkeeping of modules does not bear an encoder that asks for gradients of leaves; all that is needed of it is the total.
    counter.mod_tracker = _OneModule()  # type: ignore[assignment]
    return counter


class _OneModule:
    """In place of `torch.utils.module_tracker.ModuleTracker`: all is charged to the whole."""

    parents = frozenset({"Global"})

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        pass


class _Tally:
    """Charges what the flop counter has seen since the last turn to the part that was computing."""

    def __init__(self, counter: FlopCounterMode, rest: str) -> None:
        self.macs: dict[str, Macs] = {}
        self._counter, self._seen, self.part = counter, 0, rest

    def turn(self, part: str) -> str:
        """Now `part` computes; the one that did until now."""
        total = self._counter.get_total_flops()
        before, self.part = self.part, part
        self.add(before, Macs(flop_counter=(total - self._seen) // 2))
        self._seen = total
        return before

    def add(self, part: str, macs: Macs) -> None:
        self.macs[part] = self.macs.get(part, Macs()) + macs


@contextmanager
def _hooks(networks: Mapping[str, Sequence[nn.Module]], rest: str, counter: FlopCounterMode) -> Iterator[_Tally]:
    """Within it every module of `networks`, called alone or by another, is charged to its part; a module that is made while others
    compute, to theirs."""
    tally = _Tally(counter, rest)
    callers: list[str] = []
    parts = {module: part for part, roots in networks.items() for root in roots for module in root.modules()}

    def before(module: nn.Module, _inputs: Any) -> None:
        callers.append(tally.turn(parts.get(module, tally.part)))

    def after(module: nn.Module, inputs: Any, output: Any) -> None:
        tally.add(tally.part, official_macs(module, inputs, output))
        tally.turn(callers.pop())

    handles = [register_module_forward_pre_hook(before), register_module_forward_hook(after)]
    try:
        yield tally
    finally:
        for handle in handles:
            handle.remove()


def official_macs(module: nn.Module, inputs: Any, output: Any) -> Macs:
    """What the official rule counts for one call of a module that is no container; nothing for a kind that it does not know."""
    if isinstance(module, _ConvNd):
        weights = prod(module.kernel_size) * module.in_channels * module.out_channels // module.groups
        outputs = _positions(output)
        at = _positions(inputs[0]) if isinstance(module, _ConvTransposeNd) else outputs
        biases = module.out_channels * outputs if module.bias is not None else 0
        return Macs(products=weights * at, transposed=weights * (outputs - at), biases=biases)
    if isinstance(module, nn.Linear):
        # Once per output element, as ptflops has it: the last size of the output is in the weights already.
        return Macs(products=inputs[0].numel() * module.out_features, biases=module.out_features if module.bias is not None else 0)
    if isinstance(module, (*ACTIVATIONS, nn.Upsample)):
        return Macs(elements=output.numel())
    if isinstance(module, POOLINGS):
        return Macs(elements=inputs[0].numel())
    if isinstance(module, BATCH_NORMALISATIONS):
        return Macs(elements=inputs[0].numel() * (2 if module.affine else 1))
    return Macs()


def _positions(map_of_channels: Tensor) -> int:
    """Pictures of a batch times positions of a map (N, C, ...)."""
    return len(map_of_channels) * prod(map_of_channels.shape[2:])
