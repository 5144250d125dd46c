"""Nobody waits for the next look: a hit on the spool wakes its delivery, its arrival wakes the open pages."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.accounts.people import Role
from api.core.wakeups import Bell
from edge.runtime import workers
from tests.api_kit import Desk, make_entry, make_hit

PATIENCE = 30


def test_a_ring_from_another_thread_wakes_every_listener() -> None:
    """Each listener hears a ring, whichever thread rings; who has gone is not rung."""
    bell = Bell()

    async def listen() -> int:
        with bell.heard() as one, bell.heard() as other:
            threading.Thread(target=bell.ring).start()
            await asyncio.wait_for(asyncio.gather(one.wait(), other.wait()), PATIENCE)
        with bell.heard() as later:
            return sum(ear.is_set() for ear in (one, other, later))

    assert asyncio.run(listen()) == 2
    bell.ring()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A department."""
    desk = Desk(tmp_path / "state")
    yield desk
    desk.service.close()


def test_an_arriving_hit_rings(desk: Desk) -> None:
    """A delivered hit rings the bell after it is stored, so that the page that looks then finds it."""
    desk.join("reviewer", Role.REVIEWER)
    desk.approve(make_entry())
    sender = desk.box()

    async def deliver() -> None:
        with desk.service.bell.heard() as ear:
            assert not ear.is_set()
            envelope = sender.sealed(make_hit())
            await asyncio.to_thread(sender.deliver, envelope)
            await asyncio.wait_for(ear.wait(), PATIENCE)

    asyncio.run(deliver())


def test_a_spooled_hit_wakes_the_delivery(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that would wait for a minute is done as soon as the bell rings."""
    monkeypatch.setattr(workers, "_PERIOD_S", 60.0)
    bell, worked = threading.Event(), threading.Event()
    with workers.often(worked.set, "work", bell):
        assert not worked.wait(0.2), "the control: nothing is done before the bell"
        bell.set()
        assert worked.wait(PATIENCE)
