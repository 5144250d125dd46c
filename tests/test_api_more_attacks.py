"""Attacks of the kinds that docs/threat-model.md answers, by other inputs, other orders and other people."""

import asyncio
import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import select, text

from api import upkeep
from api.accounts import people, staff
from api.accounts.people import Role
from api.core.errors import ApiError, ConflictError, DeviceError, RevokedError
from api.db.models import AuditRow, ConfusionRow, CountRow, DeviceRow, HitRow, LookupRow
from api.devices import heartbeats, registry
from api.hits import intake
from api.hits.alerting import alert_queue
from api.lists import list_keys
from hitonly_core.keys import SigningKey
from protocol.messages import Heartbeat
from protocol.signed_requests import Request, sign_request
from tests.api_kit import PLATE, Box, Desk, make_entry, make_hit
from tests.signing_kit import ADA, register, signer

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
