"""The machine's two clocks as a test moves them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hitonly_core.clock import NS


@dataclass(slots=True)
class HandClock:
    """Both stand still until the test moves them, together or apart.

    Attributes:
        now: nanoseconds since boot.
        wall: the wall clock's time, aware UTC.
    """

    now: int = 1_000 * NS
    wall: datetime = datetime(2026, 6, 1, tzinfo=UTC)

    def boot_ns(self) -> int:
        """Return the boot time that the test set."""
        return self.now

    def utc(self) -> datetime:
        """Return the wall-clock time that the test set."""
        return self.wall

    def step(self, passed: timedelta, *, wall: timedelta | None = None) -> None:
        """Let boot time pass, and the wall clock go as far, or elsewhere."""
        self.now += round(passed.total_seconds() * NS)
        self.wall += passed if wall is None else wall
