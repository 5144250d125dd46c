"""A destroyed hit is gone: its key from every file, its plate and crop from everything that can be opened."""

import base64
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from api import upkeep
from api.core.errors import DestroyedError
from api.core.service import Service
from api.core.vault import Vault
from api.db.models import CountRow, HitRow
from hitonly_core.canonical import canonical
from protocol.hit import Hit
from tests.api_kit import PLATE, Desk, make_entry, make_hit

SEEN = "QX99WVU"
"""Read by the camera, and on no list: it may lie nowhere in the clear."""
REASON = {"purpose": "review-alert", "case_number": "30-4711"}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a department with one approved entry."""
    desk = Desk(tmp_path / "state")
    desk.approve(make_entry())
    yield desk
    desk.service.close()


def deliver(desk: Desk, **changes: object) -> Hit:
    """Deliver a hit that was read as another plate than is listed."""
    hit = make_hit(read=SEEN, **changes)  # type: ignore[arg-type]
    box = desk.box(f"camera-{len(desk.acts())}")
    moved = Hit(**{name: getattr(hit, name) for name in Hit.__slots__} | {"device": box.id})
    assert box.deliver(box.sealed(moved)).json()["results"][0]["status"] == "stored"
    return moved


def key_of(desk: Desk, hit: Hit) -> bytes:
    """Return the bytes of a hit's key."""
    with closing(sqlite3.connect(desk.settings.state / "hit-keys.sqlite3")) as database:
        ((key,),) = database.execute("SELECT key FROM hit_keys WHERE hit = ?", (str(hit.id),)).fetchall()
    return bytes(key)


def files(desk: Desk) -> bytes:
    """Return every byte of every file in the state folder: databases, journals, write-ahead logs."""
    return b"".join(path.read_bytes() for path in sorted(desk.settings.state.rglob("*")) if path.is_file())


def refuted(desk: Desk, hit: Hit) -> None:
    """End a hit by a reading that differs."""
    browser = desk.sign_in("dora")
    browser.post(f"/hits/{hit.id}/open", data=REASON)
    assert "Refuted" in browser.post(f"/hits/{hit.id}/reading", data={"plate": "AB12CDE", "sure": "yes"}).text


def expired(desk: Desk, hit: Hit) -> None:
    """End a hit by its deadline."""
    desk.clock.move(hours=1)
    assert upkeep.expire(desk.service) == 1
    assert gone(desk.service, hit)


def concluded(desk: Desk, hit: Hit) -> None:
    """End a hit by an outcome that keeps it no longer."""
    browser = desk.sign_in("dora")
    browser.post(f"/hits/{hit.id}/open", data=REASON)
    browser.post(f"/hits/{hit.id}/reading", data={"plate": PLATE, "region": "GB", "sure": "yes"})
    browser.post(f"/hits/{hit.id}/disposition", data={"disposition": "correct-read"})
    assert "ended" in browser.post(f"/hits/{hit.id}/outcome", data={"outcome": "none", "sure": "yes"}).text


@pytest.mark.parametrize("end", [refuted, expired, concluded])
def test_no_byte_of_the_key_the_plate_or_the_crop_is_left(
    desk: Desk, end: Callable[[Desk, Hit], None]
) -> None:
    """Databases, journals and write-ahead logs are searched; before, the search finds the key (R8)."""
    hit = deliver(desk)
    key, crop = key_of(desk, hit), hit.crop_jpeg[100:132]
    forms = (SEEN.encode(), canonical(SEEN), crop, base64.b64encode(hit.crop_jpeg)[96:160])
    before = files(desk)
    assert key in before, "the control: the search finds the key while the hit lives"
    assert str(hit.id).encode() in before
    assert not [form for form in forms if form in before], "and nothing of the contents, even then"
    end(desk, hit)
    after = files(desk)
    assert key not in after
    assert key[:16] not in after
    assert not [form for form in forms if form in after]
    assert desk.count(HitRow) == 0


def test_the_journal_held_the_key_and_is_overwritten(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Why the journal is overwritten: without that the key would lie there. The control breaks it once."""
    kept, gone = deliver(desk), deliver(desk)
    keys = [key_of(desk, hit) for hit in (kept, gone)]
    journal = desk.settings.state / "hit-keys.sqlite3-journal"
    with monkeypatch.context() as broken:
        broken.setattr(Vault, "_scrub", lambda _: None)
        desk.service.vault.destroy([str(kept.id)])
    assert keys[0] in journal.read_bytes()
    desk.service.vault.destroy([str(gone.id)])
    assert not any(key in files(desk) for key in keys)
    assert not any(journal.read_bytes())


class PowerError(Exception):
    """The power fails here."""


def test_a_crash_between_the_end_and_the_keys_end_is_made_up_for(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row is gone, the key is not yet: the next sweep destroys it, and leaves the living alone (R8)."""
    lost_key = key_of(desk, deliver(desk))
    desk.clock.move(hours=1)

    def fail(*_: object) -> None:
        raise PowerError

    with monkeypatch.context() as power:
        power.setattr(Vault, "destroy", fail)
        assert upkeep.expire(desk.service) == 0
    assert desk.count(HitRow) == 0
    assert lost_key in files(desk)
    alive_key = key_of(desk, deliver(desk, captured=desk.clock.now))
    upkeep.clean(desk.service)
    after = files(desk)
    assert lost_key not in after
    assert alive_key in after


def test_a_crash_before_the_hit_is_stored_leaves_no_key_for_long(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key without a hit opens nothing; it goes with the sweep, and the box delivers again."""

    def fail(*_: object) -> None:
        raise PowerError

    box, hit = desk.box(), make_hit()
    envelope = box.sealed(hit)
    with monkeypatch.context() as power:
        power.setattr("api.hits.intake._record", fail)
        assert box.deliver(envelope).status_code == 500
    assert desk.count(HitRow) == 0
    key = key_of(desk, hit)
    assert box.deliver(envelope).json()["results"][0]["status"] == "stored"
    assert key_of(desk, hit) != key, "a new delivery has a new key"
    desk.clock.move(minutes=11)
    upkeep.clean(desk.service)
    assert key not in files(desk)
    assert key_of(desk, hit) in files(desk)


def confirm(desk: Desk, hit: Hit) -> str:
    """Confirm a hit and put it under a legal hold for ten days; return its path."""
    browser = desk.sign_in("dora")
    path = f"/hits/{hit.id}"
    browser.post(f"{path}/open", data=REASON)
    browser.post(f"{path}/reading", data={"plate": PLATE, "region": "GB", "sure": "yes"})
    browser.post(f"{path}/disposition", data={"disposition": "correct-read"})
    until = f"{desk.clock.now + timedelta(days=9):%Y-%m-%d}"
    form = {"reason": "preservation", "authority": "Superior Court", "until": until}
    assert browser.post(f"{path}/hold", data=form).status_code == 303
    assert "Agree to the hold" not in browser.get(path).text
    second = desk.sign_in("doran")
    second.post(f"{path}/open", data=REASON)
    page = second.get(path).text
    assert "Agree to the hold" in page
    shown = {"asked": page.partition('name="asked" value="')[2].partition('"')[0]}
    assert second.post(f"{path}/hold/agree", data=shown).status_code == 303
    return path


def test_a_legal_hold_keeps_a_hit_to_its_end_and_not_a_second_longer(desk: Desk) -> None:
    """The hold outlasts the deadline; at its end the passed deadline counts at once, and the key is gone (R8)."""
    hit = deliver(desk)
    confirm(desk, hit)
    key = key_of(desk, hit)
    desk.clock.move(days=9)
    assert upkeep.expire(desk.service) == 0
    assert key in files(desk)
    desk.clock.now = desk.clock.now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    assert upkeep.expire(desk.service) == 1
    assert key not in files(desk)
    with desk.service.database.read() as session:
        assert {row.what for row in session.query(CountRow)} >= {"confirmed", "expired"}


@pytest.mark.parametrize(("seconds", "left"), [(179, 1), (180, 0)])
def test_in_strict_mode_an_unread_hit_ends_with_the_reads_own_window(
    tmp_path: Path, seconds: int, left: int
) -> None:
    """Three minutes from capture, not from arrival (R1, RSA 261:75-b VIII)."""
    desk = Desk(tmp_path / "state", retention={"strict": True})
    hit = deliver(desk, captured=desk.clock.now - timedelta(seconds=100))
    desk.clock.move(seconds=seconds - 100)
    upkeep.expire(desk.service)
    assert desk.count(HitRow) == left
    assert (left == 0) == gone(desk.service, hit)
    desk.service.close()


def gone(service: Service, hit: Hit) -> bool:
    """Whether a hit's key is gone."""
    try:
        service.vault.open(str(hit.id), b"x" * 64)
    except DestroyedError:
        return True
    except Exception:  # noqa: BLE001 - any other failure says that the key is there
        return False
    return False
