"""What the process does to itself before it sees a frame, each step reported as applied, refused or absent.

1.  Freed memory is overwritten and given back, and the environment is an allow-list
    (`edge.hardening.environment`): the allocator's settings and the rest, by starting anew
    (`edge.hardening.renewal`) before a library is loaded that reads it.
2.  No core dump: RLIMIT_CORE is 0.
3.  No dump and no look into this process by its own user: PR_SET_DUMPABLE is 0.
4.  No new privileges, for it and its children.
5.  All memory is locked, so that none reaches swap.
6.  Swap: none in use, or all memory locked and no hibernation; else the edge does not start.
7.  Files: written only in the spool and the state folder.
8.  TCP: only to the ports of the department and the cameras.
9.  Faults and logs without values (`edge.hardening.redaction`).
10. The kernel zeroes freed pages: only looked at, it is set at boot (``init_on_free=1``).

Steps 7 and 8 bind only threads that are started later, so `harden` comes before anything starts one.
"""

import ctypes
import os
import resource
from pathlib import Path
from typing import Final

from edge.errors import ConfigError
from edge.hardening import landlock, redaction
from hitonly_core import allocator, libc
from hitonly_core.safeguard import Measure, State, attempt

SWAPS: Final = Path("/proc/swaps")
_CAP_IPC_LOCK: Final = 14


def harden(allowed: landlock.Allowed, *, unsafe_allow_swap: bool = False) -> tuple[Measure, ...]:
    """Apply steps 1 to 10, as numbered above; return what came of each.

    Raises:
        ConfigError: swap is in use and could take this process's memory, and `unsafe_allow_swap` is false.
    """
    redaction.be_discreet()
    locked = lock_everything()
    measures = (
        _allocator(),
        attempt("no-core-dump", lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0))),
        attempt("not-dumpable", lambda: libc.prctl(libc.PR_SET_DUMPABLE, 0)),
        attempt("no-new-privileges", lambda: libc.prctl(libc.PR_SET_NO_NEW_PRIVS, 1)),
        locked,
        _swap(locked),
        *_landlock(allowed),
        Measure("discreet-faults", State.APPLIED),
        _zeroed_by_kernel(Path("/proc/cmdline").read_text()),
    )
    swap = next(measure for measure in measures if measure.name == "no-swap")
    if swap.state is not State.APPLIED and not unsafe_allow_swap:
        raise ConfigError(
            f"reads could reach swap: {swap.reason}",
            hint="Switch swap off (`swapoff -a`), or raise the unit's LimitMEMLOCK; "
            "`unsafe_allow_swap = true` starts anyway.",
        )
    return measures


def _allocator() -> Measure:
    """Step 1, looked at rather than believed: what does a freed block hold?"""
    library = ctypes.CDLL(None)
    library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    library.free.argtypes = [ctypes.c_void_p]
    size, links = 2048, 64  # the allocator keeps its own links in the first bytes
    seen = ctypes.create_string_buffer(size - 2 * links)
    block, fence = library.malloc(size), library.malloc(size)
    ctypes.memset(block, 0x41, size)
    library.free(block)
    ctypes.memmove(seen, block + links, len(seen))
    library.free(fence)
    if not seen.raw.strip(bytes([allocator.FILL])) and os.environ.get("PYTHONMALLOC") == "malloc":
        return Measure("freed-memory-overwritten", State.APPLIED)
    reason = "the allocator leaves freed memory as it was; it is set at start, and only glibc has it"
    return Measure("freed-memory-overwritten", State.REFUSED, reason)


def lock_everything() -> Measure:
    """Step 5. Pages are locked as they are first touched, so the lock costs no memory of its own."""
    name = "memory-locked"
    soft, hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if hard == resource.RLIM_INFINITY and soft != hard:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (hard, hard))
    elif hard != resource.RLIM_INFINITY and not _may_lock():
        # A lock under a low limit makes later allocations fail, in the middle of the traffic.
        return Measure(name, State.REFUSED, f"the limit on locked memory is {hard // 1024} kB")
    flags = libc.MCL_CURRENT | libc.MCL_FUTURE | libc.MCL_ONFAULT
    return attempt(name, lambda: libc.mlockall(flags))


def _may_lock() -> bool:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> _CAP_IPC_LOCK & 1)
    return False


def _swap(locked: Measure) -> Measure:
    """Step 6. Locked memory is not swapped, but a hibernating machine writes it out all the same."""
    areas = SWAPS.read_text().splitlines()[1:]
    if not areas:
        return Measure("no-swap", State.APPLIED)
    if locked.state is not State.APPLIED:
        return Measure("no-swap", State.REFUSED, f"{len(areas)} swap area(s) in use, memory not locked")
    resume = Path("/sys/power/resume")
    if resume.exists() and resume.read_text().strip() != "0:0":
        return Measure("no-swap", State.REFUSED, "the machine is set up to hibernate into swap")
    return Measure("no-swap", State.APPLIED)


def _landlock(allowed: landlock.Allowed) -> tuple[Measure, Measure]:
    """Steps 7 and 8."""
    names = "files-limited", "tcp-limited"
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads > 1:
        reason = f"{threads} threads were running already, and would not be bound"
        return Measure(names[0], State.REFUSED, reason), Measure(names[1], State.REFUSED, reason)
    with_net = False

    def apply() -> None:
        nonlocal with_net
        libc.prctl(libc.PR_SET_NO_NEW_PRIVS, 1)
        with_net = landlock.restrict(allowed)

    files = attempt(names[0], apply)
    if with_net or files.state is not State.APPLIED:
        return files, Measure(names[1], files.state, files.reason)
    return files, Measure(names[1], State.ABSENT, "the kernel's Landlock is older than TCP rules (6.7)")


def _zeroed_by_kernel(command_line: str) -> Measure:
    """Step 10. Without it the pages of a killed process keep their contents until they are used again."""
    name = "kernel-zeroes-freed-pages"
    if "init_on_free=1" in command_line.split():
        return Measure(name, State.APPLIED)
    return Measure(name, State.ABSENT, "not asked for at boot with init_on_free=1")
