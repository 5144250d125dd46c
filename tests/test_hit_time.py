"""Hits that were made before the clock was right: the time that they carry, and the one that the service shows."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from api.hits import review
from api.hits.hit_time import Basis, time_of
from edge.department.spool import Spool
from edge.pipeline.hit_maker import Device, HitMaker
from edge.pipeline.passes import READ_DTYPE
from edge.retention.arena import Arena
from edge.retention.window import Window
from hitonly_core.clock import NS
from hitonly_core.keys import SealKey, SigningKey
from hitonly_core.wall_clock import ClockState, boot_id, clock_state
from protocol.hit import HitClock, hit_from_bytes, hit_to_bytes
from tests.api_kit import Desk, make_hit

BOOT, OTHER = str(UUID(int=7)), str(UUID(int=8))
ENROLLED = datetime(2031, 5, 6, tzinfo=UTC)
NOW = ENROLLED + timedelta(days=3)
LONG_AGO = datetime(1970, 1, 1, 0, 4, tzinfo=UTC)


def shown(
    captured: datetime, state: ClockState, *, boot_s: int = 240, boot: str = BOOT, told: str = BOOT
) -> tuple[datetime, Basis]:
    """Return what the service makes of a hit; the last heartbeat came a minute ago, 1000 s after the boot."""
    hit = replace(make_hit(captured=captured), clock=HitClock(state, boot, boot_s * 1000))
    heartbeat = {"boot": told, "boot_ms": 1_000_000}
    found = time_of(hit, enrolled=ENROLLED, now=NOW, heartbeat=heartbeat, heard=NOW - timedelta(minutes=1))
    return found.moment, found.basis


@pytest.mark.parametrize("state", [ClockState.UNSYNCHRONISED, ClockState.UNKNOWN])
@pytest.mark.parametrize("captured", [LONG_AGO, NOW + timedelta(days=9), ENROLLED - timedelta(hours=2)])
def test_an_impossible_time_is_worked_out_from_the_same_boot(state: ClockState, captured: datetime) -> None:
    """1970, next week, or before the device was enrolled: the time since boot tells the true one."""
    assert shown(captured, state) == (NOW - timedelta(seconds=60 + 760), Basis.WORKED_OUT)


@pytest.mark.parametrize("boot", [OTHER, ""])
def test_without_the_same_boot_an_impossible_time_is_that_of_arrival(boot: str) -> None:
    """Marked as not certain: nobody is told a false time."""
    assert shown(LONG_AGO, ClockState.UNSYNCHRONISED, boot=boot) == (NOW, Basis.NOT_CERTAIN)
    assert shown(LONG_AGO, ClockState.UNKNOWN, boot=boot) == (NOW, Basis.NOT_CERTAIN)


def test_a_possible_time_is_kept_and_marked() -> None:
    """A clock that ran on, unset: its time is the best there is; one that cannot tell says so."""
    claimed = NOW - timedelta(hours=5)
    assert shown(claimed, ClockState.UNSYNCHRONISED, told=OTHER) == (claimed, Basis.NOT_CERTAIN)
    assert shown(claimed, ClockState.UNKNOWN) == (claimed, Basis.UNKNOWN)
    assert shown(claimed, ClockState.SYNCHRONISED) == (claimed, Basis.SYNCHRONISED)


@pytest.mark.parametrize("boot_s", [10**9, 4_000_000])
def test_a_boot_time_that_cannot_be_is_not_worked_with(boot_s: int) -> None:
    """A hit from after now, or from before the device was enrolled, is not made of a strange boot time."""
    assert shown(LONG_AGO, ClockState.UNSYNCHRONISED, boot_s=boot_s)[1] is Basis.NOT_CERTAIN


def test_what_a_hits_time_rests_on_travels_with_it() -> None:
    """State, boot and boot time come back from the wire as they were."""
    hit = replace(make_hit(), clock=HitClock(ClockState.UNSYNCHRONISED, BOOT, 123_456))
    assert hit_from_bytes(hit_to_bytes(hit)).clock == hit.clock


def test_the_kernel_is_asked() -> None:
    """Whatever it says is one of the three; its boot has a name."""
    assert clock_state() in ClockState
    assert len(boot_id()) in {0, 36}


class Jumping:
    """A boot clock that runs, and a wall clock that is set, forward or back, when a test says so."""

    def __init__(self, wall: datetime) -> None:
        self.boot, self.wall = 90 * NS, wall

    def boot_ns(self) -> int:
        """Return boot time."""
        return self.boot

    def utc(self) -> datetime:
        """Return the wall clock's time."""
        return self.wall


@pytest.mark.parametrize(
    ("before", "state"),
    [(LONG_AGO, ClockState.SYNCHRONISED), (NOW + timedelta(hours=7), ClockState.UNKNOWN)],
    ids=["1970 to now", "a step back"],
)
def test_a_read_before_the_clock_was_set_makes_a_hit_of_the_right_time(
    before: datetime, state: ClockState, tmp_path: Path
) -> None:
    """The crop was captured 40 s before the hit is made; meanwhile the wall clock jumps."""
    clock = Jumping(before)
    window = Window(Arena(4, READ_DTYPE), clock, window_ns=180 * NS)
    slot = window.admit(clock.boot)
    slot.record["captured_ns"] = clock.boot
    slot.record["crop_size"][:] = (40, 120)
    slot.record["readings"], slot.record["weights"][0] = 1, 1.0
    device = Device("camera-1", "test", ("a", "b"), SealKey.generate().public, SigningKey.generate())
    maker = HitMaker(device, Spool(tmp_path / "spool"), clock, lambda: state)
    clock.boot, clock.wall = clock.boot + 40 * NS, NOW
    hit = maker.compose(slot, make_hit().matches, camera="north", place="here")
    assert hit.captured == NOW - timedelta(seconds=40)
    assert hit.clock == HitClock(state, boot_id(), 90_000)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a department."""
    desk = Desk(tmp_path / "state")
    yield desk
    desk.service.close()


def test_the_service_keeps_a_hit_of_1970_and_says_what_it_knows(desk: Desk) -> None:
    """Accepted with the time of its arrival and the mark; after a heartbeat of the same boot, worked out."""
    box = desk.box()
    hits = [
        replace(make_hit(captured=LONG_AGO), clock=HitClock(ClockState.UNSYNCHRONISED, BOOT, 5_000))
        for _ in range(2)
    ]
    desk.clock.move(hours=2)
    assert box.deliver(box.sealed(hits[0])).json()["results"][0]["status"] == "stored"
    said = {"software": "test", "boot": BOOT, "boot_ms": 3_605_000}
    assert box.send("POST", "/v1/heartbeat", json.dumps(said).encode()).status_code == 200
    assert box.deliver(box.sealed(hits[1])).json()["results"][0]["status"] == "stored"
    waiting = {line.id: line for line in review.queue(desk.service)}
    now = desk.clock.now
    assert waiting[str(hits[0].id)].basis is Basis.NOT_CERTAIN
    assert waiting[str(hits[0].id)].captured == now
    assert waiting[str(hits[1].id)].basis is Basis.WORKED_OUT
    assert waiting[str(hits[1].id)].captured == now - timedelta(hours=1)
