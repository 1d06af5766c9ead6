"""python -m jpegai_ref.training.order_channels: puts the channels of the latents in the order of what they cost, the dearest first.

A decoder that stops after some channels, and an encoder that codes some alone, then have the most important ones. The order is in the
weights alone: they compute what they did before, and have another id. The same seed and pictures give the same order.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jpegai_ref.coder import load
from jpegai_ref.training.channel_order import COMPONENTS, Component, reordered
from jpegai_ref.training.channel_rates import channel_shares
from jpegai_ref.training.data import TrainingDataError, load_pictures
from jpegai_ref.training.fit_samples import SIDE, samples
from jpegai_ref.training.weights_fit import add_crops, parser_of, run
from jpegai_ref.weights import read, write

REPORTED = (0.25, 0.5, 0.75)
"""Shares of the channels of which it is said what they cost."""


def order(weights: Path, folders: Sequence[Path], out: Path, number: int, seed: int) -> str:
    """Writes the reordered weights to `out`; their id.

    Raises WeightsError where weights cannot be used, TrainingDataError where pictures cannot."""
    coder = load(weights)
    found = samples(coder, load_pictures(folders, coder.device, SIDE).training, number, seed)
    orders: dict[Component, list[int]] = {}
    try:
        for component, shares in zip(COMPONENTS, channel_shares(coder, found), strict=True):
            orders[component] = np.argsort(-shares, kind="stable").tolist()
            running = np.cumsum(shares[orders[component]])
            parts = [f"{round(part * len(shares))} channels {100 * running[round(part * len(shares)) - 1]:.1f} %" for part in REPORTED]
            print(f"{component}: {', '.join(parts)} of the bits", flush=True)
    except ValueError as error:
        raise TrainingDataError(f"the pictures say nothing of the channels: {error}") from error
    return write(out, reordered(read(weights).tensors, orders))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = parser_of("order_channels", __doc__)
    add_crops(parser, 48)
    return run(parser, arguments, lambda chosen: order(chosen.weights, chosen.data, chosen.out, chosen.crops, chosen.seed))


if __name__ == "__main__":
    sys.exit(main())
