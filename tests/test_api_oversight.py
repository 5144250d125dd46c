import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from api.accounts.people import Role
from api.core import counts
from api.core.counts import Kind
from api.db.models import CountRow, DeviceRow
from api.devices.heartbeats import health
from api.hits import precision
from api.lists import publishing
from api.oversight import review_week
from protocol.counts import Counts
from protocol.receipts import FIRST, STEP_NS, Reason, Receipt, Run, digest, to_line
from tests.api_kit import START, Box, Desk

NONE = Counts(0, 0, 0, 0)
RUN = Run(
    "camera-1",
    "r" * 16,
    "b" * 16,
    180 * 10**9,
    10**9,
    STEP_NS,
    20,
    "hitonly 0.1.0",
    "d" * 64,
    ("m" * 64,),
    (),
)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a department."""
    desk = Desk(tmp_path / "state")
    yield desk
    desk.service.close()


class Chain:
    """A device's receipts, one an hour."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.lines: list[bytes] = []

    def add(self, counts: Counts, *, run: Run = RUN, reason: Reason = Reason.STEP) -> None:
        """Write one more."""
        number = len(self.lines)
        moment = START + timedelta(hours=number)
        previous = digest(self.lines[-1]) if self.lines else FIRST
        boot_ns = number * STEP_NS
        receipt = Receipt(
            run, number, previous, reason, moment, boot_ns, counts, kept=True, clock_kept=True, list_version=1
        )
        self.lines.append(to_line(receipt, self.box.key))

    def send(self, start: int = 0, said: dict[str, object] | None = None) -> dict[str, Any]:
        """Send a heartbeat with the receipts from a number on."""
        body = {
            "software": "hitonly 0.1.0",
            "receipts": [line.decode() for line in self.lines[start:]],
            **(said or {}),
        }
        answer = self.box.send("POST", "/v1/heartbeat", json.dumps(body).encode())
        assert answer.status_code == 200, answer.text
        body_json: dict[str, Any] = answer.json()
        return body_json


def totals(desk: Desk) -> dict[str, int]:
    """Return what the receipts have proved so far."""
    with desk.service.database.read() as session:
        rows = session.query(CountRow).filter(CountRow.what.startswith("receipt:"))
        return {row.what.removeprefix("receipt:"): row.n for row in rows}


def state_of(desk: Desk) -> str:
    """Return how the one device does."""
    with desk.service.database.read() as session:
        return health(session.query(DeviceRow).one(), desk.clock())


def test_receipts_are_counted_once_and_across_runs(desk: Desk) -> None:
    """Each answer names the last receipt held; the next heartbeat begins with it (promise 5)."""
    chain = Chain(desk.box())
    chain.add(NONE, reason=Reason.START)
    chain.add(replace(NONE, reads=22, hits=1, destroyed=21))
    assert chain.send()["receipt"] == {"sequence": 1, "digest": digest(chain.lines[1])}
    assert totals(desk) == {"reads": 22, "hits": 1, "destroyed": 21}
    chain.add(replace(NONE, reads=45, hits=2, destroyed=43))
    chain.add(replace(NONE, reads=45, hits=2, destroyed=43), reason=Reason.STOP)
    chain.add(NONE, run=replace(RUN, run="s" * 16), reason=Reason.START)
    chain.add(replace(NONE, reads=25, destroyed=25), run=replace(RUN, run="s" * 16))
    chain.send(1)
    assert totals(desk) == {"reads": 70, "hits": 2, "destroyed": 68}
    assert state_of(desk) == "good"
    assert chain.send(5)["receipt"] == {"sequence": 5, "digest": digest(chain.lines[5])}
    assert totals(desk)["reads"] == 70


@pytest.mark.parametrize("fault", ["cut off", "sum", "gap", "other key"])
def test_a_broken_chain_shows_and_is_not_counted(desk: Desk, fault: str) -> None:
    """Receipts that do not hold change no count; the device is shown as broken."""
    chain = Chain(desk.box())
    chain.add(NONE, reason=Reason.START)
    chain.add(replace(NONE, reads=20, destroyed=20))
    chain.send()
    chain.add(replace(NONE, reads=40, destroyed=40 if fault != "sum" else 39))
    chain.add(replace(NONE, reads=60, destroyed=60))
    if fault == "other key":
        chain.lines[2] = to_line(
            Receipt(
                RUN,
                2,
                digest(chain.lines[1]),
                Reason.STEP,
                START,
                0,
                NONE,
                kept=True,
                clock_kept=True,
                list_version=1,
            ),
            desk.box("b").key,
        )
    if fault == "gap":
        del chain.lines[2]
    chain.send(2 if fault == "cut off" else 1)
    assert totals(desk) == {"reads": 20, "destroyed": 20}
    with desk.service.database.read() as session:
        row = session.get_one(DeviceRow, "camera-1")
    assert row.chain_broken
    assert "device.chain-broken" in desk.acts()


@pytest.mark.parametrize(
    ("said", "minutes", "state"),
    [
        ({}, 0, "good"),
        ({}, 5, "offline"),
        ({"cameras": {"north": "online", "south": "offline"}}, 0, "degraded"),
        ({"degraded": ["swap is not encrypted"]}, 0, "degraded"),
        ({"degraded": ["not in force: memory-locked"]}, 0, "degraded"),
        ({"degraded": ["not in force: frames-locked (north)"]}, 0, "degraded"),
        ({"degraded": ["not in force: kernel-zeroes-freed-pages", "not in force: tcp-limited"]}, 0, "good"),
    ],
    ids=str,
)
def test_how_a_device_does_is_shown(desk: Desk, said: dict[str, object], minutes: int, state: str) -> None:
    """Silent, degraded or well: on the page."""
    Chain(desk.box()).send(said=said)
    desk.clock.move(minutes=minutes)
    browser = desk.sign_in("ada", Role.ADMINISTRATOR) if minutes else None
    assert state_of(desk) == state
    if browser:
        assert state in browser.get("/devices").text


def test_the_answer_carries_the_lists_etag_and_a_checkpoint_that_verifies(desk: Desk) -> None:
    """Signed statements about the chain leave the service, so that it alone cannot rewrite history (R12)."""
    box = desk.box()
    publishing.publish(desk.service, "person:arno")
    answer = Chain(box).send()
    assert answer["hot_list"] == publishing.current_etag(desk.service) is not None
    assert answer["checkpoint"]["seq"] == len(desk.acts())


def test_a_device_is_registered_enrolled_and_revoked_from_the_page(desk: Desk) -> None:
    """The code is shown once; R18's fields are all asked for."""
    browser = desk.sign_in("ada", Role.ADMINISTRATOR)
    form = {
        "device": "gate-2",
        "registration_id": "NH-1",
        "make": "Example",
        "model": "E",
        "installed": "2030-01-02",
        "location": "Mill Road",
        "agency": "Example PD",
        "policy_sha256": "c" * 64,
    }
    for name in form:
        assert browser.post("/devices/register", data={**form, name: ""}).status_code == 422
    page = browser.post("/devices/register", data=form).text
    (code,) = re.findall(r"[A-Z2-7]{6}(?:-[A-Z2-7]{6}){3}", page)
    box = Box(desk.client(), desk.clock)
    assert box.enrol(code).json()["device"] == "gate-2"
    assert browser.post("/devices/gate-2/revoke", data={"reason": ""}).status_code == 422
    assert browser.post("/devices/gate-2/revoke", data={"reason": "stolen"}).status_code == 303
    assert box.send("GET", "/v1/hotlist").status_code == 401
    assert code not in browser.get("/devices").text


def test_people_are_invited_and_managed_from_the_page(desk: Desk) -> None:
    """An administrator invites, changes roles, disables and releases; not themselves."""
    browser = desk.sign_in("ada", Role.ADMINISTRATOR)
    page = browser.post("/people/invite", data={"role": ["reviewer", "editor"]}).text
    assert re.search(r"/welcome/[A-Za-z0-9_-]{43}", page)
    assert browser.post("/people/invite", data={}).status_code == 422
    desk.join("dora", Role.REVIEWER)
    assert browser.post("/people/dora/roles", data={"role": ["auditor"]}).status_code == 303
    assert browser.post("/people/dora/disable", data={"sure": "yes"}).status_code == 303
    assert "disabled" in browser.get("/people").text
    assert browser.post("/people/dora/release").status_code == 303
    assert browser.post("/people/ada/release").status_code == 422
    assert browser.post("/people/ada/disable", data={"sure": "yes"}).status_code == 409
    assert browser.post("/people/nobody/disable", data={"sure": "yes"}).status_code == 404


def test_an_auditor_filters_checks_exports_and_signs_off(desk: Desk) -> None:
    """By user, act, object and purpose; a week that is over, once (R12)."""
    desk.box()
    desk.clock.move(days=8)
    browser = desk.sign_in("ada", Role.AUDITOR)
    assert "device.enrol" in browser.get("/audit?act=device").text
    assert "person.join" not in browser.get("/audit?act=device").text
    assert "unbroken" in browser.post("/audit/check").text
    export = browser.post("/audit/export")
    assert export.content.count(b'"record"') == desk.acts().index("audit.export") + 1
    assert browser.post("/audit/weeks/2030-W02", data={"note": "all well"}).status_code == 303
    assert "all well" in browser.get("/audit").text
    assert browser.post("/audit/weeks/2030-W02").status_code == 409
    assert browser.post("/audit/weeks/2030-W03").status_code == 422
    assert browser.post("/audit/weeks/nonsense").status_code == 422


def test_a_tampered_log_is_said_to_be_broken(desk: Desk) -> None:
    """The page names the record, although the triggers were gone round."""
    browser = desk.sign_in("ada", Role.AUDITOR)
    with desk.service.database.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_no_update")
        connection.exec_driver_sql("UPDATE audit SET actor = 'person:eve' WHERE seq = 1")
    assert "BROKEN: record 1 was altered" in browser.post("/audit/check").text


KIND = Kind("2030-01", "camera-1", "north gate", "exact", "county list")


def put(desk: Desk, **numbers: int) -> None:
    """Put counts in the database."""
    with desk.service.database.begin() as session:
        for what, number in numbers.items():
            counts.count(session, KIND, what.replace("__", ":").replace("_", "-"), number)


def test_precision_is_shown_per_list_camera_and_kind_with_an_interval(desk: Desk) -> None:
    """Camera's mistakes count against it; stale entries and expired hits do not (R20)."""
    put(desk, confirmed=18, refuted__misread=1, refuted__wrong_region=1, refuted__stale_entry=5, expired=2)
    with desk.service.database.begin() as session:
        counts.confuse(session, "ZQ57KPX", "ZQ57KPY")
        lines = precision.precision(session)
        assert [(line.group, line.name) for line in lines] == [
            ("list", "county list"),
            ("camera", "north gate"),
            ("kind of match", "exact"),
        ]
        assert all((line.right, line.wrong, line.other) == (18, 2, 7) for line in lines)
    assert lines[0].low == pytest.approx(0.699, abs=0.001)
    assert lines[0].high == pytest.approx(0.972, abs=0.001)
    browser = desk.sign_in("ada", Role.AUDITOR)
    page = browser.get("/precision").text
    assert "90 %" in page
    assert "70 to 97 %" in page
    plot = browser.get("/precision/plot.svg")
    assert plot.headers["content-type"] == "image/svg+xml"
    assert plot.text.count("<circle") == 3


def test_the_weeks_begin_on_monday(desk: Desk) -> None:
    """The first Monday of the log is a week of its own."""
    desk.clock.move(days=7)
    assert review_week.weeks(desk.service)[0].name == "2030-W02"
