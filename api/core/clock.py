"""Where the time comes from; a test hands in a clock that it moves by hand."""

from collections.abc import Callable
from datetime import UTC, datetime

Now = Callable[[], datetime]
"""Returns the time, aware, UTC."""


def utc_now() -> datetime:
    """Return the machine's wall-clock time, aware, UTC."""
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """Return a moment as text: UTC to 1/100 s, ``2030-01-31T12:00:00.00Z`` (R12)."""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 10_000:02d}Z"
