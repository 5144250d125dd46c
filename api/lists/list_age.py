"""Whether a device can rightly have matched a hit against the list that it names (R7), decided on arrival.

1. The list was published by this department: its number is one that exists, or one that was lost with a database
   that an older one took the place of (api/lists/list_gaps.py). When a lost one was published nobody knows: the hit
   must then be captured after the older database's last record, and at most 24 hours after it was put back.
2. The list existed: the hit was captured after it was published, but for the window in which reads are
   matched again when a new list arrives, and for a clock that is a little off.
3. The list had not been superseded for more than 24 hours when the hit was captured. Devices fetch lists with a
   delay, and one that has heard of no newer list for so long must not alert (R7); it checks that itself.
4. The device was enrolled when it captured the hit.

The time of capture is the device's own claim, unless the device said that its clock was not set
(api/hits/hit_time.py). A future one is refused before (api/hits/intake.py). A late delivery is none of these: a box
that was offline for a week delivers what it rightly captured, and the review decides.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.core.errors import ListVersionError
from api.db.models import DeviceRow, GapRow, ListRow
from api.lists import list_gaps
from hitonly_core.policy import CLOCK_TOLERANCE, LIST_AGE_CEILING, WINDOW_CEILING
from protocol.hit import Hit

REMATCH: Final = WINDOW_CEILING
"""How long before a list's arrival a read can have been captured that it matches: the longest window."""
VERSIONS: Final = 2**31
"""Numbers of lists are below it."""


def check_lists(session: Session, hit: Hit, *, captured: datetime | None) -> None:
    """Refuse a hit that no device that keeps R7 can have made.

    Args:
        session: the database's.
        hit: as it was opened.
        captured: when it was captured; None where that is not certain: then only (1) can be checked.

    Raises:
        ListVersionError: its list never existed, did not yet exist, or was superseded long ago; or the device
            was not enrolled yet.
    """
    for version in {match.list_version for match in hit.matches}:
        times = _times(session, version)
        lost = times is None and _possible(version)
        gap = list_gaps.of_version(session, version) if lost else None
        if gap is not None:
            _check_lost(gap, captured)
            continue
        if times is None:  # (1)
            newest = session.scalar(select(func.max(ListRow.version))) or 0
            raise ListVersionError(
                "the hit was matched against a list that was never published",
                hint=f"The newest published version is {newest}; look what the device holds.",
            )
        if captured is not None:
            _check_time(*times, captured)
    enrolled = session.get_one(DeviceRow, hit.device).enrolled
    if captured is not None and captured < enrolled - CLOCK_TOLERANCE:  # (4)
        raise ListVersionError(
            "the hit was captured before its device was enrolled", hint="Check the device's clock."
        )


def _possible(version: object) -> bool:
    """Whether a unit's word for a version is a number that a list can have; JSON's true is none."""
    return type(version) is int and 1 <= version < VERSIONS


def _times(session: Session, version: int) -> tuple[datetime, datetime | None] | None:
    """Return when a version was published, and when the next one was, if there is one; None if it never was."""
    if not _possible(version):
        return None
    query = select(ListRow.version, ListRow.published).where(ListRow.version >= version)
    found = session.execute(query.order_by(ListRow.version).limit(2)).all()
    if not found or found[0].version != version:
        return None
    return found[0].published, found[1].published if len(found) > 1 else None


def _check_lost(gap: GapRow, captured: datetime | None) -> None:
    """Refuse a hit of a lost version that was captured when that version cannot have been in use.

    Raises:
        ListVersionError: it was.
    """
    earliest = gap.since - REMATCH - CLOCK_TOLERANCE
    if captured is not None and not earliest <= captured <= gap.until + LIST_AGE_CEILING:
        raise ListVersionError(
            "the hit's list was lost with an older database, and cannot have been in use at its capture",
            hint="Check the device's clock, and whether it fetches its list.",
        )


def _check_time(published: datetime, superseded: datetime | None, captured: datetime) -> None:
    """Refuse a capture before the list was there, or long after it was superseded.

    Raises:
        ListVersionError: it is.
    """
    if captured < published - REMATCH - CLOCK_TOLERANCE:  # (2)
        raise ListVersionError(
            "the hit was captured before its list was published", hint="Check the device's clock."
        )
    if superseded is not None and captured > superseded + LIST_AGE_CEILING:  # (3)
        hours = LIST_AGE_CEILING / timedelta(hours=1)
        raise ListVersionError(
            f"the hit's list was superseded more than {hours:g} hours before its capture",
            hint="Such a list must not alert; look whether the device fetches its list.",
        )
