"""An older database put back, and clocks that step back: what the service keeps outside the database (R19)."""

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api import upkeep
from api.accounts.people import Role
from api.cli import app
from api.core.audit import Act
from api.core.clock import RetentionClock
from api.core.errors import ConflictError, StateError
from api.core.high_water import NAME, HighWater, Mark
from api.core.service import open_service
from api.core.settings import Settings
from api.db.models import AuditRow, DeviceRow, HitRow, RecoveryRow, SessionRow
from api.devices import registry
from api.oversight import restore
from hitonly_core.keys import SigningKey
from tests.api_kit import START, Desk, HandClock, make_entry, make_hit


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a department."""
    desk = Desk(tmp_path / "state")
    yield desk
    desk.service.close()


def put_back(desk: Desk, saved: Path) -> None:
    """Stop the service and put an older main database in its place."""
    desk.service.close()
    for path in desk.settings.state.glob("service.sqlite3*"):
        path.unlink()
    shutil.copy(saved, desk.settings.state / "service.sqlite3")


def save(desk: Desk, folder: Path) -> Path:
    """Copy the main database as a backup does."""
    saved = folder / "backup.sqlite3"
    with contextlib.closing(sqlite3.connect(desk.settings.state / "service.sqlite3")) as connection:
        connection.execute("VACUUM INTO ?", (str(saved),))
    return saved


def test_an_older_database_put_back_is_refused_until_somebody_accepts_it(desk: Desk, tmp_path: Path) -> None:
    """A revoked unit, a used recovery code and an ended cookie do not come back without a word."""
    desk.box()
    desk.sign_in("ada", Role.ADMINISTRATOR)
    saved = save(desk, tmp_path)
    registry.revoke(desk.service, "camera-1", "person:ada", "stolen")
    put_back(desk, saved)
    with pytest.raises(StateError, match="cut off") as refused:
        open_service(desk.settings)
    assert "accept-restore" in refused.value.hint
    state = ["--state", str(desk.settings.state)]
    again = CliRunner().invoke(app, ["people", "release", "ada", *state])
    assert again.exit_code == 1, "no command works on it either"
    assert CliRunner().invoke(app, ["accept-restore", *state, "--reason", " "]).exit_code == 1
    done = CliRunner().invoke(app, ["accept-restore", *state, "--reason", "disk failed"])
    assert done.exit_code == 0, done.output
    service = open_service(desk.settings)
    with service.database.read() as session:
        last = session.query(AuditRow).order_by(AuditRow.seq.desc()).first()
        assert last is not None
        assert (last.act, last.actor, last.result) == (restore.ACT, "operator", "flagged")
        assert json.loads(last.detail)["reason"] == "disk failed"
        assert session.query(SessionRow).count() == session.query(RecoveryRow).count() == 0
        assert session.get_one(DeviceRow, "camera-1").revoked is None, "what the operator is told to do again"
    mark = service.high_water.read()
    assert mark
    assert len(mark.replaced) == 1, "the end that was given up is kept"
    service.close()
    with pytest.raises(ConflictError, match="nothing to accept"):
        restore.accept(desk.settings, "again")


def test_a_database_that_is_gone_or_another_one_is_refused(desk: Desk, tmp_path: Path) -> None:
    """Not only older ones: none at all, and one of another history as long or longer."""
    desk.box()
    desk.service.close()
    other = Desk(tmp_path / "other")
    for _ in range(50):
        other.service.record(Act("service", "test"))
    saved = save(other, tmp_path)
    other.service.close()
    put_back(desk, saved)
    with pytest.raises(StateError, match="rewritten"):
        open_service(desk.settings)
    (desk.settings.state / "service.sqlite3").unlink()
    with pytest.raises(StateError, match="cut off"):
        open_service(desk.settings)


@pytest.mark.parametrize("how", ["gone", "torn", "another service's", "moved back"])
def test_the_mark_itself_is_guarded(desk: Desk, how: str) -> None:
    """Deleted, half-written or foreign: refused, with the way to go on."""
    mark = desk.settings.state / NAME
    desk.box()
    desk.service.close()
    if how == "gone":
        mark.unlink()
    elif how == "torn":
        mark.write_bytes(mark.read_bytes()[:60])
    elif how == "moved back":
        body = json.loads(mark.read_bytes())
        mark.write_text(json.dumps({**body, "end": None}))
    else:
        HighWater(desk.settings.state, SigningKey.generate())._write(Mark(START))
    with pytest.raises(StateError):
        open_service(desk.settings)
    restore.accept(desk.settings, "the mark was lost")
    open_service(desk.settings).close()


def test_a_crash_after_a_record_and_before_the_mark_is_no_restore(desk: Desk) -> None:
    """The database may be ahead of the mark, by any number of records."""
    kept = (desk.settings.state / NAME).read_bytes()
    desk.box()
    desk.service.close()
    (desk.settings.state / NAME).write_bytes(kept)
    service = open_service(desk.settings)
    service.note_end()
    assert (desk.settings.state / NAME).read_bytes() != kept
    service.close()


def pending(desk: Desk) -> str:
    """Deliver a hit, which may wait for an hour; return its id."""
    desk.approve(make_entry())
    box, hit = desk.box(), make_hit(captured=desk.clock())
    assert box.deliver(box.sealed(hit)).json()["results"][0]["status"] == "stored"
    return str(hit.id)


def test_a_clock_set_back_while_the_service_runs_keeps_no_hit_longer(desk: Desk) -> None:
    """The wall clock steps back a year; the hit ends after its hour of boot time all the same."""
    pending(desk)
    desk.clock.move(minutes=30)
    upkeep.expire(desk.service)
    desk.clock.move(days=-365)
    desk.clock.move(minutes=29)
    assert upkeep.expire(desk.service) == 0
    assert desk.count(HitRow) == 1
    desk.clock.move(minutes=1)
    assert upkeep.expire(desk.service) == 1
    assert desk.count(HitRow) == 0


def test_a_clock_set_back_across_a_restart_keeps_no_hit_longer(desk: Desk) -> None:
    """What was kept by before the restart counts on."""
    pending(desk)
    desk.clock.move(minutes=50)
    desk.service.close()
    desk.clock.move(days=-2)
    service = open_service(desk.settings, desk.clock, desk.clock.boot)
    desk.clock.move(minutes=9)
    assert upkeep.expire(service) == 0
    desk.clock.move(minutes=1)
    assert upkeep.expire(service) == 1
    service.close()


def test_a_hit_that_comes_while_the_clock_is_set_back_lives_no_longer_than_any_other(desk: Desk) -> None:
    """Its hour begins and ends on the same clock, also when the wall clock is set right in between."""
    desk.clock.move(hours=-3)
    pending(desk)
    desk.clock.now = START + timedelta(minutes=30)
    desk.clock.move(minutes=59)
    desk.clock.move(minutes=1)
    assert upkeep.expire(desk.service) == 1


def test_the_retention_clock_never_runs_back_or_slower_than_boot_time() -> None:
    """Any steps of the wall clock: at least as much time passes as really did."""
    wall = HandClock()
    clock = RetentionClock(wall, wall.boot)
    last = clock()
    for step in (5, -90, 1, -1, 400, -500, 30, 0, -7, 2):
        wall.move(minutes=step)
        now = clock()
        assert now - last >= timedelta(minutes=max(step, 0))
        last = now
    assert RetentionClock(wall, wall.boot, last)() == last


def test_the_settings_of_one_state_folder_serve_a_fresh_database_only_once(tmp_path: Path) -> None:
    """A first start makes mark and tables together; a second one on an emptied database is refused."""
    settings = Settings(state=tmp_path / "new")
    service = open_service(settings)
    service.record(Act("service", "test"))
    service.close()
    open_service(settings).close()
    (settings.state / "service.sqlite3").unlink()
    with pytest.raises(StateError):
        open_service(settings)
