"""The thread that destroys reads at their deadlines, and makes the edge stop when it cannot (promise 2)."""

import logging
import threading
from collections.abc import Callable
from typing import Final, Protocol, Self

from edge.errors import RetentionError
from edge.retention.window import NEVER, Window
from hitonly_core.clock import NS, Clock

log = logging.getLogger(__name__)

BEAT_NS: Final = NS // 20
"""The longest sleep between two purges."""
GRACE_BEATS: Final = 200
"""After a failure the edge has ten seconds to end by itself; then it is ended, and the beats stop."""


class Beat(Protocol):
    """Who is told that the purge ran, and says whether it listens: the watchdog."""

    def trouble(self, now_ns: int) -> str:
        """Say why nobody watches any more, or nothing."""

    def beat(self, now_ns: int, deadline_ns: int) -> None:
        """Take note that the purge ran and what is due next."""


class Purger:
    """Purges a window until it is stopped; use as a context manager.

    When the purge is late beyond the bound, or the watchdog is gone or silent, or this thread itself fails, the
    window is closed with everything in it destroyed, and `on_failure` is called once, from this thread.
    """

    def __init__(
        self,
        window: Window,
        clock: Clock,
        *,
        watchdog: Beat | None = None,
        alive: Callable[[int], None] | None = None,
        lapse: Callable[[int], None] | None = None,
        on_failure: Callable[[RetentionError], None] | None = None,
        last_resort: Callable[[], None] | None = None,
    ) -> None:
        """Prepare; `start` starts.

        Args:
            window: what is purged.
            clock: the boot-time clock.
            watchdog: the second process, told of every purge.
            alive: told the time at every purge, for systemd's watchdog.
            lapse: told the time at every purge, to wipe what else has an end.
            on_failure: told why reading must stop.
            last_resort: ends the process when it has not ended by itself long after that. The watchdog would,
                but it may be what has failed.
        """
        self.failure: RetentionError | None = None
        self._window, self._clock = window, clock
        self._watchdog, self._alive, self._lapse = watchdog, alive, lapse
        self._on_failure, self._last_resort = on_failure, last_resort
        self._beaten = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="purge", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread, then destroy every live read."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._window.destroy_all()

    def check(self) -> None:
        """Do nothing while retention is kept; the pipeline calls it every turn.

        Raises:
            RetentionError: it is not, and reading must stop.
        """
        if self.failure is not None:
            raise self.failure

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._turn()
        except RetentionError as failure:
            self._fail(failure)
        finally:
            if not self._stop.is_set() and self.failure is None:
                self._window.close("the purge's thread ended by a fault")
                self._fail(RetentionError("the purge's thread ended by a fault"))

    def _turn(self) -> None:
        due = self._window.purge()
        now = self._clock.boot_ns()
        if self._lapse is not None:
            self._lapse(now)
        self._beat(now, due)
        if self._watchdog is not None and (trouble := self._watchdog.trouble(now)):
            self._window.close(trouble)
            self._window.purge()
        self._stop.wait(max(0, min(BEAT_NS, due - now)) / NS)

    def _beat(self, now: int, due: int) -> None:
        self._beaten = now
        if self._watchdog is not None:
            self._watchdog.beat(now, due)
        if self._alive is not None:
            self._alive(now)

    def _fail(self, failure: RetentionError) -> None:
        """Say so, and let the edge end; everything has been destroyed, so nothing is due any more."""
        self.failure = failure
        self._beat(self._beaten, NEVER)  # without the clock, which may be what has failed
        log.critical("reading stops: %s", failure)
        if self._on_failure is not None:
            self._on_failure(failure)
        for _ in range(GRACE_BEATS):
            if self._stop.wait(BEAT_NS / NS):
                return
            self._beat(self._clock.boot_ns(), NEVER)
        if self._last_resort is not None:
            self._last_resort()
