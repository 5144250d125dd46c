"""The service on a real PostgreSQL server: several workers, broken connections, a killed process."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from api import upkeep
from api.accounts import people, resets
from api.accounts.people import Role
from api.core import audit
from api.core.audit import Act
from api.core.errors import AbsentError, ConflictError
from api.core.service import Service, open_service
from api.db.models import AuditRow, CountRow, HitRow, InvitationRow, PersonRow, SeenRow
from api.devices import registry
from api.devices.registry import device_keys
from api.hits import intake
from protocol.acknowledgement import read_acknowledgement
from tests.api_kit import PLATE, Box, Desk, HandClock, make_entry, make_hit, registration
from tests.postgres_kit import BIN, Cluster

ROOT = Path(__file__).resolve().parents[1]
MOST_CUTS = 400
"""Connections cut in all: on a busy machine nothing would ever be delivered between two cuts without an end."""
pytestmark = pytest.mark.system(str(BIN / "initdb"))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Start a server for this file's tests."""
    started = Cluster()
    yield started
    started.stop()


@pytest.fixture
def desk(cluster: Cluster, tmp_path: Path) -> Iterator[Desk]:
    """Return a department on PostgreSQL."""
    desk = Desk(tmp_path / "state", database_url=cluster.database())
    yield desk
    desk.service.close()


def test_the_story_is_the_same_on_postgresql(desk: Desk) -> None:
    """Deliver, read blind, confirm, conclude, destroy; with times, locks and counts of PostgreSQL's."""
    desk.approve(make_entry())
    box, hit = desk.box(), make_hit()
    assert box.deliver(box.sealed(hit)).json()["results"][0]["status"] == "stored"
    browser = desk.sign_in("dora", Role.REVIEWER, Role.AUDITOR)
    path = f"/hits/{hit.id}"
    browser.post(f"{path}/open", data={"purpose": "review-alert", "case_number": "1"})
    assert (
        browser.post(f"{path}/reading", data={"plate": PLATE, "region": "GB", "sure": "yes"}).status_code
        == 303
    )
    assert browser.post(f"{path}/disposition", data={"disposition": "correct-read"}).status_code == 303
    assert browser.post(f"{path}/outcome", data={"outcome": "stop"}).status_code == 303
    desk.clock.move(hours=25)
    assert upkeep.expire(desk.service) == 1
    upkeep.clean(desk.service)
    with desk.service.database.read() as session:
        counts = {row.what: row.n for row in session.query(CountRow) if not row.what.startswith("staff:")}
    assert counts == {"received": 1, "confirmed": 1, "outcome:stop": 1, "destroyed": 1}
    browser = desk.sign_in("dora")
    assert "unbroken" in browser.post("/audit/check").text
    assert browser.get("/report").status_code == 200


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'x'", "DELETE FROM audit", "TRUNCATE audit"])
def test_the_log_refuses_to_forget(desk: Desk, statement: str) -> None:
    """The triggers are there on PostgreSQL too (R12)."""
    desk.service.record(Act("service", "test"))
    with pytest.raises(DBAPIError, match="append-only"), desk.service.database.begin() as session:
        session.execute(text(statement))


def test_the_chain_holds_with_four_services_writing_at_once(desk: Desk) -> None:
    """Four engines, as four worker processes have them, eight threads: no number twice, no gap (R12)."""
    services = [open_service(desk.settings, desk.clock, desk.clock.boot) for _ in range(4)]

    def write(number: int) -> None:
        for _ in range(15):
            services[number % 4].record(Act("service", "test"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    for service in services:
        service.close()
    with desk.service.database.read() as session:
        rows = [
            {**audit.record(row), "digest": row.digest}
            for row in session.query(AuditRow).order_by(AuditRow.seq)
        ]
    assert audit.verify(rows, [], desk.service.secrets.service.public)[0] == 120


def test_one_hit_delivered_eight_times_at_once_is_stored_once(desk: Desk) -> None:
    """Whoever is first stores it; everybody gets a good acknowledgement, and the key still opens it."""
    box, hit = desk.box(), make_hit()
    envelope = box.sealed(hit)
    with desk.service.database.read() as session:
        device = device_keys(session)[box.id]
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: intake.take(desk.service, device, envelope), range(8)))
    assert sum(one.new for one in taken) == 1
    assert all(one.ack is not None for one in taken)
    with desk.service.database.read() as session:
        row = session.query(HitRow).one()
    assert desk.service.vault.open(row.id, row.sealed)
    assert desk.count(SeenRow) == 1


def test_heartbeats_at_once_after_a_new_record_are_all_answered(desk: Desk) -> None:
    """The first of them signs the log's new end; the others take that one, and none is refused."""
    boxes = [desk.box(f"camera-{n}") for n in range(8)]
    said = json.dumps({"software": "hitonly 0.1.0"}).encode()
    for _ in range(5):
        desk.service.record(Act("service", "test"))
        with ThreadPoolExecutor(len(boxes)) as pool:
            answers = list(pool.map(lambda box: box.send("POST", "/v1/heartbeat", said), boxes))
        assert [answer.status_code for answer in answers] == [200] * len(boxes)
        assert len({answer.json()["checkpoint"]["signature"] for answer in answers}) == 1


def test_two_reviewers_at_once_cannot_both_decide(desk: Desk) -> None:
    """The row is locked: one reading counts, the other is told so."""
    desk.approve(make_entry())
    box, hit = desk.box(), make_hit()
    box.deliver(box.sealed(hit))
    browsers = [desk.sign_in(name) for name in ("dora", "emil")]
    for browser in browsers:
        browser.post(f"/hits/{hit.id}/open", data={"purpose": "review-alert", "case_number": "1"})
    with ThreadPoolExecutor(2) as pool:
        codes = list(
            pool.map(
                lambda browser: (
                    browser.post(f"/hits/{hit.id}/reading", data={"plate": PLATE, "sure": "yes"}).status_code
                ),
                browsers,
            )
        )
    assert sorted(codes) == [303, 409]


def test_connections_cut_in_the_middle_of_uploads_lose_and_double_nothing(desk: Desk) -> None:
    """Every backend is terminated again and again; what is tried again until acknowledged is there once."""
    box = desk.box()
    with desk.service.database.read() as session:
        device = device_keys(session)[box.id]
    envelopes = [box.sealed(make_hit()) for _ in range(24)]
    done, cuts = threading.Event(), [0]

    def cut() -> None:
        while cuts[0] < MOST_CUTS and not done.wait(0.05):
            cuts[0] += _terminate_others(desk.service)

    cutter = threading.Thread(target=cut)
    cutter.start()
    try:
        with ThreadPoolExecutor(4) as pool:
            acks = list(
                pool.map(lambda envelope: _until_acknowledged(desk.service, device, envelope), envelopes)
            )
    finally:
        done.set()
        cutter.join()
    assert cuts[0] >= len(envelopes), "the control: about as many connections were cut as hits delivered"
    assert box.service is not None
    for ack, envelope in zip(acks, envelopes, strict=True):
        read_acknowledgement(ack, envelope=envelope, device=box.id, key=box.service)
    assert desk.count(HitRow) == desk.count(SeenRow) == 24
    assert desk.acts().count("hit.receive") == 24
    with desk.service.database.read() as session:
        rows = session.query(HitRow).all()
    assert all(desk.service.vault.open(row.id, row.sealed) for row in rows)


def _terminate_others(service: Service) -> int:
    """Terminate every other connection to this database; return how many there were."""
    statement = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    try:
        with service.database.read() as session:
            return len(session.execute(text(statement)).all())
    except DBAPIError:
        return 0


def _until_acknowledged(service: Service, device: registry.Device, envelope: bytes) -> object:
    """Deliver one envelope until it is acknowledged, as the edge does."""
    for _ in range(1000):
        try:
            taken = intake.take(service, device, envelope)
        except Exception:  # noqa: BLE001, S112 - whatever a cut connection raises, the edge tries again
            continue
        if taken.ack is not None:
            return taken.ack.to_json()
    raise TimeoutError("never acknowledged")


def test_a_worker_killed_in_the_middle_of_uploads_loses_and_doubles_nothing(
    cluster: Cluster, tmp_path: Path
) -> None:
    """Two real worker processes, one killed with SIGKILL: every hit is there once, the chain whole."""
    desk = Desk(tmp_path / "state", database_url=cluster.database())
    desk.clock.now = datetime.now(UTC)
    desk.published()
    code = registry.register(desk.service, registration(), "person:admin")
    command = [
        sys.executable,
        "-c",
        "from api.cli import main; main()",
        "serve",
        "--state",
        str(tmp_path / "state"),
    ]
    command += ["--port", "0", "--workers", "2", "--database-url", str(desk.settings.database_url)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        try:
            with httpx.Client(base_url=url, timeout=20) as client:
                box = Box(client, HandClock(datetime.now(UTC)))
                _until(lambda: box.enrol(code).status_code == 200)
                envelopes = [box.sealed(make_hit(captured=datetime.now(UTC))) for _ in range(30)]
                for number, envelope in enumerate(envelopes):
                    if number == 10:
                        os.kill(_a_worker(process.pid), signal.SIGKILL)
                    box.clock.now = datetime.now(UTC)
                    _until(lambda envelope=envelope: _delivered(box, envelope))
        finally:
            process.terminate()
    assert desk.count(SeenRow) == desk.count(HitRow) == 30
    assert desk.acts().count("hit.receive") == 30
    with desk.service.database.read() as session:
        rows = [
            {**audit.record(row), "digest": row.digest}
            for row in session.query(AuditRow).order_by(AuditRow.seq)
        ]
    assert audit.verify(rows, [], desk.service.secrets.service.public)[0] == len(rows)
    desk.service.close()


def _until(holds: object) -> None:
    """Try until it holds; a connection that breaks is tried again."""
    for _ in range(300):
        try:
            if callable(holds) and holds():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise TimeoutError("it never held")


def _delivered(box: Box, envelope: bytes) -> bool:
    """Deliver once; whether it was acknowledged."""
    answer = box.deliver(envelope)
    return answer.status_code == 200 and answer.json()["results"][0]["status"] in {"stored", "known"}


def _a_worker(parent: int) -> int:
    """Return the process id of a worker: a child that serves, not multiprocessing's tracker."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    workers = [pid for pid in children if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text()]
    return int(workers[0])


def test_links_made_at_once_leave_one_and_one_used_at_once_works_once(desk: Desk) -> None:
    """Eight administrators, one live link; eight uses of it, one new password and one set of codes (R13)."""
    desk.join("dora", Role.REVIEWER)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: resets.issue(desk.service, "dora", f"person:a{n}"), range(8)))
    assert desk.count(InvitationRow) == 1
    live = []
    for one in made:
        with suppress(AbsentError):
            live.append((one.token, resets.open_reset(desk.service, one.token)))
    ((token, found),) = live

    def use(number: int) -> bool:
        with suppress(AbsentError):
            code = desk.code(found.secret)
            resets.accept(desk.service, token, f"a long pass phrase {number}", code, found.browser)
            return True
        return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(use, range(8))) == 1
    assert desk.acts().count("person.reset") == 1


def test_two_administrators_who_put_each_other_out_at_once_leave_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has locked the other's account before either looks who is left; then one is refused."""
    for name in ("ada", "bob"):
        desk.join(name, Role.ADMINISTRATOR)
    both, look = threading.Barrier(2, timeout=30), people._keep_an_administrator

    def together(session: Session, row: PersonRow, roles: list[str]) -> None:
        both.wait()
        look(session, row, roles)

    monkeypatch.setattr(people, "_keep_an_administrator", together)

    def out(name: str, by: str) -> bool:
        with suppress(ConflictError):
            people.disable(desk.service, name, f"person:{by}")
            return True
        return False

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(out, ("ada", "bob"), ("bob", "ada")))
    assert sorted(done) == [False, True]
    assert desk.acts().count("person.disable") == 1
