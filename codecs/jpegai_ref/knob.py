"""The axis of rates as the command line and the harness know it, without the networks: see `quality`. For the weights in the repository,
by `training.fit_axis`."""

from __future__ import annotations

SPANS = ((-832, -44), (-481, 480), (56, 736), (10, 1000))
"""First and last displacement of each model on the axis: their rates meet where the next model becomes the better one."""
HIGHEST_QUALITY = sum(last - first + 1 for first, last in SPANS) - 1
"""Qualities are integers from 0."""
START = ((0.06, 275), (0.12, 749), (0.25, 1175), (0.5, 1550), (0.75, 1817), (1.0, 2043), (1.5, 2420), (2.0, 2736))
"""(bpp, quality) of a typical picture: where searches begin."""
