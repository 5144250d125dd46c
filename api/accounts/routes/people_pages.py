"""The people's page: who can sign in, with which roles; inviting, releasing, disabling."""

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated, ClassVar
from urllib.parse import quote

from fastapi import APIRouter, Form, Query
from starlette.responses import RedirectResponse, Response

from api.accounts import people, staff
from api.accounts.accounts import PAGE, Account, accounts
from api.accounts.people import Role
from api.accounts.sessions import SignedIn
from api.accounts.staff import Asked
from api.core.service import Service
from api.web import confirm
from api.web.confirm import SURE
from api.web.deps import Administrator, ServiceDep
from api.web.pages import Page, render

router = APIRouter(prefix="/people", include_in_schema=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeoplePage(Page):
    """Everybody."""

    template: ClassVar[str] = "people.html"
    title: str = "People"
    lines: list[Account]
    more: str
    roles: list[str]
    waiting: list[Asked]
    link: str = field(default="", repr=False)


@router.get("")
def overview(
    service: ServiceDep, who: Administrator, start: Annotated[str, Query(max_length=80)] = ""
) -> Response:
    """Show everybody."""
    return render(_page(service, who, start=start))


@router.post("/invite")
def invite(
    service: ServiceDep, who: Administrator, role: Annotated[list[Role] | None, Form()] = None
) -> Response:
    """Show a one-time link for a new person, or what waits for a second administrator (R23)."""
    answer = staff.invite(service, frozenset(role or ()), who.person.actor)
    return render(_page(service, who, _link(service, answer.token)))


@router.post("/asked/{request_id}/agree")
def agree(service: ServiceDep, who: Administrator, request_id: str) -> Response:
    """Do what another administrator asked for; show an invitation's link."""
    answer = staff.agree(service, request_id, who.person.actor)
    return render(_page(service, who, _link(service, answer.token)))


@router.post("/asked/{request_id}/withdraw")
def withdraw(service: ServiceDep, who: Administrator, request_id: str) -> Response:
    """Drop what was asked for."""
    staff.withdraw(service, request_id, who.person.actor)
    return _back()


@router.post("/{name}/roles")
def set_roles(
    service: ServiceDep,
    who: Administrator,
    name: str,
    role: Annotated[list[Role] | None, Form()] = None,
) -> Response:
    """Give somebody other roles, or ask a second administrator to."""
    staff.set_roles(service, name, frozenset(role or ()), who.person.actor)
    return _back()


@router.post("/{name}/release")
def release(service: ServiceDep, who: Administrator, name: str) -> Response:
    """Unlock or re-enable somebody."""
    people.release(service, name, who.person.actor)
    return _back()


@router.post("/{name}/disable")
def disable(
    service: ServiceDep, who: Administrator, name: str, sure: Annotated[str, Form()] = ""
) -> Response:
    """Refuse somebody from now on, which is asked twice."""
    if sure != SURE:
        return confirm.ask(
            who.person,
            f"Disable {name}?",
            "Every session of theirs ends at once, and work that they have not sent is lost. "
            "They cannot sign in until an administrator releases the account.",
            button=f"Disable {name}",
            action=f"/people/{quote(name)}/disable",
            back="/people",
        )
    people.disable(service, name, who.person.actor)
    return _back()


def _page(service: Service, who: SignedIn, link: str = "", start: str = "") -> PeoplePage:
    """Return the page."""
    lines = accounts(service, start)
    more = lines[-1].name if len(lines) == PAGE else ""
    return PeoplePage(
        person=who.person,
        lines=lines,
        more=more,
        roles=list(Role),
        waiting=staff.waiting(service),
        link=link,
    )


def _link(service: Service, token: str) -> str:
    return f"{service.settings.url}/welcome/{token}" if token else ""


def _back() -> Response:
    return RedirectResponse("/people", status_code=HTTPStatus.SEE_OTHER)
