"""Who else is at a hit: two reviewers should know of each other before the second one types."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.accounts.sessions import SignedIn
from api.core.service import Service
from api.db.models import HitRow, OpeningRow, PersonRow, SessionRow

READING: Final = timedelta(minutes=10)
"""So long after opening a hit somebody is said to be reading it."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody else who has opened a hit, and how many whole minutes ago."""

    name: str
    minutes: int


@dataclass(frozen=True, slots=True)
class Standing:
    """A hit as everybody at it may know it: how far it is, and who else is there."""

    stage: str
    readers: list[Reader]


def readers(service: Service, who: SignedIn, hit: UUID) -> list[Reader]:
    """Return who else has opened a hit within `READING`, the latest first."""
    with service.database.read() as session:
        return _readers(session, service, who, hit)


def being_read(service: Service, who: SignedIn) -> dict[str, str]:
    """Return each hit that somebody else has opened within `READING`, and the name of who did so last."""
    query = (
        select(OpeningRow.object, PersonRow.full_name)
        .join(SessionRow, SessionRow.digest == OpeningRow.session)
        .join(PersonRow, PersonRow.id == SessionRow.person)
        .where(OpeningRow.at > service.now() - READING, PersonRow.id != who.person.id)
        .order_by(OpeningRow.at)
    )
    with service.database.read() as session:
        return {row.object.removeprefix("hit:"): row.full_name for row in session.execute(query)}


def standing(service: Service, who: SignedIn, hit: UUID) -> Standing:
    """Return how far a hit is, "gone" where it has ended, and who else is at it; nothing of its contents."""
    with service.database.read() as session:
        row = session.get(HitRow, str(hit))
        if row is None:
            return Standing("gone", [])
        stage = f"{row.state}{', compared' if row.compared else ''}{', doubted' if row.doubted_by else ''}"
        return Standing(stage, _readers(session, service, who, hit))


def _readers(session: Session, service: Service, who: SignedIn, hit: UUID) -> list[Reader]:
    now = service.now()
    last = func.max(OpeningRow.at)
    query = (
        select(PersonRow.full_name, last.label("at"))
        .join(SessionRow, SessionRow.person == PersonRow.id)
        .join(OpeningRow, OpeningRow.session == SessionRow.digest)
        .where(
            OpeningRow.object == f"hit:{hit}", OpeningRow.at > now - READING, PersonRow.id != who.person.id
        )
        .group_by(PersonRow.id, PersonRow.full_name)
        .order_by(last.desc())
    )
    return [Reader(row.full_name, (now - row.at) // timedelta(minutes=1)) for row in session.execute(query)]
