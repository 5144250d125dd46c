"""Where a hit's contents lie: each encrypted under a key of its own, so that its key's end is its own end.

The ciphertext stands in the main database; the keys stand in another one, with one small table, which is not
backed up with the data (docs/service.md). So a hit in an old backup is gone with its key. The order of the
two writes makes every crash harmless: a key is stored before the hit it opens, and destroyed after the hit's
end is committed; `sweep` removes keys that a crash between the two left over.
"""

import secrets
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import LargeBinary, String, delete, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from api.db.engine import Database
from api.db.types import Moment
from api.errors import DestroyedError
from api.secrets import KEY, decrypt, encrypt

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
        url: the keys' database. On SQLite its journal is overwritten and deleted pages are zeroed.
    """

    def __init__(self, url: str) -> None:
        self._keys = Database(url, journal="DELETE")
        _Base.metadata.create_all(self._keys.engine)

    def seal(self, hit: str, content: bytes, now: datetime) -> bytes:
        """Encrypt a hit under a new key, which is committed before this returns."""
        key = secrets.token_bytes(KEY)
        with self._keys.begin() as session:
            session.merge(_KeyRow(hit=hit, key=key, made=now))
        return encrypt(key, content, hit)

    def open(self, hit: str, sealed: bytes) -> bytes:
        """Decrypt a hit.

        Raises:
            DestroyedError: its key is gone.
            StateError: the ciphertext was altered.
        """
        with self._keys.read() as session:
            key = session.scalar(select(_KeyRow.key).where(_KeyRow.hit == hit))
        if key is None:
            raise DestroyedError("the hit's key has been destroyed, and the hit with it")
        return decrypt(key, sealed, hit)

    def destroy(self, hits: Iterable[str]) -> None:
        """Destroy the keys of hits whose end is committed."""
        with self._keys.begin() as session:
            session.execute(delete(_KeyRow).where(_KeyRow.hit.in_(list(hits))))

    def sweep(self, live: Collection[str], now: datetime) -> int:
        """Destroy every key, older than a few minutes, that belongs to no live hit; return how many."""
        with self._keys.begin() as session:
            old = session.scalars(select(_KeyRow.hit).where(_KeyRow.made < now - _GRACE))
            orphans = [hit for hit in old if hit not in live]
            if orphans:
                session.execute(delete(_KeyRow).where(_KeyRow.hit.in_(orphans)))
        return len(orphans)

    def close(self) -> None:
        """Give the connections back."""
        self._keys.close()
