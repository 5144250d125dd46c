"""Every view of a plate or a crop is recorded, or not shown; whoever looks again and again is flagged (R21)."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy import select, text

from api.accounts import looks
from api.accounts.people import Role
from api.db.models import AuditRow, LookupRow
from protocol.hit import Hit
from tests.api_kit import PLATE, Desk, make_entry, make_hit

REASON = {"purpose": "case-work", "case_number": "30-4711"}
PROPOSED = {
    "plate": "AB12CDE", "purpose": "stolen-vehicle", "severity": "routine", "case_number": "30-9",
    "source": "county list", "expires": "2030-01-12",
}  # fmt: skip
Look = Callable[[], Response]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a department with one approved entry."""
    desk = Desk(tmp_path / "state")
    desk.approve(make_entry())
    yield desk
    desk.service.close()


def flagged(desk: Desk) -> list[tuple[str, str]]:
    """Return the actor and the object of every flag."""
    with desk.service.database.read() as session:
        rows = session.scalars(
            select(AuditRow).where(AuditRow.act == "lookup.repeated").order_by(AuditRow.seq)
        )
        return [(row.actor, row.object) for row in rows]


def compared(desk: Desk, browser: TestClient) -> Hit:
    """Deliver a hit and read it blind, so that its plate and entry may be seen."""
    box, hit = desk.box(), make_hit()
    box.deliver(box.sealed(hit))
    browser.post(f"/hits/{hit.id}/open", data=REASON)
    answer = browser.post(f"/hits/{hit.id}/reading", data={"plate": PLATE, "region": "GB", "sure": "yes"})
    assert answer.status_code == 303, answer.text
    return hit


def views(desk: Desk) -> dict[str, tuple[Look, str, bytes]]:
    """Return every way to see a plate or a crop: the look, the act that it is, and what is seen."""
    ada = desk.sign_in("ada", Role.REVIEWER, Role.EDITOR)
    hit, entry = compared(desk, ada), make_entry().id
    ada.post(f"/list/entries/{entry}/open", data=REASON)
    proposal = ada.post("/v1/entries", json=PROPOSED).json()["id"]
    ada.post(f"/v1/proposals/{proposal}/open", json=REASON)
    seen, proposed = PLATE.encode(), PROPOSED["plate"].encode()
    return {
        "hit page": (lambda: ada.get(f"/hits/{hit.id}"), "hit.view", seen),
        "hit": (lambda: ada.get(f"/v1/hits/{hit.id}"), "hit.view", seen),
        "crop of the page": (lambda: ada.get(f"/hits/{hit.id}/crop.jpg"), "hit.view-crop", hit.crop_jpeg),
        "crop": (lambda: ada.get(f"/v1/hits/{hit.id}/crop"), "hit.view-crop", hit.crop_jpeg),
        "entry page": (lambda: ada.get(f"/list/entries/{entry}"), "entry.view", seen),
        "entry form": (lambda: ada.get(f"/list/entries/{entry}/change"), "entry.view", seen),
        "entry": (lambda: ada.get(f"/v1/entries/{entry}"), "entry.view", seen),
        "proposal page": (lambda: ada.get(f"/list/proposed/{proposal}"), "batch.read", proposed),
        "proposal": (lambda: ada.get(f"/v1/proposals/{proposal}/entries"), "batch.read", proposed),
    }


WAYS = (
    "hit page", "hit", "crop of the page", "crop", "entry page", "entry form", "entry", "proposal page", "proposal",
)  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_a_view_is_recorded_or_not_shown(desk: Desk, way: str) -> None:
    """Once for each view; and while the log cannot be written, nothing is seen, though it was opened before."""
    found = views(desk)
    assert set(found) == set(WAYS), "the control: no way is left out"
    look, act, seen = found[way]
    before = desk.acts().count(act)
    for number in (1, 2, 3):
        answer = look()
        assert answer.status_code == 200
        assert seen in answer.content
        assert desk.acts().count(act) == before + number
    with desk.service.database.begin() as session:
        session.execute(
            text("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'full'); END")
        )
    refused = look()
    assert refused.status_code in {409, 503}
    assert seen not in refused.content


@pytest.mark.parametrize("way", WAYS)
def test_a_repeated_view_is_flagged_by_what_it_is_of(desk: Desk, way: str) -> None:
    """A review takes a few looks; from the bound on each is flagged, under an id and not under a plate."""
    look, act, _ = views(desk)[way]
    often = looks.READINGS if act == "batch.read" else looks.VIEWS
    for number in range(often):
        assert not flagged(desk), number
        look()
    look()
    (actor, target), again = flagged(desk)
    assert again == (actor, target)
    assert actor.startswith("person:")
    assert target.partition(":")[0] == act.partition(".")[0]


def test_a_plate_that_is_not_listed_is_waited_for_in_vain(desk: Desk) -> None:
    """The fifth look for one plate is flagged, as that of a listed one is; the log names no plate."""
    edith = desk.sign_in("edith", Role.EDITOR)
    for number in range(looks.PLATE):
        assert not flagged(desk), number
        answer = edith.post("/v1/entries/find", json={"plate": "QX99WVU", **REASON})
        assert answer.status_code == 422
    assert len(flagged(desk)) == 1
    assert b"QX99WVU" not in desk.dump()


def test_looking_for_many_plates_that_are_not_listed_is_flagged(desk: Desk) -> None:
    """Each of them once: it is the looking that repeats."""
    edith = desk.sign_in("edith", Role.EDITOR)
    for number in range(looks.UNLISTED):
        assert not flagged(desk), number
        edith.post("/v1/entries/find", json={"plate": f"QX99W{number:02}", **REASON})
    assert len(flagged(desk)) == 1


def test_two_people_who_look_are_not_one_who_repeats(desk: Desk) -> None:
    """It is counted by person."""
    for name in ("edith", "edgar"):
        browser = desk.sign_in(name, Role.EDITOR)
        for _ in range(looks.PLATE - 1):
            browser.post("/v1/entries/find", json={"plate": "QX99WVU", **REASON})
    assert not flagged(desk)
    assert desk.count(LookupRow) == 4 * (looks.PLATE - 1)


def test_pages_of_a_long_proposal_are_one_reading_each(desk: Desk) -> None:
    """Turning over pages is no repetition; reading one page again is."""
    edith = desk.sign_in("edith", Role.EDITOR)
    proposal = edith.post("/v1/entries", json=PROPOSED).json()["id"]
    edith.post(f"/v1/proposals/{proposal}/open", json=REASON)
    for after in range(2 * looks.READINGS):
        edith.get(f"/v1/proposals/{proposal}/entries?after={after}")
    assert not flagged(desk)
