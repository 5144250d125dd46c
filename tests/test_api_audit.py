import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from typer.testing import CliRunner

from api.accounts import people
from api.accounts.people import Role
from api.cli import app
from api.core import audit
from api.core.audit import Act
from api.core.errors import AuditError, ChainError, StateError
from api.core.service import Service
from api.db.models import AuditRow, InvitationRow
from api.oversight import audit_export, review_week
from hitonly_core.keys import SigningKey
from tests.api_kit import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a department with a log of twelve records."""
    desk = Desk(tmp_path / "state")
    for number in range(12):
        desk.service.record(Act("person:dora", "hit.open", f"hit:{number}", "review-alert", "30-1"))
        desk.clock.move(seconds=1.234)
    yield desk
    desk.service.close()


def forget_from(connection: Connection, seq: int) -> None:
    """Cut the log off as somebody with the database and without a key does: from a record on, tree and all."""
    for table in ("audit", "audit_nodes"):
        connection.exec_driver_sql(f"DROP TRIGGER {table}_no_delete")
    connection.exec_driver_sql("DELETE FROM audit WHERE seq >= ?", (seq,))
    connection.exec_driver_sql("DELETE FROM audit_nodes WHERE (place + 1) << level >= ?", (seq,))
    connection.exec_driver_sql("DELETE FROM checkpoints WHERE seq >= ?", (seq,))
    for table in ("audit", "audit_nodes"):
        connection.exec_driver_sql(
            f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} "
            "BEGIN SELECT RAISE(ABORT, 'append-only'); END"
        )


def export(desk: Desk, folder: Path) -> Path:
    """Write an export."""
    path = folder / "audit.ndjson"
    path.write_bytes(b"".join(audit_export.export(desk.service, "person:ada")))
    return path


def test_an_export_is_checked_without_the_service(desk: Desk, tmp_path: Path) -> None:
    """Thirteen records: the export itself is the last."""
    path = export(desk, tmp_path)
    assert audit_export.verify_file(path, desk.service.secrets.service.public) == 13
    key = desk.settings.state / "service.pub"
    done = CliRunner().invoke(app, ["audit", "verify", str(path), "--key", str(key)])
    assert done.exit_code == 0
    assert "13 records, unbroken" in done.output


CUTS: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "one altered": lambda lines: [line.replace(b'"hit:4"', b'"hit:5"') for line in lines],
    "one removed": lambda lines: lines[:5] + lines[6:],
    "two exchanged": lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]],
    "end cut off": lambda lines: [*lines[:9], lines[-1]],
    "end and checkpoint cut off": lambda lines: lines[:9],
    "cut at an older checkpoint": lambda lines: [*lines[:13], lines[14]],
    "a record of another shape": lambda lines: [*lines[:4], b'{"record": [1]}\n', *lines[5:]],
    "nested without end": lambda lines: [*lines[:4], b"[" * 50_000 + b"\n", *lines[5:]],
    "a number without end": lambda lines: [line.replace(b'"seq":7', b'"seq":1e400') for line in lines],
    "one doubled": lambda lines: [*lines[:5], lines[4], *lines[5:]],
    "time altered": lambda lines: [line.replace(b"T03:00:01", b"T03:00:02") for line in lines],
}


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS.keys())
def test_whatever_is_done_to_an_export_is_seen(
    desk: Desk, tmp_path: Path, cut: Callable[[list[bytes]], list[bytes]]
) -> None:
    """Altered, removed, reordered or cut: named, not passed over (R12)."""
    with desk.service.database.begin() as session:
        audit.checkpoint(session, desk.service.secrets.service, desk.clock())
    path = export(desk, tmp_path)
    assert audit_export.verify_file(path, desk.service.secrets.service.public) == 13
    path.write_bytes(b"".join(cut(path.read_bytes().splitlines(keepends=True))))
    with pytest.raises(ChainError):
        audit_export.verify_file(path, desk.service.secrets.service.public)


def test_an_export_rewritten_under_another_key_is_refused(desk: Desk, tmp_path: Path) -> None:
    """Whoever rewrites the chain cannot sign it."""
    with pytest.raises(ChainError, match="not signed"):
        audit_export.verify_file(export(desk, tmp_path), SigningKey.generate().public)


def test_a_history_that_the_service_rewrote_is_seen_by_what_a_device_holds(
    desk: Desk, tmp_path: Path
) -> None:
    """Fork: the same key signs another chain. The devices' signed ends tell it from the true one (R12)."""
    key = desk.service.secrets.service
    with desk.service.database.begin() as session:
        mark = audit.checkpoint(session, key, desk.clock())
    assert mark is not None
    kept = tmp_path / "checkpoint.json"
    kept.write_text(json.dumps(mark.to_json()))
    [end] = audit_export.read_ends(kept)
    path = export(desk, tmp_path)
    assert audit_export.verify_file(path, key.public, [end]) == 13
    path.unlink()
    with desk.service.database.engine.begin() as connection:
        forget_from(connection, 1)
    for number in range(12):
        desk.service.record(Act("person:dora", "hit.open", f"hit:{number + 100}", "review-alert", "30-1"))
    forged = export(desk, tmp_path)
    assert audit_export.verify_file(forged, key.public) == 13, "alone it looks whole"
    with pytest.raises(ChainError, match="another history"):
        audit_export.verify_file(forged, key.public, [end])
    line = ["audit", "verify", str(forged), "--key", str(desk.settings.state / "service.pub")]
    assert CliRunner().invoke(app, [*line, "--end", str(kept)]).exit_code == 1
    assert CliRunner().invoke(app, line).exit_code == 0


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(line=st.integers(1, 13), place=st.integers(0, 400), value=st.integers(32, 126))
def test_an_export_with_any_character_altered_is_refused(
    desk: Desk, tmp_path: Path, line: int, place: int, value: int
) -> None:
    """Offline, whatever was altered: named as broken, never a crash, never passed over."""
    path = tmp_path / "altered.ndjson"
    exported = tmp_path / "whole.ndjson"
    if not exported.exists():
        exported.write_bytes(b"".join(audit_export.export(desk.service, "person:ada")))
    lines = exported.read_bytes().splitlines(keepends=True)
    target = lines[line]
    at = place % (len(target) - 1)
    lines[line] = target[:at] + bytes([value]) + target[at + 1 :]
    path.write_bytes(b"".join(lines))
    if _same(lines[line], target):
        return
    with pytest.raises(ChainError):
        audit_export.verify_file(path, desk.service.secrets.service.public)


def _same(one: bytes, other: bytes) -> bool:
    """Whether two lines are the same JSON."""
    try:
        return bool(json.loads(one) == json.loads(other))
    except ValueError:
        return False


def test_times_are_utc_to_a_hundredth_and_never_run_back(desk: Desk) -> None:
    """A wall clock that steps back does not reorder the log (R12)."""
    desk.clock.move(hours=-5)
    desk.service.record(Act("service", "test"))
    with desk.service.database.read() as session:
        times = [row.at for row in session.query(AuditRow).order_by(AuditRow.seq)]
    assert times[0] == "2030-01-07T03:00:00.00Z"
    assert times[1] == "2030-01-07T03:00:01.23Z"
    assert times == sorted(times)


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'x'", "DELETE FROM audit WHERE seq = 3"])
def test_the_table_itself_refuses_to_forget(desk: Desk, statement: str) -> None:
    """Triggers guard it beside the chain."""
    with pytest.raises(DBAPIError, match="append-only"), desk.service.database.begin() as session:
        session.execute(text(statement))


def test_an_act_that_cannot_be_recorded_does_not_happen(desk: Desk) -> None:
    """The log broken, nobody can be invited, and nothing of it is left (R12)."""
    with desk.service.database.begin() as session:
        session.execute(text("ALTER TABLE audit RENAME TO audit_gone"))
    with pytest.raises(AuditError):
        people.invite(desk.service, frozenset({Role.REVIEWER}), "service")
    assert desk.count(InvitationRow) == 0


def test_writers_at_the_same_moment_take_turns(desk: Desk) -> None:
    """Eight threads, no number twice, no gap, the chain whole."""
    _write_together(desk.service)
    with desk.service.database.begin() as session:
        mark = audit.checkpoint(session, desk.service.secrets.service, desk.clock())
        rows = [
            {**audit.record(row), "digest": row.digest}
            for row in session.query(AuditRow).order_by(AuditRow.seq)
        ]
    assert mark is not None
    assert audit.verify(rows, [mark], desk.service.secrets.service.public)[0] == 12 + 80


def _write_together(service: Service) -> None:
    """Write ten records from each of eight threads."""

    def write() -> None:
        for _ in range(10):
            service.record(Act("service", "test"))

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_a_log_that_was_cut_off_is_said_to_be_cut(desk: Desk, tmp_path: Path) -> None:
    """Whoever has the database and no key deletes the last records: the service says so, and so does the export."""
    ada = desk.sign_in("ada", Role.AUDITOR)
    desk.service.note_end()
    mark = desk.service.high_water.read()
    assert mark
    assert mark.end
    kept = tmp_path / "audit-ends.jsonl"
    kept.write_text(json.dumps(mark.end.to_json()) + "\n")
    assert "unbroken" in ada.post("/audit/check").text, "the control"
    with desk.service.database.engine.begin() as connection:
        forget_from(connection, 9)
    assert "it was cut off" in ada.post("/audit/check").text
    assert "cut off" in ada.get("/devices").text
    assert "cut off" in ada.get("/audit").text
    exported = export(desk, tmp_path)
    key = desk.service.secrets.service.public
    assert audit_export.verify_file(exported, key) < mark.end.seq, "alone it looks whole"
    line = ["audit", "verify", str(exported), "--key", str(desk.settings.state / "service.pub")]
    done = CliRunner().invoke(app, [*line, "--end", str(kept)])
    assert done.exit_code == 1
    assert isinstance(done.exception, ChainError)


@pytest.mark.parametrize("more", [0, 20], ids=["shorter", "grown longer again"])
def test_the_end_outside_the_database_never_moves_back(desk: Desk, more: int) -> None:
    """A shorter log, or another one of any length, leaves the signed end where it was."""
    desk.service.note_end()
    before = desk.service.high_water.read()
    with desk.service.database.engine.begin() as connection:
        forget_from(connection, 9)
    for _ in range(more):
        desk.service.record(Act("service", "test"))
    with pytest.raises(StateError):
        desk.service.note_end()
    assert desk.service.high_water.read() == before
    assert review_week.BROKEN in review_week.check_chain(desk.service)


def test_a_tree_that_is_not_the_records_is_named(desk: Desk) -> None:
    """Whoever rewrites the stored nodes with the records in place: the check compares both."""
    with desk.service.database.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_nodes_no_update")
        connection.exec_driver_sql("UPDATE audit_nodes SET hash = zeroblob(32) WHERE level = 2")
    assert review_week.BROKEN in review_week.check_chain(desk.service)
