"""The workbook's file: one SQLite database, readable by its owner only, and its tables."""

import os
import sqlite3
from pathlib import Path
from types import MappingProxyType
from typing import Final

from hitonly_core.files import sync_folder
from hotlist.errors import DraftError, StoreError
from hotlist.signed_list.keyset import KeySet

FORMAT: Final = "hitonly/workbook/v1"

ENTRIES: Final = """
CREATE {kind} TABLE {name} (
    entry_id    TEXT PRIMARY KEY,
    row         INTEGER NOT NULL,
    plate       TEXT NOT NULL,
    region      TEXT NOT NULL,
    case_number TEXT NOT NULL,
    source      TEXT NOT NULL,
    expires     TEXT NOT NULL,
    approver    TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""
"""The entries in force, which follow from the changes; `draft_check` makes them again to compare."""

_SCHEMA: Final = f"""
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE people (key_id TEXT PRIMARY KEY, key TEXT NOT NULL, name TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE changes (
    number      INTEGER PRIMARY KEY,
    author      TEXT NOT NULL,
    at          TEXT NOT NULL,
    signature   BLOB NOT NULL,
    state       TEXT NOT NULL,
    applied     INTEGER UNIQUE,
    approver    TEXT NOT NULL DEFAULT '',
    approved_at TEXT NOT NULL DEFAULT '',
    approval    BLOB NOT NULL DEFAULT x''
) STRICT;
CREATE TABLE rows (
    id          INTEGER PRIMARY KEY,
    change      INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    entry_id    TEXT NOT NULL,
    base        INTEGER NOT NULL,
    plate       TEXT NOT NULL,
    region      TEXT NOT NULL,
    case_number TEXT NOT NULL,
    source      TEXT NOT NULL,
    expires     TEXT NOT NULL,
    body        BLOB NOT NULL,
    UNIQUE (change, plate, region, case_number)
) STRICT;
{ENTRIES.format(kind="", name="entries")}
CREATE UNIQUE INDEX entries_key ON entries (plate, region, case_number);
CREATE TABLE lists (version INTEGER PRIMARY KEY, digest TEXT NOT NULL, issued TEXT NOT NULL) STRICT;
"""

_PRIMARY: Final = 0xFF
_PROBLEMS: Final = MappingProxyType(
    {
        sqlite3.SQLITE_FULL: (
            "the workbook cannot be written: its disk is full",
            "Make room and do it again; nothing was changed.",
        ),
        sqlite3.SQLITE_READONLY: (
            "the workbook cannot be written: its disk or file is read-only",
            "See who may write the file and its folder, and how the disk is mounted; nothing was changed.",
        ),
        sqlite3.SQLITE_IOERR: (
            "the workbook cannot be read or written: its disk fails or is full",
            "Make room and look at the disk, then do it again; nothing was changed.",
        ),
        sqlite3.SQLITE_BUSY: ("another program writes in the workbook", "Wait for it, and do it again."),
        sqlite3.SQLITE_LOCKED: ("another program writes in the workbook", "Wait for it, and do it again."),
    }
)
"""What an error of SQLite's comes to, by its primary code; and what to do."""
_DAMAGED: Final = ("the workbook is damaged", "Go back to a copy; `alpr-hotlist verify` checks one.")


def create(path: Path, department: str, keys: KeySet) -> sqlite3.Connection:
    """Make a workbook's file and open it.

    Raises:
        DraftError: a file is there, or the folder cannot be written.
        StoreError: the disk is full; nothing is left of the file.
    """
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        sync_folder(path.parent)
    except FileExistsError:
        raise DraftError(f"{path} is already there", hint="A workbook is never replaced.") from None
    except OSError as problem:
        raise DraftError(f"{path} cannot be made: {problem.strerror}") from None
    try:
        database = _connect(path)
        database.executescript(_SCHEMA)
        database.execute("BEGIN")
        for name, value in (
            ("format", FORMAT),
            ("department", department),
            ("keys", keys.to_bytes().decode()),
        ):
            database.execute("INSERT INTO meta VALUES (?, ?)", (name, value))
        remember_people(database, keys)
        database.commit()
    except (sqlite3.Error, DraftError) as problem:
        path.unlink()
        raise storage_problem(problem) if isinstance(problem, sqlite3.Error) else problem from None
    return database


def storage_problem(problem: sqlite3.Error) -> StoreError:
    """Return what to tell a person whose workbook the disk, or another program, does not let be used."""
    code = (getattr(problem, "sqlite_errorcode", None) or 0) & _PRIMARY
    words, hint = _PROBLEMS.get(code, _DAMAGED)
    return StoreError(words, hint=hint)


def open_existing(path: Path) -> sqlite3.Connection:
    """Open a workbook's file.

    Raises:
        DraftError: there is none, or it is not one of this version.
    """
    if not path.is_file():
        hint = "Make one with `alpr-hotlist init`, or name it with --book."
        raise DraftError(f"there is no workbook {path}", hint=hint)
    database = _connect(path)
    try:
        found = database.execute("SELECT value FROM meta WHERE name = 'format'").fetchone()
    except sqlite3.Error:
        found = None
    if found != (FORMAT,):
        database.close()
        raise DraftError(f"{path} is no workbook of the format {FORMAT}")
    return database


def remember_people(database: sqlite3.Connection, keys: KeySet) -> None:
    """Keep everybody who ever was in the key set: their old signatures are checked for ever."""
    people = [(person.key.id, person.key.to_text(), person.name) for person in keys.people]
    database.executemany("INSERT OR IGNORE INTO people VALUES (?, ?, ?)", people)


def _connect(path: Path) -> sqlite3.Connection:
    """Open the file; transactions are begun and ended by hand, and reach the disk."""
    try:
        database = sqlite3.connect(path, timeout=10, isolation_level=None)
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA secure_delete = ON")
    except sqlite3.Error as problem:
        raise DraftError(f"{path} cannot be opened: {problem}") from None
    return database
