"""What the JSON routes for people share: a body, a reason, a cursor, an ETag, a key for asking again."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Header, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from api.accounts.access import AccessPurpose
from api.core.errors import ConditionError
from api.web.deps import service_of
from hitonly_core.canonical import canonical

Limit = Annotated[int, Query(ge=1, le=100, description="items on a page")]
Cursor = Annotated[str, Query(max_length=80, description="the `next` of the page before")]
IdempotencyKey = Annotated[
    str,
    Header(
        max_length=64,
        pattern="^[!-~]*$",
        description="the same for every attempt: what is made is made once, and answered alike for a day",
        examples=["8e03978e-40d5-43e8-bc93-6894a57f9324"],
    ),
]
IfMatch = Annotated[
    str | None, Header(description="the ETag of the last answer; the change is refused if it is another now")
]


class Body(BaseModel):
    """What is sent: no unknown members."""

    model_config = ConfigDict(extra="forbid")


class Reason(Body):
    """Why something is opened (R11)."""

    purpose: Annotated[AccessPurpose, Field(examples=["review-alert"])]
    case_number: Annotated[str, Field(min_length=1, max_length=40, examples=["30-4711"])]


def tagged(request: Request, body: dict[str, Any]) -> Response:
    """Answer with an ETag, a keyed hash of the body; 304 where the asker has it."""
    tag = quoted(service_of(request).secrets.blind_bytes(canonical(body))[:32])
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": tag})
    return JSONResponse(body, headers={"ETag": tag})


def quoted(version: str) -> str:
    """Return a version as an ETag."""
    return f'"{version}"'


def unquoted(if_match: str | None) -> str:
    """Return the version that an If-Match header names.

    Raises:
        ConditionError: there is none, or it names any.
    """
    version = (if_match or "").strip().strip('"')
    if not version or version == "*":
        raise ConditionError("a change needs If-Match with the ETag of what is changed")
    return version


def located(path: str, body: BaseModel) -> JSONResponse:
    """Answer that something was made, and where it is."""
    headers = {"Location": path}
    return JSONResponse(body.model_dump(mode="json"), status_code=HTTPStatus.CREATED, headers=headers)
