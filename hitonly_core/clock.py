"""The two clocks. Retention runs on boot time, which neither steps nor stops in suspend (promise 2, R19)."""

import time
from datetime import UTC, datetime
from typing import Protocol

NS = 1_000_000_000


class Clock(Protocol):
    """Where the time comes from; a test hands in one that it moves by hand."""

    def boot_ns(self) -> int:
        """Nanoseconds since boot, suspend included; never steps."""

    def utc(self) -> datetime:
        """Wall-clock time, aware, UTC; may step."""


class SystemClock:
    """The machine's clocks: CLOCK_BOOTTIME and the wall clock."""

    def boot_ns(self) -> int:
        """Nanoseconds since boot, suspend included."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def utc(self) -> datetime:
        """The wall clock's time."""
        return datetime.now(UTC)
