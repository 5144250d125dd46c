"""Times as a department reads them: its own zone's, with UTC beside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

_ZONE: ContextVar[ZoneInfo | None] = ContextVar("zone", default=None)
_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
_MINUTE: Final = timedelta(minutes=1)


@contextmanager
def shown_in(zone: ZoneInfo) -> Iterator[None]:
    """Show times in a zone within the block, where no other is given."""
    before = _ZONE.set(zone)
    try:
        yield
    finally:
        _ZONE.reset(before)


def when(moment: datetime, zone: ZoneInfo | None = None) -> str:
    """Return date and time, to the second, in the department's zone with UTC beside it."""
    return _beside(moment, zone, "%Y-%m-%d %H:%M:%S")


def clock_time(moment: datetime, now: datetime, zone: ZoneInfo | None = None) -> str:
    """Return the time of day, with UTC beside it; the date too where it is not today's."""
    here = zone or _ZONE.get() or UTC
    today = moment.astimezone(here).date() == now.astimezone(here).date()
    return _beside(moment, zone, "%H:%M:%S" if today else "%Y-%m-%d %H:%M:%S")


def _beside(moment: datetime, zone: ZoneInfo | None, shape: str) -> str:
    zone = zone or _ZONE.get()
    utc = moment.astimezone(UTC)
    if zone is None or zone.key == "UTC":
        return f"{utc:{shape}} UTC"
    local = moment.astimezone(zone)
    same_day = local.date() == utc.date()
    return f"{local:{shape} %Z} ({utc:{'%H:%M:%S' if same_day else '%Y-%m-%d %H:%M:%S'}} UTC)"


def span(time: timedelta) -> str:
    """Return a length of time in its largest whole unit: seconds, minutes, hours or days."""
    if time < _MINUTE:
        return f"{max(0, time // timedelta(seconds=1))} s"
    if time < _HOUR:
        return f"{time // _MINUTE} min"
    if time < 2 * _DAY:
        return f"{time // _HOUR} h"
    return f"{time // _DAY} days"
