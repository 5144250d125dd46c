"""The few calls of the C library that Python does not offer; each raises `OSError` with its reason."""

import ctypes
import os
import sys
from typing import Final

PR_SET_DUMPABLE: Final = 4
PR_SET_NO_NEW_PRIVS: Final = 38
MADV_DONTDUMP: Final = 16
MADV_WIPEONFORK: Final = 18
MCL_CURRENT: Final = 1
MCL_FUTURE: Final = 2
MCL_ONFAULT: Final = 4
PROT_NONE: Final = 0

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_HELD: Final = ctypes.PyDLL(None)
"""The same library, called without giving up the interpreter's lock.

An overwrite takes microseconds; taking the lock again afterwards may take a switch interval (5 ms) for each
slot, which would make the purge late on a busy box.
"""


if hasattr(_HELD, "explicit_bzero"):  # glibc from 2.25, musl

    def overwrite(address: int, size: int) -> None:
        """Store zeros over `size` bytes at `address`; no compiler sees the call, so none can drop it."""
        _HELD.explicit_bzero(ctypes.c_void_p(address), ctypes.c_size_t(size))

else:

    def overwrite(address: int, size: int) -> None:
        """Store zeros over `size` bytes at `address`; no compiler sees the call, so none can drop it."""
        _HELD.memset(ctypes.c_void_p(address), 0, ctypes.c_size_t(size))


def mlock(address: int, size: int) -> None:
    """Keep these pages in memory, never in swap."""
    _check(_LIBC.mlock(ctypes.c_void_p(address), ctypes.c_size_t(size)))


def mlockall(flags: int) -> None:
    """Keep all of the process's pages in memory, never in swap."""
    _check(_LIBC.mlockall(ctypes.c_int(flags)))


def madvise(address: int, size: int, advice: int) -> None:
    """Give the kernel advice about these pages."""
    _check(_LIBC.madvise(ctypes.c_void_p(address), ctypes.c_size_t(size), ctypes.c_int(advice)))


def mprotect(address: int, size: int, protection: int) -> None:
    """Set what may be done with these pages."""
    _check(_LIBC.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(size), ctypes.c_int(protection)))


def prctl(option: int, value: int) -> None:
    """Set one attribute of this process."""
    zero = ctypes.c_ulong(0)
    _check(_LIBC.prctl(ctypes.c_int(option), ctypes.c_ulong(value), zero, zero, zero))


def malloc_trim() -> None:
    """Give the allocator's free pages back to the kernel, where the C library is glibc."""
    if hasattr(_LIBC, "malloc_trim"):
        _LIBC.malloc_trim(ctypes.c_size_t(0))


_STA_UNSYNC: Final = 0x40
_TIME_ERROR: Final = 5
_TIMEX_BYTES: Final = 256
"""More than a `struct timex` of any Linux; `modes`, its first field, 0 changes nothing."""
_TIMEX_STATUS: Final = 40 if ctypes.sizeof(ctypes.c_long) == 8 else 20  # noqa: PLR2004 - bytes of a 64-bit long


def clock_is_synchronised() -> bool:
    """Return whether a time service keeps the wall clock, as the kernel knows it."""
    timex = ctypes.create_string_buffer(_TIMEX_BYTES)
    result = int(_LIBC.adjtimex(timex))
    _check(result)
    status = int.from_bytes(timex.raw[_TIMEX_STATUS : _TIMEX_STATUS + 4], sys.byteorder)
    return result != _TIME_ERROR and not status & _STA_UNSYNC


def _check(result: int) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
