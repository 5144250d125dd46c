"""A lost telephone or password: an administrator's one-time link with which a person sets new ones.

The link changes nothing until it is used: sessions, password and second factor stay as they are, so a stranger
who talks an administrator into one throws nobody out, and whoever is signed in sees it on their own page and can
withdraw it. At its use every session ends, the old password, telephone and recovery codes are worth nothing, and
a lock by failed sign-ins is over; name, roles and signing key stay. The signing key is sealed under the service's
own key and not under anything that was lost (api/core/secrets.py), and author and approver stay the same person.

An administrator who used such a link would put its owner out, and the log names both: nothing of it is silent.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from api.accounts import codes, credentials, duties, links
from api.accounts.endings import drop_links, end_sessions
from api.accounts.people import find, new_recovery_codes
from api.accounts.sessions import UNSEEN
from api.core import audit
from api.core.audit import Act
from api.core.clock import stamp
from api.core.errors import AbsentError, ConflictError, InvalidError
from api.core.service import Service
from api.db.models import FailureRow, InvitationRow, PersonRow

RESET_LIFE: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Offer:
    """A link that is open: who made it, and until when it works."""

    by: str
    expires: datetime


@dataclass(frozen=True, slots=True)
class Issued:
    """A link that was just made; its token is given once and kept as a hash."""

    token: str = field(repr=False)
    expires: datetime


@dataclass(frozen=True, slots=True)
class OpenReset:
    """What a link's holder needs: whose account it is, the TOTP secret to set up, the token of their cookie."""

    name: str
    full_name: str
    secret: str = field(repr=False)
    browser: str = field(repr=False)


def issue(service: Service, name: str, actor: str) -> Issued:
    """Make the link for somebody; an older one of theirs works no more.

    Raises:
        AbsentError: nobody has that name.
        InvalidError: it is oneself.
        ConflictError: the person is disabled, or unseen for so long that they would be.
    """
    if actor == f"person:{name}":
        hint = "Change the password on your own account's page, or ask another administrator."
        raise InvalidError("nobody makes a link for themselves", hint=hint)
    token, now = codes.new_token(), service.now()
    digest = codes.token_digest(token)
    with service.database.begin() as session:
        row = find(session, name)
        if row.disabled is not None or row.last_seen + UNSEEN <= now:
            raise ConflictError(
                "the account is disabled", hint="Release it first, if it is to be used again."
            )
        drop_links(session, row.id)
        link = InvitationRow(
            digest=digest,
            person=row.id,
            roles=[],
            sponsors=[actor],
            created_by=actor,
            expires=now + RESET_LIFE,
        )
        session.add(link)
        detail = {"until": stamp(link.expires)}
        audit.append(session, Act(actor, "person.reset-offer", f"person:{name}", detail=detail), now)
    return Issued(token, now + RESET_LIFE)


def withdraw(service: Service, name: str, actor: str) -> None:
    """Make an open link worthless.

    Raises:
        AbsentError: nobody has that name, or there is none.
    """
    now = service.now()
    with service.database.begin() as session:
        row = find(session, name)
        there = offer(session, row.id, now) is not None
        if not (drop_links(session, row.id) and there):
            raise AbsentError("no link is open")
        audit.append(session, Act(actor, "person.reset-withdraw", f"person:{name}"), now)


def offer(session: Session, person: str, now: datetime) -> Offer | None:
    """Return the open link of somebody, by their id."""
    query = select(InvitationRow).where(InvitationRow.person == person, InvitationRow.expires > now)
    row = session.scalar(query)
    return Offer(row.created_by, row.expires) if row is not None else None


def open_reset(service: Service, token: str, browser: str = "") -> OpenReset:
    """Return what a link is for, to the browser that shows it first.

    Raises:
        AbsentError: unknown, used, withdrawn or too old.
        LinkTakenError: another browser has begun.
    """
    with service.database.begin() as session:
        link, person = _found(service, session, token)
        begun = links.begin(service, session, link, browser, f"person:{person.name}")
        return OpenReset(person.name, person.full_name, begun.secret, begun.browser)


def accept(service: Service, token: str, password: str, code: str, browser: str) -> list[str]:
    """Give the link's person a new password and second factor; return their recovery codes, shown once.

    Raises:
        AbsentError: the link is unknown, used, withdrawn or too old.
        LinkTakenError: another browser began it, or none yet.
        InvalidError: the password cannot be used, or the TOTP code is wrong. The link stays open.
    """
    now = service.now()
    with service.database.begin() as session:
        link, person = _found(service, session, token)
        links.check(link, browser)
        name = person.name
    hashed = credentials.hash_password(password, name)
    with service.database.begin() as session:
        link, person = _found(service, session, token)
        secret = links.secret_of(service, link, browser)
        step = credentials.totp_step(secret, code, now, last=0)
        if step is None:
            raise InvalidError("the six digits are not right", hint="Check the phone's clock.")
        person.password, person.totp_step = hashed, step
        person.secret = service.secrets.seal(secret.encode(), f"totp:{person.id}")
        person.locked, person.last_seen = None, now
        duties.vouch(person, link.sponsors, now)
        by = link.created_by
        end_sessions(session, person.id)
        drop_links(session, person.id)
        session.execute(delete(FailureRow).where(FailureRow.name == person.name))
        fresh = new_recovery_codes(session, person.id)
        actor = f"person:{person.name}"
        audit.append(session, Act(actor, "person.reset", actor, detail={"offered_by": by}), now)
    return fresh


def _found(service: Service, session: Session, token: str) -> tuple[InvitationRow, PersonRow]:
    """Return an open link and its person; the person first, as everybody who changes one locks it first.

    Raises:
        AbsentError: unknown, used, withdrawn or too old, or the person was disabled since.
    """
    digest = codes.token_digest(token)
    owner = session.scalar(select(InvitationRow.person).where(InvitationRow.digest == digest))
    person = session.get(PersonRow, owner, with_for_update=True) if owner is not None else None
    link = session.get(InvitationRow, digest, with_for_update=True)
    if link is None or person is None or person.disabled is not None or link.expires <= service.now():
        raise AbsentError("the link is unknown, used or too old", hint="Ask for a new one.")
    return link, person
