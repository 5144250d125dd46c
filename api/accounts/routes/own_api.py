"""One's own account as JSON: the same functions as the page, the same rules (R13)."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.encoders import jsonable_encoder
from pydantic import BaseModel, Field

from api.accounts import own_account, resets
from api.accounts.credentials import MAX_PASSWORD
from api.accounts.own_account import Proof
from api.web.deps import ServiceDep, Who, address_of
from api.web.json_kit import Body
from api.web.problems import PROBLEMS

router = APIRouter(prefix="/v1/account", tags=["people"], responses=PROBLEMS)
Password = Annotated[
    str, Field(min_length=1, max_length=MAX_PASSWORD, examples=["a long enough pass phrase"])
]


class Proven(Body):
    """The present password and a fresh TOTP code."""

    password: Password
    code: Annotated[str, Field(min_length=6, max_length=40, examples=["123456"])]

    def proof(self) -> Proof:
        """Return them as the service's functions take them."""
        return Proof(self.password, self.code)


class NewPassword(Proven):
    """A new password, of 12 characters or more."""

    new: Annotated[str, Field(max_length=MAX_PASSWORD, examples=["another long pass phrase"])]


class SessionShown(BaseModel):
    """An open session."""

    began: datetime
    seen: datetime
    present: bool


class LinkShown(BaseModel):
    """An open link with which new credentials can be set: who made it, and until when it works."""

    by: Annotated[str, Field(examples=["person:ada"])]
    expires: datetime


class HappeningShown(BaseModel):
    """A record of the log about the account."""

    at: datetime
    actor: str
    act: str
    result: str


class AccountShown(BaseModel):
    """One's own account."""

    last_sign_in: datetime | None
    locked: bool
    sessions: list[SessionShown]
    codes_left: int
    link: LinkShown | None
    happenings: list[HappeningShown]


class Codes(BaseModel):
    """Recovery codes; they are shown only here."""

    codes: list[str]


@router.get("")
def show(service: ServiceDep, who: Who) -> AccountShown:
    """Give one's own account: the last sign-in, open sessions, what happened lately."""
    return AccountShown.model_validate(jsonable_encoder(own_account.overview(service, who)))


@router.post("/password", status_code=HTTPStatus.NO_CONTENT)
def change_password(request: Request, service: ServiceDep, who: Who, given: NewPassword) -> None:
    """Set a new password and end the other sessions."""
    request.app.state.sign_in_rate.take(address_of(request))
    own_account.change_password(service, who, given.proof(), given.new)


@router.post("/recovery-codes")
def renew_codes(request: Request, service: ServiceDep, who: Who, given: Proven) -> Codes:
    """Make new recovery codes; the old ones work no more."""
    request.app.state.sign_in_rate.take(address_of(request))
    return Codes(codes=own_account.renew_codes(service, who, given.proof()))


@router.post("/sessions/end-others", status_code=HTTPStatus.NO_CONTENT)
def end_others(service: ServiceDep, who: Who) -> None:
    """End every other session."""
    own_account.end_others(service, who)


@router.post("/reset/withdraw", status_code=HTTPStatus.NO_CONTENT)
def withdraw(service: ServiceDep, who: Who) -> None:
    """Make a link that somebody made for this account worthless."""
    resets.withdraw(service, who.person.name, who.person.actor)
