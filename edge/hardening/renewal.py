"""Step 1 of `edge.hardening.process`: the program starts anew in an environment of ours.

It stands apart because it runs before anything else, once in the old environment and once in the new: so it
imports no more than it needs.
"""

import os
import sys
from typing import Final

from edge.hardening.environment import cleaned

FILL: Final = 0xA5
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
ENVIRONMENT: Final = {
    "GLIBC_TUNABLES": _TUNABLES,
    "PYTHONMALLOC": "malloc",  # Python's own pools would escape the allocator's overwriting
    "PYTHONSAFEPATH": "1",  # no module from the folder that it was started in
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "1",  # a line is in the journal when it is said
    "OPENBLAS_NUM_THREADS": "1",  # its threads would start before step 7
    "ORT_DISABLE_TELEMETRY": "1",  # so would ONNX Runtime's, which reports to its maker (edge/__init__.py)
}


def renew() -> None:
    """Start this program anew with an environment of ours, unless it already runs in it; step 1.

    Replaces the process: does not return when it had to. Call it before OpenCV is loaded, which changes the
    environment of its process.
    """
    found = dict(os.environ)
    clean = cleaned(found, ENVIRONMENT)
    if found != clean:
        os.execve(sys.executable, sys.orig_argv, clean)  # noqa: S606 - ourselves


def renewed() -> bool:
    """Whether this program runs with our settings."""
    return all(os.environ.get(name) == value for name, value in ENVIRONMENT.items())
