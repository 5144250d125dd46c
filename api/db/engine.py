"""A database: SQLite in one file by default, PostgreSQL for several worker processes.

Every write on SQLite begins with ``BEGIN IMMEDIATE``: two writers never read the same end of the audit
chain. PostgreSQL takes an advisory lock for that (api/core/audit.py).
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, QueuePool

from api.core.errors import SettingsError

_READ_ONLY = "hitonly_read_only"
_WAIT = "PRAGMA busy_timeout=60000"  # a long import or list is written in one go: wait, do not fail
_PRAGMAS = (
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA secure_delete=ON",
    _WAIT,
    "PRAGMA cache_size=-32768",  # KiB; the default of 2 MB makes a long import's indices crawl
)


class Database:
    """An engine and its two kinds of transaction.

    Args:
        url: ``sqlite:////path`` or ``postgresql+psycopg://...``.
        journal: SQLite's journal mode; the keys' database uses one that leaves no old pages behind.
        pooled: whether SQLite's connections, and the pages that each has read, are kept for the next use.
    """

    def __init__(self, url: str, *, journal: str = "WAL", pooled: bool = True) -> None:
        try:
            backend = make_url(url).get_backend_name()
        except ArgumentError:
            raise SettingsError("the database URL cannot be read") from None
        if backend not in {"sqlite", "postgresql"}:
            raise SettingsError(f"a {backend} database; SQLite and PostgreSQL are supported")
        self.postgres = backend == "postgresql"
        self.engine = _postgres(url) if self.postgres else _sqlite(url, journal, pooled=pooled)

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """Give a session that writes: all of it is committed at the end, or none of it."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Give a session that only reads, and does not wait for writers."""
        reader = self.engine.execution_options(**{_READ_ONLY: True})
        with Session(reader, expire_on_commit=False) as session:
            yield session

    def forget_old_pages(self) -> bool:
        """Move what SQLite's write-ahead log holds into the database, and cut the log to nothing; whether it could.

        The log keeps pages as they were before a row was deleted, a cancelled entry's plate with them. While
        somebody reads or writes it cannot be cut; the next call does it.
        """
        if self.postgres:
            return True
        try:
            with closing(self.engine.raw_connection()) as connection:
                cursor = connection.cursor()
                cursor.execute("PRAGMA busy_timeout=200")
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                (busy, _, _) = cursor.fetchone() or (1, 0, 0)
                cursor.execute(_WAIT)
        except (sqlite3.Error, SQLAlchemyError):
            return False
        return not busy

    def close(self) -> None:
        """Give every connection back."""
        self.engine.dispose()


def _postgres(url: str) -> Engine:
    """Make a PostgreSQL engine: dead connections are replaced, and no lock is waited for without end."""
    return create_engine(
        url,
        pool_pre_ping=True,
        pool_size=10,
        max_overflow=20,
        hide_parameters=True,
        connect_args={"options": "-c lock_timeout=15000 -c timezone=UTC"},
    )


def _sqlite(url: str, journal: str, *, pooled: bool) -> Engine:
    """Make an SQLite engine whose transactions are begun explicitly."""
    _make_private(url)
    pool = QueuePool if pooled else NullPool
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": 60}, poolclass=pool)

    @event.listens_for(engine, "connect")
    def _prepare(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (f"PRAGMA journal_mode={journal}", *_PRAGMAS):
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get(_READ_ONLY)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def _make_private(url: str) -> None:
    """Make the file before SQLite does, for its owner alone; SQLite gives its journals the mode of the file.

    Raises:
        SettingsError: it cannot be made, or is somebody else's.
    """
    name = make_url(url).database
    if not name or name == ":memory:":
        return
    try:
        Path(name).touch(mode=0o600)
        Path(name).chmod(0o600)
    except OSError as problem:
        raise SettingsError(f"the database {name} cannot be used: {problem.strerror}") from None
