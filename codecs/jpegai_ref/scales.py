"""The scales of a component at a rate, and what they decide: which positions are coded, by which distributions, in which steps.

    sigma index + gain + displacement + offset (quality map) = skip_scale -- positions that are coded
                                                               skip_scale -- likely scale of blocks -- s of blocks (RVS, CWG)
                                                               skip_scale + logarithm of s = scale_log -- distributions

Integers only, the same at encoder and decoder.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jpegai_ref.cubes import cube_shape, forced_positions
from jpegai_ref.cwg import Cwg
from jpegai_ref.likely import SIDE, likely_scale
from jpegai_ref.picture_header import ComponentHeader
from jpegai_ref.quantiser import NEUTRAL_SCALE, log_additions
from jpegai_ref.rvs import Rvs
from jpegai_ref.sigma import coded_positions, distribution_index


@dataclass(frozen=True, eq=False)
class BlockScales:
    """Of blocks of 8x8 positions, (C, ceil(h/8), ceil(w/8)) both."""

    likely: NDArray[np.int32] | None
    """None where no tool asks for it."""
    steps: NDArray[np.uint8] | None
    """s; None where it is 128 everywhere."""


@dataclass(frozen=True)
class LatentPart:
    """A window of a picture's latent of `picture` rows and columns."""

    picture: tuple[int, int]
    window: tuple[slice, slice]


@dataclass(frozen=True, eq=False)
class Scales:
    """skip_scale (C, h, w) int32 of all channels, what the tools make of it by blocks, and how many channels are coded, the first."""

    skip: NDArray[np.int32]
    blocks: BlockScales
    channels: int
    part: LatentPart | None = None
    """Of a region of a picture: where it lies. Cube flags are those of the picture, whose cubes may reach across regions."""

    def coded(self, may_skip: tuple[bool, ...] | None) -> NDArray[np.bool_]:
        """Where symbols are coded, (coded channels, h, w), with the cube flags of a header."""
        skip, part = self.skip[: self.channels], self.part
        if part is None or may_skip is None:
            flags = None if may_skip is None else np.array(may_skip).reshape(cube_shape(*skip.shape[1:]))
            return coded_positions(skip, flags)
        flags = np.array(may_skip).reshape(cube_shape(*part.picture))
        return coded_positions(skip) | forced_positions(flags, *part.picture)[part.window]

    def distribution(self) -> NDArray[np.uint8]:
        """By which distribution, (coded channels, h, w)."""
        steps = self.blocks.steps
        return distribution_index(self.skip[: self.channels], None if steps is None else log_additions()[steps[: self.channels]])

    def scale_log(self, channel: int) -> NDArray[np.int32]:
        """scale_log (h, w) of a channel."""
        skip, steps = self.skip[channel], self.blocks.steps
        if steps is None:
            return skip.copy()
        additions = log_additions()[steps[channel]]
        height, width = skip.shape
        return skip + additions.repeat(SIDE, 0)[:height].repeat(SIDE, 1)[:, :width]

    def steering_channel(self) -> int:
        """The coded channel with the largest mean of scale_log, of equal ones the first. Raises ValueError where there is none."""
        sums = [int(self.scale_log(channel).sum(dtype=np.int64)) for channel in range(self.channels)]
        return int(np.argmax(sums))


def scales(
    model_id: int, component: ComponentHeader, skip: NDArray[np.int32], tools: tuple[Rvs | None, Cwg | None], *, with_likely: bool
) -> Scales:
    """From skip_scale (C, h, w), by what the header has switched on.

    tools        constants of the component, which must be there for what is switched on
    with_likely  whether the likely scales are asked for in any case

    Raises ValueError where constants are missing.
    """
    rvs, cwg = tools
    steps: NDArray[np.uint8] | None = None
    likely = likely_scale(skip) if with_likely or component.rvs else None
    if component.rvs:
        if rvs is None or likely is None:
            raise ValueError("there are no constants of RVS")
        steps = rvs.step_scales(model_id, likely)
    if component.channel_scales is not None:
        if cwg is None:
            raise ValueError("there are no constants of CWG")
        channels, height, width = skip.shape
        plain = np.full((channels, -(-height // SIDE), -(-width // SIDE)), NEUTRAL_SCALE, np.uint8)
        # Flags are of coded channels; what the others have for a scale is of no effect.
        flags = component.channel_scales + (False,) * (channels - component.channels)
        steps = cwg.step_scales(model_id, flags, plain if steps is None else steps)
    return Scales(skip, BlockScales(likely if with_likely else None, steps), component.channels)
