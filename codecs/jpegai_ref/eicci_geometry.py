"""How wide the networks of eICCI are, and in which parts they see a picture; knows nothing of PyTorch."""

from __future__ import annotations

from dataclasses import dataclass

from jpegai_ref.chroma_grid import Rectangle

BLOCK = 4
"""Side of the block of samples that two levels of Haar make bands of."""
BANDS = BLOCK**2
PLANES = 3


@dataclass(frozen=True)
class EicciWidths:
    """Channels c and residual blocks n of a trunk, and its heads."""

    channels: int
    blocks: int
    heads: int

    @property
    def reach(self) -> int:
        """Samples on each side that a sample of the result depends on, rounded up to whole 4x4 blocks."""
        return BLOCK * (self.blocks + 2)


LUMA_WIDTHS, CHROMA_WIDTHS = EicciWidths(24, 2, 1), EicciWidths(16, 1, 2)
"""The reference software has 48 channels, 2 and 4 blocks: 9.1 kMAC per sample, more than four times as much."""

REACH = max(LUMA_WIDTHS.reach, CHROMA_WIDTHS.reach)
PART = 256, 1024
"""Rows and columns that are filtered together, which does not change them: maps of so many stay near a processor's cache."""


def around(part: Rectangle, height: int, width: int) -> Rectangle:
    """What of a picture of height x width is looked at for a part of it."""
    wide = Rectangle(part.top - REACH, part.left - REACH, part.bottom + REACH, part.right + REACH)
    return wide.within(Rectangle(0, 0, height, width))
