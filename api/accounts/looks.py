"""What people look at: every view of a plate or a crop is recorded in the transaction that reads it, or not shown.

Who looks at one thing again and again is flagged for the auditor (R21): at a plate, listed or not, at a hit or an
entry that stays open, at a page of a proposal, at a list. What was looked at is kept for 30 days as a keyed hash
of its id. Of a plate that is not listed only a few bits are kept: whoever steals the disk has the key too, and
could try every plate there is. So few bits fit one plate in four thousand, and still show a repetition.
"""

from datetime import timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.accounts.access import Opening, opening
from api.accounts.sessions import SignedIn
from api.core import audit
from api.core.audit import Act
from api.core.service import Service
from api.db.models import EntryRow, LookupRow

LOOK_BACK: Final = timedelta(days=30)
PLATE: Final = 5
"""Look-ups of one plate by one person within the look-back, from which on each is flagged; so are the next ones."""
UNLISTED: Final = 20
"""Look-ups of plates, whichever, that are not listed."""
VIEWS: Final = 20
"""Views of one hit or entry, and of one hit's crop: a review with its outcome takes fewer."""
READINGS: Final = 5
"""Readings of one page of a proposal, and downloads of one version of the list."""
_DIGITS: Final = 3
"""Of a plate's hash, 4 bits each: `UNLISTED` looks flag long before two of them meet by chance five times."""
DOWNLOADS: Final = 20
"""Downloads of the list, whichever version."""


def view(service: Service, session: Session, who: SignedIn, target: str, verb: str) -> Opening:
    """Record that somebody views something that they opened, before it is read; return the reason they gave.

    Raises:
        ReasonError: they gave none.
        AuditError: it could not be recorded, so it is not shown.
    """
    opened = opening(session, who, target)
    audit.append(session, opened.act(verb), service.now())
    note(service, session, who, f"{verb} {target}", often=VIEWS, target=target)
    return opened


def note_listed(service: Service, session: Session, who: SignedIn, plate: str, entry: str) -> None:
    """Remember a look at a listed plate, by the first of the ids of the entries that are in force for it.

    Args:
        service: the service.
        session: the transaction that records the look itself.
        who: the person.
        plate: the plate, in its one spelling; nothing of it is kept.
        entry: the id to go by where no entry in force is for it.
    """
    query = select(EntryRow.id).where(EntryRow.key.startswith(f"{plate}|", autoescape=True))
    first = session.scalar(query.order_by(EntryRow.id).limit(1))
    note(service, session, who, f"entry {first or entry}", often=PLATE)


def note_unlisted(service: Service, session: Session, who: SignedIn, plate: str) -> None:
    """Remember a look for a plate that is not listed, as itself and as one of any."""
    note(service, session, who, f"unlisted {service.secrets.blind(plate)[:_DIGITS]}", often=PLATE)
    note(service, session, who, "not listed", often=UNLISTED)


def note(
    service: Service, session: Session, who: SignedIn, subject: str, *, often: int, target: str = ""
) -> None:
    """Remember, as a keyed hash, that somebody looked at something; repetition is recorded for the auditor.

    Args:
        service: the service.
        session: the transaction that records the look itself.
        who: the person.
        subject: what is looked at, told from everything else; never a plate.
        often: from how many looks on within the look-back it is flagged.
        target: what the flag names; never a plate.
    """
    now, hidden = service.now(), service.secrets.blind(subject)
    session.add(LookupRow(person=who.person.id, subject=hidden, at=now))
    session.flush()
    query = select(func.count()).where(
        LookupRow.person == who.person.id, LookupRow.subject == hidden, LookupRow.at > now - LOOK_BACK
    )
    times = session.scalar(query) or 0
    if times >= often:
        act = Act(who.person.actor, "lookup.repeated", target, result="flagged", detail={"times": times})
        audit.append(session, act, now)
