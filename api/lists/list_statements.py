"""The service's word that the version which people signed is still the current one (R7).

It is renewed every six hours, holds for a day and never beyond the list's own end, and names the entries that
were cancelled since people signed: a cancellation needs one person and no key. `hotlist.signed_list.timestamp`
says what it cannot do.
"""

import base64
import json
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from api.core.errors import ConflictError
from api.core.service import Service
from api.db.models import CancelledRow, ListRow, StatementRow
from api.lists import list_keys
from hotlist.signed_list.timestamp import MAX_CANCELLED, Timestamp, TimestampForm, state_current

RENEW: Final = timedelta(hours=6)
HOLDS: Final = timedelta(hours=24)
_SECOND: Final = timedelta(seconds=1)


def note_cancelled(session: Session, service: Service, entry: str) -> None:
    """Remember that an entry was cancelled, in the transaction that cancels it, where people sign the list.

    Raises:
        ConflictError: more are cancelled than a statement can name.
    """
    if not list_keys.people_decide(session, service):
        return
    if (session.scalar(select(func.count()).select_from(CancelledRow)) or 0) >= MAX_CANCELLED:
        hint = "Make a new version and have it signed: it leaves them out for good."
        raise ConflictError(f"{MAX_CANCELLED} entries were cancelled since people last signed", hint=hint)
    session.merge(CancelledRow(entry=entry, at=service.now()))


def state(session: Session, service: Service, row: ListRow, ends: datetime, now: datetime) -> bool:
    """State that a version is current, in the caller's transaction, unless it is at its end; whether it was.

    Each statement is at least a second younger than the one before, so that devices can tell them apart.
    """
    last = session.scalar(select(StatementRow).limit(1))
    issued = now.replace(microsecond=0)
    if last is not None:
        issued = max(issued, last.issued + _SECOND)
    if issued >= ends:
        return False
    said = state_current(
        service.secrets.service,
        department=service.settings.department,
        version=row.version,
        digest=row.digest,
        issued=issued,
        expires=min(issued + HOLDS, ends),
        cancelled=session.scalars(select(CancelledRow.entry)),
    )
    session.execute(delete(StatementRow))
    session.add(StatementRow(version=row.version, ends=ends, issued=issued, body=said.to_json()))
    session.flush()
    return True


def due(session: Session, row: ListRow, now: datetime) -> bool:
    """Whether it must be stated anew: after six hours, or when an entry was cancelled since."""
    last = session.get(StatementRow, row.version)
    return last is not None and (now >= last.issued + RENEW or not tells_all(session, row))


def states(session: Session, row: ListRow) -> bool:
    """Whether there is a word about a version, so that devices can be told of what is cancelled."""
    return session.get(StatementRow, row.version) is not None


def tells_all(session: Session, row: ListRow) -> bool:
    """Whether the newest word about a version names every entry that was cancelled since people signed."""
    last, cancelled = session.get(StatementRow, row.version), set(session.scalars(select(CancelledRow.entry)))
    return cancelled <= set(read(last).cancelled if last is not None else ())


def restate(session: Session, service: Service, row: ListRow, now: datetime) -> bool:
    """State it anew, where there is a word already; whether it was."""
    last = session.get(StatementRow, row.version)
    return last is not None and state(session, service, row, last.ends, now)


def of_version(session: Session, version: int) -> StatementRow | None:
    """Return the statement about a version, if that version has one."""
    return session.get(StatementRow, version)


def read(row: StatementRow) -> Timestamp:
    """Return a stored statement as the list's file holds it."""
    form = TimestampForm.model_validate_json(json.dumps(row.body))
    return Timestamp.from_form(form, base64.b64decode(form.signature), step=0)
