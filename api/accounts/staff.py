"""Invitations and roles, by two administrators once there are two (R23).

What one asks for waits a day for another to agree. While there is one administrator only, what they ask is done
at once, recorded and counted all the same; so is what the operator does on the machine itself, which is the way
back for a department whose administrators are gone.
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.accounts import duties, people
from api.accounts.people import Role
from api.core import audit
from api.core.audit import Act
from api.core.errors import AbsentError, ForbiddenError
from api.core.service import Service
from api.db.models import PersonRow, StaffRequestRow

REQUEST_LIFE: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of what was asked: done, with an invitation's token; or the id of what waits for another."""

    token: str = field(default="", repr=False)
    request: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What waits for a second administrator; `name` is empty for an invitation."""

    id: str
    name: str
    roles: list[str]
    by: str
    expires: datetime


def invite(service: Service, roles: frozenset[Role], actor: str) -> Answer:
    """Make a one-time link for a new person, or ask another administrator to.

    Raises:
        InvalidError: roles that nobody may hold together, or none.
    """
    duties.check_roles(roles)
    with service.database.begin() as session:
        if duties.needs_second(session, actor, service.now()):
            return Answer(request=_ask(session, service, None, roles, actor))
    return Answer(token=people.invite(service, roles, actor))


def set_roles(service: Service, name: str, roles: frozenset[Role], actor: str) -> Answer:
    """Give somebody other roles, or ask another administrator to.

    Raises:
        AbsentError: nobody has that name.
        InvalidError: roles that nobody may hold together, or none.
        ConflictError: the last administrator would be none any more.
    """
    duties.check_roles(roles)
    with service.database.begin() as session:
        row = people.find(session, name)
        if duties.needs_second(session, actor, service.now()):
            return Answer(request=_ask(session, service, row, roles, actor))
    people.set_roles(service, name, roles, actor)
    return Answer()


def agree(service: Service, request: str, actor: str) -> Answer:
    """Do what another administrator asked for; return an invitation's token, once.

    Raises:
        AbsentError: it is not there, or not any more.
        ForbiddenError: the actor asked for it.
        ConflictError: the last administrator would be none any more, or whoever asked is none.
    """
    now = service.now()
    with service.database.begin() as session:
        row = _row(session, request, now)
        if row.asked_by == actor:
            raise ForbiddenError("another administrator must agree")
        both = (row.asked_by, actor)
        roles = frozenset(Role(role) for role in row.roles)
        names = [one.removeprefix("person:") for one in both]
        asker = session.scalar(select(PersonRow).where(PersonRow.name == names[0]))
        duties.need_still(asker, Role.ADMINISTRATOR)
        near = Act(actor, "staff.agree", f"staff:{request}")
        duties.note_near(session, names[0], names[1], near, now)
        token = ""
        if row.person is None:
            token = people.new_link(session, service, roles, both)
        else:
            people.change_roles(session, service, session.get_one(PersonRow, row.person).name, roles, both)
        session.delete(row)
    return Answer(token=token)


def withdraw(service: Service, request: str, actor: str) -> None:
    """Drop what was asked for.

    Raises:
        AbsentError: it is not there, or not any more.
    """
    now = service.now()
    with service.database.begin() as session:
        session.delete(_row(session, request, now))
        audit.append(session, Act(actor, "staff.withdraw", f"staff:{request}"), now)


def waiting(service: Service) -> list[Asked]:
    """Return what waits for a second administrator, the oldest first."""
    now = service.now()
    with service.database.read() as session:
        query = select(StaffRequestRow).where(StaffRequestRow.expires > now)
        rows = session.scalars(query.order_by(StaffRequestRow.expires, StaffRequestRow.id))
        return [_asked(session, row) for row in rows]


def _ask(
    session: Session, service: Service, person: PersonRow | None, roles: frozenset[Role], actor: str
) -> str:
    """Store what is asked for, with its record; return its id."""
    now, identity = service.now(), secrets.token_hex(8)
    row = StaffRequestRow(
        id=identity,
        person=person.id if person is not None else None,
        roles=sorted(roles),
        asked_by=actor,
        expires=now + REQUEST_LIFE,
    )
    session.add(row)
    detail = {"roles": " ".join(sorted(roles)), "person": person.name if person is not None else ""}
    audit.append(session, Act(actor, "staff.ask", f"staff:{identity}", detail=detail), now)
    return identity


def _row(session: Session, request: str, now: datetime) -> StaffRequestRow:
    row = session.get(StaffRequestRow, request, with_for_update=True)
    if row is None or row.expires <= now:
        raise AbsentError("there is no such request, or it is too old")
    return row


def _asked(session: Session, row: StaffRequestRow) -> Asked:
    name = session.get_one(PersonRow, row.person).name if row.person is not None else ""
    return Asked(row.id, name, row.roles, row.asked_by, row.expires)
