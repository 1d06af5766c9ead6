"""Keeps the allocator of a worker process from giving large blocks back to the system after each use."""

from __future__ import annotations

import ctypes
from functools import lru_cache

# <malloc.h> of glibc.
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3
LARGE_BYTES = 1 << 30
TOP_PAD_BYTES = 64 << 20


@lru_cache
def reuse_large_blocks() -> bool:
    """Makes glibc's malloc serve blocks up to 1 GiB from its heap and keep what is freed; True where there is a glibc that does.

    The metrics allocate the same maps of image size again and again. By default each is mapped anew and every page of it faults:
    one third of the processor time of scoring a two-megapixel picture, see NOTES.md."""
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    settings = ((M_MMAP_THRESHOLD, LARGE_BYTES), (M_TRIM_THRESHOLD, 2 * LARGE_BYTES - 1), (M_TOP_PAD, TOP_PAD_BYTES))
    return all(mallopt(parameter, value) for parameter, value in settings)
