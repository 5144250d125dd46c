"""A sorting table for an import and its approval: on disk, without a name, gone with the process that reads it.

A state's list has millions of rows; which of them say the same is found here, not in memory, and the service's
own database is not locked while the file is read.
"""

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

_CACHE_KIB: Final = 16 * 1024
_PART: Final = 2000


class Prepared(NamedTuple):
    """One entry to be stored.

    Attributes:
        key: what can be in force once.
        entry: its id.
        base: tells the wording that it changes; empty for a new entry.
        body: its JSON.
        expires: its end, where that is needed beside the JSON.
    """

    key: str
    entry: str
    base: str
    body: str
    expires: str = ""


class Scratch:
    """The rows of one import, each key once."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self.proposed = 0

    def add(self, row: Prepared | None, key: str) -> bool:
        """Keep a row, or (None) only that its key was there; False when the key was there before."""
        values = (key, *(row[1:] if row else (None,) * 4))
        added = self._database.execute("INSERT OR IGNORE INTO rows VALUES (NULL, ?, ?, ?, ?, ?)", values)
        if added.rowcount and row is not None:
            self.proposed += 1
        return bool(added.rowcount)

    def parts(self) -> Iterator[list[Prepared]]:
        """Yield the rows that are proposed in the file's order, some at a time."""
        query = "SELECT key, entry, base, body, expires FROM rows WHERE entry IS NOT NULL ORDER BY place"
        found = self._database.execute(query)
        while part := found.fetchmany(_PART):
            yield [Prepared(*row) for row in part]

    def keys(self) -> Iterator[str]:
        """Yield the key of every row that is proposed."""
        query = "SELECT key FROM rows WHERE entry IS NOT NULL ORDER BY place"
        return (key for (key,) in self._database.execute(query))


@contextmanager
def scratch(folder: Path) -> Iterator[Scratch]:
    """Give an empty table; its file has no name any more before the first row is written.

    Raises:
        OSError: the disk is full.
        sqlite3.Error: the disk is full, or fails.
    """
    descriptor, name = tempfile.mkstemp(prefix=".import-", dir=folder)
    os.close(descriptor)
    with closing(sqlite3.connect(name, isolation_level=None, check_same_thread=True)) as database:
        try:
            for pragma in ("journal_mode=OFF", "synchronous=OFF", "locking_mode=EXCLUSIVE"):
                database.execute(f"PRAGMA {pragma}")
            database.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
            database.execute(
                "CREATE TABLE rows (place INTEGER PRIMARY KEY, key TEXT UNIQUE,"
                " entry TEXT, base TEXT, body TEXT, expires TEXT)"
            )
        finally:
            Path(name).unlink()
        database.execute("BEGIN")
        yield Scratch(database)
