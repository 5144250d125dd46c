"""What a unit's request makes the database do: the hot list's bytes are read by whoever fetches the list, only."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event

from api.lists import publishing
from tests.api_kit import Box, Desk, make_entry, make_hit


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a department with a published list."""
    desk = Desk(tmp_path / "state")
    desk.approve(make_entry())
    publishing.publish(desk.service, "person:arno")
    yield desk
    desk.service.close()


@pytest.fixture
def statements(desk: Desk) -> list[str]:
    """Return every statement sent to the main database from now on."""
    sent: list[str] = []
    engine = desk.service.database.engine
    event.listen(engine, "before_cursor_execute", lambda *given: sent.append(" ".join(given[2].split())))
    return sent


def reads_the_bytes(statements: list[str]) -> bool:
    """Whether a statement selects the signed list's bytes."""
    return any(sent.startswith("SELECT") and "lists.signed" in sent for sent in statements)


def test_only_who_fetches_the_list_has_its_bytes_read(desk: Desk, statements: list[str]) -> None:
    """An unchanged list, a heartbeat and a hit read none: on a long list they are megabytes."""
    box = desk.box(published=False)
    fetched = box.send("GET", "/v1/hotlist")
    assert reads_the_bytes(statements), "the control: whoever fetches the list gets it from there"
    statements.clear()
    assert poll(box, fetched.headers["etag"]) == 304
    assert (
        box.send("POST", "/v1/heartbeat", json.dumps({"software": "hitonly 0.1.0"}).encode()).status_code
        == 200
    )
    assert box.deliver(box.sealed(make_hit())).json()["results"][0]["status"] == "stored"
    assert len(statements) > 20
    assert not reads_the_bytes(statements)


def test_a_hit_takes_a_known_number_of_statements(desk: Desk, statements: list[str]) -> None:
    """A bound on the cost of a hit, the log's own apart, that no busy machine can blur; raise it knowingly."""
    box = desk.box(published=False)
    box.deliver(box.sealed(make_hit()))
    statements.clear()
    assert box.deliver(box.sealed(make_hit())).json()["results"][0]["status"] == "stored"
    counted = [sent for sent in statements if not sent.startswith("BEGIN") and "audit" not in sent]
    assert len(counted) <= 13, "\n".join(counted)


def poll(box: Box, tag: str) -> int:
    """Ask for the list that the unit has; return the status."""
    headers = {**box.headers("GET", "/v1/hotlist", b""), "If-None-Match": tag}
    return box.client.get("/v1/hotlist", headers=headers).status_code
