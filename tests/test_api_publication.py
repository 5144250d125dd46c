"""An act on the hot list and its publication do not come apart: what fails is said, and is healed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import PoolProxiedConnection

from api.accounts.people import Role
from api.db.models import EntryRow, ListRow
from api.lists import list_keys, list_versions, publishing
from api.lists.publisher import Publisher
from hitonly_core.errors import KeyFileError
from hitonly_core.keys import SigningKey
from hotlist.signed_list.trust import TrustedState, accept
from tests.api_kit import PLATE, Box, Desk, make_entry

OTHER = "AB12CDE"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a department with two entries on a published list."""
    desk = Desk(tmp_path / "state")
    desk.approve(make_entry())
    desk.approve(make_entry(OTHER))
    publishing.publish(desk.service, "person:arno")
    yield desk
    desk.service.close()


def fetched(desk: Desk, box: Box) -> list[str]:
    """Return the plates on the list that a box fetches now."""
    content = box.send("GET", "/v1/hotlist").content
    trusted = TrustedState("department", list_keys.service_set(desk.service))
    accepted = accept(content, device_key=box.seal, trusted=trusted, now=desk.clock())
    return sorted(entry.plate for entry in accepted.list.entries)


def break_signing(monkeypatch: pytest.MonkeyPatch, problem: Exception) -> list[int]:
    """Let every signature fail; return where the attempts are counted."""
    tried: list[int] = []

    def fail(self: SigningKey, message: bytes) -> bytes:
        del self, message
        tried.append(1)
        raise problem

    monkeypatch.setattr(SigningKey, "sign", fail)
    return tried


@pytest.mark.parametrize(
    "problem",
    [
        KeyFileError("service.key cannot be read"),
        OSError(5, "Input/output error"),
        MemoryError(),
        OperationalError("", {}, Exception()),
    ],
    ids=lambda problem: type(problem).__name__,
)
def test_a_publication_that_fails_is_said_and_healed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    """The entry is cancelled, the answer says that devices do not know yet, and the comparison tells them (R7)."""
    box, editor = desk.box(published=False), desk.sign_in("edith", Role.EDITOR)
    assert fetched(desk, box) == [OTHER, PLATE]
    with monkeypatch.context() as broken:
        tried = break_signing(broken, problem)
        answer = editor.post(f"/v1/entries/{make_entry().id}/cancel", json={"reason": "found"})
        Publisher(desk.service).compare()
        assert len(tried) >= 2, "the control: both met the fault"
    assert (answer.status_code, answer.json()) == (200, {"version": 1, "published": False})
    assert desk.count(EntryRow) == 1
    assert desk.acts().count("list.cancel") == 1
    assert fetched(desk, box) == [OTHER, PLATE], "the control: the answer said so"
    assert "still names it" in editor.get("/list").text
    Publisher(desk.service).compare()
    assert fetched(desk, box) == [OTHER]
    page = editor.get("/list").text
    assert "still names it" not in page
    assert "not yet the one in force" not in page


def test_a_worker_that_dies_between_act_and_publication_is_healed_by_another(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that was to come after the act happened: the comparison alone brings it to the devices."""
    box, editor = desk.box(published=False), desk.sign_in("edith", Role.EDITOR)
    with monkeypatch.context() as dead:
        dead.setattr(publishing, "after_act", lambda service, _: publishing.standing(service))
        answer = editor.post(f"/v1/entries/{make_entry().id}/cancel", json={"reason": "found"}).json()
    assert answer == {"version": 1, "published": False}
    assert fetched(desk, box) == [OTHER, PLATE]
    assert publishing.renew(desk.service)
    assert fetched(desk, box) == [OTHER]
    assert not publishing.renew(desk.service), "and once is enough"


def test_an_entry_that_expires_or_is_approved_is_published_within_a_comparison(desk: Desk) -> None:
    """The list holds what is in force and nothing else, by whatever act (R7)."""
    desk.clock.move(hours=1)
    assert not publishing.renew(desk.service)
    desk.approve(make_entry("GH34JKL", id="late"))
    assert publishing.renew(desk.service)
    box = desk.box(published=False)
    assert fetched(desk, box) == [OTHER, "GH34JKL", PLATE]
    with desk.service.database.begin() as session:
        session.get_one(EntryRow, "late").expires = desk.clock()
    assert publishing.renew(desk.service)
    assert fetched(desk, box) == [OTHER, PLATE]


def test_another_wording_is_a_difference(desk: Desk) -> None:
    """A corrected entry keeps its id; the list with the old wording is made anew."""
    desk.approve(make_entry("GH34JKL", id=make_entry().id))
    assert publishing.renew(desk.service)
    assert fetched(desk, desk.box(published=False)) == [OTHER, "GH34JKL"]


def test_what_was_published_by_another_in_the_meantime_is_not_published_twice(desk: Desk) -> None:
    """Two cancellations, one publication that came after both: the second finds its work done."""
    editor = desk.sign_in("edith", Role.EDITOR)
    with desk.service.database.begin() as session:
        session.delete(session.get_one(EntryRow, make_entry().id))
    answer = editor.post(f"/v1/entries/{make_entry(OTHER).id}/cancel", json={"reason": "found"}).json()
    assert answer == {"version": 2, "published": True}
    assert publishing.after_act(desk.service, "person:x") == publishing.Standing(2, rid=True, whole=True)
    assert desk.count(ListRow) == 2


def test_the_comparison_looks_at_the_lists_own_bytes(desk: Desk) -> None:
    """An expired entry is no cancelled one; an absent one is, though the digest beside it says otherwise."""
    with desk.service.database.read() as session:
        row = list_versions.newest(session)
        assert row is not None
        assert not list_versions.names_cancelled(session, row, desk.clock())
    with desk.service.database.begin() as session:
        session.delete(session.get_one(EntryRow, make_entry().id))
    with desk.service.database.read() as session:
        assert list_versions.names_cancelled(session, row, desk.clock())
        assert not list_versions.names_cancelled(session, row, make_entry().expires)


def test_before_the_first_publication_nothing_is_published(tmp_path: Path) -> None:
    """A person says first that devices shall have a list at all; a cancellation then concerns no device."""
    desk = Desk(tmp_path / "state")
    desk.approve(make_entry())
    editor = desk.sign_in("edith", Role.EDITOR)
    answer = editor.post(f"/v1/entries/{make_entry().id}/cancel", json={"reason": "found"})
    assert answer.json() == {"version": None, "published": True}
    assert not publishing.renew(desk.service)
    assert desk.count(ListRow) == 0
    desk.service.close()


def test_a_database_that_goes_away_after_the_act_makes_no_false_answer(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The entry is cancelled; that nothing can be asked any more is no reason to say that it is not."""
    editor = desk.sign_in("edith", Role.EDITOR)

    def gone(*_: object) -> None:
        raise OperationalError("", {}, Exception())

    with monkeypatch.context() as broken:
        broken.setattr(publishing, "_reconcile", gone)
        broken.setattr(publishing, "standing", gone)
        answer = editor.post(f"/v1/entries/{make_entry().id}/cancel", json={"reason": "found"})
    assert (answer.status_code, answer.json()) == (200, {"version": None, "published": False})
    assert desk.count(EntryRow) == 1


def test_a_connection_that_breaks_while_an_act_is_stored_is_not_called_undone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The act was stored and the answer to the commit was lost: 503, and no word that nothing was changed."""
    editor, commit = desk.sign_in("edith", Role.EDITOR), SQLiteDialect.do_commit

    def lose(self: SQLiteDialect, connection: PoolProxiedConnection) -> None:
        (left,) = connection.cursor().execute("SELECT count(*) FROM entries").fetchone()
        commit(self, connection)
        if left == 1:
            raise OperationalError("", {}, Exception())

    with monkeypatch.context() as broken:
        broken.setattr(SQLiteDialect, "do_commit", lose)
        answer = editor.post(f"/v1/entries/{make_entry().id}/cancel", json={"reason": "found"})
    assert answer.status_code == 503
    assert answer.json()["type"] == "urn:hitonly:problem:database"
    assert "not done" not in answer.text
    assert "nothing was changed" not in answer.text
    assert desk.count(EntryRow) == 1, "the control: it was done"
