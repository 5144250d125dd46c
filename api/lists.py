"""Writing the hot list with two people: one proposes, another approves, anybody of the two may cancel (R6).

A proposal is an entry without its approver. A cancellation takes effect at once: taking an entry away can
stop no car, and it must be able to stop alerting within a minute (R7).
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api import access, audit, list_statements
from api.audit import Act
from api.db.models import BatchRow, EntryRow, PersonRow, ProposalRow
from api.errors import AbsentError, ConflictError, ForbiddenError, InvalidError
from api.service import Service
from api.sessions import SignedIn
from hotlist.canonical import canonical
from hotlist.entry import Entry, entry_from_json
from hotlist.errors import MalformedError, PlateError, RowError
from hotlist.plate import normalise
from hotlist.proposal import Given, Proposal, approved_line, propose

PENDING: Final = "pending"
PAGE: Final = 100
"""Entries on one page."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Proposed changes, as the pages show them."""

    id: str
    author: str
    what: str
    draft: bool
    at: datetime
    entries: int
    report: Mapping[str, Any] = field(repr=False)


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


def add(service: Service, who: SignedIn, values: Mapping[str, str], entry: str = "") -> str:
    """Propose one entry, or a change to the entry of that id; return the batch's id.

    Args:
        service: the service.
        who: the author.
        values: texts by field, as `hotlist.importers` names them.
        entry: the id of the entry in force that is changed; empty for a new one.

    Raises:
        InvalidError: a rule of R6 is broken; says which.
        AbsentError: the entry to change is not in force.
    """
    filled = {name: text.strip() for name, text in values.items() if text.strip()}
    given = given_by(service, who)
    try:
        proposal = propose(filled, given, entry_id=entry or secrets.token_hex(8))
    except RowError as problem:
        raise InvalidError(str(problem)) from None
    with service.database.begin() as session:
        if entry and session.get(EntryRow, entry) is None:
            raise AbsentError("there is no entry of that id in force")
        found = entry_of_key(session, key_of(proposal))
        if found and found != entry:
            raise ConflictError("an entry for this plate, region and case is in force; change that one")
        what = "change of an entry" if entry else "new entry"
        batch = new_batch(session, service, who, what, draft=False)
        session.add(proposal_row(batch.id, proposal))
        act = Act(who.person.actor, "list.propose", f"batch:{batch.id}", detail={"entries": 1})
        audit.append(session, act, service.now())
    return batch.id


def approve(service: Service, who: SignedIn, batch: str) -> int:
    """Let a batch take effect; return how many entries it held. Nobody approves their own (R6).

    Raises:
        AbsentError: there is no such batch.
        ForbiddenError: it is the approver's own.
        ConflictError: it is a draft, or an entry is in force for a plate, region and case of it.
        InvalidError: an entry breaks a rule of R6 by now.
    """
    now = service.now()
    with service.database.begin() as session:
        row = _batch(session, batch)
        if row.draft:
            raise ConflictError("the import has not been put forward yet")
        if row.author == who.person.id:
            raise ForbiddenError("nobody approves their own entry: another person must look at it")
        key = session.get_one(PersonRow, who.person.id).key_id
        digest, count = hashlib.sha256(), 0
        for proposal in session.scalars(select(ProposalRow).where(ProposalRow.batch == batch)):
            _take(session, proposal, key, who, row.name)
            digest.update(canonical(proposal.body))
            count += 1
        try:
            session.flush()
        except IntegrityError:
            raise ConflictError("an entry for a plate, region and case of it is in force already") from None
        _drop(session, batch)
        detail: dict[str, str | int] = {"entries": count, "sha256": digest.hexdigest(), "author": row.name}
        audit.append(session, Act(who.person.actor, "list.approve", f"batch:{batch}", detail=detail), now)
    return count


def _take(session: Session, proposal: ProposalRow, approver: str, who: SignedIn, author: str) -> None:
    """Put one approved entry in force.

    Raises:
        InvalidError: it breaks a rule of R6, such as one key as author and approver.
    """
    try:
        entry = entry_from_json({**proposal.body, "approver": approver})
    except MalformedError as problem:
        raise InvalidError(str(problem)) from None
    row = EntryRow(
        id=entry.id,
        key=proposal.key,
        body={**proposal.body, "approver": approver},
        author=author,
        approver=who.person.name,
        expires=entry.expires,
    )
    session.merge(row)


def withdraw(service: Service, who: SignedIn, batch: str) -> None:
    """Drop a batch that has not taken effect; its author and any approver may.

    Raises:
        AbsentError: there is no such batch.
    """
    with service.database.begin() as session:
        _batch(session, batch)
        _drop(session, batch)
        audit.append(session, Act(who.person.actor, "list.withdraw", f"batch:{batch}"), service.now())


def put_forward(service: Service, who: SignedIn, batch: str) -> None:
    """Make a draft import a batch that another person can approve.

    Raises:
        AbsentError: there is no such batch.
        ForbiddenError: it is somebody else's.
    """
    with service.database.begin() as session:
        row = _batch(session, batch)
        if row.author != who.person.id:
            raise ForbiddenError("only its author puts an import forward")
        row.draft = False
        act = Act(
            who.person.actor, "list.propose", f"batch:{batch}", detail={"entries": _size(session, batch)}
        )
        audit.append(session, act, service.now())


def cancel(service: Service, who: SignedIn, entry: str, reason: str) -> None:
    """Take an entry off the list at once (R7).

    Raises:
        AbsentError: there is no such entry in force.
        InvalidError: no reason was given.
    """
    if not reason.strip():
        raise InvalidError("a cancellation needs a reason")
    with service.database.begin() as session:
        row = session.get(EntryRow, entry)
        if row is None:
            raise AbsentError("there is no entry of that id in force")
        session.delete(row)
        list_statements.note_cancelled(session, service, entry)
        act = Act(who.person.actor, "list.cancel", f"entry:{entry}", detail={"reason": reason.strip()[:200]})
        audit.append(session, act, service.now())


def batches(service: Service) -> list[Batch]:
    """Return what waits for approval, and the drafts, the oldest first."""
    with service.database.read() as session:
        rows = session.scalars(select(BatchRow).order_by(BatchRow.at))
        return [_shown(session, row) for row in rows]


def batch_entries(service: Service, batch: str, limit: int = 200) -> tuple[Batch, list[Entry]]:
    """Return a batch and its first entries; the route has asked for the reason (R11).

    Raises:
        AbsentError: there is no such batch.
    """
    with service.database.read() as session:
        row = _batch(session, batch)
        query = select(ProposalRow.body).where(ProposalRow.batch == batch).order_by(ProposalRow.id)
        bodies = session.scalars(query.limit(limit))
        return _shown(session, row), [entry_from_json(body) for body in bodies]


def in_force(service: Service, start: str = "", limit: int = PAGE) -> list[Line]:
    """Return entries in force from an id on, without their plates."""
    with service.database.read() as session:
        query = select(EntryRow).where(EntryRow.expires > service.now(), EntryRow.id > start)
        rows = session.scalars(query.order_by(EntryRow.id).limit(limit))
        return [_line(row) for row in rows]


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
        row = session.get(EntryRow, entry)
        if row is None:
            raise AbsentError("there is no entry of that id in force")
        plate = entry_from_json(row.body).plate
    access.open_object(service, who, f"entry:{entry}", purpose, case_number)
    with service.database.begin() as session:
        access.note_lookup(service, session, who, plate)


def entry_in_force(service: Service, who: SignedIn, entry: str) -> Entry:
    """Return an entry to somebody who opened it.

    Raises:
        AbsentError: there is no such entry in force.
        ReasonError: it was not opened with a reason.
    """
    with service.database.read() as session:
        row = session.get(EntryRow, entry)
        if row is None:
            raise AbsentError("there is no entry of that id in force")
        access.opening(session, who, f"entry:{entry}")
        return entry_from_json(row.body)


def find(service: Service, plate: str) -> list[str]:
    """Return the ids of the entries in force for a listed plate. It looks only at the department's own list.

    Raises:
        InvalidError: it is no plate.
    """
    try:
        wanted = normalise(plate)
    except PlateError as problem:
        raise InvalidError(str(problem), hint=problem.hint) from None
    with service.database.read() as session:
        query = select(EntryRow.id).where(EntryRow.key.startswith(f"{wanted}|", autoescape=True))
        return list(session.scalars(query.order_by(EntryRow.id)))


def given_by(service: Service, who: SignedIn, **more: Any) -> Given:  # noqa: ANN401 - passed on to Given
    """Return what an author says for all rows."""
    with service.database.read() as session:
        author = session.get_one(PersonRow, who.person.id).key_id
    return Given(author=author, now=service.now(), **more)


def new_batch(session: Session, service: Service, who: SignedIn, what: str, *, draft: bool) -> BatchRow:
    """Start a batch."""
    row = BatchRow(
        id=secrets.token_hex(8),
        author=who.person.id,
        name=who.person.name,
        what=what[:80],
        draft=draft,
        at=service.now(),
        report={},
    )
    session.add(row)
    session.flush()
    return row


def proposal_row(batch: str, proposal: Proposal) -> ProposalRow:
    """Return a proposal as a row of a batch."""
    body = _json(proposal)
    return ProposalRow(batch=batch, entry=str(body["id"]), key=key_of(proposal), body=body)


def key_of(proposal: Proposal) -> str:
    """Return what can be in force once, as text."""
    return "|".join(proposal.key)


def entry_of_key(session: Session, key: str) -> str | None:
    """Return the id of the entry in force for a plate, region and case."""
    return session.scalar(select(EntryRow.id).where(EntryRow.key == key))


def _json(proposal: Proposal) -> dict[str, Any]:
    """Return a proposal's JSON members, its approver still pending."""
    members: dict[str, Any] = json.loads(approved_line(proposal.body, PENDING))
    return members


def _line(row: EntryRow) -> Line:
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


def _batch(session: Session, batch: str) -> BatchRow:
    """Return a batch's row, locked.

    Raises:
        AbsentError: there is no such batch.
    """
    row = session.get(BatchRow, batch, with_for_update=True)
    if row is None:
        raise AbsentError("there is no such proposal, or it was decided already")
    return row


def _drop(session: Session, batch: str) -> None:
    session.execute(delete(ProposalRow).where(ProposalRow.batch == batch))
    session.execute(delete(BatchRow).where(BatchRow.id == batch))


def _size(session: Session, batch: str) -> int:
    return session.scalar(select(func.count()).where(ProposalRow.batch == batch)) or 0


def _shown(session: Session, row: BatchRow) -> Batch:
    return Batch(row.id, row.name, row.what, row.draft, row.at, _size(session, row.id), row.report)
