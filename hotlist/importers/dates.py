"""Dates as lists write them: ISO 8601, or with slashes in an order that somebody states. No order is guessed."""

import re
from datetime import UTC, date, datetime, time
from enum import StrEnum
from functools import lru_cache
from typing import Final

from hotlist.errors import RowError

_SLASHED: Final = re.compile(
    r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2}))?(?: ?([AaPp])\.?[Mm]\.?)?)?"
)
_NOON: Final = 12
_BARE: Final = len("2026-12-31")


class DateOrder(StrEnum):
    """In which order day, month and year stand in a date such as 12/20/2026."""

    ISO = "iso"
    MDY = "mdy"
    DMY = "dmy"


@lru_cache(maxsize=1024)
def moment_of(text: str, order: DateOrder, *, last: bool) -> datetime:
    """Return the moment that a text names; without a zone it is UTC, and a bare date is its first or last second.

    Args:
        text: ``2026-12-31``, ``2026-12-31T18:00:00Z``, or ``12/31/2026 6:00 PM`` where an order is stated.
        order: that of dates which are not ISO 8601.
        last: whether a bare date is meant to its end.

    Raises:
        RowError: it is no date, or its order was not stated.
    """
    slashed = _SLASHED.fullmatch(text)
    if slashed:
        return _in_order(slashed, order, last=last)
    try:
        moment = datetime.fromisoformat(text)
        if len(text) <= _BARE:
            moment = datetime.combine(moment, time(23, 59, 59) if last else time())
        whole = moment.replace(microsecond=0)
        return whole.replace(tzinfo=UTC) if whole.tzinfo is None else whole.astimezone(UTC)
    except (ValueError, OverflowError):
        raise RowError("a date that cannot be read; write it as 2026-12-31 or 2026-12-31T18:00:00Z") from None


def _in_order(found: re.Match[str], order: DateOrder, *, last: bool) -> datetime:
    if order is DateOrder.ISO:
        raise RowError(
            "a date such as 12/20/2026, which can be read in two ways; state the order (mdy or dmy), "
            "or write 2026-12-20"
        )
    first, second, year = int(found[1]), int(found[2]), int(found[3])
    month, day = (first, second) if order is DateOrder.MDY else (second, first)
    try:
        if found[4] is None:
            return datetime.combine(date(year, month, day), time(23, 59, 59) if last else time(), UTC)
        return datetime(year, month, day, _hour(found), int(found[5]), int(found[6] or 0), tzinfo=UTC)
    except ValueError:
        raise RowError(f"a date that does not exist when it is read as {order}") from None


def _hour(found: re.Match[str]) -> int:
    """Return the hour of 24; ValueError for 13 PM."""
    hour, half = int(found[4]), (found[7] or "").lower()
    if not half:
        return hour
    if not 1 <= hour <= _NOON:
        raise ValueError
    return hour % _NOON + (_NOON if half == "p" else 0)
