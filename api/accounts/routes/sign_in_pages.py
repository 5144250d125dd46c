"""Signing in and out, and the one-time link that a new person follows."""

import io
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Annotated, ClassVar

import segno
from fastapi import APIRouter, FastAPI, Form, Request
from starlette.responses import RedirectResponse, Response

from api.accounts import credentials, people, sessions
from api.accounts.people import Application
from api.accounts.routes.link_kit import browser_of, guarded, keep
from api.core.errors import ApiError, ConflictError, InvalidError, SignInError
from api.core.settings import Settings
from api.web import kept as keeping
from api.web import problems
from api.web.deps import COOKIE, ServiceDep, Who, address_of, service_of
from api.web.pages import Page, render
from api.web.security import body_is_whole

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInPage(Page):
    """The notice, and who are you."""

    template: ClassVar[str] = "sign_in.html"
    title: str = "Sign in"
    agency: str
    notice: str
    published: bool
    keeping: str = field(default="", repr=False)
    problem: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPage(Page):
    """What was typed before the session ended, to go on with."""

    template: ClassVar[str] = "kept.html"
    title: str = "What you typed is still here"
    path: str
    fields: list[tuple[str, str]] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class WelcomePage(Page):
    """What a new person fills in, with the secret for the authenticator."""

    template: ClassVar[str] = "welcome.html"
    title: str = "Set up your account"
    token: str = field(repr=False)
    roles: list[str]
    secret: str = field(repr=False)
    problem: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryPage(Page):
    """The recovery codes, once."""

    template: ClassVar[str] = "recovery.html"
    title: str = "Keep these recovery codes"
    codes: list[str] = field(repr=False)
    onward: str = "/sign-in"
    onward_label: str = "sign in"


@router.get("/sign-in")
def sign_in_page(service: ServiceDep) -> Response:
    """Show the notice and the form."""
    return render(_sign_in_page(service.settings))


def _sign_in_page(settings: Settings, keeping: str = "") -> SignInPage:
    return SignInPage(
        agency=settings.agency, notice=settings.notice, published=settings.public_report, keeping=keeping
    )


@router.post("/sign-in")
def sign_in(
    *,
    request: Request,
    service: ServiceDep,
    name: Annotated[str, Form()],
    password: Annotated[str, Form()],
    code: Annotated[str, Form()],
    kept: Annotated[str, Form()] = "",
) -> Response:
    """Open a session and give back what was typed before the last one ended, or show the form again.

    Raises:
        TooManyError: too many attempts from one address.
    """
    request.app.state.sign_in_rate.take(address_of(request))
    try:
        token = sessions.sign_in(service, name, password, code, replacing=request.cookies.get(COOKIE, ""))
    except SignInError as problem:
        page = _sign_in_page(service.settings, kept)
        page = replace(page, problem=str(problem), hint=problem.hint)
        return render(page, status=HTTPStatus.UNAUTHORIZED)
    person = sessions.resume(service, token, quiet=True).person
    work = keeping.kept(service, kept, person.id) if kept else None
    answer: Response = RedirectResponse("/", status_code=HTTPStatus.SEE_OTHER)
    if work is not None:
        answer = render(KeptPage(person=person, path=work.path, fields=work.fields))
    cookies = {COOKIE: token, keeping.COOKIE: keeping.person_cookie(service, person.id)}
    for cookie, value in cookies.items():
        answer.set_cookie(cookie, value, secure=True, httponly=True, samesite="lax", path="/")
    return answer


@router.post("/sign-out")
def sign_out(service: ServiceDep, who: Who) -> Response:
    """End the session."""
    sessions.sign_out(service, who)
    answer = RedirectResponse("/sign-in", status_code=HTTPStatus.SEE_OTHER)
    for name in (COOKIE, keeping.COOKIE):
        answer.delete_cookie(name, secure=True, httponly=True, path="/")
    return answer


def install(app: FastAPI) -> None:
    """Answer a form that comes after its session has ended with a sign-in page that carries it."""

    @app.exception_handler(SignInError)
    async def _over(request: Request, problem: SignInError) -> Response:
        path, service = request.url.path, service_of(request)
        cookie = request.cookies.get(keeping.COOKIE, "")
        form = request.method == "POST" and not path.startswith("/v1/") and path != "/sign-in"
        if not (form and cookie and body_is_whole(request.scope)):
            return problems.respond(request, problem)
        sealed = keeping.keep(service, cookie, path, await request.form())
        if not sealed:
            return problems.respond(request, problem)
        settings = service.settings
        page = _sign_in_page(settings, sealed)
        return render(page, status=HTTPStatus.UNAUTHORIZED)


@router.get("/welcome/{token}")
def welcome(request: Request, service: ServiceDep, token: str) -> Response:
    """Show what a new person fills in, to the browser that comes first."""
    return _welcome(request, service, token)


@router.get("/welcome/{token}/code.svg")
def welcome_code(request: Request, service: ServiceDep, token: str) -> Response:
    """Draw the authenticator's secret as a QR code."""
    offered = guarded(request, lambda: people.open_invitation(service, token, browser_of(request)))
    return keep(drawn_secret(offered.secret, service.settings.agency), offered.browser)


def drawn_secret(secret: str, agency: str) -> Response:
    """Return a TOTP secret as a QR code that an authenticator reads."""
    link = credentials.totp_link(secret, "hitonly", agency)
    out = io.BytesIO()
    segno.make(link).save(out, kind="svg", scale=5, dark="#000", light="#fff")
    return Response(out.getvalue(), media_type="image/svg+xml")


@router.post("/welcome/{token}")
def join(
    *,
    request: Request,
    service: ServiceDep,
    token: str,
    name: Annotated[str, Form()],
    full_name: Annotated[str, Form()],
    password: Annotated[str, Form()],
    code: Annotated[str, Form()],
) -> Response:
    """Make the account and show its recovery codes once, or show the form again."""
    application = Application(name.strip().lower(), full_name, password, code)
    try:
        fresh = guarded(request, lambda: people.accept(service, token, application, browser_of(request)))
    except (InvalidError, ConflictError) as problem:
        return _welcome(request, service, token, problem)
    return render(RecoveryPage(codes=fresh))


def _welcome(request: Request, service: ServiceDep, token: str, problem: ApiError | None = None) -> Response:
    """Return the page of an open invitation.

    Raises:
        AbsentError: unknown, used or too old.
        LinkTakenError: another browser began it.
    """
    offered = guarded(request, lambda: people.open_invitation(service, token, browser_of(request)))
    page = WelcomePage(
        token=token,
        roles=sorted(offered.roles),
        secret=offered.secret,
        problem=str(problem) if problem else "",
        hint=problem.hint if problem else "",
    )
    return keep(render(page, status=problem.status if problem else HTTPStatus.OK), offered.browser)
