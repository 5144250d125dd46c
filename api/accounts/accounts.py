"""The people there are, for the page and the JSON route alike."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select

from api.core.errors import AbsentError
from api.core.service import Service
from api.db.models import PersonRow

PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Account:
    """One person who can sign in, or could.

    Attributes:
        name: to sign in with.
        full_name: of the person.
        roles: what they may do.
        state: active, locked or disabled.
        seen: when they last did something.
        key: the id of their signing key, which stands in what they write and approve.
    """

    name: str
    full_name: str
    roles: list[str]
    state: str
    seen: datetime
    key: str


def accounts(service: Service, after: str = "", limit: int = PAGE) -> list[Account]:
    """Return people after a name, in the order of their names."""
    with service.database.read() as session:
        query = select(PersonRow).where(PersonRow.name > after).order_by(PersonRow.name).limit(limit)
        return [_account(row) for row in session.scalars(query)]


def account(service: Service, name: str) -> Account:
    """Return one person.

    Raises:
        AbsentError: nobody has that name.
    """
    with service.database.read() as session:
        row = session.scalar(select(PersonRow).where(PersonRow.name == name))
        if row is None:
            raise AbsentError("nobody has that name")
        return _account(row)


def _account(row: PersonRow) -> Account:
    state = "disabled" if row.disabled else "locked" if row.locked else "active"
    return Account(row.name, row.full_name, row.roles, state, row.last_seen, row.key_id)
