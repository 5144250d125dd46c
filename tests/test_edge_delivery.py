"""A real box and a real department's service, over TLS on loopback: enrol, publish, read, deliver, acknowledge."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from api.accounts.sessions import SignedIn
from api.core.service import open_service
from api.core.settings import Settings
from api.db.models import EntryRow, HitRow, PersonRow
from api.devices import registry
from api.hits.spool_opening import open_spool
from api.lists import list_keys, list_signing, publishing
from benchmarks.fixtures.render import RenderSpec, render
from edge.department.spool import Spool
from edge.errors import Exit
from hitonly_core.keys import SealPublic, SigningKey
from hotlist.authoring.desk import review
from hotlist.entry import Entry, Purpose, entry_to_json
from hotlist.signed_list.bundle import make, seal
from hotlist.signed_list.timestamp import state_current
from protocol.hit import seal_hit
from tests.api_kit import make_hit
from tests.box_kit import ROOT, alpr_edge, events
from tests.signing_kit import ADA, CORA


@dataclass
class Office:
    """A running department's service."""

    state: Path
    url: str
    process: subprocess.Popen[str]

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End the service and read out what it said."""
        self.process.send_signal(number)
        self.process.communicate(timeout=30)

    def api(self, *arguments: str) -> str:
        """Run `alpr-api` on the service's state."""
        command = [sys.executable, "-m", "api.cli", *arguments, "--state", str(self.state)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def serve(state: Path, port: int = 0, *options: str) -> Office:
    """Start the service with TLS from its own authority, and wait until it listens."""
    command = [sys.executable, "-m", "api.cli", "serve", "--state", str(state), "--tls", "local"]
    process = subprocess.Popen(
        [*command, "--port", str(port), *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        stderr=subprocess.STDOUT,
    )
    said = ""
    for line in process.stdout or ():
        said += line
        if found := re.search(r"^starting at (\S+)$", said, re.MULTILINE):
            return Office(state, found[1], process)
    process.communicate()
    raise AssertionError(said)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Run a department's service."""
    office = serve(tmp_path / "office")
    yield office
    office.stop()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Render a short clip; return it with its plates."""
    path = tmp_path_factory.mktemp("clip") / "road.mp4"
    truth = render(RenderSpec(seed=7, seconds=8, traffic=30), path)
    return path, [each.plate for each in truth.passes]


def code_file(folder: Path, code: str) -> Path:
    """Write a one-time code where `enrol` reads it."""
    folder.mkdir(exist_ok=True)
    path = folder / "code"
    path.write_text(code)
    return path


def enrolled(office: Office, folder: Path, clip: Path) -> Path:
    """Register and enrol a box; return its configuration."""
    said = office.api(
        "devices", "add", "camera-1", "--registration-id", "NH-1", "--make", "Example", "--model", "E1",
        "--location", "the line", "--agency", "Example PD", "--policy-sha256", "0" * 64,
    )  # fmt: skip
    code = next(word for word in said.split() if re.fullmatch(r"[A-Z2-9]{6}(-[A-Z2-9]{6}){3}", word))
    done = alpr_edge(
        "enrol",
        "--api",
        office.url,
        "--code-file",
        str(code_file(folder, code)),
        "--folder",
        str(folder),
        "--ca",
        str(office.state / "ca.pem"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    config = folder / "edge.toml"
    source = json.dumps(str(clip))
    config.write_text(
        done.stdout
        + '[storage]\nspool = "spool"\nstate = "state"\n[[cameras]]\nname = "north"\n'
        + f'source = {{ kind = "file", path = {source} }}\n'
    )
    return config


def list_plates(office: Office, *plates: str, settings: Settings | None = None) -> None:
    """Put entries into the department's store as two people would have, and publish them."""
    service = open_service(settings or Settings(state=office.state))
    now = datetime.now(UTC).replace(microsecond=0)
    try:
        with service.database.begin() as session:
            for number, plate in enumerate(plates):
                entry = Entry(
                    id=f"e{number}", plate=plate, region="", purpose=Purpose.STOLEN_VEHICLE, case_number="C-1",
                    source="desk", author="0" * 16, approver="1" * 16, created=now, effective=now,
                    expires=now + timedelta(days=1), verified=now,
                )  # fmt: skip
                row = EntryRow(
                    id=entry.id,
                    key=f"{plate}||C-1",
                    body=entry_to_json(entry),
                    author="editor",
                    approver="approver",
                    expires=entry.expires,
                )
                session.add(row)
        publishing.publish(service, "test")
    finally:
        service.close()


def stored(office: Office) -> int:
    """Count the hits in the department's store."""
    service = open_service(Settings(state=office.state))
    try:
        with service.database.read() as session:
            return session.query(HitRow).count()
    finally:
        service.close()


def test_hits_travel_sealed_and_leave_the_box_when_they_are_acknowledged(
    office: Office, clip: tuple[Path, list[str]], tmp_path: Path
) -> None:
    """Enrolled, listed, read, delivered: the store has each hit once, the spool is empty, receipts were taken."""
    path, plates = clip
    list_plates(office, plates[0], plates[1])
    config = enrolled(office, tmp_path / "box", path)
    first = alpr_edge("run", "--config", str(config), "--json")
    assert first.returncode == 0, first.stderr
    again = alpr_edge("run", "--config", str(config), "--json")
    assert again.returncode == 0, again.stderr
    counts = [events(done)[-1]["counts"]["hits"] for done in (first, again)]
    assert sum(counts) >= 2, "the list arrives with the first heartbeat; the second run has it from the start"
    assert stored(office) == sum(counts)
    assert list((tmp_path / "box" / "spool").glob("*.hit")) == []


def test_a_box_works_on_while_the_department_is_away_and_delivers_after(
    office: Office, clip: tuple[Path, list[str]], tmp_path: Path
) -> None:
    """The service is killed: hits wait on the spool; it returns: they are delivered once."""
    path, plates = clip
    list_plates(office, plates[0])
    config = enrolled(office, tmp_path / "box", path)
    assert alpr_edge("run", "--config", str(config), "--json").returncode == 0
    before = stored(office)
    office.stop(signal.SIGKILL)
    away = alpr_edge("run", "--config", str(config), "--json")
    assert away.returncode == 0, away.stderr
    assert any("cannot be reached" in each.get("text", "") for each in events(away))
    waiting = list((tmp_path / "box" / "spool").glob("*.hit"))
    assert waiting
    back = serve(office.state, int(office.url.rsplit(":", 1)[1]))
    office.process = back.process
    assert alpr_edge("run", "--config", str(config), "--json").returncode == 0
    assert stored(office) == before + len(waiting) + 1
    assert not list((tmp_path / "box" / "spool").glob("*.hit"))


def test_a_wrong_code_and_a_strange_authority_are_refused(office: Office, tmp_path: Path) -> None:
    """Neither enrols; the error is one line with its documented code; no key of a department is left."""
    code = "AAAAAA-BBBBBB-CCCCCC-DDDDDD"
    for authority, word in ((office.state / "ca.pem", "refused"), (tmp_path / "absent.pem", "absent.pem")):
        done = alpr_edge(
            "enrol",
            "--api",
            office.url,
            "--code-file",
            str(code_file(tmp_path, code)),
            "--folder",
            str(tmp_path / "box"),
            "--ca",
            str(authority),
        )
        assert done.returncode in {Exit.LINK, Exit.CONFIG}
        assert word in done.stderr
        assert "Traceback" not in done.stderr
        assert not (tmp_path / "box" / "keys" / "department.pub").exists()
    plain = alpr_edge(
        "enrol",
        "--api",
        "http://192.0.2.1",
        "--code-file",
        str(code_file(tmp_path, code)),
        "--folder",
        str(tmp_path / "box"),
    )
    assert plain.returncode == Exit.CONFIG
    assert "https" in plain.stderr


def test_a_hit_that_the_department_refuses_is_shown_offered_once_and_forgotten(
    office: Office, tmp_path: Path
) -> None:
    """Its list was never published: set aside, named by `deliver` and `check` without plate, gone in a week.

    What a revoked box still has is set aside like it; whoever has the department's key can open it until then.
    """
    box = tmp_path / "box"
    (tmp_path / "empty.mp4").touch()
    config = str(enrolled(office, box, tmp_path / "empty.mp4"))
    hit = make_hit(captured=datetime.now(UTC))
    sealed = seal_hit(
        hit,
        department=SealPublic.load(box / "keys" / "department.pub"),
        device_key=SigningKey.load(box / "keys" / "signing.key"),
    )
    spool = Spool(box / "spool")
    spool.put(hit.id, sealed)
    first = alpr_edge("deliver", "--config", config)
    assert first.returncode == Exit.LINK
    assert f"refuses hit {hit.id}: The hit's hot list was not in force; kept for 7 days" in first.stderr
    assert "0 delivered, 0 left on the spool, 1 refused and set aside" in first.stdout
    assert "refuses" not in alpr_edge("deliver", "--config", config).stderr, "offered once"
    again = alpr_edge("deliver", "--config", config, "--again")
    assert "not in force" in again.stderr
    check = alpr_edge("check", "--config", config)
    assert check.returncode == Exit.CONFIG
    assert "spool: hits refused by the department: 1; forgotten from" in check.stdout
    said = "".join(each.stdout + each.stderr for each in (first, again, check))
    assert hit.plate_read not in said
    assert hit.matches[0].entry.plate not in said
    service = open_service(Settings(state=office.state))
    opened = list(open_spool(box / "spool", service.secrets.department, {}))
    assert [each.hit.plate_read for each in opened if each.hit] == [hit.plate_read], "the control"
    registry.revoke(service, "camera-1", "person:admin", "stolen")
    service.close()
    spool.put(uuid4(), sealed)
    assert "this box is revoked" in alpr_edge("deliver", "--config", config).stderr
    assert hit.id in dict(spool.refused())
    for _, path in spool.refused():
        week = (datetime.now(UTC) - timedelta(days=8)).timestamp()
        os.utime(path, (week, week))
    assert "refused hits forgotten: 2" in alpr_edge("deliver", "--config", config).stderr
    assert list((box / "spool").iterdir()) == []
    assert "hits waiting for the department: 0" in alpr_edge("check", "--config", config).stdout


@pytest.fixture
def signed_office(tmp_path: Path) -> Iterator[tuple[Office, Settings, dict[str, SigningKey]]]:
    """Run a service whose list two people sign; return it with its settings and the people's keys."""
    state = tmp_path / "office"
    settings = Settings(state=state, list_signing="people")
    config = tmp_path / "service.toml"
    config.write_text('list_signing = "people"\nstate = "unused"\n')
    keys = {name: SigningKey.generate() for name in ("ann", "bob")}
    service = open_service(settings)
    now = datetime.now(UTC)
    with service.database.begin() as session:
        for name, key in keys.items():
            session.add(
                PersonRow(
                    id=name, name=name, full_name=name, roles=["approver"], password="", secret=b"",
                    signing_key=b"", key_id=key.public.id, created=now, last_seen=now, sponsors=[], sponsored=now,
                )
            )  # fmt: skip
    for name, key in keys.items():
        list_keys.register(service, ADA, name, key.public.to_text())
        list_keys.confirm(service, CORA, key.public.id, key.public.id)
    service.close()
    office = serve(state, 0, "--config", str(config))
    yield office, settings, keys
    office.stop()


def test_a_real_box_takes_what_people_signed_and_nothing_that_the_service_alone_made(
    signed_office: tuple[Office, Settings, dict[str, SigningKey]],
    clip: tuple[Path, list[str]],
    tmp_path: Path,
) -> None:
    """Two people sign at their desks: the box alerts. The service's key alone: the box refuses, and says so."""
    office, settings, keys = signed_office
    path, plates = clip
    config = enrolled(office, tmp_path / "box", path)
    list_plates(office, plates[0], settings=settings)
    assert alpr_edge("run", "--config", str(config), "--json").returncode == 0
    assert stored(office) == 0, "nobody has signed yet"
    service = open_service(settings)
    version, waiting = (
        1,
        list_signing.content(service, SignedIn(replace(CORA, name="ann"), "0" * 64, "", ""), 1),
    )
    for name, key in keys.items():
        found = review(waiting, key, None, datetime.now(UTC))
        list_signing.add_signature(service, replace(CORA, name=name), version, found.detached.to_bytes())
    runs = [alpr_edge("run", "--config", str(config), "--json") for _ in range(2)]
    assert events(runs[1])[-1]["counts"]["hits"] == 1, runs[1].stderr
    check = alpr_edge("check", "--config", str(config))
    assert "signed by ann and bob" in check.stdout
    assert "stated to be current" in check.stdout
    with service.database.read() as session:
        (box,) = registry.device_keys(session).values()
    stolen = service.secrets.service
    now = datetime.now(UTC).replace(microsecond=0)
    entries = [*found.hot_list.entries, replace(found.hot_list.entries[0], id="e9", plate=plates[1])]
    forged = make(
        entries, department="department", version=9, issued=now, expires=now + timedelta(days=1)
    ).signed_by(stolen)
    said = state_current(
        stolen, department="department", version=9, digest=forged.digest.hex(), issued=now,
        expires=now + timedelta(hours=1),
    )  # fmt: skip
    lists = [each for each in (tmp_path / "box").rglob("*.sealed") if each.name != "list.sealed"]
    assert len(lists) == 1
    office.stop(signal.SIGKILL)
    lists[0].write_bytes(seal(forged.stated_by(said), [box.seal_key]))
    away = events(alpr_edge("run", "--config", str(config), "--json"))
    assert any("refused: step 6" in each.get("text", "") for each in away)
    assert away[-1]["counts"]["hits"] == 1, "the list that people signed is still in force"
    assert away[-1]["list_version"] == 1
    service.close()
