"""The people's page: who can sign in, with which roles; inviting, releasing, disabling."""

from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, ClassVar

from fastapi import APIRouter, Form
from sqlalchemy import select
from starlette.responses import RedirectResponse, Response

from api import people
from api.db.models import PersonRow
from api.deps import Administrator, ServiceDep
from api.errors import InvalidError
from api.pages import Page, render
from api.people import Role
from api.service import Service
from api.sessions import SignedIn

router = APIRouter(prefix="/people", include_in_schema=False)


@dataclass(frozen=True, slots=True)
class PersonLine:
    """One person as the page shows them."""

    name: str
    full_name: str
    roles: list[str]
    state: str
    seen: datetime
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PeoplePage(Page):
    """Everybody."""

    template: ClassVar[str] = "people.html"
    title: str = "People"
    lines: list[PersonLine]
    roles: list[str]
    link: str = field(default="", repr=False)


@router.get("")
def overview(service: ServiceDep, who: Administrator) -> Response:
    """Show everybody."""
    return render(_page(service, who))


@router.post("/invite")
def invite(
    service: ServiceDep, who: Administrator, role: Annotated[list[Role] | None, Form()] = None
) -> Response:
    """Show a one-time link for a new person."""
    token = people.invite(service, frozenset(role or ()), who.person.actor)
    return render(_page(service, who, f"{service.settings.url}/welcome/{token}"))


@router.post("/{name}/roles")
def set_roles(
    service: ServiceDep,
    who: Administrator,
    name: str,
    role: Annotated[list[Role] | None, Form()] = None,
) -> Response:
    """Give somebody other roles."""
    people.set_roles(service, name, frozenset(role or ()), who.person.actor)
    return _back()


@router.post("/{name}/release")
def release(service: ServiceDep, who: Administrator, name: str) -> Response:
    """Unlock or re-enable somebody.

    Raises:
        InvalidError: it is oneself.
    """
    if name == who.person.name:
        raise InvalidError("nobody releases themselves")
    people.release(service, name, who.person.actor)
    return _back()


@router.post("/{name}/disable")
def disable(service: ServiceDep, who: Administrator, name: str) -> Response:
    """Refuse somebody from now on."""
    people.disable(service, name, who.person.actor)
    return _back()


def _page(service: Service, who: SignedIn, link: str = "") -> PeoplePage:
    """Return the page."""
    with service.database.read() as session:
        lines = [_line(row) for row in session.scalars(select(PersonRow).order_by(PersonRow.name))]
    return PeoplePage(person=who.person, lines=lines, roles=list(Role), link=link)


def _line(row: PersonRow) -> PersonLine:
    state = "disabled" if row.disabled else "locked" if row.locked else "active"
    return PersonLine(row.name, row.full_name, row.roles, state, row.last_seen, row.key_id)


def _back() -> Response:
    return RedirectResponse("/people", status_code=HTTPStatus.SEE_OTHER)
