"""Attacks of the kinds that docs/threat-model.md answers, by other inputs, other orders and other people."""

import asyncio
import contextlib
import hashlib
import json
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import select

from api import upkeep
from api.accounts import people, staff
from api.accounts.people import Role
from api.core.alert_targets import Email
from api.core.errors import ConflictError, RevokedError
from api.db.models import AuditRow, ConfusionRow, CountRow, DeviceRow, HitRow, LookupRow, RepeatRow
from api.devices import heartbeats, registry
from api.hits import intake
from api.hits.alerting import alert_queue, mail
from api.hits.alerting.message import RefusedError
from api.lists import list_keys
from api.oversight import review_week
from hotlist.authoring.desk import review
from protocol.counts import Counts
from protocol.messages import Heartbeat
from protocol.receipts import FIRST, STEP_NS, Reason, Receipt, digest, to_line
from protocol.signed_requests import Request, sign_request
from tests.alert_kit import certified
from tests.api_kit import PASSWORD, PLATE, START, Box, Desk, make_entry, make_hit
from tests.signing_kit import published, signer, waits
from tests.test_api_oversight import RUN

REASON = {"purpose": "review-alert", "case_number": "30-4711"}
LIST = {"purpose": "hot-list-upkeep", "case_number": "30-4711"}
RIGHT = {"plate": PLATE, "region": "GB", "sure": "yes"}
ENTRY = {
    "plate": "AB12CDE", "region": "GB", "purpose": "stolen-vehicle", "severity": "routine", "case_number": "30-9",
    "source": "county list", "expires": "2030-01-12",
}  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a department with one approved entry."""
    desk = Desk(tmp_path / "state")
    desk.approve(make_entry())
    yield desk
    desk.service.close()


def rows(desk: Desk, act: str) -> list[AuditRow]:
    """Return the records of one act."""
    with desk.service.database.read() as session:
        return list(session.scalars(select(AuditRow).where(AuditRow.act == act).order_by(AuditRow.seq)))


def waiting(desk: Desk, device: str = "camera-1") -> UUID:
    """Deliver a hit and return its id."""
    box, hit = desk.box(device), make_hit(device)
    assert box.deliver(box.sealed(hit)).json()["results"][0]["status"] == "stored"
    return hit.id


# Bodies


def pieces_taken(app: FastAPI, path: str, kind: str, head: bytes, *, cookie: str = "") -> tuple[int, int]:
    """Send an endless body of 1 MiB pieces; return the status and how many pieces were taken, 64 at most."""
    sent: list[Any] = []
    taken = 0

    async def receive() -> dict[str, object]:
        nonlocal taken
        taken += 1
        if taken > 64:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": head if taken == 1 else b"x" * 2**20, "more_body": True}

    async def send(message: Any) -> None:  # noqa: ANN401 - ASGI's own
        sent.append(message)

    headers = [("host", "testserver"), ("content-type", kind), ("sec-fetch-site", "same-origin")]
    headers += [("cookie", cookie)] if cookie else []
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "path": path,
        "raw_path": path.encode(), "query_string": b"", "root_path": "", "scheme": "https",
        "headers": [(name.encode(), value.encode()) for name, value in headers],
        "client": ("192.0.2.7", 4000), "server": ("testserver", 443),
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], taken


FILE = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
KINDS = [("multipart/form-data; boundary=b", FILE), ("application/x-www-form-urlencoded", b"a=")]


@pytest.mark.parametrize(("kind", "head"), KINDS)
@pytest.mark.parametrize("path", ["/list/import", "/v1/imports"])
@pytest.mark.parametrize("before", [False, True])
def test_nobodys_file_is_taken_where_files_may_be_large(
    desk: Desk, path: str, kind: str, head: bytes, *, before: bool
) -> None:
    """A stranger's, and that of somebody whose session has ended, who has the cookie that keeps what they typed."""
    cookie = ""
    if before:
        browser = desk.sign_in("edith", Role.EDITOR)
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        desk.clock.move(hours=13)
    status, taken = pieces_taken(desk.app, path, kind, head, cookie=cookie)
    assert status in {303, 401}
    assert taken == 0


def test_an_editors_file_is_taken_as_it_comes(desk: Desk) -> None:
    """The control: the same body is read from somebody who may import."""
    browser = desk.sign_in("edith", Role.EDITOR)
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    assert pieces_taken(desk.app, "/list/import", KINDS[0][0], FILE, cookie=cookie)[1] > 60


@pytest.mark.parametrize(
    "path", ["/sign-in", "/welcome/x", "/v1/entries", "/v1/account/password", "/v1/devices/enrol"]
)
def test_nobody_has_megabytes_read_as_a_form_or_json(desk: Desk, path: str) -> None:
    """It is read before it is known who sends it: 4 MB of empty objects take half a second of the event loop."""
    stranger = desk.client()
    for content in (b"[" + b"{}," * 30_000 + b"0]", (b"a" * 1000 for _ in range(90))):
        answer = stranger.post(path, content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code == 413
    unit = stranger.post("/v1/hits", content=b" " * 3_000_000)
    assert unit.status_code == 401, "the control: a unit's may be large, and its signature comes first"


# Units


def test_a_request_for_a_host_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    """Sent on by the service that it was meant for, with that one's name in the header as it was signed."""
    desk = Desk(tmp_path / "state", tls={"mode": "local", "names": ["testserver"]})
    box = desk.box()
    body = json.dumps({"envelopes": [box.sealed(make_hit()).decode()]}).encode()
    for number, (host, status) in enumerate({"other.example": 401, "testserver": 200}.items()):
        request = Request("POST", host, "/v1/hits", "", body)
        headers = sign_request(
            request,
            key=box.key,
            key_id=box.id,
            created=int(desk.clock.now.timestamp()),
            nonce=f"a-nonce-of-its-own-{number}",
        )
        answer = box.client.post("/v1/hits", content=body, headers={**headers, "Host": host})
        assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    "end",
    [
        '{"seq": NaN}', '{"a": Infinity}', '{"a": "' + "x" * 100_000 + '"}', '{"plate": "AB12CDE"}',
        '{"a": ' + "[" * 60 + "]" * 60 + "}", '{"a": "\\ud800"}',
    ],
)  # fmt: skip
def test_an_end_that_nobody_signed_is_not_kept(desk: Desk, end: str) -> None:
    """It would be read with every look at the units, and could break their page."""
    box = desk.box()
    body = b'{"software": "hitonly 0.1.0", "audit_end": ' + end.encode() + b"}"
    assert box.send("POST", "/v1/heartbeat", body).status_code in {200, 422}
    with desk.service.database.read() as session:
        kept = session.get_one(DeviceRow, box.id).heartbeat
    assert len(json.dumps(kept)) < 1000
    assert "AB12CDE" not in json.dumps(kept)
    ada = desk.sign_in("ada", Role.ADMINISTRATOR)
    assert ada.get("/v1/devices").status_code == 200
    assert ada.get("/devices").status_code == 200


def test_a_revoked_unit_delivers_nothing_that_was_on_its_way(desk: Desk) -> None:
    """Its request was let in a moment before; the answer to the revocation is the line."""
    box = desk.box()
    envelope, other = box.sealed(make_hit()), box.sealed(make_hit())
    with desk.service.database.read() as session:
        device = registry.device_keys(session)[box.id]
    assert intake.take(desk.service, device, envelope).new, "the control: before, it is taken"
    registry.revoke(desk.service, box.id, "person:ada", "stolen")
    taken = intake.take(desk.service, device, other)
    assert isinstance(taken.problem, RevokedError)
    assert desk.count(HitRow) == 1
    with pytest.raises(RevokedError):
        heartbeats.hear(desk.service, device, Heartbeat(software="hitonly 0.1.0"), None)
    with desk.service.database.read() as session:
        assert session.get_one(DeviceRow, box.id).heard is None


def test_a_clock_that_jumps_and_comes_back_lets_no_request_in_twice(desk: Desk) -> None:
    """While it stood ahead the nonces were taken for old ones."""
    box = desk.box()
    body = json.dumps({"envelopes": [box.sealed(make_hit()).decode()]}).encode()
    headers = box.headers("POST", "/v1/hits", body)
    assert box.client.post("/v1/hits", content=body, headers=headers).status_code == 200
    desk.clock.move(hours=3)
    upkeep.clean(desk.service)
    desk.clock.move(hours=-3)
    assert box.client.post("/v1/hits", content=body, headers=headers).status_code == 401
    desk.clock.move(seconds=1)
    assert box.deliver(box.sealed(make_hit())).status_code == 200, "the control: a new one is let in"


@pytest.mark.parametrize("created", [0, 10**12 - 1, 253402300800])
def test_no_time_in_a_signed_request_is_a_fault_of_the_service(desk: Desk, created: int) -> None:
    """Any number of seconds can be signed; most are no year."""
    box = desk.box()
    request = Request("GET", "testserver", "/v1/hotlist", "", b"")
    headers = sign_request(request, key=box.key, key_id=box.id, created=created, nonce="n" * 20)
    assert box.client.get("/v1/hotlist", headers=headers).status_code == 401


def receipts(box: Box, *reads: int, live: int = 0) -> list[str]:
    """Return a unit's receipts of one run that tell these sums of reads."""
    lines: list[bytes] = []
    for number, sum_ in enumerate((0, *reads)):
        receipt = Receipt(
            RUN,
            number,
            digest(lines[-1]) if lines else FIRST,
            Reason.STEP if number else Reason.START,
            START + timedelta(hours=number),
            number * STEP_NS,
            Counts(sum_, 0, sum_ - live, live),
            kept=True,
            clock_kept=True,
            list_version=1,
        )
        lines.append(to_line(receipt, box.key))
    return [line.decode() for line in lines]


def told(desk: Desk, box: Box, lines: list[str]) -> int:
    """Hand receipts in with a heartbeat; return how many reads they have proved so far."""
    body = json.dumps({"software": "hitonly 0.1.0", "receipts": lines}).encode()
    answer = box.send("POST", "/v1/heartbeat", body)
    assert answer.status_code == 200, answer.text
    with desk.service.database.read() as session:
        return session.scalar(select(CountRow.n).where(CountRow.what == "receipt:reads")) or 0


def test_receipts_that_are_told_again_are_counted_once(desk: Desk) -> None:
    """A unit that heard no answer begins where it did before, or anywhere."""
    box = desk.box()
    lines = receipts(box, 30, 60, 90)
    assert told(desk, box, lines[:3]) == 60
    for _ in range(3):
        assert told(desk, box, lines[:3]) == 60
    assert told(desk, box, lines) == 90
    assert told(desk, box, lines[1:]) == 90
    assert told(desk, box, lines[3:]) == 90


@pytest.mark.parametrize("reads", [2**32 + 1, 2**63, 10**40, 10**1000])
def test_no_number_in_a_receipt_is_a_fault_of_the_service(desk: Desk, reads: int) -> None:
    """It breaks the unit's chain and is counted nowhere."""
    box = desk.box()
    assert told(desk, box, receipts(box, reads)) == 0
    assert desk.acts()[-1] == "device.chain-broken"


# What stays of a hit


def test_a_reading_that_is_another_plate_leaves_none_of_its_characters(desk: Desk) -> None:
    """Neither what was typed nor what the camera read: two copies of the table would tell both, in some order."""
    dora = desk.sign_in("dora")
    hit = waiting(desk)
    dora.post(f"/hits/{hit}/open", data=REASON)
    dora.post(f"/hits/{hit}/reading", data={"plate": "AB12CDE", "region": "GB", "sure": "yes"})
    assert desk.count(HitRow) == 0
    assert desk.count(ConfusionRow) == 0
    other = waiting(desk, "camera-2")
    dora.post(f"/hits/{other}/open", data=REASON)
    dora.post(f"/hits/{other}/reading", data={"plate": "ZQ57KPY", "region": "GB", "sure": "yes"})
    assert desk.count(ConfusionRow) == 1, "the control: one character that was mistaken is counted"


def test_whoever_has_the_disk_with_its_keys_finds_no_plate_that_was_looked_at(desk: Desk) -> None:
    """Of hits and entries their ids are kept, of a plate that is not listed so little that thousands fit."""
    edith, dora = desk.sign_in("edith", Role.EDITOR), desk.sign_in("dora")
    hit = waiting(desk)
    dora.post(f"/hits/{hit}/open", data=REASON)
    for plate in (PLATE, "QX99WVU"):
        edith.post("/v1/entries/find", json={"plate": plate, **LIST})
    with desk.service.database.read() as session:
        kept = set(session.scalars(select(LookupRow.subject)))
    assert len(kept) == 3
    for plate in (PLATE, "QX99WVU"):
        texts = [plate, f"plate {plate}", f"unlisted {plate}", f"{plate}|GB", f"entry {plate}"]
        assert not kept & {desk.service.secrets.blind(text) for text in texts}
    tried = 50_000
    hits = sum(
        desk.service.secrets.blind(f"unlisted {desk.service.secrets.blind(f'QX{number:05}')[:3]}") in kept
        for number in range(tried)
    )
    assert hits > 3, "whoever tries every plate finds many that fit"


def test_a_key_for_asking_again_is_not_kept_as_it_was_sent(desk: Desk) -> None:
    """A program may make it of the request: the plate itself, or a hash of it."""
    edith = desk.sign_in("edith", Role.EDITOR)
    for key in ("AB12CDE", hashlib.sha256(b"AB12CDE").hexdigest()):
        headers = {"Idempotency-Key": key}
        first = edith.post("/v1/entries", json=ENTRY, headers=headers)
        assert first.status_code == 201, first.text
        assert edith.post("/v1/entries", json=ENTRY, headers=headers).json() == first.json(), "the control"
        edith.post(f"/v1/proposals/{first.json()['id']}/withdraw")
        with desk.service.database.read() as session:
            assert key not in set(session.scalars(select(RepeatRow.key)))


def test_an_alert_names_no_plate_that_is_not_listed_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried again for a day, and its entry may be cancelled meanwhile; a unit may also make one up."""
    target = {
        "kind": "webhook",
        "name": "desk",
        "url": "https://a.example",
        "secret": "s" * 32,
        "with_plate": True,
    }
    desk = Desk(tmp_path / "state", alerts=[target])
    desk.approve(make_entry())
    sent: list[dict[str, object]] = []

    def send(_target: object, _identity: str, body: dict[str, object], *_: object) -> None:
        sent.append(body)
        raise OSError

    monkeypatch.setattr(alert_queue, "_send", send)
    waiting(desk)
    alert_queue.deliver(desk.service)
    assert sent[0]["listed_plate"] == PLATE, "the control: while it is listed it is named"
    desk.sign_in("edith", Role.EDITOR).post(
        f"/list/entries/{make_entry().id}/cancel", data={"reason": "found"}
    )
    desk.clock.move(minutes=5)
    alert_queue.deliver(desk.service)
    assert PLATE not in json.dumps(sent[1], default=str)
    assert len(sent) == 2


def test_one_hit_that_cannot_be_ended_keeps_no_other(desk: Desk) -> None:
    """A row that somebody altered in the database; the others go, and the thread that ends them goes on."""
    waiting(desk)
    waiting(desk, "camera-2")
    with desk.service.database.begin() as session:
        first = session.scalars(select(HitRow).order_by(HitRow.id)).first()
        assert first is not None
        first.outcomes = ["no outcome of ours"]
    desk.clock.move(hours=2)
    assert upkeep.expire(desk.service) == 1
    assert desk.count(HitRow) == 1


def test_the_thread_that_destroys_outlives_what_fails(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it is: a full disk as the journal is overwritten, a fault of ours."""
    rounds: list[int] = []
    done = threading.Event()

    def expire(_service: object) -> int:
        rounds.append(1)
        if len(rounds) > 2:
            done.set()
        raise (OSError, ValueError, RuntimeError)[len(rounds) % 3]

    monkeypatch.setattr(upkeep, "expire", expire)
    monkeypatch.setattr(upkeep, "EVERY", timedelta(milliseconds=1))
    sweeper = upkeep.Sweeper(desk.service)
    sweeper.start()
    assert done.wait(30)
    assert sweeper.is_alive()
    sweeper.stop()


def endless_mail_server(listener: socket.socket, sent: list[int]) -> None:
    """Greet one client with lines without end, until it goes."""
    client, _ = listener.accept()
    with client, contextlib.suppress(OSError):
        for _ in range(20_000):
            client.sendall(b"220-and so on\r\n" * 100)
            sent.append(1500)


def test_a_mail_server_that_never_ends_its_answer_is_given_up(tmp_path: Path) -> None:
    """Anybody on the way can be it before STARTTLS; what it says is not kept."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sent: list[int] = []
        thread = threading.Thread(target=endless_mail_server, args=(listener, sent))
        thread.start()
        target = Email(
            kind="email", name="mail", host="127.0.0.1", port=listener.getsockname()[1], security="starttls",
            sender="a@b.example", recipients=("c@d.example",), authority=certified(tmp_path / "tls"),
        )  # fmt: skip
        with pytest.raises((OSError, RefusedError)):
            mail.send(target, "1", {"event": "test", "link": "https://x"}, START)
        thread.join(60)
    assert sum(sent) < 10 * 2**20, "only what fits the sockets' buffers"


# Two people, over time


def flagged(desk: Desk) -> set[str]:
    """Return the acts that the auditor is shown as flagged."""
    return {row.act for row in review_week.flagged(desk.service, limit=100)}


def test_whatever_is_recorded_as_flagged_is_shown_as_flagged(desk: Desk) -> None:
    """Approvals among new accounts, agreements among administrators, invitations, roles, holds that are lifted."""
    ada = desk.sign_in("ada", Role.ADMINISTRATOR)
    for name, role in (("edith", "editor"), ("arno", "approver")):
        link = ada.post("/v1/invitations", json={"roles": [role]}).json()["link"]
        token = link.rpartition("/")[2]
        offered = people.open_invitation(desk.service, token)
        made = people.Application(name, name.title(), PASSWORD, desk.code(offered.secret))
        people.accept(desk.service, token, made, offered.browser)
        desk.totp[name] = offered.secret
    proposal = desk.sign_in("edith").post("/v1/entries", json=ENTRY).json()["id"]
    arno = desk.sign_in("arno")
    arno.post(f"/v1/proposals/{proposal}/open", json=LIST)
    assert arno.post(f"/v1/proposals/{proposal}/approve").status_code == 200
    assert rows(desk, "list.approve-near"), "the control: the two are near each other"
    assert {"list.approve-near", "person.invite"} <= flagged(desk)
    desk.clock.move(days=7)
    auditor = desk.sign_in("olga", Role.AUDITOR)
    weeks = auditor.get("/v1/audit/weeks").json()["items"]
    assert weeks[0]["flagged"] >= 4


@pytest.mark.parametrize("gone", ["disabled", "demoted"])
def test_what_somebody_asked_for_who_is_no_administrator_any_more_needs_two_anew(
    desk: Desk, gone: str
) -> None:
    """Else of the two who stand for it one was put out for what they did."""
    for name in ("mallory", "bob", "carol"):
        desk.join(name, Role.ADMINISTRATOR)
    asked = staff.invite(desk.service, frozenset({Role.APPROVER}), "person:mallory").request
    if gone == "disabled":
        people.disable(desk.service, "mallory", "person:bob")
    else:
        request = staff.set_roles(desk.service, "mallory", frozenset({Role.REVIEWER}), "person:bob").request
        staff.agree(desk.service, request, "person:carol")
    with pytest.raises(ConflictError):
        staff.agree(desk.service, asked, "person:carol")
    again = staff.invite(desk.service, frozenset({Role.APPROVER}), "person:bob").request
    assert staff.agree(desk.service, again, "person:carol").token, "the control"


def test_nothing_of_a_disabled_editor_is_approved(desk: Desk) -> None:
    """What they proposed before waits in vain; released, they stand for it again."""
    proposal = desk.sign_in("edith", Role.EDITOR).post("/v1/entries", json=ENTRY).json()["id"]
    arno = desk.sign_in("arno", Role.APPROVER)
    desk.join("ada", Role.ADMINISTRATOR)
    people.disable(desk.service, "edith", "person:ada")
    arno.post(f"/v1/proposals/{proposal}/open", json=LIST)
    assert arno.post(f"/v1/proposals/{proposal}/approve").status_code == 409
    people.release(desk.service, "edith", "person:ada")
    assert arno.post(f"/v1/proposals/{proposal}/approve").status_code == 200


def test_a_hold_that_somebody_asked_for_who_was_disabled_since_holds_nothing(desk: Desk) -> None:
    """One person alone would keep the hit."""
    dora, emil = desk.sign_in("dora"), desk.sign_in("emil")
    desk.join("ada", Role.ADMINISTRATOR)
    hit = waiting(desk)
    for browser in (dora, emil):
        browser.post(f"/hits/{hit}/open", data=REASON)
    assert dora.post(f"/hits/{hit}/reading", data=RIGHT).status_code == 303
    dora.post(f"/hits/{hit}/disposition", data={"disposition": "correct-read"})
    order = {"reason": "court", "authority": "the court", "until": "2030-02-01T00:00:00Z"}
    shown = {"asked": emil.post(f"/v1/hits/{hit}/hold", json=order).json()["hold_asked"]}
    people.disable(desk.service, "emil", "person:ada")
    assert dora.post(f"/v1/hits/{hit}/hold/agree", json=shown).status_code == 409
    people.release(desk.service, "emil", "person:ada")
    assert dora.post(f"/v1/hits/{hit}/hold/agree", json=shown).status_code == 200, "the control"


def test_the_second_person_agrees_to_the_hold_that_they_saw(desk: Desk) -> None:
    """Asked for eight days, and, while the other one looks at it, for eighty in another authority's name."""
    dora, emil = desk.sign_in("dora"), desk.sign_in("emil")
    hit = waiting(desk)
    for browser in (dora, emil):
        browser.post(f"/hits/{hit}/open", data=REASON)
    dora.post(f"/hits/{hit}/reading", data=RIGHT)
    dora.post(f"/hits/{hit}/disposition", data={"disposition": "correct-read"})
    order = {"reason": "court", "authority": "the court", "until": "2030-01-14T01:00:00-23:00"}
    shown = dora.post(f"/v1/hits/{hit}/hold", json=order).json()["hold_asked"]
    assert rows(desk, "hit.ask-hold")[-1].result == "until 2030-01-15", (
        "in UTC, whatever zone it is written in"
    )
    assert f'value="{shown}"' in emil.get(f"/hits/{hit}").text
    other = dora.post(f"/v1/hits/{hit}/hold", json={**order, "until": "2030-03-31T00:00:00Z"}).json()
    for asked in (shown, ""):
        assert emil.post(f"/v1/hits/{hit}/hold/agree", json={"asked": asked}).status_code == 409
        assert emil.post(f"/hits/{hit}/hold/agree", data={"asked": asked}).status_code == 409
    agreed = emil.post(f"/v1/hits/{hit}/hold/agree", json={"asked": other["hold_asked"]}).json()
    assert agreed["held_until"] == "2030-03-31T00:00:00Z", "the control"


@pytest.mark.parametrize("gone", ["disabled", "demoted"])
def test_the_key_of_somebody_who_may_not_sign_any_more_counts_no_more(tmp_path: Path, gone: str) -> None:
    """Nobody thought of revoking it; an accomplice hands the signature in."""
    desk = Desk(tmp_path / "state", list_signing="people")
    desk.approve(make_entry())
    ann, ben, cat = (signer(desk, name) for name in ("ann", "ben", "cat"))
    desk.join("ada", Role.ADMINISTRATOR)
    assert ann.browser.post("/list/publish").status_code == 303
    version = waits(desk)
    ben.browser.post(f"/signing/{version}/open", data=LIST)
    content = ben.browser.get(f"/signing/{version}/list").content
    signature = review(content, ben.key, None, desk.clock.now).detached.to_bytes()
    if gone == "disabled":
        people.disable(desk.service, "ben", "person:ada")
    else:
        people.set_roles(desk.service, "ben", frozenset({Role.REVIEWER}), "operator")
    assert cat.upload(version, signature).status_code == 403
    assert ann.hand_in(desk, version).status_code == 409, "the version would bring the key to the units"
    with desk.service.database.read() as session:
        names = {person.name for person in list_keys.wanted(session, desk.service).people}
    assert names == {"ann", "cat"}
    assert published(desk, ann, cat) > version, "the control: a new version leaves it out"
