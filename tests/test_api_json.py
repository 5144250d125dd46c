from collections.abc import Iterator
from pathlib import Path

import pytest

from api.accounts.people import Role
from api.oversight import review_week
from tests.api_kit import PLATE, Desk, make_entry, make_hit

REASON = {"purpose": "review-alert", "case_number": "30-4711"}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a department with one approved entry."""
    desk = Desk(tmp_path / "state")
    desk.approve(make_entry())
    yield desk
    desk.service.close()


def test_the_review_is_the_same_through_json(desk: Desk) -> None:
    """Reason, blind, reading, disposition, outcome, hold: the same rules as the pages (R8, R9, R11)."""
    box, hit = desk.box(), make_hit()
    box.deliver(box.sealed(hit))
    browser = desk.sign_in("dora")
    path = f"/v1/hits/{hit.id}"
    assert browser.get(path).json()["type"] == "urn:hitonly:problem:reason"
    assert browser.post(f"{path}/open", json={**REASON, "purpose": "curiosity"}).status_code == 422
    assert browser.post(f"{path}/open", json=REASON).status_code == 204
    blind = browser.get(path)
    assert blind.json()["stage"] == "blind"
    assert PLATE not in blind.text
    assert browser.get(f"{path}/crop").content == hit.crop_jpeg
    skipped = browser.post(f"{path}/disposition", json={"disposition": "correct-read"})
    assert (skipped.status_code, skipped.headers["content-type"]) == (409, "application/problem+json")
    assert browser.post(f"{path}/reading", json={"plate": PLATE, "region": "XX"}).status_code == 422
    assert browser.post(f"{path}/reading", json={"plate": PLATE, "region": "GB"}).json()["compared"] is True
    assert browser.get(path).json()["entry"]["plate"] == PLATE
    confirmed = browser.post(f"{path}/disposition", json={"disposition": "correct-read"})
    assert confirmed.json()["state"] == "confirmed"
    order = {"reason": "preservation", "authority": "Superior Court", "until": "2030-03-01T00:00:00Z"}
    asked = browser.post(f"{path}/hold", json=order).json()
    assert (asked["state"], asked["held_until"]) == ("confirmed", None)
    shown = {"asked": asked["hold_asked"]}
    assert browser.post(f"{path}/hold/agree", json=shown).status_code == 409, "nobody agrees to their own"
    second = desk.sign_in("doran")
    assert second.post(f"{path}/hold/agree", json=shown).status_code == 403, "not opened"
    second.post(f"{path}/open", json=REASON)
    assert second.post(f"{path}/hold/agree", json=shown).json()["held_until"] == "2030-03-01T00:00:00Z"
    assert desk.acts()[-1] == "hit.hold"
    assert "hit.hold" in {row.act for row in review_week.flagged(desk.service)}
    assert browser.post(f"{path}/hold", json={**order, "until": "2030-09-01T00:00:00Z"}).status_code == 409
    assert browser.post(f"{path}/hold", json={**order, "until": "2029-01-01T00:00:00Z"}).status_code == 409
    assert browser.post(f"{path}/release").json()["state"] == "confirmed"
    assert browser.post(f"{path}/outcome", json={"outcome": "none"}).json()["state"] == "destroyed"
    assert browser.get(path).status_code == 410


def test_the_queue_is_paged_by_cursor_and_has_an_etag(desk: Desk) -> None:
    """Each hit once over all pages; an unchanged page is 304."""
    box = desk.box()
    box.deliver(*[box.sealed(make_hit()) for _ in range(5)])
    browser = desk.sign_in("dora")
    seen, after = [], ""
    while True:
        page = browser.get(f"/v1/queue?limit=2&after={after}").json()
        seen += [line["id"] for line in page["items"]]
        if page["next"] is None:
            break
        after = page["next"]
    assert len(seen) == len(set(seen)) == 5
    first = browser.get("/v1/queue")
    again = browser.get("/v1/queue", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_entries_are_paged_without_their_plates(desk: Desk) -> None:
    """The list as programs see it names no plate (R11)."""
    for number in range(4):
        desk.approve(make_entry(f"QX{number}9ABC"))
    browser = desk.sign_in("edith", Role.EDITOR)
    page = browser.get("/v1/entries?limit=3")
    assert len(page.json()["items"]) == 3
    rest = browser.get(f"/v1/entries?limit=3&after={page.json()['next']}")
    assert len(rest.json()["items"]) == 2
    assert "case_number" not in page.text


def test_the_log_is_read_with_filters_and_reading_it_is_in_it(desk: Desk) -> None:
    """As on the page (R12)."""
    desk.box()
    browser = desk.sign_in("ada", Role.AUDITOR)
    found = browser.get("/v1/audit?act=device.enrol").json()["items"]
    assert [item["act"] for item in found] == ["device.enrol"]
    assert desk.acts()[-1] == "audit.read"
