"""The hot list as the running edge sees it: matched only while it is trusted and fresh (R7).

A poll looks whether the file changed; a good new list replaces the old one between two frames, a bad one is
refused, said, and leaves the old one running. A list that grows too old stops alerting by itself.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from hitonly_core.clock import Clock
from hitonly_core.errors import HitonlyError
from hotlist.matching.matcher import Matcher
from hotlist.signed_list.bundle import HotList
from hotlist.signed_list.trust import is_stale


class ListState(StrEnum):
    """Whether the box may alert, and if not, why; shown everywhere the edge reports."""

    FRESH = "fresh"
    STALE = "stale"
    EXPIRED = "expired"
    ABSENT = "absent"


class ListStore(Protocol):
    """Where verified lists come from (`hotlist.signed_list.store`)."""

    def changed(self) -> bool:
        """Whether there is something new to load; cheap."""

    def load(self, now: datetime) -> HotList:
        """Return the verified list, or raise a `HitonlyError`."""


@dataclass(frozen=True, slots=True)
class ActiveList:
    """A verified list with the matcher built over it, and when it was taken, by both clocks."""

    hot_list: HotList
    matcher: Matcher
    taken: datetime
    taken_ns: int


class ListWatch:
    """Keeps the list in use; `current` is what one turn of the loop may match against.

    Args:
        store: where verified lists come from.
        build: makes a matcher of a list.
        clock: boot time for the polls, the wall clock for the list's age.
        max_age: older lists do not alert (R7); at most 24 h.
        poll_ns: how often the store is asked.
        say: is told, in one sentence without plates, when a list was taken or refused.
    """

    def __init__(
        self,
        store: ListStore,
        build: Callable[[HotList], Matcher],
        clock: Clock,
        *,
        max_age: timedelta,
        poll_ns: int,
        say: Callable[[str], None],
    ) -> None:
        self._store, self._build, self._clock, self._say = store, build, clock, say
        self._max_age, self._poll_ns = max_age, poll_ns
        self._active: ActiveList | None = None
        self._next_poll_ns = 0
        self._lock = threading.Lock()
        self._trouble = ""
        self.refused = 0

    def poll(self) -> bool:
        """Look for a new list when it is time; return whether another list is in use now."""
        with self._lock:
            now_ns = self._clock.boot_ns()
            if now_ns < self._next_poll_ns:
                return False
            self._next_poll_ns = now_ns + self._poll_ns
            taken = self._store.changed() and self._take()
            if self._active is None and not taken and self._store.changed():
                taken = self._take()  # a new file was refused at the start: the list accepted last stands
            return taken

    def _take(self) -> bool:
        now, now_ns = self._clock.utc(), self._clock.boot_ns()
        try:
            hot_list = self._store.load(now)
        except HitonlyError as problem:
            if str(problem) != self._trouble:
                self.refused += 1
                self._say(f"a new hot list was refused: {problem}")
            self._trouble = str(problem)
            return False
        self._trouble = ""
        if self._active and _same_entries(hot_list, self._active.hot_list):
            if hot_list.timestamp != self._active.hot_list.timestamp:
                renewed = replace(self._active.hot_list, timestamp=hot_list.timestamp)
                self._active = ActiveList(renewed, self._active.matcher, now, now_ns)
            return False
        self._active = ActiveList(hot_list, self._build(hot_list), now, now_ns)
        self._say(f"hot list version {hot_list.version} with {len(hot_list.entries)} entries is in use")
        return True

    def now(self) -> datetime:
        """The wall clock's time, but never less than boot time says has passed since the list was taken.

        So a clock that is set back makes no list young again, and brings no expired entry back (R7).
        """
        wall, active = self._clock.utc(), self._active
        if active is None:
            return wall
        passed = timedelta(microseconds=(self._clock.boot_ns() - active.taken_ns) // 1000)
        return max(wall, active.taken + passed)

    @property
    def state(self) -> ListState:
        """Whether the box may alert now."""
        if self._active is None:
            return ListState.ABSENT
        now = self.now()
        if now >= self._active.hot_list.expires:
            return ListState.EXPIRED
        return ListState.STALE if is_stale(self._active.hot_list, now, self._max_age) else ListState.FRESH

    @property
    def current(self) -> ActiveList | None:
        """The list to match against, or None while the box may not alert."""
        return self._active if self.state is ListState.FRESH else None

    @property
    def age(self) -> timedelta | None:
        """Time since the list in use was issued, or stated to be current; None where there is none."""
        active = self._active
        if active is None:
            return None
        stated = active.hot_list.timestamp
        return self.now() - (stated.issued if stated else active.hot_list.issued)

    @property
    def version(self) -> int:
        """The version in use, 0 when there is none."""
        return self._active.hot_list.version if self._active else 0


def _same_entries(one: HotList, other: HotList) -> bool:
    """Whether two lists match the same plates: the same version, with the same entries cancelled since."""
    return one.version == other.version and _cancelled(one) == _cancelled(other)


def _cancelled(hot_list: HotList) -> tuple[str, ...]:
    return hot_list.timestamp.cancelled if hot_list.timestamp else ()
