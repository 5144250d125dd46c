"""People: invited by a one-time link, each with a password, TOTP and a signing key; roles and limits."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.accounts import codes, credentials, duties, links
from api.accounts.endings import drop_links, end_sessions
from api.core import audit
from api.core.audit import Act
from api.core.errors import AbsentError, ConflictError, ForbiddenError, InvalidError
from api.core.service import Service
from api.db.locks import Turn, take_turn
from api.db.models import FailureRow, InvitationRow, PersonRow, RecoveryRow
from hitonly_core.keys import SigningKey

INVITATION_LIFE: Final = timedelta(days=1)
RECOVERY_CODES: Final = 10
_NAME: Final = re.compile(r"[a-z][a-z0-9.-]{1,39}")


class Role(StrEnum):
    """What somebody may do. Nobody approves their own entry, whatever their roles."""

    REVIEWER = "reviewer"
    EDITOR = "editor"
    APPROVER = "approver"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


FIRST: Final = "first start"
"""Who makes the first administrator's link."""
FIRST_ROLES: Final = frozenset({Role.ADMINISTRATOR, Role.REVIEWER})


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can sign in."""

    id: str
    name: str
    full_name: str
    roles: frozenset[Role]

    @property
    def actor(self) -> str:
        """Return how the audit log names them."""
        return f"person:{self.name}"


@dataclass(frozen=True, slots=True)
class Invitation:
    """An open invitation: what the person will be, the TOTP secret to set up, the token of the browser's cookie."""

    roles: frozenset[Role]
    secret: str = field(repr=False)
    browser: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Application:
    """What an invited person fills in."""

    name: str
    full_name: str
    password: str = field(repr=False)
    code: str = field(repr=False)


def invite(service: Service, roles: frozenset[Role], actor: str) -> str:
    """Make a one-time link's token for a new person; it is returned once and kept as a hash.

    Raises:
        InvalidError: no role was given, or some that nobody may hold together (R23).
        ForbiddenError: a second administrator is needed (`api.accounts.staff`).
    """
    with service.database.begin() as session:
        if duties.needs_second(session, actor, service.now()):
            raise ForbiddenError("a second administrator must agree")
        return new_link(session, service, roles, (actor,))


def new_link(session: Session, service: Service, roles: frozenset[Role], actors: Sequence[str]) -> str:
    """Make a link in a transaction, with its record and its count; the last of the actors does it.

    Raises:
        InvalidError: no role was given, or some that nobody may hold together (R23).
    """
    duties.check_roles(roles)
    token, now = codes.new_token(), service.now()
    row = InvitationRow(
        digest=codes.token_digest(token),
        roles=sorted(roles),
        sponsors=sorted(actors),
        created_by=actors[-1],
        expires=now + INVITATION_LIFE,
    )
    session.add(row)
    duties.tally(session, duties.INVITED, now)
    detail = {"roles": " ".join(sorted(roles)), "by": " ".join(actors)}
    audit.append(session, Act(actors[-1], "person.invite", detail=detail), now)
    return token


def first_invitation(service: Service) -> str | None:
    """Return a link's token for the first administrator while there is nobody; None afterwards.

    An older one works no more: there is one at a time.
    """
    with service.database.begin() as session:
        _drop_first_links(session)
        if session.scalar(select(PersonRow.id).limit(1)) is not None:
            return None
        return new_link(session, service, FIRST_ROLES, (FIRST,))


def open_invitation(service: Service, token: str, browser: str = "") -> Invitation:
    """Return what an invitation offers, to the browser that shows it first.

    Raises:
        AbsentError: unknown, used or too old.
        LinkTakenError: another browser has begun.
    """
    with service.database.begin() as session:
        row = _invitation(service, session, token)
        begun = links.begin(service, session, row, browser)
        return Invitation(frozenset(Role(role) for role in row.roles), begun.secret, begun.browser)


def accept(service: Service, token: str, application: Application, browser: str) -> list[str]:
    """Make the invited person; return their recovery codes, which are shown once.

    Raises:
        AbsentError: the invitation is unknown, used or too old.
        LinkTakenError: another browser began it, or none yet.
        InvalidError: the name or password cannot be used, or the TOTP code is wrong.
        ConflictError: the name is taken.
    """
    now = service.now()
    with service.database.begin() as session:
        links.check(_invitation(service, session, token), browser)
    if not _NAME.fullmatch(application.name):
        raise InvalidError("a name has 2 to 40 of a-z, 0-9, dot and hyphen, and begins with a letter")
    if not 1 <= len(application.full_name.strip()) <= 80 or not application.full_name.isprintable():  # noqa: PLR2004
        raise InvalidError("the full name has 1 to 80 printable characters")
    password = credentials.hash_password(application.password, application.name)
    with service.database.begin() as session:
        row = _invitation(service, session, token)
        secret = links.secret_of(service, row, browser)
        step = credentials.totp_step(secret, application.code, now, last=0)
        if step is None:
            raise InvalidError("the six digits are not right", hint="Check the phone's clock.")
        person = _new_person(service, application, password, secret)
        person.roles, person.totp_step, person.sponsors = row.roles, step, row.sponsors
        session.delete(row)
        session.flush()
        _drop_first_links(session)
        session.add(person)
        try:
            session.flush()
        except IntegrityError:
            raise ConflictError("the name is taken") from None
        fresh = new_recovery_codes(session, person.id)
        act = Act(f"person:{person.name}", "person.join", detail={"key": person.key_id})
        audit.append(session, act, now)
    return fresh


def _drop_first_links(session: Session) -> None:
    """Make every link for the first administrator worthless."""
    session.execute(delete(InvitationRow).where(InvitationRow.created_by == FIRST))


def _new_person(service: Service, application: Application, password: str, secret: str) -> PersonRow:
    """Return a row with a new id and a new signing key, sealed."""
    key, identity, now = SigningKey.generate(), secrets.token_hex(16), service.now()
    return PersonRow(
        id=identity,
        name=application.name,
        full_name=application.full_name.strip(),
        password=password,
        secret=service.secrets.seal(secret.encode(), f"totp:{identity}"),
        signing_key=service.secrets.seal(key.raw, f"signing:{identity}"),
        key_id=key.public.id,
        created=now,
        last_seen=now,
        sponsors=[],
        sponsored=now,
    )


def new_recovery_codes(session: Session, person: str) -> list[str]:
    """Replace a person's recovery codes and return the new ones."""
    fresh = [codes.new_code() for _ in range(RECOVERY_CODES)]
    session.execute(delete(RecoveryRow).where(RecoveryRow.person == person))
    session.add_all(RecoveryRow(digest=codes.digest(code), person=person) for code in fresh)
    return fresh


def release(service: Service, name: str, actor: str) -> None:
    """Unlock or re-enable somebody else, and forget the failures that locked them (R13).

    Raises:
        AbsentError: nobody has that name.
        InvalidError: it is oneself.
    """
    if actor == f"person:{name}":
        raise InvalidError("nobody releases themselves")
    now = service.now()
    with service.database.begin() as session:
        row = find(session, name)
        row.locked, row.disabled, row.last_seen = None, None, now
        session.execute(delete(FailureRow).where(FailureRow.name == name))
        audit.append(session, Act(actor, "person.release", f"person:{name}"), now)


def disable(service: Service, name: str, actor: str) -> None:
    """Refuse somebody from now on, end their sessions, and withdraw a link that was made for them.

    Raises:
        AbsentError: nobody has that name.
        ConflictError: it is the last administrator who can sign in.
    """
    now = service.now()
    with service.database.begin() as session:
        row = find(session, name)
        _keep_an_administrator(session, row, [])
        row.disabled = now
        end_sessions(session, row.id)
        drop_links(session, row.id)
        audit.append(session, Act(actor, "person.disable", f"person:{name}"), now)


def set_roles(service: Service, name: str, roles: frozenset[Role], actor: str) -> None:
    """Give somebody other roles, and end their sessions: who signs in next has the new ones.

    Raises:
        AbsentError: nobody has that name.
        InvalidError: no role was given, or some that nobody may hold together (R23).
        ForbiddenError: a second administrator is needed (`api.accounts.staff`).
        ConflictError: the last administrator would be none any more.
    """
    with service.database.begin() as session:
        if duties.needs_second(session, actor, service.now()):
            raise ForbiddenError("a second administrator must agree")
        change_roles(session, service, name, roles, (actor,))


def change_roles(
    session: Session, service: Service, name: str, roles: frozenset[Role], actors: Sequence[str]
) -> None:
    """Give somebody other roles in a transaction, with its record and its count; the last actor does it.

    Raises:
        AbsentError: nobody has that name.
        InvalidError: no role was given, or some that nobody may hold together (R23).
        ConflictError: the last administrator would be none any more.
    """
    duties.check_roles(roles)
    now, row = service.now(), find(session, name)
    _keep_an_administrator(session, row, sorted(roles))
    row.roles = sorted(roles)
    duties.vouch(row, actors, now)
    duties.tally(session, duties.ROLES, now)
    end_sessions(session, row.id)
    detail = {"roles": " ".join(sorted(roles)), "by": " ".join(actors)}
    audit.append(session, Act(actors[-1], "person.roles", f"person:{name}", detail=detail), now)


def _keep_an_administrator(session: Session, row: PersonRow, roles: list[str]) -> None:
    """Refuse a change that leaves nobody who can administer.

    Raises:
        ConflictError: it would.
    """
    if Role.ADMINISTRATOR in roles:
        return
    take_turn(
        session, Turn.LOG
    )  # until the end of the act: two who put each other out at once see one another
    others = session.scalars(
        select(PersonRow).where(
            PersonRow.id != row.id, PersonRow.disabled.is_(None), PersonRow.locked.is_(None)
        )
    )
    if not any(Role.ADMINISTRATOR in other.roles for other in others):
        raise ConflictError("nobody else could administer the service")


def find(session: Session, name: str) -> PersonRow:
    """Return the row of a name, locked for a change.

    Raises:
        AbsentError: nobody has that name.
    """
    row = session.scalar(select(PersonRow).where(PersonRow.name == name).with_for_update())
    if row is None:
        raise AbsentError("nobody has that name")
    return row


def person_of(row: PersonRow) -> Person:
    """Return a row as a person."""
    return Person(row.id, row.name, row.full_name, frozenset(Role(role) for role in row.roles))


def _invitation(service: Service, session: Session, token: str) -> InvitationRow:
    """Return the row of an open invitation; a link for somebody who is here already is none.

    Every link for a first administrator is locked with it: of two that are used at once, one is there no more.

    Raises:
        AbsentError: unknown, used or too old.
    """
    digest = codes.token_digest(token)
    query = select(InvitationRow).where(
        (InvitationRow.digest == digest) | (InvitationRow.created_by == FIRST)
    )
    found = {
        row.digest: row for row in session.scalars(query.order_by(InvitationRow.digest).with_for_update())
    }
    row = found.get(digest)
    if row is None or row.person is not None or row.expires <= service.now():
        raise AbsentError("the link is unknown, used or too old", hint="Ask for a new one.")
    return row
