"""Constants of the tools that are random, far from neutral and another for each model and component."""

from __future__ import annotations

import numpy as np
import torch


def tool_tensors(seed: int = 0) -> dict[str, torch.Tensor]:
    """All tensors `tools....` of a file of weights."""
    generator = np.random.default_rng(seed)

    def rising(lowest: int, highest: int, *shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        return np.sort(generator.integers(lowest, highest, shape), axis=-1)

    found = {
        "rvs.thresholds": rising(200, 2600, 2, 4, 3),
        "rvs.scales": generator.integers(70, 220, (2, 4, 4)),
        "cwg.factors": generator.integers(800, 1300, (2, 4, 2)),
        "cwg.channels": generator.integers(1, 4, (2, 4)),
        "lsbs.thresholds": rising(200, 2600, 2, 4, 2),
        "lsbs.scales": generator.integers(-900, 900, (2, 4, 3, 2)),
        "lef.thresholds": rising(0, 2600, 4, 3),
        "lef.gains": generator.integers(900, 1500, (4, 3)),
    }
    return {f"tools.{name}": torch.from_numpy(array.astype(np.int32)) for name, array in found.items()}
