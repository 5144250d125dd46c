"""Versions of the hot list that were lost: an older database knows nothing of what was published after it.

Units take no list with a number below the last one they took. So when an older database is put back, every number
that may have been given since is set aside, and the next version stands above them all: one for every second that
has passed since the older database's last record, and never fewer than a million, in case the clock is wrong.
A hit that was matched against one of them is not refused for that (api/lists/list_age.py).
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.db.models import GapRow
from api.lists import list_versions

FEWEST: Final = 1_000_000
"""More versions than a service can publish in any time that a clock could be wrong by unseen."""


def set_aside(session: Session, *, since: datetime, now: datetime) -> int:
    """Set aside every number that may have been given since, in the caller's transaction; return how many.

    Args:
        session: the database's.
        since: the last moment that the older database knows of.
        now: when it is put back.
    """
    first = list_versions.next_version(session)
    number = max(FEWEST, (now - since) // timedelta(seconds=1))
    session.add(GapRow(first=first, last=first + number - 1, since=since, until=max(since, now)))
    session.flush()
    return number


def of_version(session: Session, version: int) -> GapRow | None:
    """Return the gap that a number lies in, or None."""
    return session.scalar(select(GapRow).where(GapRow.first <= version, GapRow.last >= version))


def after(session: Session, version: int) -> bool:
    """Whether numbers above this one were set aside."""
    return session.scalar(select(GapRow.first).where(GapRow.last > version).limit(1)) is not None
