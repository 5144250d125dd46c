"""The service's machine is lost: a backup on a new one, and the unit on the road goes on without a visit to it."""

import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.core.service import open_service
from api.core.settings import Settings
from api.db.models import AuditRow, EntryRow, HitRow, ListRow
from api.lists import publishing
from benchmarks.fixtures.render import RenderSpec, render
from tests.box_kit import ROOT, alpr_edge, events
from tests.test_edge_delivery import Office, enrolled, list_plates, serve


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Run a department's service."""
    office = serve(tmp_path / "office")
    yield office
    office.stop()


def alpr_api(*arguments: str) -> str:
    """Run `alpr-api` as a person does."""
    command = [sys.executable, "-m", "api.cli", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def publish_again(state: Path, times: int) -> int:
    """Publish further versions; return the last one's number."""
    service = open_service(Settings(state=state))
    try:
        return [publishing.publish(service, "test") for _ in range(times)][-1]
    finally:
        service.close()


def versions(lines: list[dict[str, object]]) -> list[int]:
    """Return which lists a unit took, from what it said."""
    said = " ".join(str(line.get("text", "")) for line in lines)
    return [int(number) for number in re.findall(r"hot list version (\d+) with", said)]


def test_a_unit_goes_on_with_a_service_that_was_restored_on_another_machine(
    office: Office, tmp_path: Path
) -> None:
    """Backup; three more versions; the machine is lost; it is restored elsewhere: the unit takes the new list.

    The hit that the unit made against a lost version, while nobody was there, is delivered and taken.
    """
    path = tmp_path / "road.mp4"
    truth = render(RenderSpec(seed=7, seconds=8, traffic=30), path)
    plate = truth.passes[0].plate
    list_plates(office, plate)
    config = enrolled(office, tmp_path / "box", path)
    key, file = tmp_path / "recovery.key", tmp_path / "one.backup"
    alpr_api("backup-key", str(key))
    alpr_api("backup", "--to", f"{key}.pub", "--out", str(file), "--state", str(office.state))
    held = publish_again(office.state, 3)
    assert alpr_edge("run", "--config", str(config), "--json").returncode == 0
    office.stop(signal.SIGKILL)
    shutil.rmtree(office.state)
    away = alpr_edge("run", "--config", str(config), "--json")
    assert versions(events(away))[-1] == held == 4
    assert events(away)[-1]["counts"]["hits"] == 1
    assert len(list((tmp_path / "box" / "spool").glob("*.hit"))) == 1

    new = tmp_path / "new"
    said = alpr_api(
        "restore", str(file), "--key", str(key), "--reason", "the machine burnt", "--state", str(new)
    )
    jumped = int((re.search(r"next hot list is version (\d+)", said) or pytest.fail(said))[1])
    assert jumped > held
    back = serve(new, int(office.url.rsplit(":", 1)[1]))
    office.process, office.state = back.process, back.state
    ran = alpr_edge("run", "--config", str(config), "--json")
    assert ran.returncode == 0, ran.stderr
    ran = alpr_edge("run", "--config", str(config), "--json")
    assert versions(events(ran))[-1] == jumped, "issued by itself, and taken"
    assert not any("refused" in str(line.get("text", "")) for line in events(ran))
    assert list((tmp_path / "box" / "spool").glob("*.hit")) == []
    office.stop()
    service = open_service(Settings(state=new))
    with service.database.read() as session:
        assert session.query(EntryRow).count() == 1
        assert {row.list_version for row in session.query(HitRow)} >= {held, jumped}
        assert {row.version for row in session.query(ListRow)} == {1, jumped}
        acts = [row.act for row in session.query(AuditRow)]
        assert "database.restore" in acts
        assert "hit.refuse" not in acts
    service.close()
    with_it = alpr_edge("accept-audit-log", "--config", str(config))
    assert with_it.returncode == 0, with_it.stdout + with_it.stderr
    assert json.loads((tmp_path / "box" / "state" / "checkpoint.json").read_text())["seq"] > 0
