"""How a process must be started so that what it frees is overwritten at once: glibc's and Python's own switches.

They are read before the program's first line, so a program that lacks them starts itself anew.
"""

import os
from typing import Final

FILL: Final = 0xA5
"""What freed memory is overwritten with."""
_TUNABLES: Final = ":".join(
    f"glibc.malloc.{name}={value}"
    for name, value in {
        "perturb": FILL,  # overwrite at free
        "tcache_count": 0,  # blocks in the thread cache would escape that
        "arena_max": 1,
        # Large blocks stay in the heap, where they are overwritten at free. Mapping each anew would fault in
        # every page again: half as much time again for the detector (docs/forgetting.md).
        "mmap_threshold": 1 << 25,
        "trim_threshold": 1 << 28,
    }.items()
)
OVERWRITING: Final = {
    "GLIBC_TUNABLES": _TUNABLES,
    "PYTHONMALLOC": "malloc",  # Python's own pools would escape the allocator's overwriting
}


def in_use() -> bool:
    """Whether this process was started with these switches."""
    return all(os.environ.get(name) == value for name, value in OVERWRITING.items())
