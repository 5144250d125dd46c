"""What routes ask for: the service, the signed-in person, a role, the signed device."""

from collections.abc import Callable
from typing import Annotated, Final
from urllib.parse import urlsplit

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from api.accounts import sessions
from api.accounts.people import Role
from api.accounts.sessions import SignedIn
from api.core.audit import Act
from api.core.errors import DeviceError, ForbiddenError, SignInError
from api.core.service import Service
from api.devices import registry
from api.devices.registry import Device
from protocol.signed_requests import Request as Signed

COOKIE: Final = "__Host-session"


def service_of(request: Request) -> Service:
    """Return the service that this application serves."""
    service: Service = request.app.state.service
    return service


async def _service(request: Request) -> Service:
    """Return the same as a dependency; one that is no coroutine would take a turn in a thread for each request."""
    return service_of(request)


ServiceDep = Annotated[Service, Depends(_service)]


def address_of(request: Request) -> str:
    """Return the address that a request came from; empty where there is none."""
    return request.client.host if request.client else ""


def token_of(request: Request) -> str:
    """Return the session cookie's token.

    Raises:
        SignInError: there is no cookie.
    """
    token = request.cookies.get(COOKIE)
    if not token:
        raise SignInError("nobody is signed in")
    return token


def signed_in(service: ServiceDep, token: Annotated[str, Depends(token_of)]) -> SignedIn:
    """Return who is signed in; counts as activity.

    Raises:
        SignInError: nobody is, or the session has ended.
    """
    return sessions.resume(service, token)


Who = Annotated[SignedIn, Depends(signed_in)]


def needs(*roles: Role) -> Callable[[SignedIn], SignedIn]:
    """Return a dependency that lets in only somebody with one of the roles."""

    def check(who: Who) -> SignedIn:
        if not who.person.roles & set(roles):
            raise ForbiddenError(f"this needs the role {' or '.join(roles)}")
        return who

    return check


Reviewer = Annotated[SignedIn, Depends(needs(Role.REVIEWER))]
ListWorker = Annotated[SignedIn, Depends(needs(Role.EDITOR, Role.APPROVER))]
Editor = Annotated[SignedIn, Depends(needs(Role.EDITOR))]
Approver = Annotated[SignedIn, Depends(needs(Role.APPROVER))]
Auditor = Annotated[SignedIn, Depends(needs(Role.AUDITOR))]
DeviceReader = Annotated[SignedIn, Depends(needs(Role.ADMINISTRATOR, Role.AUDITOR))]
Administrator = Annotated[SignedIn, Depends(needs(Role.ADMINISTRATOR))]


def as_signed(request: Request, service: Service, body: bytes) -> Signed:
    """Return a request as a unit signed it.

    Raises:
        DeviceError: it is for a host that this service does not go by: what was meant for another is sent on.
    """
    host = request.headers.get("host", "")
    if host_name(host) not in service.settings.hosts:
        raise DeviceError(
            "the request is for another host", hint="Set public_url to the name that units use."
        )
    return Signed(request.method, host, request.url.path, request.url.query, body)


def host_name(host: str) -> str | None:
    """Return the name in a Host header, in lower case, without the port; None where it is none."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


async def signed_body(request: Request, service: ServiceDep) -> tuple[Device, bytes]:
    """Return the device that signed a request, and the body.

    Raises:
        DeviceError: it is not signed by an enrolled device, or is a replay. Recorded.
    """
    body = await request.body()
    try:
        signed = as_signed(request, service, body)
        device = await run_in_threadpool(registry.authenticate, service, signed, request.headers)
    except DeviceError as problem:
        act = Act("nobody", "device.refuse", request.url.path, result=str(problem)[:80])
        await run_in_threadpool(request.app.state.refusals.record, address_of(request), act)
        raise
    return device, body


FromDevice = Annotated[tuple[Device, bytes], Depends(signed_body)]
