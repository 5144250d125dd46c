"""Wakes the open pages of this process when a hit has come, so that nobody waits for the next look.

Another worker process hears nothing: its pages look for themselves (`api.hits.routes.queue_events`).
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Bell:
    """Rung by any thread; heard by every coroutine that listens."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ears: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}

    @contextmanager
    def heard(self) -> Iterator[asyncio.Event]:
        """Give an event that is set by each ring while the block runs; the listener clears it."""
        ear = asyncio.Event()
        with self._lock:
            self._ears[ear] = asyncio.get_running_loop()
        try:
            yield ear
        finally:
            with self._lock:
                del self._ears[ear]

    def ring(self) -> None:
        """Wake every listener."""
        with self._lock:
            for ear, loop in self._ears.items():
                if not loop.is_closed():
                    loop.call_soon_threadsafe(ear.set)
