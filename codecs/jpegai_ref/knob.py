"""The axis of rates as the command line and the harness know it, without the networks: see `quality`. For the weights in the repository,
by `training.fit_axis`."""

from __future__ import annotations

SPANS = ((-512, 113), (-133, 160), (-198, 283), (-362, 1000))
"""First and last displacement of each model on the axis: where one ends and the next begins, their rates meet."""
HIGHEST_QUALITY = sum(last - first + 1 for first, last in SPANS) - 1
"""Qualities are integers from 0."""
START = ((0.06, 318), (0.12, 563), (0.25, 836), (0.5, 1163), (0.75, 1394), (1.0, 1587), (1.5, 1923), (2.0, 2234))
"""(bpp, quality) of a typical picture: where searches begin."""
