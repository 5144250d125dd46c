"""The queue's live picture: server-sent events, one whenever what waits has changed.

A hit that comes to this process is shown at once (`api.core.wakeups`); what else changes, and what comes to another
worker, within a second. A heartbeat says every few seconds that the line is alive and how old everything is: a page
that hears none believes nothing any more (api/static/console.js).
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from api.accounts import presence, sessions
from api.accounts.people import Role
from api.accounts.sessions import SignedIn
from api.core.errors import ApiError, ForbiddenError, TooManyError
from api.core.service import Service
from api.hits import queue_items, readers
from api.hits.watch import watch
from api.web.deps import ServiceDep, Who, token_of

router = APIRouter(include_in_schema=False)
_EVERY: Final = 1.0
HEARTBEAT: Final = "heartbeat"
_BEAT: Final = 5.0
"""Seconds between heartbeats; a page gives the line up after 20 without one."""
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
    request: Request, service: ServiceDep, token: Annotated[str, Depends(token_of)], hit: UUID | None = None
) -> StreamingResponse:
    """Stream the queue, and how one hit stands.

    Watching, and connecting again, is no activity: the idle limit counts (R13; `api.accounts.presence`).

    Raises:
        SignInError: the session has ended.
        ForbiddenError: it is no reviewer's.
        TooManyError: the person watches too many times.
    """
    watchers: Watchers = request.app.state.watchers
    who = await run_in_threadpool(_reviewer, service, token)
    watchers.check(who.person.id)
    looks = [partial(_picture, service, token)]
    if hit is not None:
        looks.append(partial(_standing, service, token, hit))
    stream = _stream(request, partial(_beat, service, token), looks, watchers.watching(who.person.id))
    unheld = {"X-Accel-Buffering": "no"}  # a proxy hands each event on as it comes
    return StreamingResponse(stream, media_type="text/event-stream", headers=unheld)


@router.post("/session/stay", status_code=HTTPStatus.NO_CONTENT)
def stay(who: Who) -> None:
    """Say that somebody is still there: an act, after which the idle limit counts anew (R13)."""
    del who


Look = Callable[[], tuple[str, str]]
"""Returns an event's name and data; it is sent when the data has changed."""


async def _stream(
    request: Request, beat: Look, looks: Sequence[Look], watching: AbstractContextManager[None]
) -> AsyncIterator[str]:
    """Yield what has changed, and heartbeats, until the browser goes or the session ends."""
    with watching:
        async for event in _changes(request, beat, looks):
            yield event


async def _changes(request: Request, beat: Look, looks: Sequence[Look]) -> AsyncIterator[str]:
    """Yield an event for each change, and a heartbeat every few seconds."""
    service: Service = request.app.state.service
    last: dict[str, str] = {}
    due = 0.0
    with service.bell.heard() as rung:
        while not await request.is_disconnected():
            rung.clear()
            beats = time.monotonic() >= due
            try:
                found = [await run_in_threadpool(look) for look in looks]
                if beats:
                    found.append(await run_in_threadpool(beat))
            except ApiError:
                yield "event: ended\ndata: {}\n\n"
                return
            for name, data in found:
                if name == HEARTBEAT or last.get(name) != data:
                    yield f"event: {name}\ndata: {data}\n\n"
            last = dict(found)
            if beats:
                due = time.monotonic() + _BEAT
            with suppress(TimeoutError):
                await asyncio.wait_for(rung.wait(), _EVERY)


def _picture(service: Service, token: str) -> tuple[str, str]:
    """Return what waits, as JSON, for somebody who may still see it.

    Raises:
        SignInError: the session has ended.
        ForbiddenError: it is no reviewer's.
    """
    who = _reviewer(service, token)
    return "queue", json.dumps([asdict(item) for item in queue_items.items(service, who)], default=_text)


def _beat(service: Service, token: str) -> tuple[str, str]:
    """Return how everything stands and how long the session has left, as JSON; notes that somebody watches.

    Raises:
        SignInError: the session has ended.
        ForbiddenError: it is no reviewer's.
    """
    digest = _reviewer(service, token).digest
    presence.note_watching(service, digest)
    said = {**asdict(watch(service)), "session": asdict(presence.left(service, digest))}
    return HEARTBEAT, json.dumps(said, default=_text)


def _standing(service: Service, token: str, hit: UUID) -> tuple[str, str]:
    """Return how far a hit is and who else is at it, as JSON; nothing of what it holds.

    Raises:
        SignInError: the session has ended.
        ForbiddenError: it is no reviewer's.
    """
    return "hit", json.dumps(asdict(readers.standing(service, _reviewer(service, token), hit)))


def _reviewer(service: Service, token: str) -> SignedIn:
    """Return the reviewer whose session it is.

    Raises:
        SignInError: the session has ended.
        ForbiddenError: it is no reviewer's.
    """
    who = sessions.resume(service, token, quiet=True)
    if Role.REVIEWER not in who.person.roles:
        raise ForbiddenError("this needs the role reviewer")
    return who


def _text(value: object) -> str:
    """Return a time as ISO 8601.

    Raises:
        TypeError: it is no time.
    """
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"a {type(value).__name__} has no JSON form")
