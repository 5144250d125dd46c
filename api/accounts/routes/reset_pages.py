"""A person's account as an administrator sees it, the link for lost credentials, and what its holder fills in."""

from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, ClassVar

from fastapi import APIRouter, Form, Request
from sqlalchemy import select
from starlette.responses import RedirectResponse, Response

from api.accounts import own_account, resets
from api.accounts.credentials import MAX_PASSWORD
from api.accounts.own_account import Happening
from api.accounts.resets import Issued, Offer
from api.accounts.routes.link_kit import browser_of, guarded, keep
from api.accounts.routes.sign_in_pages import RecoveryPage, drawn_secret
from api.accounts.sessions import SignedIn
from api.core.errors import AbsentError, InvalidError
from api.core.service import Service
from api.db.models import PersonRow
from api.web.deps import Administrator, ServiceDep
from api.web.pages import Page, render

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonPage(Page):
    """Somebody's account: whether a link is open, and what happened."""

    template: ClassVar[str] = "person.html"
    name: str
    roles: list[str]
    state: str
    seen: datetime
    offer: Offer | None
    happenings: list[Happening]
    own: bool
    link: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetPage(Page):
    """What a link's holder fills in, with the secret for the authenticator."""

    template: ClassVar[str] = "reset.html"
    title: str = "Set a new password and authenticator"
    token: str = field(repr=False)
    name: str
    full_name: str
    secret: str = field(repr=False)
    problem: str = ""
    hint: str = ""


@router.get("/people/{name}")
def show(service: ServiceDep, who: Administrator, name: str) -> Response:
    """Show somebody's account."""
    return render(_person(service, who, name))


@router.post("/people/{name}/reset")
def issue(service: ServiceDep, who: Administrator, name: str) -> Response:
    """Show a one-time link with which the person sets new credentials."""
    return render(_person(service, who, name, resets.issue(service, name, who.person.actor)))


@router.post("/people/{name}/reset/withdraw")
def withdraw(service: ServiceDep, who: Administrator, name: str) -> Response:
    """Make an open link worthless."""
    resets.withdraw(service, name, who.person.actor)
    return RedirectResponse(f"/people/{name}", status_code=HTTPStatus.SEE_OTHER)


@router.get("/reset/{token}")
def form(request: Request, service: ServiceDep, token: str) -> Response:
    """Show what the link's holder fills in, to the browser that comes first."""
    return _reset(request, service, token)


@router.get("/reset/{token}/code.svg")
def code_picture(request: Request, service: ServiceDep, token: str) -> Response:
    """Draw the authenticator's secret as a QR code."""
    found = guarded(request, lambda: resets.open_reset(service, token, browser_of(request)))
    return keep(drawn_secret(found.secret, service.settings.agency), found.browser)


@router.post("/reset/{token}")
def accept(
    request: Request,
    service: ServiceDep,
    token: str,
    password: Annotated[str, Form(max_length=MAX_PASSWORD)],
    code: Annotated[str, Form(max_length=40)],
) -> Response:
    """Set the new credentials and show the recovery codes once, or show the form again."""
    try:
        fresh = guarded(request, lambda: resets.accept(service, token, password, code, browser_of(request)))
    except InvalidError as problem:
        return _reset(request, service, token, problem)
    return render(RecoveryPage(codes=fresh))


def _reset(request: Request, service: Service, token: str, problem: InvalidError | None = None) -> Response:
    """Return the page of an open link.

    Raises:
        AbsentError: unknown, used, withdrawn or too old.
        LinkTakenError: another browser began it.
    """
    found = guarded(request, lambda: resets.open_reset(service, token, browser_of(request)))
    page = ResetPage(
        token=token,
        name=found.name,
        full_name=found.full_name,
        secret=found.secret,
        problem=str(problem) if problem else "",
        hint=problem.hint if problem else "",
    )
    return keep(render(page, status=problem.status if problem else HTTPStatus.OK), found.browser)


def _person(service: Service, who: SignedIn, name: str, issued: Issued | None = None) -> PersonPage:
    """Return the page of somebody.

    Raises:
        AbsentError: nobody has that name.
    """
    now = service.now()
    with service.database.read() as session:
        row = session.scalar(select(PersonRow).where(PersonRow.name == name))
        if row is None:
            raise AbsentError("nobody has that name")
        return PersonPage(
            title=row.full_name,
            person=who.person,
            name=row.name,
            roles=row.roles,
            state="disabled" if row.disabled else "locked" if row.locked else "active",
            seen=row.last_seen,
            offer=resets.offer(session, row.id, now),
            happenings=own_account.happenings(session, row.name, now),
            own=row.id == who.person.id,
            link=f"{service.settings.url}/reset/{issued.token}" if issued else "",
        )
