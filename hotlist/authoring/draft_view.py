"""What is in the workbook: its changes and the entries in force, read only."""

import sqlite3
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from hotlist.authoring.changes import Change, ChangeDigest, Kind, State
from hotlist.entry import Entry, entry_from_line, time_text
from hotlist.errors import DraftError
from hotlist.importers.proposal import Proposal, approved_line
from hotlist.signed_list.keyset import KeySet

Key = tuple[str, str, str]
"""Plate, region and case number: what may be in force once."""

Found = tuple[str, int, bytes]

_CHANGES: Final = """
SELECT number, author.name, at, sum(kind = 'add'), sum(kind = 'edit'), sum(kind = 'cancel'), state,
       coalesce(approver.name, '')
FROM changes JOIN rows ON rows.change = number JOIN people AS author ON author.key_id = author
LEFT JOIN people AS approver ON approver.key_id = approver
"""


class DraftView:
    """Reads an open workbook.

    Attributes:
        database: the open file.
        department: whose list it is.
        keys: the people who may write, approve and sign.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database
        meta = dict(database.execute("SELECT name, value FROM meta"))
        self.department: str = meta["department"]
        self.keys = KeySet.from_bytes(meta["keys"].encode())

    def digest(self, number: int) -> bytes:
        """Return the digest of a change, from its rows as they are now.

        Raises:
            DraftError: there is no such change.
        """
        found = self.database.execute("SELECT author, at FROM changes WHERE number = ?", (number,)).fetchone()
        if found is None:
            raise DraftError(f"there is no change {number}")
        digest = ChangeDigest(self.department, number, *found)
        rows = self.database.execute(
            "SELECT kind, entry_id, base, body FROM rows WHERE change = ? ORDER BY id", (number,)
        )
        for row in rows:
            digest.add(*row)
        return digest.value()

    def change(self, number: int) -> Change:
        """Return one change.

        Raises:
            DraftError: there is none.
        """
        found = self.database.execute(f"{_CHANGES} WHERE number = ? GROUP BY number", (number,)).fetchone()
        if found is None:
            raise DraftError(f"there is no change {number}")
        return _change(found)

    def changes(self, state: State) -> tuple[Change, ...]:
        """Return the changes in a state, the oldest first."""
        rows = self.database.execute(f"{_CHANGES} WHERE state = ? GROUP BY number", (state,))
        return tuple(_change(row) for row in rows)

    def proposals(self, number: int) -> Iterator[tuple[Kind, str, Entry | None]]:
        """Yield a change's rows: kind, the entry's id, and the entry it proposes (approver "pending")."""
        rows = self.database.execute(
            "SELECT kind, entry_id, body FROM rows WHERE change = ? ORDER BY id", (number,)
        )
        for kind, entry_id, body in rows:
            yield Kind(kind), entry_id, entry_from_line(approved_line(body, "pending")) if body else None

    def find(self, key: Key) -> Found | None:
        """Return id, row number and body of the entry in force for a plate, region and case."""
        found: Found | None = self.database.execute(
            "SELECT entries.entry_id, row, body FROM entries JOIN rows ON rows.id = row"
            " WHERE entries.plate = ? AND entries.region = ? AND entries.case_number = ?",
            key,
        ).fetchone()
        return found

    def current(self, entry_id: str) -> tuple[int, Proposal]:
        """Return row number and proposal of an entry in force.

        Raises:
            DraftError: there is none.
        """
        found = self.database.execute(
            "SELECT row, rows.plate, rows.region, rows.case_number, rows.source, rows.expires, body"
            " FROM entries JOIN rows ON rows.id = row WHERE entries.entry_id = ?",
            (entry_id,),
        ).fetchone()
        if found is None:
            raise DraftError("no entry in force has this id", hint="`alpr-hotlist show` lists them.")
        return found[0], Proposal(*found[1:])

    def entry(self, entry_id: str) -> Entry:
        """Return an entry in force.

        Raises:
            DraftError: there is none with this id.
        """
        _, proposal = self.current(entry_id)
        query = "SELECT approver FROM entries WHERE entry_id = ?"
        (approver,) = self.database.execute(query, (entry_id,)).fetchone()
        return entry_from_line(approved_line(proposal.body, approver))

    def lines(self, now: datetime) -> Iterator[bytes]:
        """Yield the canonical JSON of every entry that has not expired, sorted by id."""
        rows = self.database.execute(
            "SELECT body, approver FROM entries JOIN rows ON rows.id = row WHERE entries.expires > ?"
            " ORDER BY entries.entry_id",
            (time_text(now),),
        )
        for body, approver in rows:
            yield approved_line(body, approver)

    def entries(self, now: datetime) -> Iterator[Entry]:
        """Yield every entry that has not expired, sorted by id."""
        return map(entry_from_line, self.lines(now))

    def plates(self, now: datetime, *, with_change: int | None = None) -> Iterator[str]:
        """Yield the plate of every entry that has not expired; also of those that a pending change proposes."""
        rows = self.database.execute(
            "SELECT plate FROM entries WHERE expires > ?1"
            " UNION ALL SELECT plate FROM rows WHERE change = ?2 AND kind = 'add' AND expires > ?1",
            (time_text(now), with_change),
        )
        for (plate,) in rows:
            yield plate

    def ids_of(self, plate: str) -> tuple[str, ...]:
        """Return the ids of a plate's entries in force."""
        rows = self.database.execute("SELECT entry_id FROM entries WHERE plate = ?", (plate,))
        return tuple(entry_id for (entry_id,) in rows)

    def count(self, now: datetime) -> int:
        """Return how many entries `lines` yields."""
        query = "SELECT count(*) FROM entries WHERE expires > ?"
        (count,) = self.database.execute(query, (time_text(now),)).fetchone()
        return int(count)

    def count_all(self) -> int:
        """Return how many entries are in force, expired ones too."""
        (count,) = self.database.execute("SELECT count(*) FROM entries").fetchone()
        return int(count)

    def next_version(self) -> int:
        """Return the number of the next list."""
        (version,) = self.database.execute("SELECT coalesce(max(version), 0) + 1 FROM lists").fetchone()
        return int(version)


def _change(row: tuple[int, str, str, int, int, int, str, str]) -> Change:
    number, author, at, adds, edits, cancels, state, approver = row
    return Change(number, author, at, adds, edits, cancels, State(state), approver)
