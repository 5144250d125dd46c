"""Ending sessions, at a sign-out and of everybody whose rights or credentials have changed; and links."""

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from api.db.models import InvitationRow, OpeningRow, SessionRow


def end_sessions(session: Session, person: str, *, but: str = "") -> None:
    """End every session of somebody; one can be kept, by its digest."""
    query = select(SessionRow.digest).where(SessionRow.person == person, SessionRow.digest != but)
    end(session, list(session.scalars(query)))


def end(session: Session, digests: list[str]) -> None:
    """Drop sessions by their digests, and the reasons that were given in them."""
    session.execute(delete(OpeningRow).where(OpeningRow.session.in_(digests)))
    session.execute(delete(SessionRow).where(SessionRow.digest.in_(digests)))


def drop_links(session: Session, person: str) -> bool:
    """Drop the links with which somebody could set new credentials; return whether there was one."""
    query = select(InvitationRow.digest).where(InvitationRow.person == person)
    found = list(session.scalars(query))
    session.execute(delete(InvitationRow).where(InvitationRow.digest.in_(found)))
    return bool(found)
