"""The retention window: every read is destroyed by its deadline, and counted (R1, R19, promises 2 and 5).

1. A read is admitted into a slot of the arena; its deadline lies one lateness bound before the window's end,
   so that a purge as late as the bound allows is still inside the window.
2. It leaves as a hit, by being forgotten, by the purge at its deadline, or early when the arena is full. Each
   wipes the slot first and counts second, so that reads == hits + destroyed + live at every moment.
3. Every call looks at the clock before anything else: after a stop of the process, whichever thread runs
   first destroys what is overdue before it does its own work.
4. A destruction later than the bound closes the window: all is destroyed, nothing is admitted again.

There is no I/O here; the clock is handed in.
"""

import heapq
import threading
from collections import deque
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from edge.errors import Forgotten, RetentionError
from edge.flow import Fleeting
from edge.retention.arena import Arena, Record
from hitonly_core.clock import NS, Clock
from hitonly_core.policy import WINDOW_CEILING
from protocol.counts import Counts, LocalCounts

__all__ = ["CEILING_NS", "MS", "NEVER", "Counts", "Slot", "Window"]

CEILING_NS: Final = WINDOW_CEILING // timedelta(microseconds=1) * 1000
"""No window is longer (R1)."""
MS: Final = 1_000_000
NEVER: Final = (1 << 63) - 1
"""A deadline when there is nothing to destroy."""


class Slot(Fleeting):
    """The handle of one live read; worthless once the read is destroyed.

    Attributes:
        boot_ns: when the read was captured, on the boot-time clock.
        deadline_ns: when it will be destroyed.
    """

    __slots__ = ("_index", "_number", "_window", "boot_ns", "deadline_ns")

    def __init__(self, window: "Window", index: int, number: int, boot_ns: int, deadline_ns: int) -> None:
        self._window, self._index, self._number = window, index, number
        self.boot_ns = boot_ns
        self.deadline_ns = deadline_ns

    def __repr__(self) -> str:
        return f"<Slot {self._index}>"

    @property
    def record(self) -> Record:
        """The read's fields, in place; never keep it or a field of it beyond the lock's block.

        Raises:
            Forgotten: the read has been destroyed.
        """
        return self._window._record(self)  # noqa: SLF001 - the two are one mechanism

    @property
    def alive(self) -> bool:
        """Whether the read is still there."""
        return self._window._holds(self)  # noqa: SLF001 - as above


class Window:
    """Holds live reads for at most `window_ns` from capture, in the slots of an arena.

    Thread-safe. Hold `lock` from admission to `hit` or `forget` where the purge must not come between, and do
    no I/O while holding it: the purge waits for it.
    """

    def __init__(self, arena: Arena, clock: Clock, window_ns: int, late_ns: int = NS // 2) -> None:
        """Open an empty window.

        Args:
            arena: where reads lie.
            clock: the boot-time clock.
            window_ns: how long after capture a read may exist, 0 to 180 s. With 0 the caller releases a read
                in the turn that admitted it; the purge destroys one that was left over after `late_ns`.
            late_ns: how late a purge may be before the window closes.

        Raises:
            ValueError: the window is negative or above the ceiling, or the bound is not positive.
        """
        if not 0 <= window_ns <= CEILING_NS:
            raise ValueError(f"a window of {window_ns / NS:g} s is outside 0 to {CEILING_NS // NS} s")
        if late_ns <= 0:
            raise ValueError("the lateness bound must be positive")
        self.lock = threading.RLock()
        self.window_ns, self.late_ns = window_ns, late_ns
        self._arena, self._clock = arena, clock
        self._margin = min(late_ns, window_ns // 2)
        # Who holds each slot. A handle is good only while it is the holder, so one that is kept too long can
        # never show the next vehicle's read.
        self._holders: list[Slot | None] = [None] * arena.slots
        self._free = deque(range(arena.slots))
        self._queue: list[tuple[int, int, Slot]] = []
        self._reads = self._hits = self._destroyed = self._early = self._worst = 0
        self._marked = self._marked_hits = self._marked_destroyed = 0
        self._closed = ""

    def admit(self, boot_ns: int) -> Slot:
        """Take a slot, all zeros, for a read whose first frame was captured at `boot_ns`.

        In a full arena the read with the nearest deadline is destroyed first.

        Raises:
            Forgotten: the capture is already older than the window; the read is counted as destroyed.
            RetentionError: the window is closed.
        """
        with self.lock:
            now = self._sweep()
            self._reads += 1
            deadline = boot_ns + self.window_ns - self._margin if self.window_ns else now + self.late_ns
            if deadline <= now:
                self._count_destroyed(self._reads)
                raise Forgotten("the capture is older than the window")
            if not self._free:
                self._destroy(self._nearest())
                self._early += 1
            index = self._free.popleft()
            slot = Slot(self, index, self._reads, boot_ns, deadline)
            self._holders[index] = slot
            heapq.heappush(self._queue, (deadline, self._reads, slot))
            return slot

    def forget(self, slot: Slot) -> None:
        """Destroy a read now; one that is gone already stays gone."""
        with self.lock:
            self._sweep()
            if self._held(slot):
                self._destroy(slot)

    def hit(self, slot: Slot) -> None:
        """End a read that became a hit: what the hit needs has been copied, the slot is wiped.

        Raises:
            Forgotten: the read was destroyed first; it does not count as a hit.
            RetentionError: the window is closed.
        """
        with self.lock:
            self._sweep()
            self._demand(slot)
            self._end(slot)
            self._hits += 1
            if slot._number <= self._marked:  # noqa: SLF001 - the two are one mechanism
                self._marked_hits += 1

    def live(self) -> Iterator[Slot]:
        """Go through the live reads, nearest deadline first; those that end meanwhile are passed over."""
        with self.lock:
            self._sweep()
            slots = [slot for _, _, slot in sorted(self._queue, key=lambda item: item[:2])]
        return (slot for slot in slots if self._holds(slot))

    def purge(self) -> int:
        """Destroy what is due; return the next deadline (boot-time ns), or `NEVER`.

        Raises:
            RetentionError: a read was found later than the bound; all are destroyed and the window is closed.
        """
        with self.lock:
            self._sweep()
            return self._next()

    def destroy_all(self) -> None:
        """Destroy every live read, then overwrite the whole arena."""
        with self.lock:
            while self._next() != NEVER:
                self._destroy(self._nearest())
            self._arena.wipe_all()

    def close(self, reason: str) -> None:
        """Destroy every live read and admit none again: the fail-closed state. The first reason stands."""
        with self.lock:
            self._closed = self._closed or reason
            self.destroy_all()

    def mark(self) -> None:
        """Draw a line under the reads admitted so far: `marked` tells what becomes of them."""
        with self.lock:
            self._overdue()
            self._marked, self._marked_hits, self._marked_destroyed = self._reads, self._hits, self._destroyed

    def marked(self) -> Counts:
        """What has become by now of the reads admitted before the mark, since the start."""
        with self.lock:
            self._overdue()
            live = self._marked - self._marked_hits - self._marked_destroyed
            return Counts(self._marked, self._marked_hits, self._marked_destroyed, live)

    @property
    def kept(self) -> bool:
        """Whether no read has outlived the window: no purge beyond the bound, no live read that is too old."""
        counts = self.counts()
        in_time = counts.oldest_live_ns <= max(self.window_ns, self.late_ns)
        return in_time and counts.worst_late_ns <= self.late_ns and not self._closed

    def counts(self) -> LocalCounts:
        """What became of the reads, all at one moment; destroys what is overdue first."""
        with self.lock:
            now = self._overdue()
            live = self._arena.slots - len(self._free)
            oldest = min((slot.boot_ns for slot in self._holders if slot is not None), default=now)
            return LocalCounts(
                self._reads, self._hits, self._destroyed, live, self._early, max(0, now - oldest), self._worst
            )

    def _record(self, slot: Slot) -> Record:
        with self.lock:
            self._sweep()
            self._demand(slot)
            return self._arena.record(slot._index)  # noqa: SLF001 - the two are one mechanism

    def _holds(self, slot: Slot) -> bool:
        with self.lock:
            self._overdue()
            return self._held(slot)

    def _held(self, slot: Slot) -> bool:
        return slot._window is self and self._holders[slot._index] is slot  # noqa: SLF001 - one mechanism

    def _demand(self, slot: Slot) -> None:
        if not self._held(slot):
            raise Forgotten("the read behind this handle has been destroyed")

    def _sweep(self) -> int:
        """Destroy what is overdue and refuse to go on when the window is closed; return the time."""
        now = self._overdue()
        if self._closed:
            raise RetentionError(f"the window is closed: {self._closed}")
        return now

    def _overdue(self) -> int:
        now = self._clock.boot_ns()
        while self._next() <= now:
            slot = self._nearest()
            self._destroy(slot)
            self._worst = max(self._worst, self._clock.boot_ns() - slot.deadline_ns)
        if self._worst > self.late_ns and not self._closed:
            worst, bound = self._worst // MS, self.late_ns // MS
            self.close(f"a read was destroyed {worst} ms after its deadline, the bound is {bound} ms")
        return now

    def _next(self) -> int:
        """Return the nearest deadline; entries of reads that have ended are dropped on the way."""
        while self._queue and not self._held(self._queue[0][2]):
            heapq.heappop(self._queue)
        return self._queue[0][0] if self._queue else NEVER

    def _nearest(self) -> Slot:
        self._next()
        return self._queue[0][2]

    def _destroy(self, slot: Slot) -> None:
        self._end(slot)
        self._count_destroyed(slot._number)  # noqa: SLF001 - the two are one mechanism

    def _count_destroyed(self, number: int) -> None:
        self._destroyed += 1
        if number <= self._marked:
            self._marked_destroyed += 1

    def _end(self, slot: Slot) -> None:
        """Wipe, then make the handle void and the slot free; the caller counts."""
        index = slot._index  # noqa: SLF001 - the two are one mechanism
        self._arena.wipe(index)
        self._holders[index] = None
        self._free.append(index)
