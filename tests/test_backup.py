"""Backup and restore: whole or not at all, sealed, put back openly, and never a list number twice."""

import base64
import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from api.accounts.people import Role
from api.cli import app
from api.core.errors import ConflictError, InvalidError, ListVersionError, StateError
from api.core.service import Service, open_service
from api.core.serving import serving
from api.core.settings import Settings
from api.core.vault import _KeyRow
from api.db.models import AuditRow, Base, CountRow, HitRow, SessionRow
from api.devices import registry
from api.lists import list_gaps, publishing
from api.lists.list_age import check_lists
from api.oversight import backup, backup_lines, restoring
from hitonly_core import sealed_stream
from hitonly_core.errors import KeyFileError, SealError
from hitonly_core.keys import SealKey, SigningKey, VerifyKey
from tests.api_kit import PLATE, Desk, make_entry, make_hit, registration
from tests.postgres_kit import BIN, Cluster

RECOVERY = SealKey.generate()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a department with a person, a unit, a list and a hit under review."""
    desk = Desk(tmp_path / "old")
    desk.sign_in("ada", Role.ADMINISTRATOR)
    desk.approve(make_entry())
    publishing.publish(desk.service, "person:ada")
    box = desk.box(published=False)
    hit = make_hit(captured=desk.clock())
    assert box.deliver(box.sealed(hit)).json()["results"][0]["status"] == "stored"
    yield desk
    desk.service.close()


def saved(desk: Desk, folder: Path) -> Path:
    """Make a backup."""
    out = folder / "one.backup"
    assert backup.make(desk.service, out, RECOVERY.public) == out.stat().st_size
    return out


def opened(file: Path) -> bytes:
    """Return what is in a backup, as whoever holds the recovery key reads it."""
    with file.open("rb") as stream:
        return b"".join(sealed_stream.read_sealed(stream, RECOVERY, backup.FORMAT))


def rows(service: Service) -> dict[str, list[tuple[object, ...]]]:
    """Return every row of every table."""
    with service.database.read() as session:
        return {
            table.name: sorted((tuple(row) for row in session.execute(select(table))), key=repr)
            for table in Base.metadata.sorted_tables
        }


ENDED = {"openings", "sessions", "recovery_codes", "invitations", "device_codes", "repeats"}
"""Tables whose rows end with a restore."""
GROWN = {"audit", "audit_nodes", "checkpoints", "list_gaps", "hits", "counts", "nonces"}
"""Tables that a restore itself writes to."""


def test_a_restored_service_is_the_same_but_for_what_ends_and_what_is_recorded(
    desk: Desk, tmp_path: Path
) -> None:
    """Row by row; keys and authority byte by byte; the log goes on, and says what was done."""
    before, file = rows(desk.service), saved(desk, tmp_path)
    new = Settings(state=tmp_path / "new")
    done = restoring.put_back(new, file, RECOVERY, "the disk failed")
    service = open_service(new)
    after = rows(service)
    assert {name for name in before if before[name] and name not in ENDED | GROWN} >= {
        "people",
        "devices",
        "lists",
    }
    for name, content in before.items():
        if name in ENDED:
            assert after[name] == []
        elif name not in GROWN:
            assert after[name] == content, name
    assert set(before["audit"]) < set(after["audit"])
    assert set(before["nonces"]) < set(after["nonces"]), "what was used stays used"
    assert [row[:2] for row in set(after["nonces"]) - set(before["nonces"])] == [("", "forgotten")]
    for name in backup_lines.FILES:
        if name != "high-water.json":
            assert (new.state / name).read_bytes() == (desk.settings.state / name).read_bytes(), name
            private = not name.endswith((".pub", ".pem"))
            assert (new.state / name).stat().st_mode & 0o777 == (0o600 if private else 0o644)
    with service.database.read() as session:
        last = session.scalars(select(AuditRow).order_by(AuditRow.seq.desc()).limit(1)).one()
        assert (last.act, last.actor, last.result) == ("database.restore", "operator", "flagged")
        told = json.loads(last.detail)
        assert told["reason"].startswith("the disk failed; backup of 2030-01-07T")
        assert told["hits_lost"] == done.taken.lost_hits == 1
        assert session.query(SessionRow).count() == session.query(HitRow).count() == 0
        ended = session.scalars(select(CountRow.n).where(CountRow.what == "expired")).all()
        assert list(ended) == [1], "a hit whose key is gone is counted, not forgotten"
    service.close()
    assert done.service_key == desk.service.secrets.service.public.id


def test_a_hit_whose_key_survived_elsewhere_is_still_there(desk: Desk, tmp_path: Path) -> None:
    """The keys' database is on another server: what it holds can be opened, with its old deadline."""
    file, keys = saved(desk, tmp_path), f"sqlite:///{desk.settings.state / 'hit-keys.sqlite3'}"
    before = rows(desk.service)["hits"]
    new = Settings(state=tmp_path / "new", keys_url=keys)
    assert restoring.put_back(new, file, RECOVERY, "the disk failed").taken.lost_hits == 0
    service = open_service(new)
    assert rows(service)["hits"] == before
    service.close()


def test_the_file_tells_nothing_without_the_recovery_key_and_never_a_hits_key(
    desk: Desk, tmp_path: Path
) -> None:
    """A search for plates, people and keys: found in what is opened (the control), not in the file."""
    file = saved(desk, tmp_path)
    inside, outside = opened(file), file.read_bytes()
    signing = desk.service.secrets.service.raw
    for known in (PLATE.encode(), b"ada", base64.b64encode(SigningKey(signing).to_text().encode())):
        assert known in inside
        assert known not in outside
    with desk.service.vault._keys.read() as session:
        keys = list(session.scalars(select(_KeyRow.key)))
    assert len(keys) == 1
    for key in keys:
        assert key not in inside
        assert base64.b64encode(key) not in inside


def cuts(size: int) -> list[int]:
    """Return places to cut a file at: its edges, those of its first line and pieces, and some between."""
    return sorted({0, 1, 40, 2_000, size // 3, size // 2, size - 17, size - 16, size - 1})


def test_a_file_that_is_cut_off_altered_or_anothers_changes_nothing(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every cut, a flipped bit, a piece left out, another recovery key: an error before a byte is written."""
    monkeypatch.setattr(sealed_stream, "PIECE", 4096)
    file = saved(desk, tmp_path)
    content = file.read_bytes()
    assert len(content) > 2 * sealed_stream.PIECE, "several pieces, so that one can be left out"
    new, bad = Settings(state=tmp_path / "new"), tmp_path / "bad.backup"
    first = content.index(b"\n") + 1
    piece = sealed_stream.PIECE + 16
    tries = [content[:cut] for cut in cuts(len(content))]
    tries += [content[: first + piece], content[:first] + content[first + piece :], content + b"\0"]
    for place in (10, first - 5, first + 3, first + piece + 9, len(content) - 1):
        tries.append(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    for wrong in tries:
        bad.write_bytes(wrong)
        with pytest.raises((SealError, StateError)):
            restoring.put_back(new, bad, RECOVERY, "try")
    with pytest.raises(SealError, match="another key") as refused:
        restoring.put_back(new, file, SealKey.generate(), "try")
    assert RECOVERY.public.id in refused.value.hint
    assert not new.state.exists()
    with pytest.raises(InvalidError):
        restoring.put_back(new, file, RECOVERY, " ")
    restoring.put_back(new, file, RECOVERY, "the control: the file itself is good")


def test_another_services_backup_is_refused_by_the_key_that_was_kept(desk: Desk, tmp_path: Path) -> None:
    """Anybody can seal to the recovery key; nobody else has the private half of service.pub."""
    file = saved(desk, tmp_path)
    pub = tmp_path / "service.pub"
    SigningKey.generate().public.save(pub)
    with pytest.raises(StateError, match="a service with the key"):
        restoring.put_back(
            Settings(state=tmp_path / "new"), file, RECOVERY, "try", expected=VerifyKey.load(pub)
        )
    right = desk.service.secrets.service.public
    restoring.put_back(Settings(state=tmp_path / "new"), file, RECOVERY, "try", expected=right)


def test_nothing_is_ever_written_over(desk: Desk, tmp_path: Path) -> None:
    """A database with rows, a folder of another service, a backup of that name: refused, and left as they are."""
    file = saved(desk, tmp_path)
    with pytest.raises(StateError, match="already there"):
        backup.make(desk.service, file, RECOVERY.public)
    with pytest.raises(StateError, match="not empty"):
        restoring.put_back(desk.settings, file, RECOVERY, "try")
    other = Desk(tmp_path / "other")
    other.service.close()
    (other.settings.state / "service.key").unlink()
    SigningKey.generate().save(other.settings.state / "service.key")
    (other.settings.state / "service.sqlite3").unlink()
    kept = {path.name: path.read_bytes() for path in other.settings.state.iterdir() if path.is_file()}
    with pytest.raises(StateError, match=r"service\.key is there already"):
        restoring.put_back(other.settings, file, RECOVERY, "try")
    left = {path.name: path.read_bytes() for path in other.settings.state.iterdir() if path.is_file()}
    assert left == {**kept, ".serving.lock": b""}


def test_a_running_service_is_not_restored_under(desk: Desk, tmp_path: Path) -> None:
    """Nor is one started while a restore is at work."""
    file, new = saved(desk, tmp_path), Settings(state=tmp_path / "new")
    with serving(new.state), pytest.raises(StateError, match="running"):
        restoring.put_back(new, file, RECOVERY, "try")
    restoring.put_back(new, file, RECOVERY, "try")


def test_on_the_same_machine_the_newer_mark_is_named_in_the_record(desk: Desk, tmp_path: Path) -> None:
    """The database alone was lost: the folder stays, and the log says which end was given up."""
    file = saved(desk, tmp_path)
    registry.revoke(desk.service, "camera-1", "person:ada", "stolen")
    desk.service.close()
    mark = desk.service.high_water.read()
    assert mark
    assert mark.end
    for path in desk.settings.state.glob("service.sqlite3*"):
        path.rename(tmp_path / path.name)
    done = restoring.put_back(desk.settings, file, RECOVERY, "the file was damaged")
    assert done.taken.until == mark.end.at
    assert done.taken.lost_hits == 0, "its key is in the folder"
    service = open_service(desk.settings)
    with service.database.read() as session:
        told = json.loads(
            session.scalars(select(AuditRow.detail).order_by(AuditRow.seq.desc())).first() or ""
        )
    assert (told["expected"], told["root"]) == (mark.end.seq, mark.end.digest)
    now = service.high_water.read()
    assert now
    assert [end.seq for end in now.replaced] == [mark.end.seq]
    service.close()


def test_a_restore_that_dies_half_way_is_done_again(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of the rows: no row stays, and the same command succeeds."""
    file, new = saved(desk, tmp_path), Settings(state=tmp_path / "new")
    real = backup_lines._values
    count = 0

    def dying(table: object, row: object) -> object:
        nonlocal count
        count += 1
        if count == 30:
            raise KeyboardInterrupt
        return real(table, row)  # type: ignore[arg-type]

    monkeypatch.setattr(backup_lines, "_values", dying)
    with pytest.raises(KeyboardInterrupt):
        restoring.put_back(new, file, RECOVERY, "the disk failed")
    monkeypatch.undo()
    restoring.put_back(new, file, RECOVERY, "the disk failed")
    open_service(new).close()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """Return a file system of its own with room for little."""
    place = tmp_path / "small"
    place.mkdir(mode=0o700)
    command = ["mount", "-t", "tmpfs", "-o", "size=16k,mode=0700", "tmpfs", str(place)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount a file system")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_is_said_and_nothing_is_left(desk: Desk, tmp_path: Path, small: Path) -> None:
    """Neither a backup nor a restore leaves half of something; no record claims a backup that is not there."""
    with pytest.raises(StateError, match="No space left"):
        backup.make(desk.service, small / "one.backup", RECOVERY.public)
    assert list(small.iterdir()) == []
    assert backup.ACT not in desk.acts()
    file = saved(desk, tmp_path)
    assert backup.ACT in desk.acts()
    with pytest.raises(StateError, match=r"No space left|SQLITE_FULL|SQLITE_IOERR"):
        restoring.put_back(Settings(state=small / "new"), file, RECOVERY, "try")


def test_list_numbers_jump_over_every_one_that_a_unit_can_have_seen(desk: Desk, tmp_path: Path) -> None:
    """However many were published since, on either clock; a second restore jumps again."""
    file = saved(desk, tmp_path)
    seen = [publishing.publish(desk.service, "person:ada") for _ in range(7)]
    first = Settings(state=tmp_path / "first")
    number = restoring.put_back(first, file, RECOVERY, "one").taken.next_list
    service = open_service(first)
    assert publishing.renew(service), "at once: units refuse the version of the backup"
    newest = publishing.latest(service)
    assert newest
    assert newest.version == number > max(seen)
    assert not publishing.renew(service)
    again = tmp_path / "two.backup"
    backup.make(service, again, RECOVERY.public)
    service.close()
    second = Settings(state=tmp_path / "second")
    assert restoring.put_back(second, again, RECOVERY, "two").taken.next_list > number + list_gaps.FEWEST - 1


def test_the_jump_is_a_number_for_each_second_and_a_million_at_least(desk: Desk) -> None:
    """A wrong clock, also one before the backup, makes it no smaller."""
    start = datetime(2030, 1, 1, tzinfo=UTC)
    for passed, least in (
        (timedelta(days=-400), 1_000_000),
        (timedelta(0), 1_000_000),
        (timedelta(days=60), 5_184_000),
    ):
        with desk.service.database.begin() as session:
            assert list_gaps.set_aside(session, since=start, now=start + passed) == least


def test_hits_matched_against_lost_versions_are_treated_by_rule(desk: Desk, tmp_path: Path) -> None:
    """Captured while the lost list can have been in use: taken. Otherwise, and of no number ever given: refused."""
    file = saved(desk, tmp_path)
    new = Settings(state=tmp_path / "new")
    done = restoring.put_back(new, file, RECOVERY, "one")
    service = open_service(new)
    restored = service.now()
    hit = make_hit()
    since = datetime.fromisoformat(done.taken.since or "")

    def tried(version: int, captured: datetime | None) -> bool:
        matched = replace(hit, matches=(replace(hit.matches[0], list_version=version),))
        try:
            with service.database.read() as session:
                check_lists(session, matched, captured=captured)
        except ListVersionError:
            return False
        return True

    lost, until = 2, max(since, restored)
    for captured in (since + timedelta(minutes=1), until, until + timedelta(hours=23), None):
        assert tried(lost, captured)
    assert not tried(lost, since - timedelta(hours=1)), "before anything was lost"
    assert not tried(lost, until + timedelta(hours=25)), "no list may be in use for so long (R7)"
    assert not tried(done.taken.next_list, until), "not given yet"
    service.close()


def test_the_command_line_leads_from_a_key_to_a_restored_service(desk: Desk, tmp_path: Path) -> None:
    """The three commands, as the runbook has them."""
    key, out = tmp_path / "recovery.key", tmp_path / "out.backup"
    state = ["--state", str(desk.settings.state)]
    run = CliRunner().invoke
    assert run(app, ["backup-key", str(key)]).exit_code == 0
    assert key.stat().st_mode & 0o777 == 0o600
    assert isinstance(run(app, ["backup-key", str(key)]).exception, KeyFileError), "never over another"
    made = run(app, ["backup", "--to", f"{key}.pub", "--out", str(out), *state])
    assert made.exit_code == 0, made.output
    new = str(tmp_path / "new")
    arguments = ["restore", str(out), "--key", str(key), "--reason", "disk", "--state", new]
    arguments += ["--service-key", str(desk.settings.state / "service.pub")]
    done = run(app, arguments)
    assert done.exit_code == 0, done.output
    assert "the next hot list is version 10000" in done.output
    assert isinstance(run(app, arguments).exception, StateError)
    with pytest.raises(ConflictError):
        run(app, ["accept-restore", "--reason", "x", "--state", new], catch_exceptions=False)


@pytest.mark.system(str(BIN / "initdb"))
def test_a_backup_of_sqlite_is_restored_on_postgresql_and_back(desk: Desk, tmp_path: Path) -> None:
    """The rows are the same, counters go on after them, and a PostgreSQL backup is one moment of it."""
    cluster = Cluster()
    try:
        file = saved(desk, tmp_path)
        there = Settings(state=tmp_path / "there", database_url=cluster.database())
        restoring.put_back(there, file, RECOVERY, "moved")
        service = open_service(there)
        for name, content in rows(desk.service).items():
            if name not in ENDED | GROWN:
                assert rows(service)[name] == content, name
        registry.register(service, registration("camera-2"), "operator")
        second = tmp_path / "two.backup"
        backup.make(service, second, RECOVERY.public)
        kept = rows(service)
        service.close()
        back = Settings(state=tmp_path / "back")
        restoring.put_back(back, second, RECOVERY, "moved back")
        service = open_service(back)
        for name, content in kept.items():
            if name not in ENDED | GROWN:
                assert rows(service)[name] == content, name
        service.close()
    finally:
        cluster.stop()
