"""What the service's processes do about their own memory: a destroyed hit's key, plate and crop are not in it.

1. Freed memory is overwritten (`hitonly_core.allocator`), by starting anew before anything is loaded.
2. No core dump, and nobody but root looks into the process: RLIMIT_CORE is 0, PR_SET_DUMPABLE is 0.
3. What Python frees late, because it stands in a circle of references, is freed every ten seconds (api/upkeep.py).

The drivers' buffers, which live as long as a connection, are the vault's matter (api/core/vault.py). Swap is the
unit's (`MemorySwapMax=0`).
"""

import gc
import logging
import os
import resource
import sys
from typing import Final

from hitonly_core import allocator, libc
from hitonly_core.safeguard import Measure, State, attempt

_LOG: Final = logging.getLogger(__name__)


def renew() -> None:
    """Start this program anew with an allocator that overwrites, unless it already has it; step 1.

    Replaces the process: does not return when it had to. Workers inherit the environment.
    """
    if not allocator.in_use():
        os.execve(sys.executable, sys.orig_argv, {**os.environ, **allocator.OVERWRITING})  # noqa: S606 - ourselves


def harden() -> tuple[Measure, ...]:
    """Apply step 2 to this process and say what came of each part; a refusal is logged, and the service goes on."""
    measures = (
        attempt("no-core-dump", lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0))),
        attempt("not-dumpable", lambda: libc.prctl(libc.PR_SET_DUMPABLE, 0)),
    )
    for measure in measures:
        if measure.state is not State.APPLIED:
            _LOG.warning("%s is %s: %s", measure.name, measure.state, measure.reason)
    gc.freeze()  # what is loaded now stays; step 3 need not look at it
    return measures


def let_go() -> None:
    """Free what only circles of references keep, which is then overwritten; step 3."""
    gc.collect()
