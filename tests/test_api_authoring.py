"""The hot list, devices, people and oversight through JSON, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api import upkeep
from api.accounts.people import Role
from api.db.models import BatchRow, DeviceCodeRow, EntryRow, InvitationRow, RepeatRow
from api.lists import entries
from api.web import idempotency
from tests.api_kit import PLATE, Desk, make_entry, registration
from tests.postgres_kit import BIN, Cluster

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
    "year": 2019,
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Start a PostgreSQL server for this file's tests."""
    started = Cluster()
    yield started
    started.stop()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.system(str(BIN / "initdb")))])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """Return a department on each of the two databases."""
    settings = {}
    if request.param == "postgres":
        settings["database_url"] = request.getfixturevalue("cluster").database()
    desk = Desk(tmp_path / "state", **settings)
    yield desk
    desk.service.close()


def proposed(editor: TestClient, **changes: object) -> str:
    """Propose an entry; return the proposal's path."""
    answer = editor.post("/v1/entries", json={**ENTRY, **changes})
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"])


def approved(approver: TestClient, path: str) -> None:
    """Open and approve a proposal."""
    assert approver.post(f"{path}/open", json=REASON).status_code == 204
    answer = approver.post(f"{path}/approve")
    assert answer.status_code == 200, answer.text


def problem(answer: Any) -> str:  # noqa: ANN401 - a response
    """Return the slug of a problem document."""
    assert answer.headers["content-type"] == "application/problem+json"
    return str(answer.json()["type"].rpartition(":")[2])


def test_an_entry_from_its_proposal_to_its_cancellation(desk: Desk) -> None:
    """Two people, a reason before every plate, a publication, what each box holds (R6, R7, R11)."""
    desk.box(published=False)
    editor = desk.sign_in("edith", Role.EDITOR, Role.APPROVER)
    approver = desk.sign_in("arno", Role.APPROVER)
    path = proposed(editor)
    assert PLATE not in editor.get(path).text
    assert problem(editor.get(f"{path}/entries")) == "reason"
    assert problem(editor.post(f"{path}/approve")) == "reason"
    editor.post(f"{path}/open", json=REASON)
    own = editor.post(f"{path}/approve")
    assert (own.status_code, problem(own)) == (403, "forbidden")
    assert editor.get(f"{path}/entries").json()["items"][0]["plate"] == PLATE
    approved(approver, path)
    (line,) = editor.get("/v1/entries").json()["items"]
    assert "plate" not in line
    entry = f"/v1/entries/{line['id']}"
    assert problem(editor.get(entry)) == "reason"
    assert problem(editor.post("/v1/entries/find", json={**REASON, "plate": "NOTLISTED"})) == "invalid"
    assert editor.post("/v1/entries/find", json={**REASON, "plate": PLATE}).json() == {"entry": line["id"]}
    assert editor.get(entry).json()["vehicle"]["make"] == "Ford"
    assert approver.post("/v1/publications").json() == {"version": 1}
    assert approver.get("/v1/publications").json()["items"][0]["entries"] == 1
    assert approver.get("/v1/publications/held").json() == {"items": [{"device": "camera-1", "version": 0}]}
    assert editor.post(f"{entry}/cancel", json={"reason": "found"}).json() == {
        "version": 2,
        "published": True,
    }
    assert desk.count(EntryRow) == 0
    versions = approver.get("/v1/publications?limit=1").json()
    assert (versions["items"][0]["version"], versions["next"]) == (2, 2)
    assert approver.get("/v1/publications?before=2").json()["items"][0]["version"] == 1


def test_of_two_editors_at_one_entry_the_second_is_told(desk: Desk) -> None:
    """`If-Match` at the proposal, and again at the approval: nobody undoes a change unseen."""
    desk.approve(make_entry())
    edith, emil = desk.sign_in("edith", Role.EDITOR), desk.sign_in("emil", Role.EDITOR)
    approver = desk.sign_in("arno", Role.APPROVER)
    path = f"/v1/entries/{make_entry().id}"
    assert problem(edith.put(path, json=ENTRY, headers={"If-Match": '"x"'})) == "reason"
    for browser in (edith, emil):
        browser.post(f"{path}/open", json=REASON)
    tag = {"If-Match": edith.get(path).headers["etag"]}
    assert tag == {"If-Match": emil.get(path).headers["etag"]}
    missing = edith.put(path, json=ENTRY)
    assert (missing.status_code, problem(missing)) == (428, "condition")
    first = edith.put(path, json={**ENTRY, "note": "two doors"}, headers=tag)
    second = emil.put(path, json={**ENTRY, "note": "four doors"}, headers=tag)
    assert (first.status_code, second.status_code) == (201, 201)
    approved(approver, first.headers["location"])
    late = second.headers["location"]
    approver.post(f"{late}/open", json=REASON)
    refused = approver.post(f"{late}/approve")
    assert (refused.status_code, problem(refused)) == (409, "conflict")
    stale = emil.put(path, json={**ENTRY, "note": "four doors"}, headers=tag)
    assert (stale.status_code, problem(stale)) == (412, "stale")
    assert emil.get(path).json()["note"] == "two doors"
    assert emil.get(path).json()["created"] == "2030-01-06T22:00:00Z", "a change does not make it newer"


def test_a_change_does_not_bring_a_cancelled_entry_back(desk: Desk) -> None:
    """What was proposed before the cancellation cannot take effect after it (R7)."""
    desk.approve(make_entry())
    editor, approver = desk.sign_in("edith", Role.EDITOR), desk.sign_in("arno", Role.APPROVER)
    path = f"/v1/entries/{make_entry().id}"
    editor.post(f"{path}/open", json=REASON)
    change = editor.put(path, json=ENTRY, headers={"If-Match": editor.get(path).headers["etag"]})
    assert editor.post(f"{path}/cancel", json={"reason": "found"}).json() == {
        "version": None,
        "published": True,
    }
    late = change.headers["location"]
    approver.post(f"{late}/open", json=REASON)
    assert approver.post(f"{late}/approve").status_code == 409
    assert desk.count(EntryRow) == 0


def test_the_page_names_the_wording_too(desk: Desk) -> None:
    """The form's hidden field does for a browser what `If-Match` does for a program."""
    desk.approve(make_entry())
    editor = desk.sign_in("edith", Role.EDITOR)
    path = f"/list/entries/{make_entry().id}"
    editor.post(f"{path}/open", data=REASON)
    page = editor.get(f"{path}/change").text
    form = {**ENTRY, "year": "2019", "entry": make_entry().id}
    desk.approve(make_entry(note="changed meanwhile"))
    stale = page.partition('name="version" value="')[2].partition('"')[0]
    answer = editor.post("/list/add", data={**form, "version": stale})
    assert (answer.status_code, "changed since" in answer.text) == (412, True)
    assert desk.count(BatchRow) == 0


def test_nobody_approves_their_own_through_any_route(desk: Desk) -> None:
    """With every role there is, by page and by JSON, an entry and an import (R6)."""
    browser = desk.sign_in("all", *Role)
    files = {"file": ("a.csv", b"Plate,Region,Purpose,Case,Expires\nQX19ABC,GB,stolen,1,2030-01-20\n")}
    draft = browser.post("/v1/imports", data={"format": "csv", "source": "s"}, files=files)
    assert draft.status_code == 201, draft.text
    paths = [proposed(browser), draft.headers["location"]]
    assert browser.post(f"{paths[1]}/put-forward").json()["draft"] is False
    for path in paths:
        browser.post(f"{path}/open", json=REASON)
        assert browser.post(f"{path}/approve").status_code == 403
        page = path.replace("/v1/proposals", "/list/proposed")
        assert browser.post(f"{page}/approve").status_code == 403
    assert desk.count(EntryRow) == 0
    assert browser.post(f"{paths[0]}/withdraw").status_code == 204
    assert problem(browser.get(paths[0])) == "absent"


def test_each_page_of_a_proposal_is_in_the_log_and_ends(desk: Desk) -> None:
    """Plates come a page at a time, to somebody who gave a reason, and the auditor sees how many (R11, R15)."""
    editor = desk.sign_in("edith", Role.EDITOR)
    rows = "".join(f"QX{number}ABC,GB,stolen,{number},2030-01-20\n" for number in range(10, 35))
    files = {"file": ("a.csv", b"Plate,Region,Purpose,Case,Expires\n" + rows.encode())}
    path = editor.post("/v1/imports", data={"format": "csv", "source": "s"}, files=files).headers["location"]
    editor.post(f"{path}/open", json=REASON)
    seen, after = [], 0
    while True:
        page = editor.get(f"{path}/entries?limit=10&after={after}").json()
        seen += [item["plate"] for item in page["items"]]
        if page["next"] is None:
            break
        after = page["next"]
    assert seen == [f"QX{number}ABC" for number in range(10, 35)]
    assert desk.acts().count("batch.read") == 3
    assert editor.get(f"{path}/entries?limit=101").status_code == 422


def test_asked_twice_with_one_key_it_is_made_once(desk: Desk) -> None:
    """The first answer again, also where it holds a code that is nowhere else; another request is refused."""
    editor, admin = desk.sign_in("edith", Role.EDITOR), desk.sign_in("ada", Role.ADMINISTRATOR)
    device = registration("camera-7").model_dump(mode="json")
    for browser, path, body, table in (
        (editor, "/v1/entries", ENTRY, BatchRow),
        (admin, "/v1/devices", device, DeviceCodeRow),
        (admin, "/v1/invitations", {"roles": ["editor"]}, InvitationRow),
    ):
        key = {"Idempotency-Key": f"key of {path}".replace(" ", "-")}
        first, second = (browser.post(path, json=body, headers=key) for _ in range(2))
        assert first.status_code == second.status_code == 201, first.text
        assert first.json() == second.json()
        assert desk.count(table) == 1
        other = {**body, "roles": ["auditor"]} if "roles" in body else {**body, "region": "FR"}
        other = {**body, "make": "Other"} if table is DeviceCodeRow else other
        assert problem(browser.post(path, json=other, headers=key)) == "invalid"
    assert admin.post("/v1/invitations", json={"roles": ["editor"]}).json() != first.json()
    key = {"Idempotency-Key": "key-of-/v1/entries"}
    withdrawn = editor.post("/v1/entries", json=ENTRY, headers=key).headers["location"]
    editor.post(f"{withdrawn}/withdraw")
    assert editor.post("/v1/entries", json=ENTRY, headers=key).headers["location"] == withdrawn
    assert desk.count(BatchRow) == 0, "what was decided is not made anew"
    desk.clock.now += idempotency.KEPT
    upkeep.clean(desk.service)
    assert desk.count(RepeatRow) == 0


def test_a_refused_request_leaves_its_key_free(desk: Desk) -> None:
    """What was not done is not remembered as done."""
    desk.approve(make_entry())
    editor = desk.sign_in("edith", Role.EDITOR)
    key = {"Idempotency-Key": "one"}
    same = {**ENTRY, "case_number": make_entry().case_number}
    assert problem(editor.post("/v1/entries", json=same, headers=key)) == "conflict"
    assert desk.count(RepeatRow) == 0
    assert editor.post("/v1/entries", json={**ENTRY, "case_number": "2"}, headers=key).status_code == 201


def test_devices_are_registered_shown_and_revoked(desk: Desk) -> None:
    """As on the page; pages of them by cursor (R18)."""
    admin = desk.sign_in("ada", Role.ADMINISTRATOR)
    for name in ("camera-1", "camera-2"):
        desk.box(name)
    body = registration("camera-3").model_dump(mode="json")
    made = admin.post("/v1/devices", json=body)
    assert (made.status_code, len(made.json()["code"])) == (201, 27)
    assert admin.post("/v1/devices", json={**body, "policy_sha256": "x"}).status_code == 422
    assert problem(admin.post("/v1/devices", json={**body, "device": "camera-1"})) == "conflict"
    page = admin.get("/v1/devices?limit=1").json()
    assert ([item["id"] for item in page["items"]], page["next"]) == (["camera-1"], "camera-1")
    assert admin.get("/v1/devices/camera-2").json()["registration"]["registration_id"] == "NH-2030-0017"
    assert admin.post("/v1/devices/camera-2/revoke", json={"reason": " "}).status_code == 422
    assert admin.post("/v1/devices/camera-2/revoke", json={"reason": "stolen"}).json()["health"] == "revoked"
    assert problem(admin.get("/v1/devices/camera-9")) == "absent"


def test_people_are_invited_changed_disabled_and_released(desk: Desk) -> None:
    """As on the page; nobody releases themselves, and the last administrator stays (R13)."""
    admin = desk.sign_in("ada", Role.ADMINISTRATOR)
    desk.join("emil", Role.REVIEWER)
    link = admin.post("/v1/invitations", json={"roles": ["reviewer"]}).json()["link"]
    assert desk.client().get(link[link.index("/welcome") :]).status_code == 200
    assert admin.put("/v1/people/emil/roles", json={"roles": ["auditor"]}).json()["roles"] == ["auditor"]
    assert admin.put("/v1/people/emil/roles", json={"roles": []}).status_code == 422
    assert admin.post("/v1/people/emil/disable").json()["state"] == "disabled"
    assert admin.post("/v1/people/emil/release").json()["state"] == "active"
    assert problem(admin.post("/v1/people/ada/release")) == "invalid"
    assert problem(admin.post("/v1/people/ada/disable")) == "conflict"
    page = admin.get("/v1/people?limit=1")
    assert ([item["name"] for item in page.json()["items"]], page.json()["next"]) == (["ada"], "ada")
    assert problem(admin.get("/v1/people/nobody")) == "absent"


def test_an_auditor_works_by_json(desk: Desk) -> None:
    """The chain, the flags, the week, the export, the precision and the report (R12, R17, R20)."""
    desk.clock.move(days=-7)
    desk.box()
    desk.clock.move(days=7)
    auditor = desk.sign_in("ada", Role.AUDITOR)
    check = auditor.post("/v1/audit/check").json()
    assert (check["unbroken"], "unbroken" in check["found"]) == (True, True)
    week = auditor.get("/v1/audit/weeks").json()["items"][0]
    assert week["records"] > 0
    assert auditor.post(f"/v1/audit/weeks/{week['name']}", json={"note": "good"}).status_code == 204
    assert auditor.get("/v1/audit/weeks").json()["items"][0]["signed_by"] == "ada"
    assert problem(auditor.post(f"/v1/audit/weeks/{week['name']}", json={})) == "conflict"
    assert {item["act"] for item in auditor.get("/v1/audit/flagged").json()["items"]} == {"person.invite"}
    exported = auditor.post("/v1/audit/export")
    assert exported.headers["content-type"] == "application/x-ndjson"
    assert exported.text.startswith('{"format":"hitonly/audit-export/v2"')
    assert auditor.get("/v1/precision").json() == {"lines": [], "confusions": []}
    report = auditor.get("/v1/report?year=2030").json()
    assert report["year"] == 2030
    assert auditor.get("/v1/report.csv?year=2030").text == auditor.get("/report.csv?year=2030").text
    assert problem(auditor.get("/v1/report?year=1999")) == "invalid"


def test_an_expired_entry_is_dropped_and_can_be_listed_anew(desk: Desk) -> None:
    """It stands in nobody's way once its time is over."""
    desk.approve(make_entry())
    editor = desk.sign_in("edith", Role.EDITOR)
    same = {**ENTRY, "case_number": make_entry().case_number, "expires": "2030-02-20"}
    assert problem(editor.post("/v1/entries", json=same)) == "conflict"
    desk.clock.move(days=8)
    upkeep.clean(desk.service)
    assert entries.count(desk.service) == desk.count(EntryRow) == 0
    editor = desk.sign_in("edith")
    assert editor.post("/v1/entries", json=same).status_code == 201
