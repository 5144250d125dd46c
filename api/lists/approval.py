"""Writing the hot list, the second of two people: a batch takes effect as a whole, or not at all (R6).

Every entry is checked again at that moment. A change takes effect only over the wording that its author saw.
A batch may hold a whole state's list, so it is walked in parts; it is checked and made ready before anything
is locked, because every other writer waits meanwhile.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, delete, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.accounts import access, duties
from api.accounts.sessions import SignedIn
from api.core import audit
from api.core.audit import Act
from api.core.errors import ConflictError, ForbiddenError, InvalidError, StateError
from api.core.service import Service
from api.core.staging import Prepared, Scratch, scratch
from api.db.models import BatchRow, EntryRow, PersonRow, ProposalRow, new_version
from api.db.types import Moment
from api.lists import proposals, publishing
from api.lists.publishing import Standing
from hitonly_core.canonical import canonical
from hotlist.entry import entry_from_line
from hotlist.errors import MalformedError

_PART: Final = 1000
"""Proposals that are in memory at once."""
_INSERT: Final = text(
    "INSERT INTO entries (id, key, body, author, approver, expires, version)"
    " VALUES (:entry, :key, :body, :author, :approver, :expires, :version)"
).bindparams(bindparam("expires", type_=Moment()))
"""As the model would; but the body is JSON text already, and nothing is worked out under the lock."""


def approve(service: Service, who: SignedIn, batch: str) -> tuple[int, Standing]:
    """Let a batch take effect, and publish it where the service signs the list. Nobody approves their own (R6).

    Returns:
        How many entries it held, and what devices fetch then.

    Raises:
        AbsentError: there is no such batch.
        ReasonError: the approver did not open it.
        ForbiddenError: it is the approver's own.
        ConflictError: it is a draft, its author was disabled since, an entry that it changes was changed or
            cancelled since, or an entry is in force for a plate, region and case of it.
        InvalidError: an entry breaks a rule of R6 by now.
    """
    try:
        with scratch(service.settings.state) as ready:
            with service.database.read() as session:
                _may(session, who, batch, lock=False)
                _prepare(session, batch, session.get_one(PersonRow, who.person.id).key_id, ready)
            count = _take(service, who, batch, ready)
    except IntegrityError:
        raise ConflictError("an entry for a plate, region and case of it is in force already") from None
    except (sqlite3.Error, OSError) as problem:
        hint = "Look whether the disk of the state folder is full; nothing took effect."
        raise StateError(
            f"the entries could not be made ready ({type(problem).__name__})", hint=hint
        ) from None
    return count, publishing.after_act(service, who.person.actor)


def _may(session: Session, who: SignedIn, batch: str, *, lock: bool) -> BatchRow:
    """Return the batch's row where this person may approve it.

    Raises:
        AbsentError: there is no such batch.
        ReasonError: the approver did not open it.
        ForbiddenError: it is the approver's own.
        ConflictError: it is a draft, or its author was disabled since.
    """
    row = proposals.row_of(session, batch, lock=lock)
    access.opening(session, who, f"batch:{batch}")
    if row.draft:
        raise ConflictError("the import has not been put forward yet")
    if row.author == who.person.id:
        raise ForbiddenError("nobody approves their own entry: another person must look at it")
    duties.need_still(session.get(PersonRow, row.author))
    return row


def _prepare(session: Session, batch: str, approver: str, ready: Scratch) -> None:
    """Check every entry as it would be in force, and keep it.

    Raises:
        InvalidError: one breaks a rule of R6, such as one key as author and approver.
    """
    for part in _parts(session, batch):
        for row in part:
            line = canonical({**row.body, "approver": approver})
            try:
                entry_from_line(line)
            except MalformedError as problem:
                raise InvalidError(str(problem)) from None
            expires = datetime.fromisoformat(row.body["expires"])
            ready.add(Prepared(row.key, row.entry, row.base, line.decode(), expires.isoformat()), row.key)


def _take(service: Service, who: SignedIn, batch: str, ready: Scratch) -> int:
    """Put every entry of a batch in force, in one transaction with its record; return how many.

    Raises:
        ConflictError: an entry that is changed is not as its author saw it.
        IntegrityError: an entry is in force for a plate, region and case of it.
    """
    with service.database.begin() as session:
        row = _may(session, who, batch, lock=True)
        people = {"author": row.name, "approver": who.person.name}
        for part in ready.parts():
            _clear(session, {one.entry: one.base for one in part if one.base})
            session.execute(_INSERT, [_entry(one, people) for one in part])
        proposals.drop(session, batch)
        detail: dict[str, str | int] = {"entries": ready.proposed, "author": row.name}
        act = Act(who.person.actor, "list.approve", f"batch:{batch}", detail=detail)
        audit.append(session, act, service.now())
        near = Act(who.person.actor, "list.approve-near", f"batch:{batch}")
        duties.note_near(session, row.name, who.person.name, near, service.now())
    return ready.proposed


def _entry(one: Prepared, people: Mapping[str, str]) -> dict[str, object]:
    """Return the columns of an entry."""
    expires = datetime.fromisoformat(one.expires)
    return {
        "entry": one.entry,
        "key": one.key,
        "body": one.body,
        "expires": expires,
        "version": new_version(),
        **people,
    }


def _clear(session: Session, seen: Mapping[str, str]) -> None:
    """Remove the wordings that changes replace.

    Raises:
        ConflictError: one of them is not as its author saw it, or is gone.
    """
    if not seen:
        return
    query = select(EntryRow.id, EntryRow.version).where(EntryRow.id.in_(seen)).with_for_update()
    found = {row.id: row.version for row in session.execute(query)}
    if found != seen:
        hint = "Withdraw the proposal and make it anew."
        raise ConflictError("an entry that it changes was changed or cancelled since", hint=hint)
    session.execute(delete(EntryRow).where(EntryRow.id.in_(seen)))


def _parts(session: Session, batch: str) -> Iterator[Sequence[Any]]:
    """Yield a batch's proposals in their order, a part at a time."""
    columns = (ProposalRow.id, ProposalRow.entry, ProposalRow.key, ProposalRow.body, ProposalRow.base)
    query = select(*columns).where(ProposalRow.batch == batch).order_by(ProposalRow.id).limit(_PART)
    after = 0
    while part := session.execute(query.where(ProposalRow.id > after)).all():
        yield part
        after = part[-1].id
