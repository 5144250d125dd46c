"""A reading that nearly agrees is read again by another reviewer before the hit is destroyed (R9, ADR 0006)."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from api import upkeep
from api.db.models import AuditRow, ConfusionRow, CountRow, HitRow
from api.hits.comparing import one_apart
from protocol.hit import Hit
from tests.api_kit import PLATE, Desk, make_entry, make_hit

REASON = {"purpose": "review-alert", "case_number": "30-4711"}
RIGHT = {"plate": PLATE, "region": "GB"}
ONE_OFF = {"plate": "ZQ57KPY", "region": "GB"}
OTHER_REGION = {"plate": PLATE, "region": "IE"}
NEAR = [ONE_OFF, OTHER_REGION, {"plate": "ZQ57KP", "region": "GB"}, {"plate": "ZQ571KPX", "region": ""}]
FAR = [
    {"plate": "ZQ57KYY", "region": "GB"},
    {"plate": "ZQ57KPY", "region": "IE"},
    {"plate": "", "illegible": "yes"},
    {"plate": "ZQ57PKX", "region": "GB"},
]


class Room:
    """Two reviewers with one hit between them."""

    def __init__(self, folder: Path) -> None:
        self.desk = Desk(folder / "state")
        self.desk.approve(make_entry())
        self.dora, self.emil = self.desk.sign_in("dora"), self.desk.sign_in("emil")
        self.hit = self.deliver()

    def deliver(self) -> Hit:
        """Deliver a hit, and let both open it."""
        box, hit = self.desk.box(), make_hit()
        assert box.deliver(box.sealed(hit)).json()["results"][0]["status"] == "stored"
        for browser in (self.dora, self.emil):
            assert browser.post(f"/hits/{hit.id}/open", data=REASON).status_code == 303
        return hit

    def read(self, browser: TestClient, form: dict[str, str], *, status: int = 303) -> str:
        """Read the hit through the page, being sure at once; return the answer."""
        answer = browser.post(f"/hits/{self.hit.id}/reading", data={**form, "sure": "yes"})
        assert answer.status_code == status, answer.text
        return str(answer.text)

    def page(self, browser: TestClient) -> str:
        """Return the hit's page."""
        return str(browser.get(f"/hits/{self.hit.id}").text)

    def counts(self) -> dict[str, int]:
        """Return what was counted of hits; people are counted too."""
        with self.desk.service.database.read() as session:
            rows = session.scalars(select(CountRow))
            return {row.what: row.n for row in rows if not row.what.startswith("staff:")}


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """Return two reviewers and a hit."""
    made = Room(tmp_path)
    yield made
    made.desk.service.close()


@pytest.mark.parametrize("form", NEAR, ids=range(len(NEAR)))
def test_a_near_mismatch_destroys_nothing_until_another_reviewer_has_read(
    room: Room, form: dict[str, str]
) -> None:
    """The first sees nothing of the list; the second's agreement shows both readings, and they decide."""
    room.read(room.dora, form)
    assert room.desk.count(HitRow) == 1
    waiting = room.page(room.dora)
    assert "Another reviewer reads it now" in waiting
    assert PLATE not in waiting
    assert "Ford" not in waiting
    before = room.page(room.emil)
    assert "What do you read?" in before
    assert "Second reading" in before
    assert form["plate"] not in before
    room.read(room.emil, RIGHT)
    compared = room.page(room.emil)
    assert "Two reviewers do not agree" in compared
    assert form["plate"] in compared
    assert "Correct read" not in room.page(room.dora)
    path = f"/hits/{room.hit.id}/disposition"
    assert room.dora.post(path, data={"disposition": "correct-read"}).status_code == 409
    assert room.dora.post(path, data={"disposition": "misread", "sure": "yes"}).status_code == 409
    assert room.emil.post(path, data={"disposition": "correct-read"}).status_code == 303
    assert room.counts() == {"received": 1, "confirmed": 1}


@pytest.mark.parametrize("second", [*NEAR, *FAR], ids=range(8))
def test_two_readings_that_do_not_agree_are_final(room: Room, second: dict[str, str]) -> None:
    """Near or far, the second mismatch destroys the hit; there is no third reading."""
    room.read(room.dora, ONE_OFF)
    assert "Refuted" in room.read(room.emil, second, status=200)
    assert room.desk.count(HitRow) == 0
    assert sum(room.counts().values()) == 2


@pytest.mark.parametrize("form", FAR, ids=range(len(FAR)))
def test_a_mismatch_of_more_is_final_at_once(room: Room, form: dict[str, str]) -> None:
    """Two characters, a character and the region, two characters exchanged, unreadable: as before (R9)."""
    assert "Refuted" in room.read(room.dora, form, status=200)
    assert room.desk.count(HitRow) == 0


def test_the_first_reviewer_does_not_read_again(room: Room) -> None:
    """Neither through the page nor as JSON: a second try would be a guess."""
    room.read(room.dora, ONE_OFF)
    room.read(room.dora, RIGHT, status=409)
    assert room.dora.post(f"/v1/hits/{room.hit.id}/reading", json=RIGHT).status_code == 409
    assert room.desk.count(HitRow) == 1


def test_nobody_else_to_read_it_means_that_the_mismatch_is_final(tmp_path: Path) -> None:
    """A hit never waits for somebody who does not exist: a disabled reviewer is none."""
    room = Room(tmp_path)
    with room.desk.service.database.begin() as session:
        session.connection().exec_driver_sql(
            "UPDATE people SET disabled = '2030-01-07 00:00:00' WHERE name = 'emil'"
        )
    assert "Refuted" in room.read(room.dora, ONE_OFF, status=200)
    room.desk.service.close()


def test_waiting_for_the_second_reading_lengthens_nothing(room: Room) -> None:
    """The deadline stays where it was, and at it the hit, with the first reading, is gone (R8, R24)."""
    with room.desk.service.database.read() as session:
        deadline = session.scalars(select(HitRow.deadline)).one()
    room.read(room.dora, ONE_OFF)
    with room.desk.service.database.read() as session:
        row = session.scalars(select(HitRow)).one()
        assert row.deadline == deadline
        sealed = row.doubt
    assert sealed is not None
    room.desk.clock.now = deadline - timedelta(seconds=1)
    assert upkeep.expire(room.desk.service) == 0
    room.desk.clock.move(seconds=1)
    assert upkeep.expire(room.desk.service) == 1
    assert room.counts() == {"received": 1, "expired": 1}


def test_the_first_reading_is_sealed_with_the_hit(room: Room) -> None:
    """No byte of the database holds it in the clear; who read is there, as an id."""
    control = b"north gate"
    room.read(room.dora, ONE_OFF)
    dump = room.desk.dump()
    assert control in dump
    assert ONE_OFF["plate"].encode() not in dump


def test_a_cancelled_entry_is_not_kept_for_a_second_reading(room: Room) -> None:
    """What is no longer on the list needs nobody's eyes (R7)."""
    room.desk.approve(make_entry(expires=room.desk.clock.now))
    assert "Refuted" in room.read(room.dora, ONE_OFF, status=200)


def test_the_log_and_the_counts_say_what_happened(room: Room) -> None:
    """One record for each reading, no plate in them; a character is counted as mistaken only at the end."""
    room.read(room.dora, ONE_OFF)
    assert room.desk.count(ConfusionRow) == 0
    room.read(room.emil, ONE_OFF, status=200)
    assert room.desk.count(ConfusionRow) == 1
    with room.desk.service.database.read() as session:
        rows = list(session.scalars(select(AuditRow).where(AuditRow.act == "hit.read-blind")))
    assert [row.result for row in rows] == ["second reading: other-plate", "refuted: misread"]
    assert "ZQ57" not in "".join(row.detail + row.result + row.object for row in rows)


def test_a_program_is_told_that_a_second_reading_is_needed(room: Room) -> None:
    """The JSON routes know the same states."""
    answer = room.dora.post(f"/v1/hits/{room.hit.id}/reading", json=ONE_OFF).json()
    assert (answer["state"], answer["compared"], answer["doubted"]) == ("pending", False, True)
    assert room.dora.get("/v1/queue").json()["items"][0]["doubted"] is True
    room.emil.post(f"/v1/hits/{room.hit.id}/reading", json=RIGHT)
    full = room.emil.get(f"/v1/hits/{room.hit.id}").json()
    assert full["first_reading"] == ONE_OFF


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ("AB12", "AB13", True),
        ("AB12", "AB1", True),
        ("AB12", "B12", True),
        ("AB12", "AB312", True),
        ("AAB", "AB", True),
        ("AB12", "AB12", False),
        ("AB12", "BA12", False),
        ("AB12", "AB34", False),
        ("AB12", "AB", False),
        ("A", "", True),
    ],
)
def test_one_character_apart(one: str, other: str, *, apart: bool) -> None:
    """Another one, one more or one less; both ways round."""
    assert one_apart(one, other) is apart
    assert one_apart(other, one) is apart
