"""Whether an entry still stands: asked at the moment of a decision, of the list as it is now (R7, R9)."""

from collections import Counter
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.db.models import EntryRow
from hotlist.entry import Entry, entry_from_json


def current_entry(session: Session, matched: Entry, now: datetime) -> Entry | None:
    """Return an entry as it stands on the list now, or None where it no longer says what was matched.

    It must be approved, not cancelled, in effect, not expired, and still name the same plate and region: a
    corrected entry keeps its id, and what a device says of an entry is not the list.
    """
    row = session.get(EntryRow, matched.id)
    if row is None:
        return None
    entry = entry_from_json(row.body)
    same = (entry.plate, entry.region) == (matched.plate, matched.region)
    return entry if same and entry.effective <= now < entry.expires else None


def in_force_by_source(session: Session, now: datetime) -> dict[str, int]:
    """Return how many entries of each source are in force."""
    rows = session.scalars(select(EntryRow.body).where(EntryRow.expires > now))
    return dict(Counter(str(body["source"]) for body in rows))
