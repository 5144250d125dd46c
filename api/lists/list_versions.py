"""A version's number, its entries, and its row: what both ways of signing share."""

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from api.core import audit
from api.core.audit import Act
from api.db.models import CandidateRow, EntryRow, GapRow, ListRow
from hotlist.entry import Entry, entry_from_json
from hotlist.signed_list.bundle import SignedList


def newest(session: Session) -> ListRow | None:
    """Return the newest published version, or None before the first."""
    return session.scalar(select(ListRow).order_by(ListRow.version.desc()).limit(1))


def next_version(session: Session) -> int:
    """Return a number that no version had: not one that people may have signed and was withdrawn, nor one lost."""
    published = session.scalar(select(func.max(ListRow.version))) or 0
    waited = session.scalar(select(func.max(CandidateRow.version))) or 0
    lost = session.scalar(select(func.max(GapRow.last))) or 0
    return max(published, waited, lost) + 1


def entries(session: Session, now: datetime) -> list[Entry]:
    """Return every entry in force."""
    rows = session.scalars(select(EntryRow).where(EntryRow.expires > now).order_by(EntryRow.id))
    return [entry_from_json(row.body) for row in rows]


def store(
    session: Session, signed: SignedList, *, version: int, count: int, actor: str, now: datetime
) -> ListRow:
    """Make a signed list the published version, in the caller's transaction; the others lose bytes and digest."""
    session.execute(update(ListRow).values(signed=None, digest=""))
    row = ListRow(
        version=version,
        published=now,
        published_by=actor,
        entries=count,
        digest=signed.digest.hex(),
        signed=signed.to_bytes(),
    )
    session.add(row)
    detail: dict[str, str | int] = {"entries": count}
    audit.append(session, Act(actor, "list.publish", f"list:{version}", detail=detail), now)
    return row
