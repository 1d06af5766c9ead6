"""The allocator of a process that computes the same large maps again and again."""

from __future__ import annotations

import ctypes

# <malloc.h> of glibc.
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3
LARGE_BYTES = 1 << 30
TOP_PAD_BYTES = 64 << 20


def reuse_large_blocks() -> bool:
    """Makes glibc's malloc keep what is freed for the next map, up to 1 GiB each; True where there is a glibc that does.

    Otherwise every page of every map is asked of the system anew: a third of the time of a large picture."""
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    settings = ((M_MMAP_THRESHOLD, LARGE_BYTES), (M_TRIM_THRESHOLD, 2 * LARGE_BYTES - 1), (M_TOP_PAD, TOP_PAD_BYTES))
    return all(mallopt(parameter, value) for parameter, value in settings)


def return_freed() -> None:
    """Gives what is free back to the system, where the C library can."""
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    except (OSError, AttributeError):
        return
