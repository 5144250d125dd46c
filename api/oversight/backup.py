"""A backup of everything but the hits' keys, sealed to a recovery key whose private half is kept elsewhere.

It is taken while the service runs, of one moment of the database. Whoever holds the file can do nothing with it;
whoever holds it and the recovery key has the department's keys and is the department.
"""

from contextlib import ExitStack
from pathlib import Path
from typing import Final

from sqlalchemy import text

from api.core.audit import Act
from api.core.clock import stamp
from api.core.errors import StateError
from api.core.service import Service
from api.db.migrate import revision
from api.oversight.backup_lines import SETTINGS, backup_lines, read_state
from hitonly_core.files import writing_durably
from hitonly_core.keys import SealKey, SealPublic
from hitonly_core.sealed_stream import write_sealed

FORMAT: Final = "hitonly/backup/v1"
ACT: Final = "database.backup"


def make_key(path: Path) -> SealPublic:
    """Make a recovery key: the private half in `path`, the public half beside it with ``.pub`` at its end.

    Raises:
        KeyFileError: one of the two is there already, or the folder cannot be written.
    """
    key, beside = SealKey.generate(), path.with_name(f"{path.name}.pub")
    key.public.save(beside)
    try:
        key.save(path)
    except BaseException:
        beside.unlink()
        raise
    return key.public


def make(service: Service, out: Path, to: SealPublic, settings: Path | None = None) -> int:
    """Write a backup, whole or not at all, and record that; return its size in bytes.

    Args:
        service: opened; it may be running elsewhere meanwhile.
        out: where to; never over another file.
        to: the recovery key's public half.
        settings: the file that the service is started with, which is kept with it.

    Raises:
        StateError: the file is there already, or a file cannot be read, or the disk refuses.
        AuditError: it could not be recorded; there is then no backup.
    """
    files = read_state(
        service.settings.state
    )  # before the database: the log may go beyond it, never fall behind
    about = {
        "format": FORMAT,
        "department": service.settings.department,
        "made": stamp(service.now()),
        "revision": revision(service.database),
    }
    if out.exists():
        raise StateError(f"{out} is already there", hint="Give another name: a backup is never written over.")
    try:
        if settings is not None:
            files[SETTINGS] = settings.read_bytes()
        with ExitStack() as stack:
            file = stack.enter_context(writing_durably(out, replace=False))
            session = stack.enter_context(service.database.read())
            if service.database.postgres:
                session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
            write_sealed(file, backup_lines(session, files), to=to, about=about)
            size = file.tell()
            service.record(Act("operator", ACT, detail={"key": to.id, "bytes": size}))
    except OSError as problem:
        where = problem.filename or out
        hint = "Nothing was left there. Give another place with --out."
        raise StateError(f"no backup: {where} cannot be used: {problem.strerror}", hint=hint) from None
    return size
