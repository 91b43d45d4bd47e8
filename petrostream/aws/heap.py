"""Memory between batches: what a batch frees stays in the process, and garbage is looked for seldom.

The allocator of glibc returns large blocks to the system as soon as they are freed, and takes them back page
by page: with some 20 MB of rows a second in blocks of a megabyte each, that is 5 % of scoring's processor
time. `mallopt` and its parameters: https://man7.org/linux/man-pages/man3/mallopt.3.html
"""

import ctypes
import gc

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""`M_TRIM_THRESHOLD` and `M_MMAP_THRESHOLD` of malloc.h."""

MAPPED_FROM_BYTES = 32 * 1024 * 1024
"""Blocks below this come from the heap: the most that glibc allows on 64-bit systems."""

KEPT_BYTES = 128 * 1024 * 1024
"""Most free memory that stays in the process."""

COLLECT_AFTER = (50_000, 20, 100)
"""Thresholds of the collector: a batch makes tens of thousands of objects, and hardly a cycle."""


def collect_seldom() -> None:
    """Look for cycles of garbage after 50,000 new objects, not 700: at least 2 % of processor time."""
    gc.set_threshold(*COLLECT_AFTER)


def keep_freed_memory() -> bool:
    """Tell the allocator to keep what is freed; returns whether it is glibc's, the only one that can."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(_MMAP_THRESHOLD, MAPPED_FROM_BYTES) and mallopt(_TRIM_THRESHOLD, KEPT_BYTES))
