"""A version's number, its entries, and its row: what both ways of signing share."""

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from api.core import audit
from api.core.audit import Act
from api.db.models import CandidateRow, EntryRow, ListRow
from hotlist.authoring.desk import DESK
from hotlist.entry import Entry, entry_from_json
from hotlist.signed_list.bundle import SignedList
from hotlist.signed_list.list_format import body_lines


def newest(session: Session) -> ListRow | None:
    """Return the newest published version, or None before the first."""
    return session.scalar(select(ListRow).order_by(ListRow.version.desc()).limit(1))


def next_version(session: Session) -> int:
    """Return a number that no version had, published or not: people may have signed what was withdrawn."""
    published = session.scalar(select(func.max(ListRow.version))) or 0
    waited = session.scalar(select(func.max(CandidateRow.version))) or 0
    return max(published, waited) + 1


def entries(session: Session, now: datetime) -> tuple[list[Entry], str]:
    """Return every entry in force, and what `holds` says of exactly these: read at one moment."""
    query = select(EntryRow.id, EntryRow.version, EntryRow.body).where(EntryRow.expires > now)
    rows = session.execute(query.order_by(EntryRow.id)).all()
    return [entry_from_json(row.body) for row in rows], _digest(rows)


def holds(session: Session, now: datetime) -> str:
    """Return a digest of which entries are in force, in which wording: ids and random versions, no plate."""
    query = select(EntryRow.id, EntryRow.version).where(EntryRow.expires > now).order_by(EntryRow.id)
    return _digest(session.execute(query.execution_options(yield_per=10_000)))


def names_cancelled(session: Session, row: ListRow, now: datetime) -> bool:
    """Whether a published version names an entry that was taken back, by the list's own bytes.

    One that has only expired does not count: devices let go of it by themselves.
    """
    if row.signed is None:
        return False
    lines = body_lines(memoryview(SignedList.from_bytes(row.signed, DESK).packed), DESK, step=0)
    next(lines)
    bodies = (json.loads(line) for line in lines)
    held = {str(body["id"]) for body in bodies if datetime.fromisoformat(body["expires"]) > now}
    return not held <= set(session.scalars(select(EntryRow.id)))


def _digest(rows: Iterable[Any]) -> str:
    """Return the digest of rows with an id and a version, sorted by id."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(f"{row.id} {row.version}\n".encode())
    return digest.hexdigest()


def store(
    session: Session,
    signed: SignedList,
    *,
    version: int,
    count: int,
    actor: str,
    now: datetime,
    holding: str = "",
) -> ListRow:
    """Make a signed list the published version, in the caller's transaction; the others lose bytes and digest.

    `holding` is what `holds` said when its entries were read.
    """
    session.execute(update(ListRow).values(signed=None, digest=""))
    row = ListRow(
        version=version,
        published=now,
        published_by=actor,
        entries=count,
        digest=signed.digest.hex(),
        signed=signed.to_bytes(),
        holds=holding,
    )
    session.add(row)
    detail: dict[str, str | int] = {"entries": count}
    audit.append(session, Act(actor, "list.publish", f"list:{version}", detail=detail), now)
    return row
