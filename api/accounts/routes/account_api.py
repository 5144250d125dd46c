"""People as JSON: the same functions as the page, the same rules (R13)."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from fastapi.encoders import jsonable_encoder
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from api.accounts import people, staff
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


class Waiting(BaseModel):
    """What waits for a second administrator to agree (R23)."""

    request: Annotated[str, Field(examples=["8e03978e40d543e8"])]


class StaffRequest(BaseModel):
    """What an administrator asked for; `name` is empty for an invitation."""

    id: str
    name: str
    roles: list[Role]
    by: str
    expires: datetime


class StaffRequests(BaseModel):
    """Everything that waits for a second administrator."""

    items: list[StaffRequest]


class Link(BaseModel):
    """A one-time link for a new person; it is shown only here."""

    link: str
    expires: datetime


class Agreed(BaseModel):
    """What came of an agreement: a new person's link, or nothing for roles that were given."""

    link: str | None


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


@router.post(
    "/invitations",
    status_code=HTTPStatus.CREATED,
    response_model=Link,
    responses={202: {"model": Waiting, "description": "A second administrator must agree"}},
)
def invite(
    service: ServiceDep, who: Administrator, given: Roles, idempotency_key: IdempotencyKey = ""
) -> Response:
    """Make a one-time link for a new person with these roles."""

    def act() -> dict[str, Any]:
        expires = service.now() + INVITATION_LIFE
        answer = staff.invite(service, frozenset(given.roles), who.person.actor)
        if answer.request:
            return {"request": answer.request}
        return {"link": f"{service.settings.url}/welcome/{answer.token}", "expires": expires.isoformat()}

    asked = b"invitation" + given.model_dump_json().encode()
    made = idempotency.once(service, who, idempotency_key, asked, act)
    if "request" in made:
        return JSONResponse(made, status_code=HTTPStatus.ACCEPTED)
    link = Link.model_validate(made)
    return JSONResponse(link.model_dump(mode="json"), status_code=HTTPStatus.CREATED)


@router.put(
    "/people/{name}/roles",
    response_model=PersonShown,
    responses={202: {"model": Waiting, "description": "A second administrator must agree"}},
)
def set_roles(service: ServiceDep, who: Administrator, name: str, given: Roles) -> Response:
    """Give somebody exactly these roles; they count from the next request on."""
    answer = staff.set_roles(service, name, frozenset(given.roles), who.person.actor)
    if answer.request:
        return JSONResponse({"request": answer.request}, status_code=HTTPStatus.ACCEPTED)
    return JSONResponse(_shown(service, name).model_dump(mode="json"))


@router.get("/staff-requests")
def staff_requests(service: ServiceDep, who: Administrator) -> StaffRequests:
    """Give what waits for a second administrator."""
    del who
    found = [StaffRequest.model_validate(jsonable_encoder(asked)) for asked in staff.waiting(service)]
    return StaffRequests(items=found)


@router.post("/staff-requests/{request_id}/agree")
def agree(service: ServiceDep, who: Administrator, request_id: str) -> Agreed:
    """Do what another administrator asked for; an invitation's link is shown only here."""
    answer = staff.agree(service, request_id, who.person.actor)
    return Agreed(link=f"{service.settings.url}/welcome/{answer.token}" if answer.token else None)


@router.post("/staff-requests/{request_id}/withdraw", status_code=HTTPStatus.NO_CONTENT)
def withdraw(service: ServiceDep, who: Administrator, request_id: str) -> None:
    """Drop what was asked for."""
    staff.withdraw(service, request_id, who.person.actor)


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
