"""Putting a backup back: on a machine without a database, openly, and so that no list number is given twice.

1. the recovery key opens the whole file, and it is of this version's tables;
2. no service runs on the state folder, and its keys, if it has any, are the backup's;
3. the database is empty: nothing is ever written over;
4. keys and authority are put into the state folder;
5. in one transaction: the rows; what was used up since ends (`api.oversight.restore`); numbers of lists that may
   have been published since are set aside; the log says so;
6. the mark beside the keys begins anew, and keeps the end that is given up.

Before step 4 nothing is changed. After a crash in or after it the same command goes on, or the service says that
`accept-restore` is left to do.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import inspect, select
from sqlalchemy.exc import SQLAlchemyError

from api.core.errors import StateError
from api.core.high_water import NAME as MARK
from api.core.service import open_service
from api.core.serving import stopped
from api.core.settings import Settings
from api.db.engine import Database
from api.db.migrate import head
from api.db.models import AuditRow
from api.oversight import restore
from api.oversight.backup import FORMAT
from api.oversight.backup_lines import FILES, SETTINGS, file_of, read_lines, write_rows
from hitonly_core.errors import KeyFileError
from hitonly_core.files import write_durably
from hitonly_core.keys import SealKey, SigningKey, VerifyKey
from hitonly_core.sealed_stream import read_about, read_sealed

ACT: Final = "database.restore"
KEPT_SETTINGS: Final = "settings-of-backup.toml"
_PUBLIC: Final = frozenset({"department.pub", "service.pub", "ca.pem"})


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of it.

    Attributes:
        made: when the backup was made.
        rows: how many rows were put back.
        taken: what ended, and which numbers of lists were set aside.
        service_key: the id of the service's signing key.
        settings: where the backup's settings lie now, if it had any.
    """

    made: str
    rows: int
    taken: restore.TakenOver
    service_key: str
    settings: Path | None


def put_back(
    settings: Settings, backup: Path, key: SealKey, reason: str, *, expected: VerifyKey | None = None
) -> Restored:
    """Restore a backup in the steps above.

    Args:
        settings: the state folder and the database that it goes to.
        backup: the file.
        key: the recovery key.
        reason: stands in the log.
        expected: the service's public key, kept with the recovery key; another service's backup is refused.

    Raises:
        InvalidError: there is no reason.
        SealError: another key, or the file is altered or cut off.
        StateError: a step refuses; says what to do.
    """
    reason = restore.checked_reason(reason)
    try:
        made, files = _look_through(backup, key)  # (1)
        public = _service_key(files)
        if expected is not None and public != expected:
            hint = "Do not restore it: somebody may have put another file in its place."
            raise StateError(f"a backup of a service with the key {public.id}, not {expected.id}", hint=hint)
        with stopped(settings.state):  # (2)
            _check_keys(settings.state, files)
            _check_empty(settings)  # (3)
            _put_files(settings.state, files)  # (4)
            rows, taken = _put_rows(settings, backup, key, f"{reason}; backup of {made}")  # (5), (6)
    except OSError as problem:
        raise StateError(f"{problem.filename or backup} cannot be used: {problem.strerror}") from None
    except SQLAlchemyError as problem:
        hint = "Look for a full disk, or rights that are missing; nothing of the backup's rows was kept."
        raise StateError(f"the database refuses the backup's rows ({_code(problem)})", hint=hint) from None
    kept = settings.state / KEPT_SETTINGS if SETTINGS in files else None
    return Restored(made, rows, taken, public.id, kept)


def _code(problem: SQLAlchemyError) -> str:
    """Return the database's own code for a fault, never its text: that may hold a row."""
    told = getattr(problem, "orig", None)
    return str(
        getattr(told, "sqlite_errorname", None) or getattr(told, "sqlstate", None) or type(problem).__name__
    )


def _look_through(backup: Path, key: SealKey) -> tuple[str, dict[str, bytes]]:
    """Open the whole file once; return when it was made, and the files in it.

    Raises:
        SealError: another key, or the file is altered or cut off.
        StateError: it is another version's, or a line is none.
    """
    with backup.open("rb") as file:
        about = read_about(file, FORMAT)
    files = dict(found for line in _lines(backup, key) if (found := file_of(line)) is not None)
    if about.get("revision") != head():
        hint = "Restore it with the version that made it, then upgrade and run `alpr-api migrate`."
        raise StateError(
            f"the backup's tables are at revision {about.get('revision', '')[:40]}; this version has {head()}",
            hint=hint,
        )
    return about.get("made", ""), files


def _lines(backup: Path, key: SealKey) -> Iterator[dict[str, Any]]:
    with backup.open("rb") as file:
        yield from read_lines(read_sealed(file, key, FORMAT))


def _service_key(files: Mapping[str, bytes]) -> VerifyKey:
    """Return the public half of the service's key that lies in the backup: nobody else has its private half.

    Raises:
        StateError: there is none.
    """
    try:
        return SigningKey.from_text(files["service.key"]).public
    except (KeyError, KeyFileError):
        raise StateError("the backup holds no service's key") from None


def _check_keys(state: Path, files: Mapping[str, bytes]) -> None:
    """Refuse a state folder of another service.

    Raises:
        StateError: a key or authority in it is another than the backup's.
    """
    for name in FILES:
        path = state / name
        if name != MARK and path.exists() and path.read_bytes() != files.get(name):
            hint = f"Move {state} away, or name another --state: nothing is written over."
            raise StateError(f"{path} is there already, and is not the backup's", hint=hint)


def _check_empty(settings: Settings) -> None:
    """Refuse a database that holds anything.

    Raises:
        StateError: it does.
    """
    database = Database(settings.main_database)
    try:
        tables = inspect(database.engine).get_table_names()
        with database.read() as session:
            filled = AuditRow.__tablename__ in tables and session.scalar(select(AuditRow.seq).limit(1))
        if filled or (tables and AuditRow.__tablename__ not in tables):
            hint = "Move the old one away, or make an empty one: nothing is written over."
            raise StateError("the database to restore into is not empty", hint=hint)
    finally:
        database.close()


def _put_files(state: Path, files: Mapping[str, bytes]) -> None:
    """Put the backup's files into the state folder; a mark that is there stays, because it knows more."""
    for name, content in files.items():
        path = state / (KEPT_SETTINGS if name == SETTINGS else name)
        if (name in FILES and not path.exists()) or name == SETTINGS:
            write_durably(path, content, mode=0o644 if name in _PUBLIC else 0o600)


def _put_rows(settings: Settings, backup: Path, key: SealKey, reason: str) -> tuple[int, restore.TakenOver]:
    """Put the rows back and take the database over, in one transaction; then begin the mark anew."""
    service = open_service(settings, restored=True)
    try:
        with service.database.begin() as session:
            rows = write_rows(session, _lines(backup, key))
            taken = restore.take_over(session, service, ACT, reason)
        service.high_water.replace(service.database, service.now(), service.hit_now())
    finally:
        service.database.close()
        service.vault.close()
    return rows, taken
