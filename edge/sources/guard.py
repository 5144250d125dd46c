"""What keeps frames off the disk: memory that is locked, left out of core dumps, and dies with its process.

Used by the edge for the memory it shares with a capture process, and by the capture process for itself
(promises 3 and 4). Linux only; constants are the kernel's.
"""

import ctypes
import mmap
import os
import resource
import signal
from pathlib import Path
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38
_MCL_CURRENT: Final = 1
_MCL_FUTURE: Final = 2
_MCL_ONFAULT: Final = 4
_CAP_IPC_LOCK: Final = 14

_libc = ctypes.CDLL(None, use_errno=True)


def guard_capture_process(parent: int) -> bool:
    """Tie this process to its parent, forbid it core dumps and tracing, and lock its memory.

    Args:
        parent: process id of the edge; this process ends at once if that is no longer its parent.

    Returns:
        Whether all of this process's memory is locked, so that no frame can be swapped out.
    """
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the line above took hold
        os._exit(0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if not _may_lock_everything():
        return False  # a lock with a low limit would make later allocations fail
    return bool(_libc.mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT) == 0)


def lock(memory: mmap.mmap) -> bool:
    """Keep a mapping in RAM and out of core dumps.

    Returns:
        Whether it is locked; the system's limit on locked memory (``ulimit -l``) may forbid it.
    """
    memory.madvise(mmap.MADV_DONTDUMP)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    return bool(_libc.mlock(ctypes.c_void_p(address), ctypes.c_size_t(len(memory))) == 0)


def wipe(memory: mmap.mmap) -> None:
    """Overwrite a mapping with zeros, by a call into the C library that nothing optimises away."""
    ctypes.memset(ctypes.addressof(ctypes.c_char.from_buffer(memory)), 0, len(memory))


def _may_lock_everything() -> bool:
    """Whether locked memory is unlimited for this process, by its limit or by CAP_IPC_LOCK."""
    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY:
        return True
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    effective = next((line.split()[1] for line in status.splitlines() if line.startswith("CapEff")), "0")
    return bool(int(effective, 16) >> _CAP_IPC_LOCK & 1)
