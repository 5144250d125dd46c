"""How an error is answered: a problem document of RFC 9457 for programs, a page for people."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Match, Route

from api.accounts import sessions
from api.accounts.people import Person
from api.core.errors import (
    AbsentError,
    ApiError,
    AuditError,
    ConflictError,
    DatabaseError,
    InvalidError,
    SignInError,
)
from api.web.deps import COOKIE
from api.web.pages import ErrorPage, render
from hitonly_core.errors import HitonlyError
from hitonly_core.form_words import sentence

MEDIA: Final = "application/problem+json"


class Problem(BaseModel):
    """A problem document (RFC 9457); it never holds a plate."""

    type: Annotated[str, Field(examples=["urn:hitonly:problem:device"])]
    title: Annotated[str, Field(examples=["The device is not accepted"])]
    status: Annotated[int, Field(examples=[401])]
    detail: Annotated[str, Field(examples=["the request has been made before"])]
    hint: str | None = None


_ANSWER: Final[dict[str, Any]] = {
    "description": "A problem document",
    "content": {MEDIA: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {"4XX": _ANSWER, "5XX": _ANSWER}
"""What every router under ``/v1`` says of its errors."""
_FIELD_WORDS: Final = {
    "missing": "is missing",
    "string_too_long": "is too long",
    "string_too_short": "is too short",
    "int_parsing": "is not a whole number",
    "date_from_datetime_parsing": "is not a date",
    "date_parsing": "is not a date",
    "greater_than_equal": "is too small",
    "less_than_equal": "is too large",
    "less_than": "is too large",
}
_LOG: Final = logging.getLogger(__name__)


def document(problem: ApiError) -> dict[str, object]:
    """Return an error as a problem document; it never holds a plate."""
    body: dict[str, object] = {
        "type": f"urn:hitonly:problem:{problem.slug}",
        "title": problem.title,
        "status": int(problem.status),
        "detail": str(problem),
    }
    return {**body, "hint": problem.hint} if problem.hint else body


def respond(request: Request, problem: ApiError) -> Response:
    """Answer an error as the asker can read it; a page that needs a sign-in leads there."""
    if request.url.path.startswith("/v1/"):
        return JSONResponse(document(problem), status_code=problem.status, media_type=MEDIA)
    if isinstance(problem, SignInError) and request.url.path != "/sign-in":
        return RedirectResponse("/sign-in", status_code=HTTPStatus.SEE_OTHER)
    page = ErrorPage(title=problem.title, detail=str(problem), hint=problem.hint, person=_person(request))
    return render(page, status=problem.status)


def _person(request: Request) -> Person | None:
    """Return who is signed in, so that an error's page keeps its navigation; None where that cannot be known."""
    token, app = request.cookies.get(COOKIE), request.scope.get("app")
    if not token or app is None or not hasattr(app.state, "service"):
        return None
    try:
        return sessions.resume(app.state.service, token, quiet=True).person
    except (ApiError, SQLAlchemyError):
        return None


def _in_words(problem: RequestValidationError) -> ApiError:
    """Say what is wrong with what a page was sent; an address that cannot be is no page."""
    if any(error["loc"][0] == "path" for error in problem.errors()):
        return AbsentError("there is no such page")
    fields: dict[str, str] = {}
    for error in problem.errors():
        name = str(error["loc"][-1]).replace("_", " ")
        fields.setdefault(name, _FIELD_WORDS.get(error["type"], "is not one of the values that can be there"))
    return InvalidError(", and ".join(f"“{name}” {words}" for name, words in fields.items()))


def install(app: FastAPI) -> None:
    """Answer every error in this one way."""
    _install_rare(app)

    @app.exception_handler(ApiError)
    def _ours(request: Request, problem: ApiError) -> Response:
        if isinstance(problem, AuditError) and isinstance(problem.__cause__, IntegrityError):
            return respond(request, _met())
        return respond(request, problem)

    @app.exception_handler(HitonlyError)
    def _hot_list(request: Request, problem: HitonlyError) -> Response:
        return respond(request, InvalidError(str(problem), hint=problem.hint))

    @app.exception_handler(RequestValidationError)
    def _invalid(request: Request, problem: RequestValidationError) -> Response:
        if not request.url.path.startswith("/v1/"):
            return respond(request, _in_words(problem))
        places = {
            sentence({**error, "loc": error["loc"][1:] or ("the request",)}) for error in problem.errors()
        }
        return respond(request, InvalidError("; ".join(sorted(places))))

    @app.exception_handler(DataError)
    def _unstorable(request: Request, problem: DataError) -> Response:
        del problem
        return respond(request, InvalidError("a text or a number in it cannot be stored"))

    @app.exception_handler(SQLAlchemyError)
    def _database(request: Request, problem: SQLAlchemyError) -> Response:
        _LOG.error("the database failed: %s", type(problem).__name__)
        return respond(request, DatabaseError("the database did not answer, or broke the connection"))

    @app.exception_handler(HTTPException)
    def _framework(request: Request, problem: HTTPException) -> Response:
        fault = AbsentError(HTTPStatus(problem.status_code).phrase)
        fault.status = HTTPStatus(problem.status_code)
        answer = respond(request, fault)
        answer.headers.update(problem.headers or {})
        if problem.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            answer.headers["Allow"] = ", ".join(sorted(_methods(request, app)))
        return answer


def _install_rare(app: FastAPI) -> None:
    """Answer what only two acts at once, or an attack, bring about."""

    @app.exception_handler(IntegrityError)
    def _at_once(request: Request, problem: IntegrityError) -> Response:
        del problem
        return respond(request, _met())

    @app.exception_handler(RecursionError)
    def _too_deep(request: Request, problem: RecursionError) -> Response:
        del problem
        return respond(request, InvalidError("what was sent is nested too deeply"))


def _met() -> ConflictError:
    """Return the problem of two acts that met: the other one was first, and nothing of this one was done."""
    return ConflictError(
        "somebody else did the same or the contrary at this moment", hint="Look at it again."
    )


def _methods(request: Request, app: FastAPI) -> set[str]:
    """Return every method that a path takes (RFC 9110, 10.2.1); the framework names those of one route only."""
    found: dict[str, set[str]] = defaultdict(set)
    for route in _routes(app.routes):
        if route.matches(request.scope)[0] is not Match.NONE:
            found[route.path] |= route.methods or set()
    return found[min(found, key=lambda path: path.count("{"))] if found else set()


def _routes(routes: Iterable[BaseRoute]) -> Iterator[Route]:
    """Yield the routes, through whatever the framework wraps routers in."""
    for route in routes:
        if isinstance(route, Route):
            yield route
        elif (inner := getattr(route, "original_router", None)) is not None:
            yield from _routes(inner.routes)
