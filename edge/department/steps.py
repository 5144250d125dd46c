"""When a receipt may be written, and which reads it covers: so coarse that it tells no time of a non-hit (R22).

1. From its start on, a run is divided into steps of equal length, an hour or more.
2. When a step ends, a line is drawn under the reads admitted so far. The receipt waits until the window and the
   lateness bound have passed too: by then every one of these reads has ended, so none of them is live.
3. A receipt is written when the step that has just ended holds at least 20 reads that became no hit, or when a
   day has passed since the last receipt. Steps with fewer are covered by the next receipt that is written. What
   counts is the last step alone, not the sum: else a receipt would tell that the read which completed the number
   came in the last step. Hits do not count, because the department knows their times.
4. What a run has not published when it ends is never published: neither a stop nor a crash leaves anything that
   depends on it, on disk or elsewhere. So nobody makes a step shorter by stopping and starting the box.

When a step's end is noticed late (the machine was suspended, or a disk hung), the steps begin anew from then on,
so none is shorter than its length. There is no I/O here; the clock is handed in.
"""

from dataclasses import dataclass, field
from typing import Final

from edge.retention.window import Window
from hitonly_core.clock import NS, Clock
from protocol.counts import NOTHING, Counts
from protocol.receipts import DAY_NS

_LATE_NS: Final = 10 * NS
"""A step's end that is noticed later than this begins the steps anew."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a receipt may say now.

    Attributes:
        end_ns: when the last step that it covers ended, boot time in nanoseconds, whole seconds.
        counts: of the reads admitted until then, since the start of the run.
    """

    end_ns: int
    counts: Counts


@dataclass(slots=True)
class Steps:
    """The steps of one run. Use it from one thread, and call `turn` at least once a second.

    Attributes:
        window: whose reads are counted.
        clock: boot time.
        step_ns: length of a step.
        at_least: how many reads without a hit the last step of a receipt holds, unless a day has passed.
        published: what the last receipt said; zeros at the start.
    """

    window: Window
    clock: Clock
    step_ns: int
    at_least: int
    published: Counts = NOTHING
    _start_ns: int = field(init=False)
    _published_ns: int = field(init=False)
    _before: Counts = NOTHING
    _settled_ns: int | None = None

    def __post_init__(self) -> None:
        self._start_ns = self._published_ns = whole_seconds(self.clock.boot_ns())

    @property
    def begun_ns(self) -> int:
        """When the present step began, boot time in nanoseconds, whole seconds."""
        return self._start_ns

    def turn(self) -> Step | None:
        """Draw the line when a step has ended; return what may be published, once, when it may be."""
        now = self.clock.boot_ns()
        if self._settled_ns is None and now - self._start_ns >= self.step_ns:
            self._end_step(now)
        if self._settled_ns is None or now < self._settled_ns:
            return None
        self._settled_ns = None
        counts, before = self.window.marked(), self._before
        self._before = counts
        crowded = counts.non_hits - before.non_hits >= self.at_least
        if crowded or self._start_ns - self._published_ns >= DAY_NS:
            return Step(self._start_ns, counts)
        return None

    def accept(self, step: Step) -> None:
        """Remember that a step was published. One that the disk refused is covered by the next."""
        self.published, self._published_ns = step.counts, step.end_ns

    def _end_step(self, now: int) -> None:
        due = now - (now - self._start_ns) % self.step_ns
        self._start_ns = due if now - due <= _LATE_NS else whole_seconds(now)
        self.window.mark()
        self._settled_ns = self._start_ns + _LATE_NS + self.window.window_ns + self.window.late_ns


def whole_seconds(boot_ns: int) -> int:
    """Return a time without its fraction of a second."""
    return boot_ns - boot_ns % NS
