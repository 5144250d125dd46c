"""Writing the hot list, the first of two people: what is proposed, and waits for somebody else (R6).

A proposal is an entry without its approver. A change names the wording of the entry that its author saw, so
that nobody undoes another person's change, or brings a cancelled entry back, without knowing.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from api.accounts import access, looks
from api.accounts.people import Role
from api.accounts.sessions import SignedIn
from api.core import audit
from api.core.audit import Act
from api.core.errors import AbsentError, ConflictError, ForbiddenError, InvalidError, StaleError
from api.core.service import Service
from api.db.models import BatchRow, PersonRow, ProposalRow
from api.lists import entries
from hotlist.entry import Entry, entry_from_json
from hotlist.errors import RowError
from hotlist.importers.proposal import Given, Proposal, approved_line, propose

PENDING: Final = "pending"
"""Stands for the approver while nobody has approved."""
PAGE: Final = 100
"""Proposed entries on one page."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Proposed changes, without their plates (R11)."""

    id: str
    author: str
    what: str
    draft: bool
    at: datetime
    entries: int
    report: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Proposed:
    """One proposed entry, and its place in its batch's order."""

    place: int
    entry: Entry = field(repr=False)


def propose_new(service: Service, who: SignedIn, values: Mapping[str, str]) -> str:
    """Propose one entry; return the batch's id.

    Args:
        service: the service.
        who: the author.
        values: texts by field, as `hotlist.importers` names them.

    Raises:
        InvalidError: a rule of R6 is broken; says which.
        ConflictError: an entry for that plate, region and case is in force.
    """
    proposal = _proposal(service, who, values, secrets.token_hex(8), None)
    return _store(service, who, proposal, base="")


def propose_change(
    service: Service, who: SignedIn, entry: str, values: Mapping[str, str], version: str
) -> str:
    """Propose another wording of an entry in force that the author has opened; return the batch's id.

    Args:
        service: the service.
        who: the author.
        entry: the entry's id.
        values: the whole new wording, by field.
        version: the wording that the author saw, as `entries.opened` names it.

    Raises:
        AbsentError: the entry is not in force.
        ReasonError: the author did not open it.
        StaleError: it was changed since the author opened it.
        InvalidError: a rule of R6 is broken; says which.
        ConflictError: another entry for that plate, region and case is in force.
    """
    seen = entries.wording(service, who, entry)
    if seen.version != version:
        raise StaleError("the entry was changed since it was opened")
    proposal = _proposal(service, who, values, entry, seen.entry.created)
    return _store(service, who, proposal, base=version)


def _proposal(
    service: Service, who: SignedIn, values: Mapping[str, str], entry: str, created: datetime | None
) -> Proposal:
    """Make a proposal of a form's texts.

    Raises:
        InvalidError: a rule of R6 is broken; says which.
    """
    filled = {name: text.strip() for name, text in values.items() if text.strip()}
    try:
        return propose(filled, given_by(service, who), entry_id=entry, created=created)
    except RowError as problem:
        raise InvalidError(str(problem)) from None


def _store(service: Service, who: SignedIn, proposal: Proposal, *, base: str) -> str:
    """Store one proposal as a batch of its own; `base` is empty for a new entry."""
    row = proposal_row("", proposal, base)
    with service.database.begin() as session:
        found = entries.entry_of_key(session, row.key)
        if found is not None and not (base and found == row.entry):
            raise ConflictError("an entry for this plate, region and case is in force; change that one")
        what = "change of an entry" if base else "new entry"
        batch = new_batch(session, service, who, what, draft=False)
        row.batch = batch.id
        session.add(row)
        act = Act(who.person.actor, "list.propose", f"batch:{batch.id}", detail={"entries": 1})
        audit.append(session, act, service.now())
        return batch.id


def withdraw(service: Service, who: SignedIn, batch: str) -> None:
    """Drop a batch that has not taken effect; its author and any approver may.

    Raises:
        AbsentError: there is no such batch.
        ForbiddenError: it is somebody else's, and the asker approves nothing.
    """
    with service.database.begin() as session:
        row = row_of(session, batch, lock=True)
        if row.author != who.person.id and Role.APPROVER not in who.person.roles:
            raise ForbiddenError("only its author or an approver withdraws a proposal")
        drop(session, batch)
        audit.append(session, Act(who.person.actor, "list.withdraw", f"batch:{batch}"), service.now())


def put_forward(service: Service, who: SignedIn, batch: str) -> None:
    """Make a dry run a batch that another person can approve; a second time changes nothing.

    Raises:
        AbsentError: there is no such batch.
        ForbiddenError: it is somebody else's.
    """
    with service.database.begin() as session:
        row = row_of(session, batch, lock=True)
        if row.author != who.person.id:
            raise ForbiddenError("only its author puts an import forward")
        if not row.draft:
            return
        row.draft = False
        detail = {"entries": _size(session, batch)}
        act = Act(who.person.actor, "list.propose", f"batch:{batch}", detail=detail)
        audit.append(session, act, service.now())


def waiting(service: Service, after: str = "", limit: int = PAGE) -> list[Batch]:
    """Return what waits for approval and the dry runs, after an id, in the order of their ids."""
    with service.database.read() as session:
        query = select(BatchRow).where(BatchRow.id > after).order_by(BatchRow.id).limit(limit)
        return [_shown(session, row) for row in session.scalars(query)]


def summary(service: Service, batch: str) -> Batch:
    """Return one batch, without its plates.

    Raises:
        AbsentError: there is no such batch.
    """
    with service.database.read() as session:
        return _shown(session, row_of(session, batch))


def open_batch(service: Service, who: SignedIn, batch: str, purpose: str, case_number: str) -> None:
    """Record that somebody opens a batch, and why.

    Raises:
        AbsentError: there is no such batch.
        ReasonError: the purpose or the case number is missing.
    """
    summary(service, batch)
    with service.database.begin() as session:
        access.open_object(service, session, who, f"batch:{batch}", reason=(purpose, case_number))


def page(service: Service, who: SignedIn, batch: str, after: int = 0, limit: int = PAGE) -> list[Proposed]:
    """Return entries of a batch after a place, to somebody who opened it; each page is in the log (R11, R12).

    Raises:
        AbsentError: there is no such batch.
        ReasonError: it was not opened with a reason.
    """
    with service.database.begin() as session:
        row_of(session, batch)
        opening = access.opening(session, who, f"batch:{batch}")
        query = select(ProposalRow).where(ProposalRow.batch == batch, ProposalRow.id > after)
        rows = session.scalars(query.order_by(ProposalRow.id).limit(limit))
        found = [Proposed(row.id, entry_from_json(row.body)) for row in rows]
        audit.append(session, opening.act("batch.read", f"{len(found)} entries"), service.now())
        looks.note(
            service, session, who, f"batch:{batch} {after}", often=looks.READINGS, target=f"batch:{batch}"
        )
    return found


def given_by(service: Service, who: SignedIn, **more: Any) -> Given:  # noqa: ANN401 - passed on to Given
    """Return what an author says for all rows."""
    with service.database.read() as session:
        author = session.get_one(PersonRow, who.person.id).key_id
    return Given(author=author, now=service.now(), **more)


def new_batch(session: Session, service: Service, who: SignedIn, what: str, *, draft: bool) -> BatchRow:
    """Start a batch. Its id begins with the time, so that the order of ids is the order of their making."""
    now = service.now()
    row = BatchRow(
        id=f"{int(now.timestamp() * 1000):012x}{secrets.token_hex(4)}",
        author=who.person.id,
        name=who.person.name,
        what=what[:80],
        draft=draft,
        at=now,
        report={},
    )
    session.add(row)
    session.flush()
    return row


def proposal_row(batch: str, proposal: Proposal, base: str) -> ProposalRow:
    """Return a proposal as a row of a batch."""
    body: dict[str, Any] = json.loads(approved_line(proposal.body, PENDING))
    return ProposalRow(batch=batch, entry=str(body["id"]), key=key_of(proposal), body=body, base=base)


def key_of(proposal: Proposal) -> str:
    """Return what can be in force once, as text."""
    return "|".join(proposal.key)


def row_of(session: Session, batch: str, *, lock: bool = False) -> BatchRow:
    """Return a batch's row, locked where it will be changed.

    Raises:
        AbsentError: there is no such batch.
    """
    row = session.get(BatchRow, batch, with_for_update=lock)
    if row is None:
        raise AbsentError("there is no such proposal, or it was decided already")
    return row


def drop(session: Session, batch: str) -> None:
    """Remove a batch and all of its proposals."""
    session.execute(delete(ProposalRow).where(ProposalRow.batch == batch))
    session.execute(delete(BatchRow).where(BatchRow.id == batch))


def _size(session: Session, batch: str) -> int:
    return session.scalar(select(func.count()).where(ProposalRow.batch == batch)) or 0


def _shown(session: Session, row: BatchRow) -> Batch:
    return Batch(row.id, row.name, row.what, row.draft, row.at, _size(session, row.id), row.report)
