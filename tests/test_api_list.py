from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from api.accounts.people import Role
from api.db.models import BatchRow, EntryRow, ListRow
from api.lists import entries, list_keys, proposals, publishing
from hotlist.signed_list.keyset import KeySet
from hotlist.signed_list.trust import TrustedState, accept
from tests.api_kit import PLATE, Box, Desk

REASON = {"purpose": "hot-list-upkeep", "case_number": "30-4711"}
ENTRY = {
    "plate": "zq57 kpx",
    "region": "GB",
    "purpose": "stolen-vehicle",
    "severity": "urgent",
    "case_number": "30-000123",
    "source": "county list",
    "expires": "2030-01-20",
    "make": "Ford",
}
CSV = """Plate,State,Reason,Case Number,Expiration Date
AB12345,NH,stolen vehicle,30-1,2030-02-01
CD67890,NH,stolen plate,30-2,2030-02-01
CD67890,NH,stolen plate,30-2,2030-02-01
000,NH,stolen plate,30-3,2030-02-01
EF11111,NH,immigration violation,30-4,2030-02-01
GH22222,NH,protest,30-5,2030-02-01
IJ33333,NH,stolen vehicle,,2030-02-01
"""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a department."""
    desk = Desk(tmp_path / "state")
    yield desk
    desk.service.close()


@pytest.fixture
def editor(desk: Desk) -> TestClient:
    """Return an editor's browser; the editor may approve too, but not what is their own."""
    return desk.sign_in("edith", Role.EDITOR, Role.APPROVER)


@pytest.fixture
def approver(desk: Desk) -> TestClient:
    """Return an approver's browser."""
    return desk.sign_in("arno", Role.APPROVER)


def the_batch(desk: Desk) -> str:
    """Return the id of the one proposal."""
    (batch,) = proposals.waiting(desk.service)
    return batch.id


def in_force(desk: Desk, editor: TestClient, approver: TestClient) -> str:
    """Put the entry in force through the pages; return its id."""
    assert editor.post("/list/add", data=ENTRY).status_code == 303
    path = f"/list/proposed/{the_batch(desk)}"
    assert approver.post(f"{path}/open", data=REASON).status_code == 303
    assert approver.post(f"{path}/approve").status_code == 303
    (line,) = entries.in_force(desk.service)
    return line.id


def test_one_person_proposes_and_another_approves(
    desk: Desk, editor: TestClient, approver: TestClient
) -> None:
    """Nobody approves their own entry, whatever their roles (R6)."""
    assert editor.post("/list/add", data=ENTRY).status_code == 303
    path = f"/list/proposed/{the_batch(desk)}"
    assert desk.count(EntryRow) == 0
    editor.post(f"{path}/open", data=REASON)
    own = editor.post(f"{path}/approve")
    assert own.status_code == 403
    assert "nobody approves their own" in own.text.lower()
    assert approver.post(f"{path}/approve").status_code == 403, "the reason comes first"
    approver.post(f"{path}/open", data=REASON)
    assert PLATE in approver.get(path).text
    assert approver.post(f"{path}/approve").status_code == 303
    assert desk.count(EntryRow) == 1
    assert desk.count(BatchRow) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"plate": "ZQ57\u041a\u0420\u0425"},
        {"purpose": "immigration"},
        {"purpose": "protest"},
        {"case_number": ""},
        {"source": ""},
        {"expires": ""},
        {"expires": "2035-01-01"},
        {"severity": "very"},
        {"year": "19"},
    ],
    ids=str,
)
def test_an_entry_that_breaks_a_rule_cannot_be_proposed(
    desk: Desk, editor: TestClient, change: dict[str, str]
) -> None:
    """The form comes back with what is wrong; nothing is stored (R6, R16)."""
    answer = editor.post("/list/add", data={**ENTRY, **change})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert desk.count(BatchRow) == 0


def test_the_list_page_shows_no_plate_until_a_reason_is_given(
    desk: Desk, editor: TestClient, approver: TestClient
) -> None:
    """R11 holds for entries too; and each opening is in the log."""
    entry = in_force(desk, editor, approver)
    assert PLATE not in editor.get("/list").text
    assert PLATE not in editor.get(f"/list/entries/{entry}").text
    assert editor.post(f"/list/entries/{entry}/open", data={**REASON, "case_number": ""}).status_code == 403
    editor.post(f"/list/entries/{entry}/open", data=REASON)
    assert PLATE in editor.get(f"/list/entries/{entry}").text
    assert "entry.open" in desk.acts()


def test_a_published_list_is_accepted_by_the_device_it_is_sealed_to(
    desk: Desk, editor: TestClient, approver: TestClient
) -> None:
    """The device takes it through every step of its own trust, with the keys from its enrolment."""
    box = desk.box()
    assert box.send("GET", "/v1/hotlist").status_code == 404
    in_force(desk, editor, approver)
    approver.post("/list/publish")
    hot_list = box.send("GET", "/v1/hotlist")
    assert hot_list.status_code == 200
    trusted = TrustedState("department", KeySet.from_bytes(box.answer["hot_list_keys"].encode()))
    accepted = accept(hot_list.content, device_key=box.seal, trusted=trusted, now=desk.clock())
    assert [entry.plate for entry in accepted.list.entries] == [PLATE]
    unchanged = _conditional(box, hot_list.headers["etag"])
    assert (unchanged.status_code, unchanged.content) == (304, b"")


def _conditional(box: Box, etag: str) -> Response:
    headers = {**box.headers("GET", "/v1/hotlist", b""), "If-None-Match": etag}
    answer: Response = box.client.get("/v1/hotlist", headers=headers)
    return answer


def test_a_cancellation_reaches_the_next_poll(desk: Desk, editor: TestClient, approver: TestClient) -> None:
    """Cancelled by one person, published at once (R7)."""
    box = desk.box()
    entry = in_force(desk, editor, approver)
    approver.post("/list/publish")
    before = box.send("GET", "/v1/hotlist").headers["etag"]
    assert editor.post(f"/list/entries/{entry}/cancel", data={"reason": ""}).status_code == 422
    assert editor.post(f"/list/entries/{entry}/cancel", data={"reason": "found"}).status_code == 303
    after = box.send("GET", "/v1/hotlist")
    assert after.headers["etag"] != before
    trusted = TrustedState("department", list_keys.service_set(desk.service))
    assert not list(
        accept(after.content, device_key=box.seal, trusted=trusted, now=desk.clock()).list.entries
    )


def test_a_list_is_issued_anew_before_it_grows_stale(
    desk: Desk, editor: TestClient, approver: TestClient
) -> None:
    """Every six hours; never before the first publication by a person (R7)."""
    assert not publishing.renew(desk.service)
    in_force(desk, editor, approver)
    approver.post("/list/publish")
    desk.clock.move(hours=5, minutes=59)
    assert not publishing.renew(desk.service)
    desk.clock.now += timedelta(minutes=1)
    assert publishing.renew(desk.service)
    assert desk.count(ListRow) == 2


def test_an_import_is_looked_at_put_forward_and_approved(
    desk: Desk, editor: TestClient, approver: TestClient
) -> None:
    """The dry run names what is refused and why, and what the list would cost; then two people (R16)."""
    form = {"format": "csv", "source": "state feed", "country": "US"}
    answer = editor.post("/list/import", data=form, files={"file": ("feed.csv", CSV.encode())})
    assert answer.status_code == 303, answer.text
    path = answer.headers["location"]
    editor.post(f"{path}/open", data=REASON)
    page = editor.get(path).text
    assert "immigration: 1" in page
    assert "False hits to expect" in page
    assert all(plate in page for plate in ("AB12345", "CD67890"))
    assert not any(plate in page for plate in ("EF11111", "GH22222", "IJ33333"))
    approver.post(f"{path}/open", data=REASON)
    assert approver.post(f"{path}/approve").status_code == 409, "a dry run is no proposal"
    assert editor.post(f"{path}/put-forward").status_code == 303
    assert approver.post(f"{path}/approve").status_code == 303
    assert desk.count(EntryRow) == 2
    again = editor.post("/list/import", data=form, files={"file": ("feed.csv", CSV.encode())})
    assert again.status_code == 422
    assert "on the list as it is" in again.text


@pytest.mark.parametrize(
    "content", [b"", b"\x00\xff" * 500, b"Colour,Make\nblue,Ford\n", b"Plate\n" + b"x" * 100_000]
)
def test_a_file_that_is_no_list_changes_nothing(desk: Desk, editor: TestClient, content: bytes) -> None:
    """Said in words on the form."""
    form = {"format": "csv", "source": "state feed"}
    answer = editor.post("/list/import", data=form, files={"file": ("feed.csv", content)})
    assert answer.status_code == 422
    assert desk.count(BatchRow) == 0


def test_finding_a_plate_looks_at_the_list_only_and_needs_a_reason(
    desk: Desk, editor: TestClient, approver: TestClient
) -> None:
    """R11 and R15: a listed plate is found, with a reason; the log does not name the plate."""
    entry = in_force(desk, editor, approver)
    assert editor.post("/list/find", data={"plate": PLATE, "purpose": "case-work"}).status_code == 403
    found = editor.post("/list/find", data={"plate": "ZQ57-KPX", **REASON})
    assert found.headers["location"] == f"/list/entries/{entry}"
    assert editor.post("/list/find", data={"plate": "NOTLISTED", **REASON}).status_code == 422
    assert desk.acts().count("list.find") == 2


def test_looking_at_one_plate_again_and_again_is_flagged(
    desk: Desk, editor: TestClient, approver: TestClient
) -> None:
    """The fifth look-up within thirty days is in the log for the auditor (R21)."""
    in_force(desk, editor, approver)
    for number in range(5):
        assert ("lookup.repeated" in desk.acts()) is False, number
        editor.post("/list/find", data={"plate": PLATE, **REASON})
    assert "lookup.repeated" in desk.acts()
