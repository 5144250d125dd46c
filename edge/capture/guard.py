"""What keeps frames off the disk: memory that is locked, left out of core dumps, and dies with its process.

Used by the edge for the memory it shares with a capture process, and by the capture process for itself
(promises 3 and 4).
"""

import contextlib
import ctypes
import mmap
import os
import resource
import signal
from pathlib import Path
from typing import Final

from edge.capture.wire import Request
from edge.hardening import landlock
from edge.hardening.process import lock_everything
from hitonly_core import libc
from hitonly_core.safeguard import State
from hitonly_core.urls import RTSP, parse

_PR_SET_PDEATHSIG: Final = 1
_DNS: Final = 53


def guard_capture_process(request: Request) -> bool:
    """Tie this process to its parent, forbid it core dumps and tracing, confine it, and lock its memory.

    Args:
        request: what it captures; this process ends at once if `request.parent` is no longer its parent.

    Returns:
        Whether all of this process's memory is locked, so that no frame can be swapped out.
    """
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != request.parent:  # it died before the line above took hold
        os._exit(0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc.prctl(libc.PR_SET_DUMPABLE, 0)
    libc.prctl(libc.PR_SET_NO_NEW_PRIVS, 1)
    with contextlib.suppress(OSError):  # a kernel without Landlock: the edge has reported it for both
        landlock.restrict(_allowed(request))
    return lock_everything().state is State.APPLIED


def _allowed(request: Request) -> landlock.Allowed:
    """What a decoder needs that is fed by a stranger: its own camera; no file of the box, no department."""
    devices, ports = [Path("/dev/null")], []
    if request.kind == "usb":
        devices.append(Path(f"/dev/video{request.places[0]}"))
    if request.kind == "rtsp":
        ports = [parse(request.places[0], RTSP, user=True).port, _DNS]
    return landlock.Allowed(folders=(), devices=tuple(devices), connect=tuple(ports))


def lock(memory: mmap.mmap) -> bool:
    """Keep a mapping in RAM and out of core dumps.

    Returns:
        Whether it is locked; the system's limit on locked memory (``ulimit -l``) may forbid it.
    """
    memory.madvise(mmap.MADV_DONTDUMP)
    try:
        libc.mlock(_address(memory), len(memory))
    except OSError:
        return False
    return True


def wipe(memory: mmap.mmap) -> None:
    """Overwrite a mapping with zeros, by a call into the C library that nothing optimises away."""
    libc.overwrite(_address(memory), len(memory))


def _address(memory: mmap.mmap) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))
