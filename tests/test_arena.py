import mmap
import os
import re
from pathlib import Path

import numpy as np
import pytest

from edge.retention.arena import Arena
from hitonly_core.safeguard import State

RECORD = np.dtype([("text", np.uint8, (5000,)), ("count", np.int64)])
MARK = bytes(range(65, 91)) * 4


def _from_the_kernel(arena: Arena) -> bytes:
    """What the kernel says the arena holds: not through NumPy, not through Python's mmap."""
    address, size = arena.span
    with Path("/proc/self/mem").open("rb") as memory:
        memory.seek(address)
        return memory.read(size)


def _mark(arena: Arena, index: int) -> None:
    arena.record(index)["text"][: len(MARK)] = np.frombuffer(MARK, np.uint8)


def test_a_record_is_a_view_of_its_own_slot() -> None:
    """What is set through one view is seen through another, and in no other slot."""
    arena = Arena(3, RECORD)
    arena.record(1)["count"] = 7
    _mark(arena, 1)
    assert arena.record(1)["count"] == 7
    assert bytes(arena.record(1)["text"][: len(MARK)]) == MARK
    assert arena.is_clear(0)
    assert arena.is_clear(2)


def test_wiping_leaves_zeros_and_the_kernel_agrees() -> None:
    """A wiped slot holds no byte of the read (R4); the same look finds the bytes before the wipe."""
    arena = Arena(3, RECORD)
    for index in range(3):
        _mark(arena, index)
    assert _from_the_kernel(arena).count(MARK) == 3
    arena.wipe(1)
    assert _from_the_kernel(arena).count(MARK) == 2
    assert arena.is_clear(1)
    arena.wipe_all()
    assert not any(_from_the_kernel(arena))


def test_a_wipe_takes_its_own_slot_whole_and_no_other() -> None:
    """Each slot in turn: all of it is zeros afterwards, padding included, and its neighbours are as they were."""
    arena = Arena(3, RECORD)
    for wiped in range(3):
        for index in range(3):
            _mark(arena, index)
            assert not arena.is_clear(index)
        arena.wipe(wiped)
        content, stride = _from_the_kernel(arena), arena.stride
        slots = [content[index * stride : (index + 1) * stride] for index in range(3)]
        assert [any(slot) for slot in slots] == [index != wiped for index in range(3)]
        assert [arena.is_clear(index) for index in range(3)] == [index == wiped for index in range(3)]


def test_a_wipe_stays_within_the_arena() -> None:
    """A slot that does not exist is refused, not overwritten elsewhere."""
    arena = Arena(2, RECORD)
    for index in (-1, 2):
        with pytest.raises(IndexError):
            arena.wipe(index)


def test_slots_are_pages_of_their_own() -> None:
    """No page holds two reads, and every slot begins on a page."""
    arena = Arena(2, RECORD)
    address, size = arena.span
    assert address % mmap.PAGESIZE == 0
    assert arena.stride % mmap.PAGESIZE == 0
    assert size == 2 * arena.stride


def _flags(address: int) -> tuple[set[str], int]:
    """Return the kernel's flags of the mapping at an address, and how much of it is locked, in kB."""
    flags: set[str] = set()
    locked, inside = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if bounds := re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line):
            inside = int(bounds[1], 16) <= address < int(bounds[2], 16)
        elif inside and line.startswith("VmFlags:"):
            flags = set(line.split()[1:])
        elif inside and line.startswith("Locked:"):
            locked = int(line.split()[1])
    return flags, locked


def test_the_kernel_confirms_what_was_asked() -> None:
    """Locked (never swapped), not dumped, wiped on fork: each reported measure is the kernel's own state."""
    arena = Arena(2, RECORD)
    flags, locked = _flags(arena.span[0])
    named = {measure.name: measure.state for measure in arena.measures}
    assert ("lo" in flags and locked * 1024 >= arena.span[1]) == (named["arena-locked"] is State.APPLIED)
    assert ("dd" in flags) == (named["arena-not-dumped"] is State.APPLIED)
    assert ("wf" in flags) == (named["arena-wiped-on-fork"] is State.APPLIED)
    assert named["arena-not-dumped"] is State.APPLIED


def test_a_forked_child_sees_zeros() -> None:
    """A child process inherits no read; the parent's own slot is untouched."""
    arena = Arena(1, RECORD)
    _mark(arena, 0)
    child = os.fork()
    if child == 0:  # pragma: no cover - in the child
        os._exit(0 if arena.is_clear(0) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert not arena.is_clear(0)


@pytest.mark.parametrize("step", [-1, 1], ids=["before", "behind"])
def test_running_over_the_edge_of_the_arena_kills_the_process(step: int) -> None:
    """The pages beside the arena cannot be read: an overrun ends the process, it does not read on."""
    arena = Arena(1, RECORD)
    address, size = arena.span
    beside = address - 1 if step < 0 else address + size
    with Path("/proc/self/maps").open() as maps:
        for line in maps:
            low, high = (int(end, 16) for end in line.split()[0].split("-"))
            if low <= beside < high:
                assert line.split()[1].startswith("---")
                return
    pytest.fail("nothing guards the arena")


@pytest.mark.parametrize(
    ("slots", "dtype"),
    [(0, RECORD), (1, np.dtype([])), (1, np.dtype(object))],
    ids=["no slots", "no size", "Python objects"],
)
def test_what_could_not_be_wiped_is_refused(slots: int, dtype: np.dtype[np.void]) -> None:
    """A record of Python objects would leave them behind when the slot is overwritten."""
    with pytest.raises(ValueError, match="cannot hold"):
        Arena(slots, dtype)
