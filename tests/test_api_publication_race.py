"""Cancellations at once, against a real PostgreSQL and two worker processes: R7 has no gap between act and list."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from api.accounts.people import Role
from api.devices import registry
from api.lists import list_keys, publishing
from hotlist.signed_list.trust import TrustedState, accept
from tests.api_kit import Box, Desk, HandClock, make_entry, registration
from tests.postgres_kit import BIN, Cluster
from tests.workers_kit import cookie_of, served

AT_ONCE = 24
pytestmark = pytest.mark.system(str(BIN / "initdb"))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a department on PostgreSQL, at the real time, with an editor and entries on a published list."""
    cluster = Cluster()
    desk = Desk(tmp_path / "state", database_url=cluster.database())
    desk.join("edith", Role.EDITOR)
    now = datetime.now(UTC)
    desk.clock.now = now
    for number in range(AT_ONCE + 1):
        times = {"created": now - timedelta(hours=3), "effective": now - timedelta(hours=2)}
        times |= {"verified": now - timedelta(hours=2), "expires": now + timedelta(days=5)}
        desk.approve(make_entry(f"ZQ57K{number:02}", **times))
    publishing.publish(desk.service, "person:arno")
    yield desk
    desk.service.close()
    cluster.stop()


def enrolled(desk: Desk, client: httpx.Client) -> Box:
    """Enrol a box as soon as the workers answer."""
    box = Box(client, HandClock(datetime.now(UTC)))
    code = registry.register(desk.service, registration(), "person:admin")
    for _ in range(300):
        try:
            if box.enrol(code).status_code == 200:
                return box
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise TimeoutError("the workers never answered")


def fetched(desk: Desk, box: Box) -> set[str]:
    """Return the ids of the entries on the list that a box fetches now, by the box's own acceptance."""
    box.clock.now = datetime.now(UTC)
    content = box.send("GET", "/v1/hotlist").content
    trusted = TrustedState("department", list_keys.service_set(desk.service))
    accepted = accept(
        content, device_key=box.seal, trusted=trusted, now=datetime.now(UTC) + timedelta(seconds=2)
    )
    return {entry.id for entry in accepted.list.entries}


def test_cancellations_at_once_are_answered_truly_and_are_on_no_list_fetched_afterwards(desk: Desk) -> None:
    """Every answer says that the list tells it, and from that answer on no fetched list names the entry (R7)."""
    ids = [make_entry(f"ZQ57K{number:02}").id for number in range(AT_ONCE)]
    browser, together = cookie_of(desk, "edith"), threading.Barrier(AT_ONCE)
    with served(desk) as running, httpx.Client(base_url=running.url, timeout=60) as client:
        box = enrolled(desk, client)
        assert set(ids) < fetched(desk, box), "the control: all of them are listed before"

        def cancel(entry: str) -> tuple[int, object, bool]:
            together.wait(timeout=60)
            path = f"/v1/entries/{entry}/cancel"
            answer = client.post(path, json={"reason": "found"}, headers=browser)
            return answer.status_code, answer.json().get("published"), entry in fetched(desk, box)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            found = list(pool.map(cancel, ids))
        left = fetched(desk, box)
    assert found == [(200, True, False)] * AT_ONCE
    assert left == {make_entry(f"ZQ57K{AT_ONCE:02}").id}
