"""The queue's live picture: server-sent events, one whenever what waits has changed.

A hit that comes to this process is shown at once (`api.core.wakeups`); what else changes, and what comes to another
worker, within a second.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from api.accounts import sessions
from api.accounts.people import Role
from api.core.errors import ApiError, ForbiddenError, TooManyError
from api.core.service import Service
from api.hits import review
from api.web.deps import ServiceDep, token_of

router = APIRouter(include_in_schema=False)
_EVERY: Final = 1.0
_KEEP_ALIVE: Final = 15
STREAMS: Final = 8
"""How often one person may watch the queue in one worker process."""


class Watchers:
    """How many streams each person has open in this process; a browser opens one for each tab."""

    def __init__(self) -> None:
        self._open = Counter[str]()

    @contextmanager
    def watching(self, person: str) -> Iterator[None]:
        """Count a stream while it is open."""
        self._open[person] += 1
        try:
            yield
        finally:
            self._open[person] -= 1

    def check(self, person: str) -> None:
        """Refuse one more stream than a person may have.

        Raises:
            TooManyError: they have `STREAMS` open.
        """
        if self._open[person] >= STREAMS:
            raise TooManyError(f"{STREAMS} queues are open already", hint="Close one of their tabs.")


@router.get("/queue/events")
async def events(
    request: Request, service: ServiceDep, token: Annotated[str, Depends(token_of)]
) -> StreamingResponse:
    """Stream the queue; watching it, and connecting again, is no activity: the idle limit counts (R13).

    Raises:
        SignInError: the session has ended.
        ForbiddenError: it is no reviewer's.
        TooManyError: the person watches too many times.
    """
    watchers: Watchers = request.app.state.watchers
    who = await run_in_threadpool(_reviewer, service, token)
    watchers.check(who)
    stream = _stream(request, service, token, watchers.watching(who))
    return StreamingResponse(stream, media_type="text/event-stream")


async def _stream(
    request: Request, service: Service, token: str, watching: AbstractContextManager[None]
) -> AsyncIterator[str]:
    """Yield the queue whenever it has changed, until the browser goes or the session ends."""
    with watching:
        async for event in _changes(request, service, token):
            yield event


async def _changes(request: Request, service: Service, token: str) -> AsyncIterator[str]:
    """Yield an event for each change, and a comment now and then for the proxies between."""
    last, quiet = "", 0
    with service.bell.heard() as rung:
        while not await request.is_disconnected():
            rung.clear()
            try:
                now = await run_in_threadpool(_picture, service, token)
            except ApiError:
                yield "event: ended\ndata: {}\n\n"
                return
            if now != last:
                last, quiet = now, 0
                yield f"event: queue\ndata: {now}\n\n"
            elif quiet >= _KEEP_ALIVE:
                quiet = 0
                yield ": still here\n\n"
            quiet += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(rung.wait(), _EVERY)


def _picture(service: Service, token: str) -> str:
    """Return what waits, as JSON, for somebody who may still see it.

    Raises:
        SignInError: the session has ended.
        ForbiddenError: it is no reviewer's.
    """
    _reviewer(service, token)
    return json.dumps([asdict(line) for line in review.queue(service)], default=_text)


def _reviewer(service: Service, token: str) -> str:
    """Return the id of the reviewer whose session it is.

    Raises:
        SignInError: the session has ended.
        ForbiddenError: it is no reviewer's.
    """
    person = sessions.resume(service, token, quiet=True).person
    if Role.REVIEWER not in person.roles:
        raise ForbiddenError("this needs the role reviewer")
    return person.id


def _text(value: object) -> str:
    """Return a time as ISO 8601.

    Raises:
        TypeError: it is no time.
    """
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"a {type(value).__name__} has no JSON form")
