"""Whether the machine's wall clock can be believed, and which boot its boot time counts from."""

from enum import StrEnum
from pathlib import Path
from typing import Final

from hitonly_core import libc

CLOCK_UNSET: Final = (
    "no time service has set the clock (NTP): hits are marked, and their time worked out later"
)
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class ClockState(StrEnum):
    """What the kernel says of the wall clock."""

    SYNCHRONISED = "synchronised"
    """A time service has set it, and keeps it."""
    UNSYNCHRONISED = "unsynchronised"
    """Nobody has set it since boot, or not for long."""
    UNKNOWN = "unknown"
    """The kernel does not say, as in some containers."""


def clock_state() -> ClockState:
    """Ask the kernel; it changes nothing."""
    try:
        synchronised = libc.clock_is_synchronised()
    except OSError:
        return ClockState.UNKNOWN
    return ClockState.SYNCHRONISED if synchronised else ClockState.UNSYNCHRONISED


def boot_id() -> str:
    """Return the kernel's random name of this boot, 36 characters; empty where it has none."""
    try:
        return _BOOT_ID.read_text("ascii").strip()
    except (OSError, UnicodeError):
        return ""
