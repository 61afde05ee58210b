"""Memory that stays with the process between frames: pictures of megabytes come and go many times a second."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # of mallopt(3)
KEPT = 256 * 2**20  # bytes that are free at the top before any go back
LARGEST_KEPT = 32 * 2**20  # the most glibc allows: 20 pictures of 720p
HEAPS = 2  # heaps that threads share


def keep_freed_memory(heaps: int = HEAPS) -> None:
    """Ask glibc not to hand freed memory back after each frame, and to keep it together; elsewhere nothing is done.

    By default every large picture is new pages of the kernel: guided upsampling to 720p faults 3700 of them in a
    frame and takes 17.5 ms of the processor, 9 of them in the kernel; with this none, and 6.9 ms.  Kept it must be in
    few heaps: with one a thread, as is usual, `vst live` held 249 MB after three minutes of a clip, with two 168.
    """
    if not sys.platform.startswith("linux"):
        return
    with suppress(OSError, AttributeError):  # musl has no mallopt
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_TRIM_THRESHOLD, KEPT)
        mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT)
        mallopt(M_ARENA_MAX, heaps)
