"""Whether a road has had no reads for far longer than its own past makes likely: the camera sees less than usual.

What it goes by is one bit an hour and one a day: whether there were as many reads as a receipt needs before it
tells that step (docs/forgetting.md, "Receipts"). A verdict changes only when such a step ends. So it tells no more
about one vehicle than a receipt does, and what is kept, a few small numbers in memory, cannot say when anybody
passed.
"""

from dataclasses import dataclass, field
from typing import Final

_KNOWN: Final = 3
"""A road is known once so many steps were busy: one that never was cannot become quiet."""
_TIMES: Final = 2


@dataclass(slots=True)
class Rhythm:
    """The gaps between busy steps of one length.

    Attributes:
        young: for so many steps, a gap must be longer than `first`: nights and weekends are still to come.
        first: see `young`.
        least: no gap of so few steps is ever quiet.
    """

    young: int
    first: int
    least: int
    _steps: int = 0
    _busy: int = 0
    _gap: int = 0
    _longest: tuple[int, int] = (0, 0)

    def end_step(self, *, busy: bool) -> None:
        """Take in the step that has just ended."""
        self._steps += 1
        if not busy:
            self._gap += 1
            return
        if self._busy:
            self._longest = tuple(sorted((*self._longest, self._gap))[1:])  # type: ignore[assignment]  # two of three
        self._busy += 1
        self._gap = 0

    @property
    def quiet(self) -> bool:
        """Whether the gap is over twice as long as the second longest so far: one fault is not yet a habit."""
        bound = max(self.least, _TIMES * self._longest[0], self.first if self._steps < self.young else 0)
        return self._busy >= _KNOWN and self._gap > bound


def _hours() -> Rhythm:
    return Rhythm(young=7 * 24, first=24, least=3)


def _days() -> Rhythm:
    return Rhythm(young=28, first=4, least=3)


_DAY: Final = 24


@dataclass(slots=True)
class Road:
    """One camera's road, by the hour and, for a road with few cars, by the day.

    Attributes:
        step_ns: length of a step: an hour, or what the receipts' steps last if that is longer.
        at_least: reads that make a step busy, as many as a receipt needs.
        begun_ns: when the first step began, boot time.
    """

    step_ns: int
    at_least: int
    begun_ns: int
    _hours: Rhythm = field(default_factory=_hours)
    _days: Rhythm = field(default_factory=_days)
    _hour_reads: int = 0
    _day_reads: int = 0
    _steps: int = 0

    def turn(self, now_ns: int, reads: int, *, well: bool) -> None:
        """End the step if it is over; call it often.

        Args:
            now_ns: boot time.
            reads: of this run so far that became no hit.
            well: whether the camera sends pictures. A step in which it does not has a name of its own, and is not
                counted here.
        """
        if now_ns - self.begun_ns < self.step_ns:
            return
        self.begun_ns = now_ns  # a step whose end was noticed late makes none shorter
        if well:
            self._hours.end_step(busy=reads - self._hour_reads >= self.at_least)
            self._steps += 1
            if self._steps % _DAY == 0:
                self._days.end_step(busy=reads - self._day_reads >= self.at_least)
                self._day_reads = reads
        self._hour_reads = reads

    @property
    def quiet(self) -> bool:
        """Whether it has been quiet for far longer than ever before."""
        return self._hours.quiet or self._days.quiet
