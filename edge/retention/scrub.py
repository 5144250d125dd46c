"""Overwrite what allocators keep of blocks that were freed (promise 4).

Most freed memory is overwritten by the allocator itself (`edge.hardening.process`, step 1). NumPy keeps small
blocks
for itself: up to seven of each size below 1,024 bytes, as they were. They are taken, filled and given back.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import numpy as np

from hitonly_core import libc

_LARGEST_KEPT: Final = 1024
_KEPT_OF_A_SIZE: Final = 7


@contextmanager
def lasting() -> Iterator[None]:
    """Let collections pass over what exists already, while the block runs.

    A box's modules and networks are some hundred thousand objects, and last. Walking them is most of what a
    collection costs. What is garbage already is collected first; what comes later is collected as ever.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def scrub_allocators() -> None:
    """Overwrite NumPy's kept blocks, free what nothing refers to, and give free pages back to the kernel."""
    gc.collect()
    for size in range(1, _LARGEST_KEPT):
        blocks = [np.empty(size, np.uint8) for _ in range(_KEPT_OF_A_SIZE)]
        for block in blocks:
            block.fill(0)
    libc.malloc_trim()
