import contextlib
import copy
import pickle
import threading
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from edge.errors import Exit, Forgotten, RetentionError, Unserialisable
from edge.retention.arena import Arena
from edge.retention.window import CEILING_NS, NEVER, Slot, Window
from hitonly_core.clock import NS
from tests.hand_clock import HandClock

RECORD = np.dtype([("mark", np.uint64), ("crop", np.uint8, (32,))])
WINDOW = 180 * NS
LATE = NS // 2


def _window(slots: int = 4, window_ns: int = WINDOW) -> tuple[Window, HandClock, Arena]:
    clock, arena = HandClock(), Arena(slots, RECORD)
    return Window(arena, clock, window_ns, LATE), clock, arena


def _admit(window: Window, clock: HandClock, mark: int = 7) -> Slot:
    slot = window.admit(clock.boot_ns())
    slot.record["mark"] = mark
    return slot


def test_a_read_is_there_at_179_seconds_and_gone_at_181() -> None:
    """A non-hit is destroyed within the window (R1)."""
    window, clock, arena = _window()
    slot = _admit(window, clock)
    clock.now += 179 * NS
    window.purge()
    assert slot.record["mark"] == 7
    clock.now += 2 * NS - LATE  # purges come in time until then
    with pytest.raises(RetentionError):
        window.purge()
    assert all(arena.is_clear(index) for index in range(arena.slots))


def test_a_purge_at_the_deadline_is_half_a_second_inside_the_window() -> None:
    """The deadline lies one lateness bound before the window's end, so a late purge is still inside it."""
    window, clock, arena = _window()
    slot = _admit(window, clock)
    assert slot.deadline_ns == clock.now + WINDOW - LATE
    assert window.purge() == slot.deadline_ns
    clock.now = slot.deadline_ns - 1
    window.purge()
    assert not arena.is_clear(0)
    clock.now = slot.deadline_ns
    assert window.purge() == NEVER
    assert not slot.alive
    assert arena.is_clear(0)
    counts = window.counts()
    assert (counts.reads, counts.destroyed, counts.live, counts.worst_late_ns) == (1, 1, 0, 0)


@pytest.mark.parametrize("seconds", [-1, 180.001, 181, 3600])
def test_no_window_is_longer_than_three_minutes(seconds: float) -> None:
    """180 s is a hard ceiling, 0 the least (R1, RSA 261:75-b VIII)."""
    with pytest.raises(ValueError, match="outside 0 to 180 s"):
        Window(Arena(1, RECORD), HandClock(), int(seconds * NS), LATE)
    assert Window(Arena(1, RECORD), HandClock(), CEILING_NS, LATE).window_ns == WINDOW


def test_a_late_purge_destroys_all_and_admits_none() -> None:
    """Late by more than the bound: even reads not yet due are destroyed, and reading stops (promise 2)."""
    window, clock, arena = _window()
    overdue = _admit(window, clock)
    clock.now += 100 * NS
    young = _admit(window, clock)
    clock.now = overdue.deadline_ns + LATE + 1
    with pytest.raises(RetentionError, match="window is closed") as caught:
        window.purge()
    assert caught.value.exit_code is Exit.RETENTION
    assert not young.alive
    assert all(arena.is_clear(index) for index in range(arena.slots))
    for call in (lambda: window.admit(clock.now), lambda: young.record, lambda: window.hit(young)):
        with pytest.raises(RetentionError):
            call()
    counts = window.counts()
    assert (counts.reads, counts.destroyed, counts.live) == (2, 2, 0)


def test_late_within_the_bound_goes_on_and_is_reported() -> None:
    """A purge that is late but within the bound is measured, and nothing stops."""
    window, clock, _ = _window()
    slot = _admit(window, clock)
    clock.now = slot.deadline_ns + LATE
    window.purge()
    assert window.counts().worst_late_ns == LATE
    assert _admit(window, clock).alive


def test_what_is_overdue_cannot_be_used_whoever_comes_first() -> None:
    """After a stop beyond the deadline the first call of any kind destroys before it answers."""
    for use in ("record", "alive", "live", "hit", "forget", "counts", "admit"):
        window, clock, arena = _window()
        slot = _admit(window, clock)
        clock.now = slot.deadline_ns
        if use == "record":
            with pytest.raises(Forgotten):
                _ = slot.record
        elif use == "alive":
            assert not slot.alive
        elif use == "live":
            assert not list(window.live())
        elif use == "hit":
            with pytest.raises(Forgotten):
                window.hit(slot)
        elif use == "forget":
            window.forget(slot)
        elif use == "counts":
            assert window.counts().live == 0
        else:
            window.admit(clock.now)
        assert arena.is_clear(0), use
        assert window.counts().hits == 0


def test_a_full_arena_destroys_the_oldest_early() -> None:
    """When the arena is full the oldest read is destroyed early, never kept longer, and that is counted."""
    window, clock, _ = _window(slots=2)
    slots = []
    for _ in range(3):
        slots.append(_admit(window, clock))
        clock.now += NS
    assert [slot.alive for slot in slots] == [False, True, True]
    counts = window.counts()
    assert (counts.reads, counts.live, counts.destroyed, counts.destroyed_early) == (3, 2, 1, 1)
    assert counts.oldest_live_ns == 2 * NS


def test_a_stale_handle_never_shows_another_vehicle() -> None:
    """A slot is used again; the handle of the first read stays void and cannot end the second."""
    window, clock, _ = _window(slots=1)
    first = _admit(window, clock, mark=1)
    window.forget(first)
    second = _admit(window, clock, mark=2)
    with pytest.raises(Forgotten):
        _ = first.record
    with pytest.raises(Forgotten):
        window.hit(first)
    window.forget(first)
    assert second.record["mark"] == 2


def test_a_new_read_starts_from_zeros() -> None:
    """Nothing of the last vehicle is in the slot of the next."""
    window, clock, _ = _window(slots=1)
    window.hit(_admit(window, clock, mark=9))
    assert window.admit(clock.now).record["mark"] == 0


def test_a_capture_older_than_the_window_is_counted_and_not_admitted() -> None:
    """A frame that waited longer than the window is no read: the window runs from capture (R1)."""
    window, clock, _ = _window()
    with pytest.raises(Forgotten):
        window.admit(clock.now - WINDOW)
    counts = window.counts()
    assert (counts.reads, counts.destroyed, counts.live) == (1, 1, 0)


def test_window_zero_lives_for_its_turn_only() -> None:
    """With window 0 a read is released in its turn; what was left over is purged after the bound."""
    window, clock, arena = _window(window_ns=0)
    window.forget(_admit(window, clock))
    left = _admit(window, clock)
    assert left.record["mark"] == 7
    clock.now += LATE
    window.purge()
    assert not left.alive
    assert arena.is_clear(0)
    assert arena.is_clear(1)


def test_live_reads_come_oldest_first_and_pass_over_those_that_end() -> None:
    """A new list is matched against what is still there, at the moment it is looked at."""
    window, clock, _ = _window()
    slots = []
    for mark in (1, 2, 3):
        slots.append(_admit(window, clock, mark))
        clock.now += NS
    seen = []
    for slot in window.live():
        seen.append(int(slot.record["mark"]))
        window.forget(slots[1])
    assert seen == [1, 3]


def test_closing_overwrites_what_lies_outside_the_live_slots_too() -> None:
    """The fail-closed state leaves the whole arena zeros, whatever somebody wrote into a free slot."""
    window, _, arena = _window(slots=3)
    arena.record(2)["mark"] = 9
    assert not arena.is_clear(2)
    window.close("test")
    assert all(arena.is_clear(index) for index in range(3))


def test_a_closed_window_shows_no_reads() -> None:
    """Nobody goes through the reads of a window that was closed."""
    window, clock, _ = _window()
    _admit(window, clock)
    window.close("test")
    with pytest.raises(RetentionError, match="closed: test"):
        window.live()


def test_a_capture_as_old_as_its_deadline_is_not_admitted() -> None:
    """A read that would be due at once is never there; one nanosecond younger is."""
    window, clock, _ = _window()
    age = window.window_ns - window.late_ns
    with pytest.raises(Forgotten):
        window.admit(clock.now - age)
    assert window.admit(clock.now - age + 1).alive


def test_a_bound_of_nothing_is_refused() -> None:
    """A purge cannot be on time to the nanosecond: a bound of 0 would close every window."""
    for late_ns in (0, -1):
        with pytest.raises(ValueError, match="positive"):
            Window(Arena(1, np.dtype([("mark", np.uint64)])), HandClock(), 180 * NS, late_ns)


def test_the_wall_clock_has_no_say() -> None:
    """The wall clock stepped a day either way changes no deadline (R19)."""
    for step in (timedelta(days=-1), timedelta(days=1)):
        window, clock, _ = _window()
        slot = _admit(window, clock)
        clock.wall += step
        window.purge()
        assert slot.alive
        clock.now = slot.deadline_ns
        window.purge()
        assert not slot.alive


def test_a_handle_says_nothing_and_cannot_be_serialised() -> None:
    """A read's handle hides what it holds and refuses copying and pickling (promise 1)."""
    window, clock, _ = _window()
    slot = _admit(window, clock, mark=0x4142434445464748)
    assert repr(slot) == "<Slot 0>"
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(Unserialisable):
            attempt(slot)


def test_threads_cannot_break_the_count() -> None:
    """Three threads admit, end and purge at once; every read is accounted for."""
    window, clock, arena = _window(slots=5)

    def work(turns: int) -> None:
        for turn in range(turns):
            slot = window.admit(clock.now)
            clock.now += NS
            try:
                window.hit(slot) if turn % 3 else window.forget(slot)
            except Forgotten:
                continue

    threads = [threading.Thread(target=work, args=(400,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = window.counts()
    assert counts.reads == 1200
    assert counts.reads == counts.hits + counts.destroyed + counts.live
    window.destroy_all()
    assert all(arena.is_clear(index) for index in range(arena.slots))


class Forgetting(RuleBasedStateMachine):
    """No sequence of reads, rematches, stops, clock steps and overflows keeps a read past its deadline."""

    slots = Bundle("slots")

    def __init__(self) -> None:
        super().__init__()
        self.window, self.clock, self.arena = _window(slots=3, window_ns=60 * NS)
        self.marks = 0
        self.known: dict[int, tuple[int, Slot]] = {}
        self.closed = False

    @rule(target=slots, age=st.integers(0, 70 * NS))
    def admit(self, age: int) -> Slot | None:
        """Admit a vehicle whose first frame is `age` old."""
        self.marks += 1
        try:
            slot = self.window.admit(self.clock.now - age)
        except Forgotten:
            assert age >= 60 * NS - LATE
            return None
        except RetentionError:
            self.marks -= 1
            self.closed = True
            return None
        slot.record["mark"] = self.marks
        self.known[self.marks] = (self.clock.now - age + 60 * NS, slot)
        return slot

    @rule(slot=consumes(slots), hit=st.booleans())
    def end(self, slot: Slot | None, *, hit: bool) -> None:
        """Let a read become a hit, or be forgotten."""
        if slot is None:
            return
        try:
            self.window.hit(slot) if hit else self.window.forget(slot)
        except Forgotten:
            assert hit
        except RetentionError:
            self.closed = True
        assert not slot.alive

    @rule()
    def new_list(self) -> None:
        """Match again what is still there."""
        try:
            for slot in self.window.live():
                assert slot.record["mark"] in self.known
        except RetentionError:
            self.closed = True

    @rule(seconds=st.integers(0, 30))
    def time_passes(self, seconds: int) -> None:
        """The purge comes at every deadline, as its thread does."""
        until = self.clock.now + seconds * NS
        with contextlib.suppress(RetentionError):
            while (due := self.window.purge()) <= until:
                self.clock.now = max(self.clock.now, due)
        self.clock.now = until
        self.window.counts()

    @rule(nanoseconds=st.integers(0, 90 * NS))
    def stopped(self, nanoseconds: int) -> None:
        """Nothing runs, the purge included; then whatever comes next runs first."""
        self.clock.now += nanoseconds

    @rule(days=st.integers(-400, 400))
    def wall_clock_steps(self, days: int) -> None:
        """Somebody, or NTP, sets the wall clock."""
        self.clock.wall += timedelta(days=days)

    @rule()
    def purge(self) -> None:
        """The purge comes, in time or not; closed once is closed for ever."""
        try:
            self.window.purge()
            assert not self.closed
        except RetentionError:
            self.closed = True

    @invariant()
    def nothing_past_its_window_is_left(self) -> None:
        """Every live read is inside its window, every other slot is zeros, and the sum holds."""
        counts = self.window.counts()
        assert counts.reads == self.marks == counts.hits + counts.destroyed + counts.live
        there = {int(self.arena.record(index)["mark"]) for index in range(self.arena.slots)} - {0}
        assert len(there) == counts.live
        for mark in there:
            end, slot = self.known[mark]
            assert self.clock.now < end - LATE
            assert slot.alive
        if counts.worst_late_ns > LATE:
            assert not there


TestForgetting = Forgetting.TestCase
TestForgetting.settings = settings(max_examples=300, stateful_step_count=40, deadline=None, derandomize=True)
