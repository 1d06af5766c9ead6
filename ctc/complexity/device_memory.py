"""How little memory of a GPU still does, by trial."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

CAPPED = Path(__file__).with_name("capped.py")
"""What gives a program that uses PyTorch a part of the memory."""
RESOLUTION_BYTES = 16 << 20
RESOLUTION_SHARE = 0.01
"""Of what is needed: the search ends at the larger of the two."""


def minimum_needed(does: Callable[[int], bool], whole_bytes: int) -> int | None:
    """The least number of bytes up to `whole_bytes` with which `does` holds, by bisection; None where all are not enough.

    It is one with which it was seen to hold, and at most the resolution above the least."""
    if not does(whole_bytes):
        return None
    enough, too_little = whole_bytes, 0
    while enough - too_little > max(RESOLUTION_BYTES, RESOLUTION_SHARE * enough):
        middle = (enough + too_little) // 2
        if does(middle):
            enough = middle
        else:
            too_little = middle
    return enough


def most_tries(whole_bytes: int) -> int:
    """How often `minimum_needed` asks at most."""
    tries, left = 1, whole_bytes
    while left > RESOLUTION_BYTES:
        tries, left = tries + 1, left - left // 2
    return tries
