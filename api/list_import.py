"""Importing a file of entries: first a dry run that a person can look at, then put forward as one batch.

The dry run is stored as a draft, so that what is put forward is what was looked at. It says how many rows
become what, why others are refused, and how many false hits a day the list would then cost (R16, R20).
"""

import io
import secrets
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from api import audit, lists
from api.audit import Act
from api.db.models import EntryRow, ProposalRow
from api.errors import InvalidError
from api.service import Service
from api.sessions import SignedIn
from hotlist.cost import predict
from hotlist.errors import ImmigrationError, ImportFileError, RowError
from hotlist.importers import READERS, Format, Refused, Row
from hotlist.match_settings import MatchSettings
from hotlist.plate import encode
from hotlist.proposal import Given, propose, said_in

_REASONS: Final = 30
MAX_ROWS: Final = 50_000
"""Most rows of a file through the page; larger lists go through `alpr-hotlist`."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to import, and what is said for all of its rows."""

    name: str
    content: bytes = field(repr=False)
    format: Format
    source: str
    country: str = ""
    days: int | None = None


@dataclass(slots=True)
class _Plan:
    """What the rows become."""

    rows: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    immigration: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    keys: set[str] = field(default_factory=set, repr=False)
    proposals: list[ProposalRow] = field(default_factory=list, repr=False)

    def refuse(self, problem: RowError) -> None:
        """Count a refused row by its reason."""
        self.refused += 1
        self.immigration += isinstance(problem, ImmigrationError)
        self.reasons[str(problem)] += 1

    def report(self) -> dict[str, Any]:
        """Return the counts; no plate."""
        names = ("rows", "added", "changed", "unchanged", "refused", "immigration")
        counts = {name: getattr(self, name) for name in names}
        return {**counts, "reasons": [list(pair) for pair in self.reasons.most_common(_REASONS)]}


def dry_run(service: Service, who: SignedIn, upload: Upload) -> str:
    """Read a file and store what it would do as a draft; return the draft's id.

    Raises:
        InvalidError: the file cannot be read as what it is said to be, or no row of it can be used.
    """
    if not upload.source.strip():
        raise InvalidError("an import names its source")
    values = {"source": upload.source.strip()}
    given = lists.given_by(service, who, country=upload.country, days=upload.days, values=values)
    with service.database.begin() as session:
        batch = lists.new_batch(session, service, who, f"import of {upload.name}", draft=True)
        plan = _read(session, upload, given, batch.id)
        if not plan.proposals:
            raise InvalidError(_nothing(plan))
        session.add_all(plan.proposals)
        session.flush()
        batch.report = {**plan.report(), **_cost(session, plan)}
        detail: dict[str, str | int] = {
            "rows": plan.rows,
            "refused": plan.refused,
            "immigration": plan.immigration,
        }
        act = Act(who.person.actor, "list.dry-run", f"batch:{batch.id}", detail=detail)
        audit.append(session, act, service.now())
    return batch.id


def _read(session: Session, upload: Upload, given: Given, batch: str) -> _Plan:
    """Read every row.

    Raises:
        InvalidError: the file as a whole cannot be read.
    """
    plan = _Plan()
    try:
        for row in READERS[upload.format](io.BytesIO(upload.content)):
            plan.rows += 1
            if plan.rows > MAX_ROWS:
                raise InvalidError(f"more than {MAX_ROWS} rows; use alpr-hotlist for such a list")
            if isinstance(row, Refused):
                plan.refuse(row.problem)
            else:
                _row(session, row, given, plan, batch)
    except ImportFileError as problem:
        raise InvalidError(str(problem), hint=problem.hint) from None
    return plan


def _row(session: Session, row: Row, given: Given, plan: _Plan, batch: str) -> None:
    """Turn one row into a proposal, or count why not."""
    try:
        proposal = propose(row.values, given, entry_id=secrets.token_hex(8))
    except RowError as problem:
        plan.refuse(problem)
        return
    key = lists.key_of(proposal)
    if key in plan.keys:
        plan.refuse(RowError("the file has a row for this plate, region and case already"))
        return
    plan.keys.add(key)
    found = session.scalar(select(EntryRow).where(EntryRow.key == key))
    if found is not None:
        said = said_in(proposal.body)
        if said == {name: value for name, value in found.body.items() if name in said}:
            plan.unchanged += 1
            return
        proposal = propose(row.values, given, entry_id=found.id)
    plan.added += found is None
    plan.changed += found is not None
    plan.proposals.append(lists.proposal_row(batch, proposal))


def _cost(session: Session, plan: _Plan) -> dict[str, float | int]:
    """Predict the false hits a day of the list as it would be, at one camera of 10,000 vehicles a day."""
    keys = {*session.scalars(select(EntryRow.key)), *plan.keys}
    codes = np.array(sorted({encode(key.partition("|")[0]) for key in keys}), dtype=np.uint64)
    cost = predict(codes, MatchSettings())
    return {
        "plates": cost.plates,
        "false_hits_per_day": round(cost.false_hits_per_day, 3),
        "passes_per_day": cost.passes_per_day,
    }


def _nothing(plan: _Plan) -> str:
    """Say why nothing of a file can be used."""
    if plan.unchanged:
        return "nothing to change: every row is on the list as it is"
    reason = plan.reasons.most_common(1)
    return f"no row of the file can be used; most often: {reason[0][0]}" if reason else "the file has no rows"
