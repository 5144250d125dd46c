"""The hot list's entries in force: paged without their plates, opened one by one with a reason, cancelled (R11).

A cancellation takes effect at once: taking an entry away can stop no car, and it must be able to stop alerting
within a minute (R7).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.accounts import access, looks
from api.accounts.sessions import SignedIn
from api.core import audit
from api.core.audit import Act
from api.core.errors import AbsentError, InvalidError
from api.core.service import Service
from api.db.models import EntryRow
from api.lists import list_statements, publishing
from api.lists.publishing import Standing
from hotlist.entry import Entry, entry_from_json
from hotlist.errors import PlateError
from hotlist.plate import normalise

PAGE: Final = 100
"""Entries on one page."""


@dataclass(frozen=True, slots=True)
class Line:
    """One entry in force, as the list's page shows it: without its plate (R11)."""

    id: str
    purpose: str
    severity: str
    region: str
    source: str
    author: str
    approver: str
    expires: datetime


@dataclass(frozen=True, slots=True)
class Opened:
    """One entry for somebody who gave a reason, and the version that a change of it must name."""

    entry: Entry
    version: str


def in_force(service: Service, after: str = "", limit: int = PAGE) -> list[Line]:
    """Return entries in force after an id, in the order of their ids, without their plates."""
    with service.database.read() as session:
        query = select(EntryRow).where(EntryRow.expires > service.now(), EntryRow.id > after)
        rows = session.scalars(query.order_by(EntryRow.id).limit(limit))
        return [line_of(row) for row in rows]


def count(service: Service) -> int:
    """Return how many entries are in force."""
    with service.database.read() as session:
        query = select(func.count()).select_from(EntryRow).where(EntryRow.expires > service.now())
        return session.scalar(query) or 0


def open_entry(service: Service, who: SignedIn, entry: str, purpose: str, case_number: str) -> None:
    """Record that somebody opens an entry, and why.

    Raises:
        AbsentError: there is no such entry in force.
        ReasonError: the purpose or the case number is missing.
    """
    with service.database.read() as session:
        plate = entry_from_json(row_of(session, entry).body).plate
    with service.database.begin() as session:
        access.open_object(service, session, who, f"entry:{entry}", reason=(purpose, case_number))
        looks.note_listed(service, session, who, plate, entry)


def opened(service: Service, who: SignedIn, entry: str) -> Opened:
    """Return an entry to somebody who opened it; each time is recorded, or it is not given (R21).

    Raises:
        AuditError: it could not be recorded.
        AbsentError: there is no such entry in force.
        ReasonError: it was not opened with a reason.
    """
    with service.database.begin() as session:
        row = row_of(session, entry)
        looks.view(service, session, who, f"entry:{entry}", "entry.view")
        return Opened(entry_from_json(row.body), row.version)


def wording(service: Service, who: SignedIn, entry: str) -> Opened:
    """Return an opened entry for a comparison with what its reader sends; nothing of it is shown.

    Raises:
        AbsentError: there is no such entry in force.
        ReasonError: it was not opened with a reason.
    """
    with service.database.read() as session:
        row = row_of(session, entry)
        access.opening(session, who, f"entry:{entry}")
        return Opened(entry_from_json(row.body), row.version)


def find(service: Service, who: SignedIn, plate: str, purpose: str, case_number: str) -> str:
    """Open the entry of a listed plate, with a reason; return its id. It looks at the department's own list only.

    A look for a plate that is not listed counts too: who asks again and again waits for it (R21).

    Raises:
        InvalidError: it is no plate, or no entry in force is for it. The look-up is recorded without it.
        ReasonError: the purpose or the case number is missing.
    """
    try:
        wanted = normalise(plate)
    except PlateError as problem:
        raise InvalidError(str(problem), hint=problem.hint) from None
    with service.database.read() as session:
        query = select(EntryRow.id).where(EntryRow.key.startswith(f"{wanted}|", autoescape=True))
        found = list(session.scalars(query.order_by(EntryRow.id)))
    case_number = access.check_reason(purpose, case_number)
    with service.database.begin() as session:
        result = "found" if found else "not found"
        act = Act(who.person.actor, "list.find", "", purpose, case_number, result)
        audit.append(session, act, service.now())
        if not found:
            looks.note_unlisted(service, session, who, wanted)
    if not found:
        raise InvalidError("no entry in force is for this plate")
    open_entry(service, who, found[0], purpose, case_number)
    return found[0]


def cancel(service: Service, who: SignedIn, entry: str, reason: str) -> Standing:
    """Take an entry off the list at once, and tell the devices; return what they fetch then (R7).

    The entry is cancelled also where the answer says that devices are not told yet.

    Raises:
        AbsentError: there is no such entry in force.
        InvalidError: no reason was given.
    """
    if not reason.strip():
        raise InvalidError("a cancellation needs a reason")
    with service.database.begin() as session:
        session.delete(row_of(session, entry))
        list_statements.note_cancelled(session, service, entry)
        act = Act(who.person.actor, "list.cancel", f"entry:{entry}", detail={"reason": reason.strip()[:200]})
        audit.append(session, act, service.now())
    standing = publishing.after_act(service, who.person.actor)
    service.database.forget_old_pages()
    return standing


def row_of(session: Session, entry: str) -> EntryRow:
    """Return an entry's row.

    Raises:
        AbsentError: there is no such entry in force.
    """
    row = session.get(EntryRow, entry)
    if row is None:
        raise AbsentError("there is no entry of that id in force")
    return row


def entry_of_key(session: Session, key: str) -> str | None:
    """Return the id of the entry in force for a plate, region and case."""
    return session.scalar(select(EntryRow.id).where(EntryRow.key == key))


def line_of(row: EntryRow) -> Line:
    """Return an entry's line, without its plate."""
    entry = entry_from_json(row.body)
    return Line(
        id=row.id,
        purpose=entry.purpose,
        severity=entry.severity,
        region=entry.region,
        source=entry.source,
        author=row.author,
        approver=row.approver,
        expires=entry.expires,
    )
