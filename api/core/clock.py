"""Where the time comes from; a test hands in a clock that it moves by hand."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Now = Callable[[], datetime]
"""Returns the time, aware, UTC."""
Boot = Callable[[], int]
"""Returns nanoseconds since the machine started, suspend included; never steps."""


def utc_now() -> datetime:
    """Return the machine's wall-clock time, aware, UTC."""
    return datetime.now(UTC)


def boot_ns() -> int:
    """Return the machine's boot time in nanoseconds."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class RetentionClock:
    """The time that hits end by: it follows the wall clock forward, and never runs back or slower than boot time.

    A wall clock that is set back therefore keeps no hit longer (R19). One that is set ahead ends hits early.

    Args:
        now: the wall clock.
        boot: boot time.
        least: the latest time that was kept by before, in an earlier process.
    """

    def __init__(self, now: Now, boot: Boot, least: datetime | None = None) -> None:
        self._now, self._boot = now, boot
        self._lock = threading.Lock()
        self._at = boot()
        self._moment = max(now(), least) if least else now()

    def __call__(self) -> datetime:
        """Return the time, aware, UTC."""
        with self._lock:
            at = self._boot()
            passed = timedelta(microseconds=(at - self._at) // 1000)
            self._moment = max(self._now(), self._moment + passed)
            self._at = at
            return self._moment


def stamp(moment: datetime) -> str:
    """Return a moment as text: UTC to 1/100 s, ``2030-01-31T12:00:00.00Z`` (R12)."""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 10_000:02d}Z"
