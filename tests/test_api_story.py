from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from api import upkeep
from api.core.errors import DestroyedError
from api.db.models import ConfusionRow, CountRow, HitRow, SeenRow
from hotlist.entry import Vehicle
from hotlist.matching.match import MatchKind
from protocol.acknowledgement import AckError, read_acknowledgement
from protocol.hit import Hit, hit_from_bytes
from tests.api_kit import PLATE, Box, Desk, make_entry, make_hit

REASON = {"purpose": "review-alert", "case_number": "30-4711"}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a department with one approved entry."""
    desk = Desk(tmp_path / "state")
    desk.approve(make_entry())
    yield desk
    desk.service.close()


def deliver(desk: Desk, hit: Hit | None = None) -> tuple[Box, Hit]:
    """Enrol a box and deliver one hit."""
    box = desk.box()
    hit = hit or make_hit()
    answer = box.deliver(box.sealed(hit))
    assert answer.status_code == 200, answer.text
    assert answer.json()["results"][0]["status"] == "stored", answer.text
    return box, hit


def test_a_hit_is_read_blind_confirmed_concluded_and_destroyed(desk: Desk) -> None:
    """The whole story through the pages; at its end only counts are left (R8, R9)."""
    _, hit = deliver(desk)
    browser = desk.sign_in("dora")
    assert "north gate" in browser.get("/queue").text
    path = f"/hits/{hit.id}"
    assert "Why do you open this?" in browser.get(path).text
    assert browser.post(f"{path}/open", data=REASON).status_code == 303
    assert "What do you read?" in browser.get(path).text
    assert browser.get(f"{path}/crop.jpg").content == hit.crop_jpeg
    answer = browser.post(f"{path}/reading", data={"plate": "zq57 kpx", "region": "GB", "sure": "yes"})
    assert answer.status_code == 303, answer.text
    page = browser.get(path).text
    assert "Ford" in page
    assert "Unverified" in page
    assert browser.post(f"{path}/disposition", data={"disposition": "correct-read"}).status_code == 303
    assert "Confirmed" in browser.get(path).text
    assert browser.post(f"{path}/outcome", data={"outcome": "arrest"}).status_code == 303
    desk.clock.move(days=30, seconds=1)
    assert upkeep.expire(desk.service) == 1
    assert desk.count(HitRow) == 0
    with desk.service.database.read() as session:
        counts = {row.what: row.n for row in session.query(CountRow) if not row.what.startswith("staff:")}
    assert counts == {"received": 1, "confirmed": 1, "outcome:arrest": 1, "destroyed": 1}


def test_nothing_of_the_entry_or_the_reading_is_on_the_wire_before_the_plate_is_typed(desk: Desk) -> None:
    """Blind means blind: every byte of every answer before the reading is searched (R9)."""
    entry = make_entry(note="armed, canary-note", vehicle=Vehicle("Ford", "Mk4 estate"))
    desk.approve(entry)
    hit = make_hit(entry=entry, read="ZQ57KPY")
    deliver(desk, hit)
    browser = desk.sign_in("dora")
    path = f"/hits/{hit.id}"
    answers = [browser.get("/queue"), browser.get(path), browser.post(f"{path}/open", data=REASON)]
    answers += [browser.get(path), browser.get(f"{path}/crop.jpg"), browser.get("/queue")]
    answers += [
        browser.post(f"{path}/reading", data={"plate": "Z", "sure": "yes"}),
        browser.post(f"{path}/reading", data={}),
    ]
    secret = (
        PLATE,
        "ZQ57KPY",
        "Ford",
        "Mk4 estate",
        "canary-note",
        entry.id,
        "30-000123",
        "county list",
        "0.984",
    )
    for answer in answers:
        wire = str(answer.headers).encode() + answer.content
        assert not [word for word in secret if word.encode().lower() in wire.lower()]
    browser.post(f"{path}/reading", data={"plate": PLATE, "region": "GB", "sure": "yes"})
    shown = browser.get(path).text
    assert all(word in shown for word in secret[1:5])


@pytest.mark.parametrize(
    ("form", "mistake"),
    [
        ({"plate": "ZQ57KPY", "region": "GB"}, "misread"),
        ({"plate": PLATE, "region": "US-NH"}, "wrong-region"),
        ({"plate": "", "region": "", "illegible": "yes"}, "illegible"),
    ],
)
def test_a_mismatch_refutes_at_once_and_for_good(desk: Desk, form: dict[str, str], mistake: str) -> None:
    """Wrong character, wrong region, unreadable: final, destroyed, counted by kind (R9, R20)."""
    _, hit = deliver(desk, make_hit(read="ZQ57KPX"))
    browser = desk.sign_in("dora")
    path = f"/hits/{hit.id}"
    browser.post(f"{path}/open", data=REASON)
    answer = browser.post(f"{path}/reading", data={**form, "sure": "yes"})
    assert "Refuted" in answer.text
    assert desk.count(HitRow) == 0
    again = browser.post(f"{path}/reading", data={"plate": PLATE, "region": "GB", "sure": "yes"})
    assert again.status_code == 410
    with desk.service.database.read() as session:
        whats = {row.what: row.n for row in session.query(CountRow) if not row.what.startswith("staff:")}
        pairs = {(row.read, row.typed) for row in session.query(ConfusionRow)}
    assert whats == {"received": 1, f"refuted:{mistake}": 1}
    assert pairs == ({("X", "Y")} if mistake == "misread" else set())


def test_a_cancelled_entry_refutes_a_reading_that_agrees(desk: Desk) -> None:
    """The list is asked again at the moment of the reading (R7)."""
    _, hit = deliver(desk)
    desk.approve(make_entry(expires=desk.clock.now))
    browser = desk.sign_in("dora")
    browser.post(f"/hits/{hit.id}/open", data=REASON)
    answer = browser.post(f"/hits/{hit.id}/reading", data={"plate": PLATE, "region": "GB", "sure": "yes"})
    assert "stale entry" in answer.text


def test_no_step_can_be_skipped_through_any_route(desk: Desk) -> None:
    """Without a reason nothing opens; without a blind reading nothing is confirmed (R9, R11)."""
    _, hit = deliver(desk)
    browser = desk.sign_in("dora")
    path = f"/hits/{hit.id}"
    assert browser.get(f"{path}/crop.jpg").status_code == 403
    assert (
        browser.post(f"{path}/reading", data={"plate": PLATE, "region": "GB", "sure": "yes"}).status_code
        == 403
    )
    assert browser.post(f"{path}/open", data={**REASON, "case_number": " "}).status_code == 403
    assert browser.post(f"{path}/open", data={**REASON, "purpose": "curiosity"}).status_code == 403
    browser.post(f"{path}/open", data=REASON)
    for step, form in (
        ("disposition", {"disposition": "correct-read"}),
        ("disposition", {"disposition": "misread"}),
        ("outcome", {"outcome": "arrest"}),
        ("hold", {"reason": "r", "authority": "a", "until": "2031-01-01"}),
        ("release", {}),
    ):
        assert browser.post(f"{path}/{step}", data=form).status_code == 409, step
    assert "What do you read?" in browser.get(path).text


def test_a_hit_that_is_gone_cannot_be_opened_even_from_a_copy_of_the_data(desk: Desk) -> None:
    """Its key is destroyed with it: an old backup of the data holds only ciphertext (R8)."""
    _, hit = deliver(desk)
    with desk.service.database.read() as session:
        backup = session.get_one(HitRow, str(hit.id)).sealed
    assert hit_from_bytes(desk.service.vault.open(str(hit.id), backup)).crop_jpeg == hit.crop_jpeg
    desk.clock.move(hours=1)
    upkeep.expire(desk.service)
    with pytest.raises(DestroyedError):
        desk.service.vault.open(str(hit.id), backup)


def test_the_data_files_hold_no_seen_plate_and_no_crop(desk: Desk) -> None:
    """What lies in the main database of a live hit cannot be read without the keys' table."""
    hit = make_hit(entry=make_entry("QQ99ZZZ"), read="QQ99ZZY")
    deliver(desk, hit)
    dump = desk.dump()
    assert str(hit.id).encode() in dump
    assert PLATE.encode() in dump
    assert b"QQ99ZZZ" not in dump
    assert b"QQ99ZZY" not in dump
    assert hit.crop_jpeg[:64] not in dump


def test_delivery_is_idempotent_and_acknowledged_by_signature(desk: Desk) -> None:
    """Twice the same envelope: stored once, acknowledged twice, also when the hit is gone."""
    box, hit = deliver(desk, make_hit())
    envelope = box.sealed(make_hit())
    for status in ("stored", "known"):
        result = box.deliver(envelope).json()["results"][0]
        assert result["status"] == status
        assert box.service is not None
        read_acknowledgement(result["ack"], envelope=envelope, device=box.id, key=box.service)
        with pytest.raises(AckError):
            read_acknowledgement(result["ack"], envelope=envelope + b" ", device=box.id, key=box.service)
    desk.clock.move(hours=2)
    upkeep.expire(desk.service)
    assert box.deliver(envelope).json()["results"][0]["status"] == "known"
    assert desk.count(HitRow) == 0
    assert desk.count(SeenRow) == 2
    other = box.sealed(make_hit(hit=hit.id))
    assert box.deliver(other).json()["results"][0]["status"] == "refused"


@pytest.mark.parametrize(
    ("kind", "region", "severity", "said"),
    [
        (MatchKind.EXACT, "GB", "urgent", ""),
        (MatchKind.REGION_NOT_READ, "", "high", "state not read: check it"),
        (MatchKind.WEAK, "FR", "routine", "weak match"),
    ],
)
def test_a_region_that_was_not_read_is_shown_as_that_and_never_urgent(
    desk: Desk, kind: MatchKind, region: str, severity: str, said: str
) -> None:
    """An urgent entry: urgent, high or routine by what was read of the region, and both pages say which (R10)."""
    whole = make_hit()
    _, hit = deliver(
        desk, replace(whole, matches=(replace(whole.matches[0], kind=kind),), region_read=region)
    )
    browser = desk.sign_in("dora")
    path = f"/hits/{hit.id}"
    queue = browser.get("/queue").text
    assert f'class="hit {severity}"' in queue
    assert [words for words in ("state not read: check it", "weak match") if words in queue] == (
        [said] if said else []
    )
    browser.post(f"{path}/open", data=REASON)
    browser.post(f"{path}/reading", data={"plate": PLATE, "region": "GB", "sure": "yes"})
    shown = browser.get(path).text
    assert kind.value.replace("-", " ") in shown
    assert ("State not read: check it" in shown) is (kind is MatchKind.REGION_NOT_READ)
