"""One source's captures, one after the other, and the promise that `close` ends them from any thread."""

import os
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from edge.capture.blank import Shows
from edge.capture.sight import Sight
from edge.capture.wire import Message, Request, Say, Token
from edge.capture.worker import Worker
from edge.flow import Frame
from hitonly_core.clock import Clock


class Session:
    """Holds one worker, and for a moment its successor: `start` replaces it at once, `renew` without a gap.

    Args:
        name: the camera's name.
        clock: what frames are stamped with.
        live: frames' stream time is their boot time.
        first_ns: how long the first verdict over its pictures takes.

    Attributes:
        closed: `close` was called.
        seen: pictures decoded in all captures so far.
        drops: frames dropped in all captures so far.
        reason: the last known complaint of the camera or the library, as a plain sentence.
        locked: whether frames are locked in RAM; None before the first.
        kept_ns: for how long the running capture's decoder has kept pictures at most; 0 where that is not known.
        tracks: how many video tracks the stream has, of which the largest is read.
        sight: what its pictures have shown.
        shows: what the last picture showed.
    """

    def __init__(self, name: str, clock: Clock, *, live: bool, first_ns: int) -> None:
        self._name = name
        self._clock = clock
        self._live = live
        self._lock = threading.Lock()
        self._closing = threading.Lock()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        weakref.finalize(self, os.close, self._wake)
        self._worker: Worker | None = None
        self._successor: Worker | None = None
        self._first_ns = self._changed_ns = self._taken_ns = 0
        self._numbers_before = 0
        self._drops_before = 0
        self.closed = False
        self.seen = 0
        self.drops = 0
        self.reason = ""
        self.locked: bool | None = None
        self.kept_ns = 0
        self.tracks = 1
        self.sight = Sight(first_ns)
        self.shows = Shows.SOMETHING

    @property
    def pid(self) -> int | None:
        """Process id of the running capture."""
        return self._worker.pid if self._worker else None

    @property
    def age_s(self) -> float:
        """For how long the running capture has run, time in suspend included; 0 where none runs.

        A successor's age counts from its start, not from its first frame: it has received pictures since then.
        """
        worker = self._worker
        return time.clock_gettime(time.CLOCK_BOOTTIME) - worker.started_s if worker else 0.0

    def start(self, request: Request) -> None:
        """End the running capture, if any, and start another; frame numbers go on."""
        with self._held():
            self._stop_worker()
            if not self.closed:
                self._install(Worker(request, wake_fd=self._wake))

    def renew(self, request: Request) -> None:
        """Start a successor, unless there is one; it takes over with its first frame."""
        with self._held():
            if self._successor is None and not self.closed:
                self._successor = Worker(request, wake_fd=self._wake)

    def take(self, timeout_s: float) -> Frame | Message | None:
        """Return the next frame, the capture's last word, or None if neither came in time or it is closed."""
        with self._held():
            self._taken_ns = 0
            if self._worker is None or self.closed:
                return None
            taken = self._successors_first() or self._worker.take(timeout_s)
            self.locked, self.kept_ns = self._worker.locked, self._worker.kept_ns
            self.tracks = self._worker.tracks
            if isinstance(taken, Token):
                return self._frame(self._worker, taken)
            self.reason = self._worker.why()
            if taken is not None and taken.say is Say.ENDED:
                self.seen = self._numbers_before + taken.value
            return taken

    def stop(self) -> None:
        """End the running capture, and wipe its frames."""
        with self._held():
            self._stop_worker()

    def lapse(self, longest_ns: int) -> bool:
        """Kill the captures, and wipe their frames, when the one taken last has been in use for too long.

        Whoever took it hangs: on a disk that does not answer, say; the next `take` finds the capture dead. Called
        again and again by another thread, and never waits. Returns whether it was too long.
        """
        if not self._taken_ns or not self._lock.acquire(blocking=False):
            return False
        try:
            over = bool(self._taken_ns) and _boot_ns() - self._taken_ns > longest_ns
            for worker in (self._worker, self._successor):
                if over and worker is not None:
                    worker.kill()
            return over
        finally:
            self._lock.release()
            self._give_up()

    def pause(self, seconds: float) -> None:
        """Wait, unless closed meanwhile."""
        deadline = time.monotonic() + seconds
        while not self.closed and time.monotonic() < deadline:
            time.sleep(min(0.05, seconds))

    def close(self) -> None:
        """End for good; from any thread or signal handler, and more than once. Never waits for a reader.

        Whoever holds the capture gives it up: this call, or a `take` that is under way and is woken.
        """
        if not self._closing.acquire(blocking=False):
            return
        self.closed = True
        os.eventfd_write(self._wake, 1)
        self._give_up()

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Hold the capture, and give it up afterwards if it was closed meanwhile."""
        try:
            with self._lock:
                yield
        finally:
            self._give_up()

    def _give_up(self) -> None:
        """Stop the capture of a closed session, unless somebody holds it, who then does so."""
        if self.closed and self._lock.acquire(blocking=False):
            try:
                self._stop_worker()
            finally:
                self._lock.release()

    def still_ns(self) -> int:
        """For how long the picture has not changed, whoever captured it."""
        return _boot_ns() - self._changed_ns if self._changed_ns else 0

    def _install(self, worker: Worker) -> None:
        self._worker = worker
        self._first_ns = 0
        self._numbers_before, self._drops_before = self.seen, self.drops

    def _successors_first(self) -> Token | None:
        """Let the successor take over if it has a frame; give it up if it has failed."""
        if self._successor is None or self._worker is None:
            return None
        taken = self._successor.take(0.0)
        if isinstance(taken, Token):
            self._worker.stop()
            self._install(self._successor)
            self._successor = None
            return taken
        if taken is not None:
            self._successor.stop()
            self._successor = None
        return None

    def _stop_worker(self) -> None:
        for worker in (self._worker, self._successor):
            if worker is not None:
                worker.stop()
        self._worker = self._successor = None

    def _notice_change(self, token: Token) -> None:
        """Remember when the picture last changed; a capture's first picture says nothing about that."""
        changed_ns = token.boot_ns - token.still_ns
        self._first_ns = self._first_ns or token.boot_ns
        if changed_ns > self._first_ns or not self._changed_ns:
            self._changed_ns = changed_ns

    def _frame(self, worker: Worker, token: Token) -> Frame:
        """Stamp a frame: captured that long ago, by the clock we were given."""
        self._notice_change(token)
        self.shows = Shows(token.shows)
        self._taken_ns = _boot_ns()
        age_ns = max(0, self._taken_ns - token.boot_ns)
        boot_ns = self._clock.boot_ns() - age_ns
        number = self._numbers_before + token.number
        self.seen = number + 1
        self.drops = self._drops_before + token.dropped
        stream_ns = boot_ns if self._live else token.stream_ns
        self.sight.add(stream_ns, blank=self.shows is not Shows.SOMETHING, still=token.still_ns > 0)
        return Frame(
            camera=self._name,
            number=number,
            boot_ns=boot_ns,
            utc=self._clock.utc() - timedelta(microseconds=age_ns // 1000),
            stream_ns=stream_ns,
            pixels=worker.pixels(token),
        )


def _boot_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
