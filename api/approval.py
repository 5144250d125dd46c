"""Writing the hot list, the second of two people: a batch takes effect as a whole, or not at all (R6).

Every entry is checked again at that moment. A change takes effect only over the wording that its author saw.
A batch may hold a whole state's list, so it is walked in parts, and checked before anything is locked.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api import access, audit, proposals
from api.audit import Act
from api.db.models import BatchRow, EntryRow, PersonRow, ProposalRow
from api.entries import version_of
from api.errors import ConflictError, ForbiddenError, InvalidError
from api.service import Service
from api.sessions import SignedIn
from hotlist.canonical import canonical
from hotlist.entry import entry_from_json
from hotlist.errors import MalformedError

_PART: Final = 1000
"""Proposals that are in memory at once."""


def approve(service: Service, who: SignedIn, batch: str) -> int:
    """Let a batch take effect; return how many entries it held. Nobody approves their own (R6).

    Raises:
        AbsentError: there is no such batch.
        ReasonError: the approver did not open it.
        ForbiddenError: it is the approver's own.
        ConflictError: it is a draft, an entry that it changes was changed or cancelled since, or an entry is in
            force for a plate, region and case of it.
        InvalidError: an entry breaks a rule of R6 by now.
    """
    with service.database.read() as session:
        _may(session, who, batch, lock=False)
        key = session.get_one(PersonRow, who.person.id).key_id
        digest = _check(session, batch, key)
    try:
        with service.database.begin() as session:
            row = _may(session, who, batch, lock=True)
            count = _take(session, row, key, who.person.name)
            proposals.drop(session, batch)
            detail: dict[str, str | int] = {"entries": count, "sha256": digest, "author": row.name}
            act = Act(who.person.actor, "list.approve", f"batch:{batch}", detail=detail)
            audit.append(session, act, service.now())
    except IntegrityError:
        raise ConflictError("an entry for a plate, region and case of it is in force already") from None
    return count


def _may(session: Session, who: SignedIn, batch: str, *, lock: bool) -> BatchRow:
    """Return the batch's row where this person may approve it.

    Raises:
        AbsentError: there is no such batch.
        ReasonError: the approver did not open it.
        ForbiddenError: it is the approver's own.
        ConflictError: it is a draft.
    """
    row = proposals.row_of(session, batch, lock=lock)
    access.opening(session, who, f"batch:{batch}")
    if row.draft:
        raise ConflictError("the import has not been put forward yet")
    if row.author == who.person.id:
        raise ForbiddenError("nobody approves their own entry: another person must look at it")
    return row


def _check(session: Session, batch: str, approver: str) -> str:
    """Check every entry as it would be in force; return the SHA-256 of what is approved.

    Raises:
        InvalidError: one breaks a rule of R6, such as one key as author and approver.
    """
    digest = hashlib.sha256()
    for part in _parts(session, batch):
        for row in part:
            digest.update(canonical(row.body))
            try:
                entry_from_json({**row.body, "approver": approver})
            except MalformedError as problem:
                raise InvalidError(str(problem)) from None
    return digest.hexdigest()


def _take(session: Session, batch: BatchRow, approver: str, name: str) -> int:
    """Put every entry of a batch in force; return how many.

    Raises:
        ConflictError: an entry that is changed is not as its author saw it.
        IntegrityError: an entry is in force for a plate, region and case of it.
    """
    count = 0
    for part in _parts(session, batch.id):
        _clear(session, part)
        rows = [
            {
                "id": row.entry,
                "key": row.key,
                "body": {**row.body, "approver": approver},
                "author": batch.name,
                "approver": name,
                "expires": datetime.fromisoformat(row.body["expires"]),
            }
            for row in part
        ]
        session.execute(insert(EntryRow), rows)
        count += len(part)
    return count


def _clear(session: Session, part: Sequence[Any]) -> None:
    """Remove the wordings that a part's changes replace.

    Raises:
        ConflictError: one of them is not as its author saw it, or is gone.
    """
    seen = {row.entry: row.base for row in part if row.base}
    if not seen:
        return
    query = select(EntryRow.id, EntryRow.body).where(EntryRow.id.in_(seen)).with_for_update()
    found = {row.id: version_of(row.body) for row in session.execute(query)}
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
