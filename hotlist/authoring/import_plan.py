"""Importing a file into the workbook: all or nothing, and first as a plan that a person can look at."""

import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from hitonly_core.keys import SigningKey
from hotlist.authoring.changes import Change, Kind, Staged
from hotlist.authoring.draft import ChangeWriter, Draft
from hotlist.errors import ImmigrationError, ImportFileError, RowError
from hotlist.importers import Refused, Row, Unread
from hotlist.importers.doubts import doubt
from hotlist.importers.proposal import Given, created_of, propose, said_in, values_of

MAX_REPORTED: Final = 10_000
"""Most refused rows that a report names; the others are only counted."""
_EXAMPLES: Final = 20
_EVERY: Final = 1000
REMOVED_SHARE: Final = 0.1
"""Largest share of a source's entries that its new file takes away without somebody saying how many."""
REMOVED_FEW: Final = 3
"""So few entries may go whatever their share, as long as the file has rows and entries of the source stay."""


@dataclass(frozen=True, slots=True)
class Replace:
    """A file that holds all there is of a source: what it no longer holds is taken away.

    A file that was cut short, saved over or not understood looks the same as one from which entries were
    taken. So nothing is taken away when a row was refused, or when much would go, unless a person says so.

    Attributes:
        source: whose entries; also of its sub-sources (``NCIC`` stands for ``NCIC LA0570200``).
        allow_refused: take away although rows were refused.
        allow_removals: take away so many at most, whatever their share; None for the default share.
    """

    source: str
    allow_refused: bool = False
    allow_removals: int | None = None

    def holds(self, source: str) -> bool:
        """Whether an entry's source is this one or a part of it."""
        return source == self.source or source.startswith(f"{self.source} ")

    def check_source(self, *, rows: int, ours: int) -> None:
        """Refuse a file of other sources: nothing would ever be taken away for it.

        Args:
            rows: that can be used.
            ours: those of them that are of this source.

        Raises:
            ImportFileError: there are rows, and none is.
        """
        if rows and not ours:
            hint = "Write it as the rows do, with capitals and spaces; rows that name none take --source."
            raise ImportFileError("no row of the file is of the source that is to be replaced", hint=hint)

    def check(self, *, rows: int, refused: int, removed: int, of: int) -> None:
        """Refuse a replacement that looks like a misunderstanding.

        Raises:
            ImportFileError: says what would have been taken away, and how to say that it is meant.
        """
        if not removed:
            return
        would = f"{removed} of the source's {of} entries would be taken away"
        if refused and not self.allow_refused:
            hint = "Mend the refused rows, or say --allow-refused if the entries are meant to go."
            raise ImportFileError(f"{refused} of {rows} rows were refused, and {would}", hint=hint)
        most = max(REMOVED_FEW, int(of * REMOVED_SHARE)) if rows and removed < of else 0
        if removed > (most if self.allow_removals is None else self.allow_removals):
            hint = f"If that is meant, say --allow-removals {removed}."
            raise ImportFileError(f"the file has {rows} rows, and {would}", hint=hint)


@dataclass(slots=True)
class Report:
    """What an import will do, or did. Counts are whole; examples and refused rows are the first ones.

    Attributes:
        rows: rows read.
        added: rows that become new entries.
        changed: rows that change an entry in force.
        unchanged: rows whose entry is there already.
        removed: entries in force that the file no longer holds (only when it replaces its source).
        refused: line and reason.
        reasons: how often each reason was given.
        immigration: rows of the immigration-violator file or purpose (R16); they are among the refused.
        doubtful: line and why a person should look at the plate; such rows are read.
        doubts: how often each of these was said.
        unread: letters of the columns whose names are none of ours.
        examples: the first rows of each kind.
    """

    rows: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    immigration: int = 0
    doubtful: list[tuple[int, str]] = field(default_factory=list)
    doubts: Counter[str] = field(default_factory=Counter)
    unread: tuple[str, ...] = ()
    examples: list[Staged] = field(default_factory=list, repr=False)

    def refuse(self, line: int, problem: RowError) -> None:
        """Count a refused row."""
        self.reasons[str(problem)] += 1
        self.immigration += isinstance(problem, ImmigrationError)
        if len(self.refused) < MAX_REPORTED:
            self.refused.append((line, str(problem)))

    def look_at(self, line: int, why: str | None) -> None:
        """Count a row that is read, if there is a reason for a person to look at it."""
        if why is None:
            return
        self.doubts[why] += 1
        if len(self.doubtful) < MAX_REPORTED:
            self.doubtful.append((line, why))

    def note(self, staged: Staged) -> None:
        """Count a row that is staged."""
        done = {Kind.ADD: self.added, Kind.EDIT: self.changed, Kind.CANCEL: self.removed}[staged.kind]
        if done < _EXAMPLES:
            self.examples.append(staged)
        self.added += staged.kind is Kind.ADD
        self.changed += staged.kind is Kind.EDIT
        self.removed += staged.kind is Kind.CANCEL


def stage_file(
    draft: Draft,
    rows: Iterable[Row | Refused | Unread],
    given: Given,
    author: SigningKey,
    *,
    replace: Replace | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> tuple[Report, Change | None]:
    """Stage a file's rows as one change, inside the draft's transaction; roll that back for a plan only.

    Args:
        draft: the workbook.
        rows: what a reader of `hotlist.importers` yields.
        given: author, time and the values for all rows.
        author: signs the change.
        replace: also cancel the entries in force of a source that the file no longer holds.
        progress: is told the number of the line now and then.

    Raises:
        ImportFileError: the file cannot be read, or would take away more than was said.
        DraftError: the author is nobody's, or another program writes.
    """
    report, writer = Report(), ChangeWriter(draft, author, given.now)
    known = draft.count_all() > 0
    kept = _Kept(draft, replace) if replace else None
    for row in _counted(rows, report):
        if not row.line % _EVERY:
            progress(row.line)
        try:
            staged, same = _staged(draft, row, given, known=known)
        except RowError as problem:
            report.refuse(row.line, problem)
            continue
        if kept is not None:
            kept.add(staged)
        if same:
            report.unchanged += 1
        elif writer.add(staged):
            report.note(staged)
            report.look_at(row.line, doubt(staged.proposal.plate, staged.proposal.region))
        else:
            report.refuse(row.line, RowError("the file has a row for this plate, region and case already"))
    if kept is not None:
        for gone in kept.gone():
            writer.add(gone)
            report.note(gone)
        kept.check(report)
    if not report.added + report.changed + report.removed:
        return report, None
    return report, writer.finish()


def _counted(rows: Iterable[Row | Refused | Unread], report: Report) -> Iterator[Row | Refused]:
    """Yield the rows and count them; note which columns are none."""
    for row in rows:
        if isinstance(row, Unread):
            report.unread = row.columns
            continue
        report.rows += 1
        yield row


def _staged(draft: Draft, row: Row | Refused, given: Given, *, known: bool) -> tuple[Staged, bool]:
    """Return what a row does, and whether it changes nothing but who says so and when.

    Raises:
        RowError: it cannot become an entry.
    """
    if isinstance(row, Refused):
        raise row.problem
    fresh = secrets.token_hex(8)
    proposal = propose(row.values, given, entry_id=fresh)
    found = draft.find(proposal.key) if known else None
    if found is None:
        return Staged(Kind.ADD, fresh, proposal), False
    entry_id, base, body = found
    if said_in(body, row.values) == said_in(proposal.body, row.values):
        return Staged(Kind.EDIT, entry_id, proposal, base), True
    values = {"effective": values_of(body)["effective"], **row.values}
    again = propose(values, given, entry_id=entry_id, created=created_of(body))
    return Staged(Kind.EDIT, entry_id, again, base), False


_OF_SOURCE: Final = "(source = ? OR substr(source, 1, length(?) + 1) = ? || ' ')"


class _Kept:
    """The entries of a source that its new file still holds."""

    def __init__(self, draft: Draft, replace: Replace) -> None:
        self._draft, self._replace, self._source = draft, replace, replace.source
        self._ours = 0
        draft.database.execute(
            "CREATE TEMP TABLE IF NOT EXISTS kept (entry_id TEXT PRIMARY KEY) WITHOUT ROWID"
        )
        draft.database.execute("DELETE FROM kept")

    def add(self, staged: Staged) -> None:
        """Remember that an entry is still there."""
        self._ours += self._replace.holds(staged.proposal.source)
        self._draft.database.execute("INSERT OR IGNORE INTO kept VALUES (?)", (staged.entry_id,))

    def check(self, report: Report) -> None:
        """Refuse what looks like a misunderstanding.

        Raises:
            ImportFileError: by `Replace`'s rules.
        """
        refused = report.reasons.total()
        self._replace.check_source(rows=report.rows - refused, ours=self._ours)
        self._replace.check(rows=report.rows, refused=refused, removed=report.removed, of=self._count())

    def _count(self) -> int:
        """Return how many entries of the source are in force."""
        (number,) = self._draft.database.execute(
            f"SELECT count(*) FROM entries WHERE {_OF_SOURCE}",  # noqa: S608 - a constant
            (self._source, self._source, self._source),
        ).fetchone()
        return int(number)

    def gone(self) -> Iterator[Staged]:
        """Yield a cancellation for each entry that the file no longer holds."""
        rows = self._draft.database.execute(
            f"SELECT entry_id FROM entries WHERE {_OF_SOURCE}"  # noqa: S608 - a constant
            " AND entry_id NOT IN (SELECT entry_id FROM kept)",
            (self._source, self._source, self._source),
        ).fetchall()
        for (entry_id,) in rows:
            base, proposal = self._draft.current(entry_id)
            yield Staged(Kind.CANCEL, entry_id, proposal, base)
