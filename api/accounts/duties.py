"""Duties are apart (R23): roles nobody holds together, when a second administrator is needed, who is near whom.

Nobody is editor and approver, nor auditor and anything else. Once there are two administrators, neither invites
or gives roles alone; one who was disabled counts for a week, so that putting the other out makes nobody alone at
once. Two accounts are near each other when one vouched for the other, through any number of others, or when both
are new and the same person vouched for both.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.core import audit
from api.core.audit import Act
from api.core.counts import Kind, count
from api.core.errors import ConflictError, InvalidError
from api.core.service import month
from api.db.models import PersonRow

NEW: Final = timedelta(days=7)
"""So long an account is new after it was made, was given roles, or was given new credentials by somebody else."""
_APART: Final = (frozenset({"editor", "approver"}),)
INVITED: Final = "staff:invited"
ROLES: Final = "staff:roles"
NEAR: Final = "staff:near"


def check_roles(roles: Iterable[str]) -> None:
    """Refuse roles that one person may not hold together.

    Raises:
        InvalidError: none at all, editor with approver, or auditor with another.
    """
    held = {str(role) for role in roles}
    if not held:
        raise InvalidError("somebody has at least one role; disable the person instead")
    if any(pair <= held for pair in _APART):
        raise InvalidError("nobody is editor and approver: the second person must be another one (R6)")
    if "auditor" in held and len(held) > 1:
        raise InvalidError("an auditor has no other role: nobody reviews the log of their own acts")


def needs_second(session: Session, actor: str, now: datetime) -> bool:
    """Whether this actor needs another administrator's agreement; the operator of the machine does not."""
    if not actor.startswith("person:"):
        return False
    rows = session.scalars(select(PersonRow))
    return sum("administrator" in row.roles and _there(row, now) for row in rows) > 1


def need_still(person: PersonRow | None, role: str = "") -> None:
    """Refuse what somebody asked for who is not there any more: of two people only one would stand for it.

    Raises:
        ConflictError: their account was disabled since, or the role was taken from it.
    """
    if person is None or person.disabled is not None or (role and role not in person.roles):
        hint = "Withdraw it; whoever still wants it asks for it anew."
        raise ConflictError("whoever asked for it may not any more", hint=hint)


def tally(session: Session, what: str, now: datetime) -> None:
    """Count an act of staffing, for the public report."""
    count(session, Kind(month(now), "", "", "", ""), what)


def note_near(session: Session, first: str, second: str, act: Act, now: datetime) -> bool:
    """Record an act as flagged when the two people who did it are near each other; return whether they are.

    Args:
        session: the transaction of the act.
        first: the name of who wrote or asked.
        second: the name of who approved or agreed.
        act: what was done; it is recorded as flagged.
        now: aware UTC.
    """
    people = {row.name: row for row in session.scalars(select(PersonRow))}
    if not near(people, first, second, now):
        return False
    detail: dict[str, str | int] = {"first": first, "second": second}
    audit.append(session, Act(act.actor, act.act, act.object, result="flagged", detail=detail), now)
    tally(session, NEAR, now)
    return True


def near(people: Mapping[str, PersonRow], first: str, second: str, now: datetime) -> bool:
    """Whether one of two is new, and one vouched for the other or somebody vouched for both.

    A common voucher counts only where both are new: somebody invited everybody, once.
    """
    new = [_new(people, name, now) for name in (first, second)]
    if not any(new):
        return False
    above = {name: _above(people, name) for name in (first, second)}
    if first in above[second] or second in above[first]:
        return True
    return all(new) and bool(above[first] & above[second])


def vouch(row: PersonRow, actors: Iterable[str], now: datetime) -> None:
    """Remember who made an account what it is, from now on."""
    row.sponsors = sorted({*row.sponsors, *actors})
    row.sponsored = now


def _new(people: Mapping[str, PersonRow], name: str, now: datetime) -> bool:
    row = people.get(name)
    return row is None or row.sponsored + NEW > now


def _above(people: Mapping[str, PersonRow], name: str) -> set[str]:
    """Return the names of everybody who vouched for somebody, directly or through others."""
    found: set[str] = set()
    todo = [name]
    while todo:
        row = people.get(todo.pop())
        names = {actor.removeprefix("person:") for actor in row.sponsors} if row is not None else set()
        todo.extend(names - found)
        found |= names
    return found - {name}


def _there(row: PersonRow, now: datetime) -> bool:
    return row.disabled is None or row.disabled + NEW > now
