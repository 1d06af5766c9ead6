"""The axis of rates as the command line and the harness know it, without the networks: see `quality`."""

from __future__ import annotations

HIGHEST_QUALITY = 2977
"""Qualities are integers from 0."""
START = ((0.03, 300), (0.06, 650), (0.12, 1024), (0.25, 1450), (0.5, 1850), (1.0, 2300), (2.0, 2850))
"""(bpp, quality) of a typical picture: where searches begin. A guess, to be measured with the first trained weights; it decides how many
attempts a search takes, not where it ends."""
