"""The department's editable list: one person proposes, another approves, and every step is signed (R6).

A *change* holds rows (add, edit, cancel) under its author's signature; it takes effect when another person's
signature approves it. A change that only cancels a few entries takes effect at once: taking an entry away can
stop no car, and it must be able to stop alerting within a minute (R7). Taking many away at once is more often a
mistake, so it waits for the second person too. `hotlist.authoring.draft_check` verifies the whole history.
"""

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final, Self

from hitonly_core.keys import SigningKey, VerifyKey
from hotlist.authoring.changes import (
    Change,
    ChangeDigest,
    Kind,
    Staged,
    State,
    approval_message,
    change_message,
)
from hotlist.authoring.draft_view import DraftView
from hotlist.authoring.workbook import create, open_existing, remember_people, storage_problem
from hotlist.entry import check_identity, time_text
from hotlist.errors import DraftError
from hotlist.signed_list.keyset import KeySet, Person

ALONE: Final = 10
"""Most entries that one person takes away alone; taking more away at once waits for a second person."""


class Draft(DraftView):
    """An open workbook. A context manager; everything that writes happens inside `transaction`."""

    @classmethod
    def create(cls, path: Path, department: str, keys: KeySet) -> Self:
        """Make a new workbook.

        Raises:
            DraftError: a file is there, or the folder cannot be written.
            MalformedError: the department's id is none.
        """
        return cls(create(path, check_identity(department), keys))

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a workbook.

        Raises:
            DraftError: there is none, or it is not one of this version.
        """
        return cls(open_existing(path))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.database.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all that happens inside one step: on any error nothing of it remains.

        Raises:
            StoreError: another program writes, or the disk fails; nothing was changed.
        """
        try:
            self.database.execute("BEGIN IMMEDIATE")
            yield
            self.database.execute("COMMIT")
        except sqlite3.DatabaseError as problem:
            raise storage_problem(problem) from None
        finally:
            if self.database.in_transaction:
                self.database.execute("ROLLBACK")

    def person(self, key: VerifyKey) -> Person:
        """Return the person whose key this is.

        Raises:
            DraftError: the key set does not hold it.
        """
        person = self.keys.find(key.id)
        if person is None:
            hint = "Only people of the workbook's key set may write in it."
            raise DraftError(f"the key {key.id} is nobody's in {self.department}", hint=hint)
        return person

    def stage(self, rows: Iterable[Staged], author: SigningKey, now: datetime) -> Change:
        """Write a change under its author's signature.

        Raises:
            DraftError: the author is unknown, there is no row, or two rows are for one plate and case.
        """
        writer = ChangeWriter(self, author, now)
        for row in rows:
            if not writer.add(row):
                raise DraftError("two rows for one plate, region and case number")
        return writer.finish()

    def approve(self, number: int, approver: SigningKey, now: datetime) -> Change:
        """Let a pending change take effect.

        Raises:
            DraftError: it is not pending, its author is the approver, or what it edits has changed since.
        """
        person, change = self.person(approver.public), self.change(number)
        if change.state is not State.PENDING:
            raise DraftError(f"change {number} is {change.state}; only a pending one can be approved")
        if person.name == change.author:
            hint = "Another person must look at it: nobody approves their own change (R6)."
            raise DraftError(f"change {number} is {person.name}'s own", hint=hint)
        self._check_bases(number)
        at = time_text(now)
        approval = approver.sign(approval_message(self.digest(number), at))
        self.database.execute(
            "UPDATE changes SET approver = ?, approved_at = ?, approval = ? WHERE number = ?",
            (person.key.id, at, approval, number),
        )
        self.apply(number, person.key.id)
        return self.change(number)

    def _check_bases(self, number: int) -> None:
        """An edit is of what its author saw; if that changed meanwhile, the author must look again."""
        (moved,) = self.database.execute(
            "SELECT count(*) FROM rows LEFT JOIN entries USING (entry_id)"
            " WHERE change = ? AND kind = 'edit' AND base IS NOT entries.row",
            (number,),
        ).fetchone()
        if moved:
            hint = "Withdraw it with `alpr-hotlist cancel --change`, and edit again."
            raise DraftError(f"{moved} entries of change {number} were changed or cancelled since", hint=hint)

    def apply(self, number: int, approver: str) -> None:
        """Let a change take effect that `approve` or `ChangeWriter` found to be in order.

        Raises:
            DraftError: it adds what is there already.
        """
        try:
            apply_rows(self.database, "entries", number, approver)
        except sqlite3.IntegrityError:
            hint = "Edit the entry that is there, or withdraw the change."
            message = f"change {number} adds an entry for a plate, region and case that has one already"
            raise DraftError(message, hint=hint) from None
        self.database.execute(
            "UPDATE changes SET state = ?, applied = (SELECT coalesce(max(applied), 0) + 1 FROM changes)"
            " WHERE number = ?",
            (State.APPLIED, number),
        )

    def withdraw(self, number: int, key: SigningKey) -> Change:
        """Drop a pending change; anybody of the key set may.

        Raises:
            DraftError: it is not pending, or the key is nobody's.
        """
        self.person(key.public)
        change = self.change(number)
        if change.state is not State.PENDING:
            raise DraftError(f"change {number} is {change.state}; only a pending one can be withdrawn")
        self.database.execute("UPDATE changes SET state = ? WHERE number = ?", (State.WITHDRAWN, number))
        return self.change(number)

    def record_list(self, version: int, digest: bytes, issued: datetime) -> None:
        """Remember a list that was made, so that its number is never given again."""
        self.database.execute(
            "INSERT INTO lists VALUES (?, ?, ?)", (version, digest.hex(), time_text(issued))
        )

    def take_keys(self, keys: KeySet) -> None:
        """Let the next key set take effect here, as it does on every device that takes the list."""
        remember_people(self.database, keys)
        self.database.execute("UPDATE meta SET value = ? WHERE name = 'keys'", (keys.to_bytes().decode(),))
        self.keys = keys


class ChangeWriter:
    """Writes a change row by row, so that a million rows are never held; inside a draft's transaction.

    Raises:
        DraftError: the author is unknown.
    """

    def __init__(self, draft: Draft, author: SigningKey, now: datetime) -> None:
        self._draft, self._author, self._at = draft, author, time_text(now)
        self._key_id = draft.person(author.public).key.id
        (number,) = draft.database.execute("SELECT coalesce(max(number), 0) + 1 FROM changes").fetchone()
        self._number: int = number
        self._digest = ChangeDigest(draft.department, number, self._key_id, self._at)
        self._kinds: Counter[Kind] = Counter()

    def add(self, row: Staged) -> bool:
        """Write a row; return False, and write nothing, when the change has one for its plate and case."""
        proposal = row.proposal
        done = self._draft.database.execute(
            "INSERT OR IGNORE INTO rows (change, kind, entry_id, base, plate, region, case_number, source,"
            " expires, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(self._number, row.kind, row.entry_id, row.base),
                *(*proposal.key, proposal.source, proposal.expires, row.body),
            ),
        )
        if done.rowcount != 1:
            return False
        self._digest.add(row.kind, row.entry_id, row.base, row.body)
        self._kinds[row.kind] += 1
        return True

    def finish(self) -> Change:
        """Sign the change; one that only cancels, and not more than `ALONE` entries, takes effect.

        Raises:
            DraftError: no row was added.
        """
        if not self._kinds:
            raise DraftError("nothing to change")
        self._draft.database.execute(
            "INSERT INTO changes (number, author, at, signature, state) VALUES (?, ?, ?, ?, ?)",
            (
                *(self._number, self._key_id, self._at),
                *(self._author.sign(change_message(self._digest.value())), State.PENDING),
            ),
        )
        if self._kinds.keys() == {Kind.CANCEL} and self._kinds[Kind.CANCEL] <= ALONE:
            self._draft.apply(self._number, "")
        return self._draft.change(self._number)


def apply_rows(database: sqlite3.Connection, table: str, number: int, approver: str) -> None:
    """Carry a change's rows out on a table of entries.

    Raises:
        sqlite3.IntegrityError: it adds what is there already.
    """
    database.execute(
        f"DELETE FROM {table} WHERE entry_id IN"  # noqa: S608 - the two tables' names are ours
        " (SELECT entry_id FROM rows WHERE change = ? AND kind <> 'add')",
        (number,),
    )
    database.execute(
        f"INSERT INTO {table} SELECT entry_id, id, plate, region, case_number, source, expires, ?"  # noqa: S608
        " FROM rows WHERE change = ? AND kind <> 'cancel'",
        (approver, number),
    )
