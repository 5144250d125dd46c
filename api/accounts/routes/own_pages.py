"""One's own account as a page: sessions, password, recovery codes, and what happened lately."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, ClassVar, Final

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from api.accounts import own_account, resets
from api.accounts.credentials import MAX_PASSWORD
from api.accounts.own_account import OwnAccount, Proof
from api.accounts.routes.sign_in_pages import RecoveryPage
from api.accounts.sessions import SignedIn
from api.core.errors import ForbiddenError, InvalidError
from api.core.service import Service
from api.web.deps import ServiceDep, Who, address_of
from api.web.pages import Page, render

PATH: Final = "/account"
router = APIRouter(prefix=PATH, include_in_schema=False)
Password = Annotated[str, Form(max_length=MAX_PASSWORD)]
Code = Annotated[str, Form(max_length=40)]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPage(Page):
    """What somebody sees of their account and can change."""

    template: ClassVar[str] = "account.html"
    title: str = "Your account"
    account: OwnAccount
    done: str = ""
    problem: str = ""
    hint: str = ""


@router.get("")
def show(service: ServiceDep, who: Who) -> Response:
    """Show one's own account."""
    return render(_page(service, who))


@router.post("/password")
def change_password(
    *, request: Request, service: ServiceDep, who: Who, password: Password, code: Code, new: Password
) -> Response:
    """Set a new password and end the other sessions, or show what is wrong."""
    request.app.state.sign_in_rate.take(address_of(request))
    try:
        own_account.change_password(service, who, Proof(password, code), new)
    except (InvalidError, ForbiddenError) as problem:
        return _refused(service, who, problem)
    return render(_page(service, who, done="The password is changed, and your other sessions are ended."))


@router.post("/recovery-codes")
def renew_codes(
    *, request: Request, service: ServiceDep, who: Who, password: Password, code: Code
) -> Response:
    """Show new recovery codes once, or what is wrong."""
    request.app.state.sign_in_rate.take(address_of(request))
    try:
        fresh = own_account.renew_codes(service, who, Proof(password, code))
    except (InvalidError, ForbiddenError) as problem:
        return _refused(service, who, problem)
    return render(
        RecoveryPage(person=who.person, codes=fresh, onward=PATH, onward_label="back to your account")
    )


@router.post("/sessions/end-others")
def end_others(service: ServiceDep, who: Who) -> Response:
    """End every other session."""
    own_account.end_others(service, who)
    return RedirectResponse(PATH, status_code=HTTPStatus.SEE_OTHER)


@router.post("/reset/withdraw")
def withdraw(service: ServiceDep, who: Who) -> Response:
    """Make a link that somebody made for this account worthless."""
    resets.withdraw(service, who.person.name, who.person.actor)
    return RedirectResponse(PATH, status_code=HTTPStatus.SEE_OTHER)


def _refused(service: Service, who: SignedIn, problem: InvalidError | ForbiddenError) -> Response:
    page = _page(service, who, problem=str(problem), hint=problem.hint)
    return render(page, status=problem.status)


def _page(
    service: Service, who: SignedIn, *, done: str = "", problem: str = "", hint: str = ""
) -> AccountPage:
    account = own_account.overview(service, who)
    return AccountPage(person=who.person, account=account, done=done, problem=problem, hint=hint)
