"""People as JSON: the same functions as the page, the same rules (R13)."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from fastapi.encoders import jsonable_encoder
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from api.accounts import people
from api.accounts.accounts import account, accounts
from api.accounts.people import INVITATION_LIFE, Role
from api.web import idempotency
from api.web.deps import Administrator, ServiceDep
from api.web.json_kit import Body, Cursor, IdempotencyKey, Limit, tagged
from api.web.problems import PROBLEMS

router = APIRouter(prefix="/v1", tags=["people"], responses=PROBLEMS)
PAGE: Final = 50


class PersonShown(BaseModel):
    """One person who can sign in, or could."""

    name: Annotated[str, Field(examples=["dora"])]
    full_name: str
    roles: list[Role]
    state: Annotated[str, Field(examples=["active", "locked", "disabled"])]
    seen: datetime
    key: str


class PersonPage(BaseModel):
    """A page of people."""

    items: list[PersonShown]
    next: str | None


class Roles(Body):
    """What somebody may do."""

    roles: Annotated[list[Role], Field(min_length=1, max_length=len(Role), examples=[["editor"]])]


class Link(BaseModel):
    """A one-time link for a new person; it is shown only here."""

    link: str
    expires: datetime


@router.get("/people", response_model=PersonPage)
def everybody(
    request: Request, service: ServiceDep, who: Administrator, after: Cursor = "", limit: Limit = PAGE
) -> Response:
    """Give the people in the order of their names; with an ETag."""
    del who
    found = accounts(service, after, limit)
    more = found[-1].name if len(found) == limit else None
    return tagged(request, {"items": jsonable_encoder(found), "next": more})


@router.get("/people/{name}")
def show(service: ServiceDep, who: Administrator, name: str) -> PersonShown:
    """Give one person."""
    del who
    return _shown(service, name)


@router.post("/invitations", status_code=HTTPStatus.CREATED, response_model=Link)
def invite(
    service: ServiceDep, who: Administrator, given: Roles, idempotency_key: IdempotencyKey = ""
) -> Response:
    """Make a one-time link for a new person with these roles."""

    def act() -> dict[str, Any]:
        expires = service.now() + INVITATION_LIFE
        token = people.invite(service, frozenset(given.roles), who.person.actor)
        return {"link": f"{service.settings.url}/welcome/{token}", "expires": expires.isoformat()}

    asked = b"invitation" + given.model_dump_json().encode()
    made = idempotency.once(service, who, idempotency_key, asked, act)
    link = Link.model_validate(made)
    return JSONResponse(link.model_dump(mode="json"), status_code=HTTPStatus.CREATED)


@router.put("/people/{name}/roles")
def set_roles(service: ServiceDep, who: Administrator, name: str, given: Roles) -> PersonShown:
    """Give somebody exactly these roles; they count from the next request on."""
    people.set_roles(service, name, frozenset(given.roles), who.person.actor)
    return _shown(service, name)


@router.post("/people/{name}/release")
def release(service: ServiceDep, who: Administrator, name: str) -> PersonShown:
    """Unlock or re-enable somebody else."""
    people.release(service, name, who.person.actor)
    return _shown(service, name)


@router.post("/people/{name}/disable")
def disable(service: ServiceDep, who: Administrator, name: str) -> PersonShown:
    """Refuse somebody from now on, and end their sessions."""
    people.disable(service, name, who.person.actor)
    return _shown(service, name)


def _shown(service: ServiceDep, name: str) -> PersonShown:
    return PersonShown.model_validate(jsonable_encoder(account(service, name)))
