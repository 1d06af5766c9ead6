"""The axis of rates as the command line and the harness know it, without the networks: see `quality`. For the weights in the repository,
by `training.fit_axis`."""

from __future__ import annotations

SPANS = ((-832, -382), (-831, 178), (-251, 736), (101, 1000))
"""First and last displacement of each model on the axis: their rates meet where the next model becomes the better one."""
HIGHEST_QUALITY = sum(last - first + 1 for first, last in SPANS) - 1
"""Qualities are integers from 0."""
START = ((0.06, 316), (0.12, 825), (0.25, 1286), (0.5, 1714), (0.75, 2011), (1.0, 2247), (1.5, 2628), (2.0, 2954))
"""(bpp, quality) of a typical picture: where searches begin."""
