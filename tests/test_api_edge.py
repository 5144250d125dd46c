"""The edge's own code against a real server process over TLS, which is killed in the middle of uploads."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest

from api.accounts.people import Role
from api.core import audit
from api.core.service import open_service
from api.core.settings import Settings
from api.db.models import AuditRow, DeviceCodeRow, HitRow, SeenRow
from api.devices import registry
from api.devices.authority import prepare_authority
from api.lists import publishing
from edge.department import enrol as enrolment
from edge.department.enrol import AUTHORITY, DEPARTMENT, KEYS, SERVICE, SIGNING
from edge.department.link import Link
from edge.department.spool import Spool
from edge.department.uploader import BATCH, Courier
from edge.errors import LinkError
from hitonly_core.clock import SystemClock
from hitonly_core.keys import SealPublic, SigningKey, VerifyKey
from protocol.hit import seal_hit
from protocol.messages import ENROLLING
from tests.api_kit import Desk, make_hit, registration

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[1]
HITS = 24


class Server:
    """`alpr-api serve` in a process, which can be killed and started again on the same port."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.port = "0"
        self.url = ""
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it and read where it listens."""
        line = [sys.executable, "-c", "from api.cli import main; main()", "serve", "--state", str(self.state)]
        self.process = subprocess.Popen(
            [*line, "--port", self.port, "--tls", "local"],
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().split()[-1]
        self.port = self.url.rpartition(":")[2]

    def kill(self) -> None:
        """Kill it without a word."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Return a running server, killed at the end whatever happens."""
    started = Server(tmp_path / "state")
    started.start()
    yield started
    started.kill()


def test_a_server_killed_in_the_middle_of_uploads_loses_and_doubles_nothing(
    server: Server, tmp_path: Path
) -> None:
    """Enrolled by the edge's code, delivered by its courier, killed twice: each hit is there once."""
    keys = tmp_path / "box" / KEYS
    service = open_service(Settings(state=server.state))
    code = registry.register(service, registration(), "operator")
    enrolled = _patiently(lambda: enrolment.enrol(server.url, code, keys.parent, server.state / "ca.pem"))
    assert enrolled.device == "camera-1"
    publishing.publish(service, "operator")
    signing = SigningKey.load(keys / SIGNING)
    spool = Spool(tmp_path / "spool")
    for _ in range(HITS):
        hit = make_hit(captured=datetime.now(UTC))
        sealed = seal_hit(hit, department=SealPublic.load(keys / DEPARTMENT), device_key=signing)
        spool.put(hit.id, sealed)
    link = Link(server.url, enrolled.device, signing, keys / AUTHORITY)
    courier = Courier(spool, link, VerifyKey.load(keys / SERVICE), SystemClock(), lambda _: None)
    kills = 0
    for turn in range(400):
        courier._next_ns = 0
        if turn in {1, 3}:
            server.kill()
            kills += 1
            courier.work()
            assert list(spool.pending()), "the outage came too late to matter"
            server.start()
        else:
            _some(courier)
        if not list(spool.pending()):
            break
    link.close()
    assert kills == 2
    assert not list(spool.pending())
    with service.database.read() as session:
        assert session.query(HitRow).count() == session.query(SeenRow).count() == HITS
        rows = [
            {**audit.record(row), "digest": row.digest}
            for row in session.query(AuditRow).order_by(AuditRow.seq)
        ]
    assert audit.verify(rows, [], service.secrets.service.public)[0] == len(rows)
    service.close()


def _some(courier: Courier) -> None:
    """Deliver one batch of the courier's; trouble is tried again."""
    try:
        courier._deliver(list(courier.spool.pending())[:BATCH], courier.clock.boot_ns())
    except LinkError:
        time.sleep(0.1)


def _patiently(act: Callable[[], T]) -> T:
    """Try until the server is up."""
    for _ in range(600):
        try:
            return act()
        except LinkError:
            time.sleep(0.1)
    raise TimeoutError("the service does not answer")


def test_the_edge_talks_to_its_own_department_only(server: Server, tmp_path: Path) -> None:
    """With another department's authority there is no link (R14)."""
    other = tmp_path / "other"
    other.mkdir()
    prepare_authority(other, [], datetime.now(UTC))
    own = Link(server.url, ENROLLING, SigningKey.generate(), server.state / "ca.pem")
    assert _patiently(lambda: own.send("GET", "/v1/openapi.json")).status_code == 200
    own.close()
    wrong = Link(server.url, ENROLLING, SigningKey.generate(), other / "ca.pem")
    with pytest.raises(LinkError):
        wrong.send("GET", "/v1/openapi.json")
    wrong.close()


@pytest.mark.parametrize("way", ["json", "page"])
def test_no_code_is_made_where_no_enrolment_string_can_be(tmp_path: Path, way: str) -> None:
    """The authority's file is not what it must be: refused, with no code, no registration and no record."""
    wrong = tmp_path / "proxy-ca.pem"
    wrong.write_text("no certificate")
    desk = Desk(tmp_path / "state", tls={"authority": str(wrong)})
    browser = desk.sign_in("ada", Role.ADMINISTRATOR)
    given = registration().model_dump(mode="json")
    form = {**given, "cameras": "north gate"}
    send = {
        "json": lambda: browser.post("/v1/devices", json=given),
        "page": lambda: browser.post("/devices/register", data=form),
    }
    answer = send[way]()
    assert answer.status_code == 500
    assert "is not the PEM of one certificate" in answer.text
    assert desk.count(DeviceCodeRow) == 0
    assert "device.register" not in desk.acts()
    wrong.write_text((tmp_path / "state" / "ca.pem").read_text())
    assert send[way]().status_code < 300, "the control: nothing else was in the way"
    assert desk.count(DeviceCodeRow) == 1
    desk.service.close()
