"""An administrator's one-time link for somebody who lost password or telephone, as JSON (R13)."""

from datetime import datetime
from http import HTTPStatus

from fastapi import APIRouter
from pydantic import BaseModel

from api.accounts import resets
from api.web.deps import Administrator, ServiceDep
from api.web.problems import PROBLEMS

router = APIRouter(prefix="/v1/people", tags=["people"], responses=PROBLEMS)


class ResetLink(BaseModel):
    """The link; it is shown only here."""

    link: str
    expires: datetime


@router.post("/{name}/reset", status_code=HTTPStatus.CREATED)
def issue(service: ServiceDep, who: Administrator, name: str) -> ResetLink:
    """Make a one-time link with which a person sets a new password and second factor."""
    made = resets.issue(service, name, who.person.actor)
    return ResetLink(link=f"{service.settings.url}/reset/{made.token}", expires=made.expires)


@router.post("/{name}/reset/withdraw", status_code=HTTPStatus.NO_CONTENT)
def withdraw(service: ServiceDep, who: Administrator, name: str) -> None:
    """Make an open link worthless."""
    resets.withdraw(service, name, who.person.actor)
