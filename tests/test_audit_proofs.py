"""The attack on the audit log from the database, with a real service and what a real unit remembers."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.accounts.people import Role
from api.core.audit import Act
from edge.department.audit_memory import AuditMemory
from tests.api_kit import Box, Desk
from tests.test_api_audit import forget_from


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a department."""
    desk = Desk(tmp_path / "office")
    yield desk
    desk.service.close()


class Unit:
    """An enrolled box that sends heartbeats and remembers the log as the edge does."""

    def __init__(self, box: Box, folder: Path) -> None:
        assert box.service is not None
        self.box, self.said = box, list[str]()
        folder.mkdir(exist_ok=True)
        self.memory = AuditMemory(folder, box.service, self.said.append)

    def beat(self) -> dict[str, Any]:
        """Send one heartbeat and take the answer."""
        held = self.memory.held()
        body = {"software": "hitonly 0", "audit_end": held.to_json() if held else None}
        sent = self.box.send("POST", "/v1/heartbeat", json.dumps(body).encode())
        assert sent.status_code == 200, sent.text
        answer: dict[str, Any] = sent.json()
        self.memory.take(answer["checkpoint"], answer["consistency"], held)
        return answer


def test_an_honest_log_is_proven_at_every_heartbeat(desk: Desk, tmp_path: Path) -> None:
    """However many records come in between, none among them: the unit has nothing to say."""
    unit = Unit(desk.box(), tmp_path / "unit")
    for more in (0, 1, 2, 0, 5, 64, 130):
        for _ in range(more):
            desk.service.record(Act("service", "test"))
        unit.beat()
        held = unit.memory.held()
        assert held
        assert held.seq == len(desk.acts())
    assert (unit.said, unit.memory.trouble) == ([], "")


@pytest.mark.parametrize("more", [0, 3, 40], ids=["shorter", "as long again", "longer again"])
def test_a_log_cut_in_the_database_is_seen_by_the_unit_and_shown(
    desk: Desk, tmp_path: Path, more: int
) -> None:
    """Deleted with the database and no key, and grown by the service itself under its own signature."""
    for _ in range(7):
        desk.service.record(Act("person:dora", "hit.open"))
    unit = Unit(desk.box(), tmp_path / "unit")
    unit.beat()
    held = unit.memory.held()
    assert held
    with desk.service.database.engine.begin() as connection:
        forget_from(connection, held.seq - 2)
    for _ in range(more):
        desk.service.record(Act("service", "test"))
    unit.beat()
    assert len(unit.said) == 1
    assert unit.memory.held() == held
    assert "contradicts" in unit.memory.trouble
    assert "device.log-contradicted" in desk.acts()
    ada = desk.sign_in("ada", Role.ADMINISTRATOR)
    page = ada.get("/devices").text
    assert "audit log contradicted" in page
    assert "What this unit was shown contradicts the log" in page
    unit.beat()
    assert desk.acts().count("device.log-contradicted") == 1, "flagged once, not every 20 s"


@pytest.mark.parametrize(
    "end",
    [
        {"seq": 10**15, "digest": "ab" * 32, "at": "2030-01-01T00:00:00.00Z", "signature": "A" * 86 + "=="},
        {"seq": -1, "digest": "", "at": "", "signature": ""},
        {"seq": "x"},
        {},
    ],
)
def test_a_unit_that_holds_what_nobody_signed_accuses_nobody(desk: Desk, end: dict[str, object]) -> None:
    """A rogue unit cannot make the department's log look cut."""
    body = json.dumps({"software": "x", "audit_end": end}).encode()
    assert desk.box().send("POST", "/v1/heartbeat", body).status_code == 200
    assert "device.log-contradicted" not in desk.acts()
