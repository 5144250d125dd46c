"""Whether an entry still stands: asked at the moment of a decision, of the list as it is now (R7, R9)."""

from datetime import datetime

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
