"""Small ASGI classes around the whole service: headers, known hosts, no cross-site acts, no endless bodies."""

import asyncio
import logging
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.core.errors import ApiError, CrossSiteError, HostError, TooLargeError
from api.core.rate_limits import network
from api.web.connections import gate_of_loop
from api.web.deps import host_name
from api.web.problems import respond

CONTENT_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": CONTENT_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_BODY_SECONDS: Final = 30
PEOPLES_BODY: Final = 64 * 1024
"""Bytes of a body of anybody's but a unit's; the longest form has a tenth of that."""
_TOGETHER: Final = 32 * 1024 * 1024
_LENGTH_DIGITS: Final = 12
_LOG: Final = logging.getLogger(__name__)
_WHOLE: Final = "hitonly.body-is-whole"
"""What a request's scope has once its body was read here, within the limits."""
Refused = Callable[[Scope, ApiError], Awaitable[None]]
"""Told of a request that was refused here, and why."""


def body_is_whole(scope: Scope) -> bool:
    """Whether a request's body has been read within the limits; one that is streamed may have no end."""
    return _WHOLE in scope


class SecurityHeaders:
    """Adds the security headers, and forbids storing anything but what is under ``/static``."""

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self._app = app
        self._secure = secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with headers added to the answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if not scope["path"].startswith("/static/"):
                    headers.setdefault("Cache-Control", "no-store")
                if self._secure:
                    headers["Strict-Transport-Security"] = "max-age=31536000"
            await send(message)

        await self._app(scope, receive, with_headers)


class Faults:
    """Answers what nobody foresaw with a problem document too; logs what and where, never its message."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and answer where that failed before an answer began."""
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as fault:
            if scope["type"] != "http" or begun:
                raise
            known = isinstance(fault, ApiError)
            if not known:
                place = traceback.extract_tb(fault.__traceback__)[-1]
                _LOG.exception("unforeseen %s at %s:%s", type(fault).__name__, place.filename, place.lineno)
            problem = (
                fault if isinstance(fault, ApiError) else ApiError("something failed that was not foreseen")
            )
            await respond(Request(scope), problem)(scope, receive, send)


class KnownHosts:
    """Refuses a request that names another host, where no certificate proves the name (DNS rebinding)."""

    def __init__(self, app: ASGIApp, *, hosts: frozenset[str], refused: Refused) -> None:
        self._app = app
        self._hosts = hosts
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer 421."""
        if scope["type"] != "http" or self._known(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        problem = HostError("the service is not known under that name")
        await self._refused(scope, problem)
        await respond(Request(scope), problem)(scope, receive, send)

    def _known(self, headers: Headers) -> bool:
        """Whether there is one Host header, and it names this service."""
        (*others, host) = headers.getlist("host") or [""]
        return not others and host_name(host) in self._hosts


class SameSite:
    """Refuses an act that another site's page started: by Sec-Fetch-Site, and by Origin where that is absent.

    A request with neither comes from no browser; it is let through only without a cookie, which is how
    devices come, by their signature.
    """

    def __init__(self, app: ASGIApp, *, refused: Refused) -> None:
        self._app = app
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer 403."""
        if scope["type"] != "http" or scope["method"] in _SAFE or _same_site(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        problem = CrossSiteError("acts are taken only from the service's own pages")
        await self._refused(scope, problem)
        await respond(Request(scope), problem)(scope, receive, send)


def _same_site(headers: Headers) -> bool:
    """Whether a request that changes something comes from our own page, or from no browser at all."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = headers.get("origin")
    if origin is not None:
        return _place_of(origin) == headers.get("host", "")
    return "cookie" not in headers


def _place_of(origin: str) -> str | None:
    """Return the host and port of an Origin header; None where it is no address."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


class BodyLimit:
    """Reads a body up to a size and a time, before anything else looks at it.

    All unfinished bodies together have a bound too: where it is passed, the oldest body of the address that
    holds most is dropped.

    Args:
        app: what comes after.
        limit: bytes.
        large: paths of bodies up to that limit, which are bytes until somebody's signature was checked.
        others: bytes of a body for any other path: it is read as a form or JSON before it is known who sends it.
        streamed: paths that read their body themselves, as it comes, once they know who sends it.
        refused: told of a refusal.
        seconds: within which the whole body must have arrived.
        together: bytes of all unfinished bodies; at least `limit`.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        limit: int,
        large: frozenset[str] = frozenset(),
        others: int | None = None,
        streamed: frozenset[str] = frozenset(),
        refused: Refused,
        seconds: float = _BODY_SECONDS,
        together: int = _TOGETHER,
    ) -> None:
        self._app = app
        self._limit = limit
        self._large = large
        self._others = limit if others is None else min(limit, others)
        self._streamed = streamed
        self._seconds = seconds
        self._refused = refused
        self._unfinished = Unfinished(max(together, limit))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with the body read, or answer 413, 408 or 503; the connection is served from then on."""
        if scope["type"] != "http" or scope["path"] in self._streamed:
            await self._served(scope, receive, send)
            return
        address = scope["client"][0] if scope.get("client") else ""
        deadline = asyncio.timeout(self._seconds)
        body = Body(network(address), deadline)
        try:
            async with deadline:
                limit = self._limit if scope["path"] in self._large else self._others
                whole = await self._read(Headers(scope=scope), receive, body, limit)
        except (TooLargeError, TimeoutError) as late:
            problem = late if isinstance(late, ApiError) else body.dropped or _slow(self._seconds)
            await self._refused(scope, problem)
            await respond(Request(scope), problem)(scope, receive, send)
            return
        finally:
            self._unfinished.forget(body)
        if whole:
            scope[_WHOLE] = True
            await self._served(scope, _replay(bytes(body.content), receive), send)

    async def _served(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; meanwhile the connection is not ended for another one's sake."""
        gate, peer = gate_of_loop(), scope.get("client")
        if gate is None or peer is None:
            await self._app(scope, receive, send)
            return
        gate.serve((peer[0], peer[1]))
        try:
            await self._app(scope, receive, send)
        finally:
            gate.done((peer[0], peer[1]))

    async def _read(self, headers: Headers, receive: Receive, body: "Body", limit: int) -> bool:
        """Read the whole body; False when the sender went away.

        Raises:
            TooLargeError: it is, or says that it is, larger than the limit.
        """
        said = headers.get("content-length", "0")
        known = said.isascii() and said.isdigit() and len(said) <= _LENGTH_DIGITS
        if not known or int(said) > limit:
            raise TooLargeError(f"a body of at most {limit} bytes is taken")
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return False
            body.content += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body.content) > limit:
                raise TooLargeError(f"a body of at most {limit} bytes is taken")
            if more:
                self._unfinished.hold(body)
        return True


@dataclass(eq=False, slots=True)
class Body:
    """A body that is being read."""

    address: str
    deadline: asyncio.Timeout
    content: bytearray = field(default_factory=bytearray, repr=False)
    dropped: ApiError | None = None


class Unfinished:
    """The bodies that are not whole yet, and how many bytes they may hold together."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._bodies: dict[Body, None] = {}

    def hold(self, body: Body) -> None:
        """Count a body that has grown; drop others where all of them hold too much."""
        self._bodies.setdefault(body)
        sizes: Counter[str] = Counter()
        for one in self._bodies:
            sizes[one.address] += len(one.content)
        while sizes.total() > self._most:
            largest = sizes.most_common(1)[0][0]
            victim = next(one for one in self._bodies if one.address == largest and one.content)
            sizes[largest] -= len(victim.content)
            self._drop(victim)

    def forget(self, body: Body) -> None:
        """Count a body no more: it is whole, or its sender is gone."""
        self._bodies.pop(body, None)

    def _drop(self, body: Body) -> None:
        """Give a body's memory back and let its reader see a deadline that is over."""
        self.forget(body)
        body.content = bytearray()
        body.dropped = _crowded()
        if not body.deadline.expired():
            body.deadline.reschedule(asyncio.get_running_loop().time())


def _crowded() -> TooLargeError:
    """Return the problem of a body that was dropped for want of memory."""
    problem = TooLargeError("too many unfinished bodies at once", hint="Send it again, in one go.")
    problem.status = HTTPStatus.SERVICE_UNAVAILABLE
    return problem


def _slow(seconds: float) -> TooLargeError:
    """Return the problem of a body that took too long."""
    problem = TooLargeError(f"the body did not arrive within {seconds:g} seconds")
    problem.status = HTTPStatus.REQUEST_TIMEOUT
    return problem


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives the body once and then waits for what follows."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
