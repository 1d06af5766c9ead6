"""The encoder's quantisation with skipped positions: which cubes may skip is decided stage by stage, as the symbols are made.

A cube may skip its unlikely positions where none of them is off by more than three steps of the quantiser: there the skipped symbol would
have been -3..3. The decision is free to the encoder; steps rather than units of the latent make it independent of the rate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from jpegai_ref.context import POSITIONS, join_cells, split_cells
from jpegai_ref.cubes import PHASES, SIDE, cube_shape, flags_of_phase
from jpegai_ref.quantiser import Quantiser, rounded

CubeFlags = tuple[bool, ...] | None
"""As the header has them: None where all are set."""
Rounding = Callable[[int, Tensor], Tensor]
"""(stage 0..3, residual of the stage in steps of the quantiser (1, C, h2, w2)) -> symbols int16 of the same shape."""


@dataclass(frozen=True)
class Decided:
    """Cube flags that are given."""

    flags: CubeFlags


class SkippingQuantiser:
    """Makes the symbols of a component from its latent y (1, C, h, w), the positions `likely` to be coded in any case, (n, h, w) for the
    first n channels, and the quantiser; what other channels there are is not coded and all 0. With `decided` it takes those cube flags and
    decides none. `rounding` chooses the symbols; None: the nearest."""

    def __init__(
        self, y: Tensor, likely: NDArray[np.bool_], quantiser: Quantiser, decided: Decided | None = None, rounding: Rounding | None = None
    ) -> None:
        self._quantiser = quantiser
        self._rounding = rounding
        self._decided = decided is not None
        self._height, self._width = y.shape[-2:]
        self._latents = split_cells(y)
        others = y.shape[1] - len(likely)
        places = torch.ones_like(y if others else y[:, :1], dtype=torch.uint8)
        places[:, len(likely) :] = 0
        wanted = F.pad(torch.from_numpy(likely.view(np.uint8)).to(y.device)[None], (0, 0, 0, 0, 0, others))
        self._likely = [cells.bool() for cells in split_cells(wanted)]
        self._inside = [cells.bool() for cells in split_cells(places)]
        self._symbols: list[Tensor] = []
        self._flags = np.ones(cube_shape(self._height, self._width), np.bool_)
        if decided is not None and decided.flags is not None:
            self._flags[:] = np.array(decided.flags).reshape(self._flags.shape)

    def stage(self, stage: int, mean: Tensor) -> Tensor:
        """Symbols int16 of a stage, from its means (1, C, h2, w2); stages come in order."""
        steps = self._quantiser.steps(self._latents[stage] - mean, stage)
        coded, inside = self._likely[stage], self._inside[stage]
        flags = self._flags[PHASES.index(POSITIONS[stage])]
        if not self._decided:
            skipped = torch.where(inside & ~coded, steps, 0).abs()
            flags[:] = flags_of_phase(skipped[0].amax(0, keepdim=True).cpu().numpy(), *flags.shape)
        if not flags.all():
            forced = np.repeat(np.repeat(~flags, SIDE, 0), SIDE, 1)[: steps.shape[-2], : steps.shape[-1]]
            coded = coded | (inside & torch.from_numpy(forced).to(coded.device))
        symbols = rounded(steps) if self._rounding is None else self._rounding(stage, steps)
        self._symbols.append(torch.where(coded, symbols, 0))
        return self._symbols[stage]

    def whole(self, mean: Tensor) -> Tensor:
        """Symbols int16 (1, C, h, w) of all stages, where their means (1, C, h, w) are known at once."""
        return join_cells([self.stage(stage, cells) for stage, cells in enumerate(split_cells(mean))], self._height, self._width)

    def symbols(self) -> NDArray[np.int16]:
        """All symbols, (C, h, w)."""
        return np.ascontiguousarray(join_cells(self._symbols, self._height, self._width)[0].cpu().numpy())

    def may_skip(self) -> CubeFlags:
        """The cube flags of all stages."""
        return None if self._flags.all() else tuple(self._flags.ravel().tolist())
