"""Importing a file of entries: first a dry run that a person can look at, then put forward as one batch.

The dry run is stored as a draft, so that what is put forward is what was looked at. It says how many rows
become what, why others are refused, and how many false hits a day the list would then cost (R16, R20).

A file is read row by row and memory does not grow with it. The database is written once, at the end, in one
transaction: until then there is nothing, and a stop at any moment leaves nothing.
"""

import json
import secrets
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, islice
from typing import Any, BinaryIO, Final

import numpy as np
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from api.accounts.sessions import SignedIn
from api.core import audit
from api.core.audit import Act
from api.core.errors import InvalidError, StateError, TooLargeError
from api.core.service import Service
from api.core.staging import Prepared, Scratch, scratch
from api.db.models import EntryRow
from api.lists import proposals
from hotlist.errors import ImmigrationError, ImportFileError, RowError
from hotlist.importers import READERS, Format, Refused, Row, Unread
from hotlist.importers.dates import DateOrder
from hotlist.importers.doubts import doubt
from hotlist.importers.proposal import Given, Proposal, approved_line, propose, said_in
from hotlist.matching.cost import predict
from hotlist.matching.match_settings import MatchSettings
from hotlist.plate import encode

_REASONS: Final = 30
_PART: Final = 500
"""Rows that are compared with the entries in force at once."""
_INSERT: Final = text(
    "INSERT INTO proposals (batch, entry, key, body, base) VALUES (:batch, :entry, :key, :body, :base)"
)
"""As the model would; but the body is JSON text already, and a large list is not parsed once more."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to import, and what is said for all of its rows."""

    name: str
    file: BinaryIO = field(repr=False)
    format: Format
    source: str
    country: str = ""
    days: int | None = None
    dates: DateOrder = DateOrder.ISO
    fold: bool = False


@dataclass(slots=True)
class _Plan:
    """What the rows become."""

    rows: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    immigration: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    doubts: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    unread: tuple[str, ...] = ()

    def refuse(self, problem: RowError) -> None:
        """Count a refused row by its reason."""
        self.refused += 1
        self.immigration += isinstance(problem, ImmigrationError)
        self.reasons[str(problem)] += 1

    def report(self) -> dict[str, Any]:
        """Return the counts; no plate."""
        names = ("rows", "added", "changed", "unchanged", "refused", "immigration")
        counts = {name: getattr(self, name) for name in names}
        return {
            **counts,
            "reasons": [list(pair) for pair in self.reasons.most_common(_REASONS)],
            "doubts": [list(pair) for pair in self.doubts.most_common()],
            "unread": list(self.unread),
        }


def dry_run(service: Service, who: SignedIn, upload: Upload) -> str:
    """Read a file and store what it would do as a draft; return the draft's id.

    Raises:
        InvalidError: the file cannot be read as what it is said to be, or no row of it can be used.
        TooLargeError: it has more rows than the settings allow.
        StateError: the state folder's disk is full.
    """
    if not upload.source.strip():
        raise InvalidError("an import names its source")
    values = {"source": upload.source.strip()}
    given = proposals.given_by(
        service,
        who,
        country=upload.country,
        days=upload.days,
        dates=upload.dates,
        fold=upload.fold,
        values=values,
    )
    try:
        with scratch(service.settings.state) as rows:
            plan = _read(service, upload, given, rows)
            if not rows.proposed:
                raise InvalidError(_nothing(plan))
            report = {**plan.report(), **_cost(service, rows)}
            return _store(service, who, upload, report, rows)
    except (sqlite3.Error, OSError) as problem:
        hint = "Look whether the disk of the state folder is full; nothing was imported."
        raise StateError(f"the file could not be sorted ({type(problem).__name__})", hint=hint) from None


def _store(service: Service, who: SignedIn, upload: Upload, report: dict[str, Any], rows: Scratch) -> str:
    """Store the draft, in one transaction with its record; return its id."""
    with service.database.begin() as session:
        batch = proposals.new_batch(session, service, who, f"import of {upload.name}", draft=True)
        batch.report = report
        for part in rows.parts():
            session.execute(_INSERT, [{"batch": batch.id, **row._asdict()} for row in part])
        detail: dict[str, str | int] = {name: report[name] for name in ("rows", "refused", "immigration")}
        act = Act(who.person.actor, "list.dry-run", f"batch:{batch.id}", detail=detail)
        audit.append(session, act, service.now())
        return batch.id


def _read(service: Service, upload: Upload, given: Given, rows: Scratch) -> _Plan:
    """Read every row.

    Raises:
        InvalidError: the file as a whole cannot be read.
        TooLargeError: it has too many rows.
    """
    plan = _Plan()
    read = _rows(READERS[upload.format](upload.file), plan)
    try:
        while part := list(islice(read, _PART)):
            plan.rows += len(part)
            if plan.rows > service.settings.limits.import_rows:
                raise _too_many(service.settings.limits.import_rows)
            with service.database.read() as session:
                _part(session, part, given, plan, rows)
    except ImportFileError as problem:
        raise InvalidError(str(problem), hint=problem.hint) from None
    return plan


def _rows(read: Iterable[Row | Refused | Unread], plan: _Plan) -> Iterator[Row | Refused]:
    """Yield the rows, and note which columns are none."""
    for row in read:
        if isinstance(row, Unread):
            plan.unread = row.columns
        else:
            yield row


def _part(session: Session, part: list[Row | Refused], given: Given, plan: _Plan, rows: Scratch) -> None:
    """Sort some rows: what they become, or why not."""
    read = list(_proposed(part, given, plan))
    keys = {proposals.key_of(proposal) for _, proposal in read}
    query = select(EntryRow.key, EntryRow.id, EntryRow.body, EntryRow.version).where(EntryRow.key.in_(keys))
    known = {row.key: row for row in session.execute(query)}
    for row, proposal in read:
        key = proposals.key_of(proposal)
        found = known.get(key)
        prepared = _prepared(row, proposal, given, found)
        if not rows.add(prepared, key):
            plan.refuse(RowError("the file has a row for this plate, region and case already"))
            continue
        if prepared is not None and (why := doubt(proposal.plate, proposal.region)):
            plan.doubts[why] += 1
        plan.unchanged += prepared is None
        plan.added += found is None
        plan.changed += found is not None and prepared is not None


def _proposed(part: list[Row | Refused], given: Given, plan: _Plan) -> Iterator[tuple[Row, Proposal]]:
    """Yield the rows that keep every rule of an entry; count why others do not."""
    for row in part:
        if isinstance(row, Refused):
            plan.refuse(row.problem)
            continue
        try:
            yield row, propose(row.values, given, entry_id=secrets.token_hex(8))
        except RowError as problem:
            plan.refuse(problem)


def _prepared(row: Row, proposal: Proposal, given: Given, found: Any) -> Prepared | None:  # noqa: ANN401 - a result row
    """Return what is stored of a row; None where the entry in force says the same."""
    base = ""
    if found is not None:
        said = said_in(proposal.body, row.values)
        if said == {name: value for name, value in found.body.items() if name in said}:
            return None
        created = datetime.fromisoformat(found.body["created"])
        values = {"effective": str(found.body["effective"]), **row.values}
        proposal = propose(values, given, entry_id=found.id, created=created)
        base = found.version
    body = approved_line(proposal.body, proposals.PENDING).decode()
    entry = found.id if found is not None else str(json.loads(body)["id"])
    return Prepared(proposals.key_of(proposal), entry, base, body)


def _cost(service: Service, rows: Scratch) -> dict[str, float | int]:
    """Predict the false hits a day of the list as it would be, at one camera of 10,000 vehicles a day."""
    with service.database.read() as session:
        listed = session.scalars(select(EntryRow.key).execution_options(yield_per=10_000))
        codes = np.unique(np.fromiter(_codes(chain(listed, rows.keys())), np.uint64))
    settings = MatchSettings()
    cost = predict(codes, settings)
    return {
        "plates": cost.plates,
        "false_hits_per_day": round(cost.false_hits_per_day, 3),
        "passes_per_day": cost.passes_per_day,
        "heavy": cost.heavy(settings.max_false_hits_per_day),
    }


def _codes(keys: Iterable[str]) -> Iterator[int]:
    """Yield the code of each key's plate."""
    return (encode(key.partition("|")[0]) for key in keys)


def _too_many(limit: int) -> TooLargeError:
    """Return the problem of a file with too many rows."""
    hint = "Split the file, or raise limits.import_rows in the service's settings."
    return TooLargeError(f"an import of at most {limit} rows is taken", hint=hint)


def _nothing(plan: _Plan) -> str:
    """Say why nothing of a file can be used."""
    if plan.unchanged:
        return "nothing to change: every row is on the list as it is"
    reason = plan.reasons.most_common(1)
    return f"no row of the file can be used; most often: {reason[0][0]}" if reason else "the file has no rows"
