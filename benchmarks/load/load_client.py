"""Sending many signed requests over a few kept connections, and timing each answer.

Two ways to send. In `together` each connection asks again as soon as it is answered: what the service can do at
most. In `at_rate` requests have times of their own, whether the service keeps up or not, and a request's time
counts from the moment at which it was due: a service that falls behind is seen to.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import numpy as np

GRACE_S: Final = 5.0
"""How long after the last due request answers are waited for; what has none then counts with its age."""
_HEADER: Final = 65_536


@dataclass(frozen=True, slots=True)
class Ask:
    """One request to send: what it is called in the results, and how its bytes are made when it is its turn."""

    kind: str
    make: Callable[[], bytes]
    heard: Callable[[int, bytes], bool]
    """Whether an answer (status and body) is the one that it should be."""


@dataclass(slots=True)
class Heard:
    """What came of requests of one kind.

    Attributes:
        seconds: from due (or sent) to the answer, of each.
        wrong: how many were answered otherwise than they should be.
        unanswered: how many had no answer in the end; their age is among `seconds`.
    """

    seconds: list[float] = field(default_factory=list)
    wrong: int = 0
    unanswered: int = 0

    @property
    def answered(self) -> int:
        """How many were answered as they should be."""
        return len(self.seconds) - self.wrong - self.unanswered

    def percentile(self, share: float) -> float:
        """Return a percentile of the times in milliseconds; NaN without any."""
        return float(np.percentile(self.seconds, share)) * 1000 if self.seconds else float("nan")


class Lane:
    """One kept connection, from an address of its own on loopback."""

    def __init__(self, url: str, number: int) -> None:
        parts = urlsplit(url)
        self._place = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._address = f"127.1.{number // 250}.{number % 250 + 1}"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, make: Callable[[], bytes]) -> tuple[int, bytes]:
        """Send a request, made now, and return the answer's status and body; 0 where the connection broke."""
        try:
            if self._streams is None or self._streams[0].at_eof():
                self.close()
                local = (self._address, 0)
                self._streams = await asyncio.open_connection(*self._place, local_addr=local, limit=_HEADER)
            reader, writer = self._streams
            writer.write(make())
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.readexactly(_length(head))
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            self.close()
            return 0, b""
        return int(head[9:12]), body

    def close(self) -> None:
        """Give the connection up."""
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None


def _length(head: bytes) -> int:
    """Return how long an answer's body is, by its header."""
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


async def together(lanes: Sequence[Lane], asks: Callable[[], Ask | None], seconds: float) -> dict[str, Heard]:
    """Ask over every connection again and again, until there is nothing to ask; return what came of it, by kind."""
    heard: dict[str, Heard] = {}
    end = time.perf_counter() + seconds

    async def keep_asking(lane: Lane) -> None:
        while time.perf_counter() < end and (ask := asks()) is not None:
            since = time.perf_counter()
            await _one(lane, ask, since, heard.setdefault(ask.kind, Heard()))

    await asyncio.gather(*(keep_asking(lane) for lane in lanes))
    return heard


async def at_rate(
    lanes: Sequence[Lane], due: Sequence[tuple[float, Ask]], seconds: float
) -> dict[str, Heard]:
    """Ask at given times, in seconds from now and in order; return what came of it, by kind."""
    free: asyncio.Queue[Lane] = asyncio.Queue()
    for lane in lanes:
        free.put_nowait(lane)
    heard: dict[str, Heard] = {ask.kind: Heard() for _, ask in due}
    start, open_asks = time.perf_counter(), set[asyncio.Task[None]]()
    waiting: dict[asyncio.Task[None], tuple[float, str]] = {}

    async def ask_when_free(ask: Ask, since: float) -> None:
        lane = await free.get()
        try:
            await _one(lane, ask, since, heard[ask.kind])
        finally:
            free.put_nowait(lane)

    for at, ask in due:
        await asyncio.sleep(max(0.0, start + at - time.perf_counter()))
        task = asyncio.create_task(ask_when_free(ask, start + at))
        open_asks.add(task)
        waiting[task] = (start + at, ask.kind)
        task.add_done_callback(open_asks.discard)
    left = start + seconds + GRACE_S - time.perf_counter()
    if open_asks:
        await asyncio.wait(open_asks, timeout=max(0.1, left))
    for task in list(open_asks):
        since, kind = waiting[task]
        heard[kind].seconds.append(time.perf_counter() - since)
        heard[kind].unanswered += 1
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    for lane in lanes:
        lane.close()
    return heard


async def _one(lane: Lane, ask: Ask, since: float, heard: Heard) -> None:
    status, body = await lane.ask(ask.make)
    heard.seconds.append(time.perf_counter() - since)
    heard.wrong += not ask.heard(status, body)
