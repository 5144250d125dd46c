"""Whether an entry still stands: asked at the moment of a decision, of the list as it is now (R7, R9)."""

from collections import Counter
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.db.models import EntryRow
from hotlist.entry import entry_from_json


def entry_is_current(session: Session, entry: str, now: datetime) -> bool:
    """Whether an entry is approved, not cancelled, in effect and not expired."""
    row = session.get(EntryRow, entry)
    if row is None:
        return False
    body = entry_from_json(row.body)
    return body.effective <= now < body.expires


def in_force_by_source(session: Session, now: datetime) -> dict[str, int]:
    """Return how many entries of each source are in force."""
    rows = session.scalars(select(EntryRow.body).where(EntryRow.expires > now))
    return dict(Counter(str(body["source"]) for body in rows))
