"""The axis of rates as the command line and the harness know it, without the networks: see `quality`. For the weights in the repository,
by `training.fit_axis`."""

from __future__ import annotations

SPANS = ((-832, -291), (-764, 162), (-215, 736), (98, 1000))
"""First and last displacement of each model on the axis: their rates meet where the next model becomes the better one."""
HIGHEST_QUALITY = sum(last - first + 1 for first, last in SPANS) - 1
"""Qualities are integers from 0."""
START = ((0.06, 409), (0.12, 915), (0.25, 1301), (0.5, 1656), (0.75, 1905), (1.0, 2105), (1.5, 2450), (2.0, 2766))
"""(bpp, quality) of a typical picture: where searches begin."""
