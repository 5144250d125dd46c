"""Where a hit's contents lie: each encrypted under a key of its own, so that its key's end is its own end.

The ciphertext stands in the main database; the keys stand in another one, with one small table, which is not
backed up with the data (docs/service.md). So a hit in an old backup is gone with its key. The order of the
two writes makes every crash harmless: a key is stored before the hit it opens, and destroyed after the hit's
end is committed; `sweep` removes keys that a crash between the two left over.
"""

import os
import secrets
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import LargeBinary, String, delete, literal, make_url, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from api.core.errors import DestroyedError
from api.core.secrets import KEY, decrypt, encrypt
from api.db.engine import Database
from api.db.types import Moment

_PADDING: Final = 4096
_GRACE: Final = timedelta(minutes=10)
"""A key younger than this may belong to a hit that is just being stored."""


class _Base(DeclarativeBase):
    """The keys' database."""


class _KeyRow(_Base):
    """One hit's key."""

    __tablename__ = "hit_keys"

    hit: Mapped[str] = mapped_column(String(36), primary_key=True)
    key: Mapped[bytes] = mapped_column(LargeBinary)
    made: Mapped[datetime] = mapped_column(Moment)


class Vault:
    """Seals and opens hits, and destroys them.

    Args:
        url: the keys' database. On SQLite deleted rows are overwritten where they lay, and so is the rollback
            journal, which holds the page as it was before.
    """

    def __init__(self, url: str) -> None:
        self._keys = Database(url, journal="PERSIST", pooled=False)
        self._journal = None if self._keys.postgres else _journal_of(url)
        _Base.metadata.create_all(self._keys.engine)

    def seal(self, hit: str, content: bytes, now: datetime) -> bytes:
        """Encrypt a hit under a new key, which is committed before this returns."""
        key = secrets.token_bytes(KEY)
        with self._keys.begin() as session:
            session.merge(_KeyRow(hit=hit, key=key, made=now))
            self._overwrite_buffers(session)
        return encrypt(key, content, hit)

    def seal_beside(self, hit: str, content: bytes, what: str) -> bytes:
        """Encrypt something that belongs to a hit under the hit's own key, with which it ends.

        Raises:
            DestroyedError: its key is gone.
        """
        return encrypt(self._key(hit), content, f"{hit}:{what}")

    def open(self, hit: str, sealed: bytes, what: str = "") -> bytes:
        """Decrypt a hit, or `what` was sealed beside it.

        Raises:
            DestroyedError: its key is gone.
            StateError: the ciphertext was altered.
        """
        return decrypt(self._key(hit), sealed, f"{hit}:{what}" if what else hit)

    def _key(self, hit: str) -> bytes:
        """Return a hit's key.

        Raises:
            DestroyedError: it is gone.
        """
        with self._keys.read() as session:
            key = session.scalar(select(_KeyRow.key).where(_KeyRow.hit == hit))
            self._overwrite_buffers(session)
        if key is None:
            raise DestroyedError("the hit's key has been destroyed, and the hit with it")
        return key

    def destroy(self, hits: Iterable[str]) -> None:
        """Destroy the keys of hits whose end is committed."""
        with self._keys.begin() as session:
            session.execute(delete(_KeyRow).where(_KeyRow.hit.in_(list(hits))))
        self._scrub()

    def sweep(self, live: Collection[str], now: datetime) -> int:
        """Destroy every key, older than a few minutes, that belongs to no live hit; return how many."""
        with self._keys.begin() as session:
            old = session.scalars(select(_KeyRow.hit).where(_KeyRow.made < now - _GRACE))
            orphans = [hit for hit in old if hit not in live]
            if orphans:
                session.execute(delete(_KeyRow).where(_KeyRow.hit.in_(orphans)))
        self._scrub()
        return len(orphans)

    def _overwrite_buffers(self, session: Session) -> None:
        """Send and read something longer than a key over the same connection, whose buffers outlive the key.

        SQLite has a connection for each use here, whose pages go with it (`Database`).
        """
        if self._keys.postgres:
            session.execute(select(literal("0" * _PADDING)))

    def _scrub(self) -> None:
        """Overwrite the journal, where the destroyed key stood a moment ago; also after a crash, at the next sweep.

        No other writer can begin one meanwhile: the transaction here holds the database's lock, and writes
        nothing itself.
        """
        if self._journal is None:
            return
        with self._keys.begin() as session:
            session.execute(select(1))
            _overwrite(self._journal)

    def close(self) -> None:
        """Give the connections back."""
        self._keys.close()


def _journal_of(url: str) -> Path | None:
    """Return where SQLite keeps the rollback journal of a database; None for one in memory."""
    name = make_url(url).database
    return Path(f"{name}-journal") if name and name != ":memory:" else None


def _overwrite(path: Path) -> None:
    """Overwrite a file with zeros where it lies, and see them to the disk."""
    try:
        with path.open("r+b") as file:
            file.write(bytes(path.stat().st_size))
            file.flush()
            os.fsync(file.fileno())
    except FileNotFoundError:
        return
