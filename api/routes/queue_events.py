"""The queue's live picture: server-sent events, one whenever what waits has changed.

A hit that comes to this process is shown at once (`api.bell`); what else changes, and what comes to another
worker, within a second.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from api import review, sessions
from api.deps import Reviewer, ServiceDep, token_of
from api.errors import ApiError
from api.service import Service

router = APIRouter(include_in_schema=False)
_EVERY: Final = 1.0
_KEEP_ALIVE: Final = 15


@router.get("/queue/events")
async def events(
    request: Request, service: ServiceDep, who: Reviewer, token: Annotated[str, Depends(token_of)]
) -> StreamingResponse:
    """Stream the queue; watching it is no activity, so the idle limit still counts (R13)."""
    del who
    return StreamingResponse(_stream(request, service, token), media_type="text/event-stream")


async def _stream(request: Request, service: Service, token: str) -> AsyncIterator[str]:
    """Yield the queue whenever it has changed, until the browser goes or the session ends."""
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
    """Return what waits, as JSON.

    Raises:
        SignInError: the session has ended.
    """
    sessions.resume(service, token, quiet=True)
    return json.dumps([asdict(line) for line in review.queue(service)], default=_text)


def _text(value: object) -> str:
    """Return a time as ISO 8601.

    Raises:
        TypeError: it is no time.
    """
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"a {type(value).__name__} has no JSON form")
