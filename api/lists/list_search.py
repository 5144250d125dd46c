"""The entries in force, chosen, sorted and a page at a time, for lists of thousands; no plate is in it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, SQLColumnExpression, case, func, select

from api.core.service import Service
from api.db.models import EntryRow
from api.lists.entries import Line, line_of

PAGE: Final = 100
SOON: Final = timedelta(days=7)
"""An entry that ends within this is said to end soon."""
_SEVERITY: Final = EntryRow.body["severity"].as_string()
_SORTS: Final[dict[str, SQLColumnExpression[Any]]] = {
    "end": EntryRow.expires,
    "severity": case({"urgent": 0, "high": 1, "routine": 2}, value=_SEVERITY, else_=3),
    "purpose": EntryRow.body["purpose"].as_string(),
    "source": EntryRow.body["source"].as_string(),
    "author": EntryRow.author,
}
SORTS: Final = tuple(_SORTS)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries somebody wants to see; an empty field wants all. Pages are counted from 1."""

    case_number: str = ""
    severity: str = ""
    purpose: str = ""
    source: str = ""
    soon: bool = False
    sort: str = "end"
    page: int = 1


@dataclass(frozen=True, slots=True)
class Found:
    """One page of what was wanted, and how many there are on all pages."""

    lines: list[Line]
    total: int
    pages: int


def search(service: Service, wanted: Wanted) -> Found:
    """Return one page of the entries in force that are wanted."""
    conditions = _conditions(service, wanted)
    query = select(EntryRow).where(*conditions)
    order = _SORTS.get(wanted.sort, EntryRow.expires)
    with service.database.read() as session:
        total = session.scalar(select(func.count()).select_from(EntryRow).where(*conditions)) or 0
        start = PAGE * (max(1, wanted.page) - 1)
        rows = session.scalars(query.order_by(order, EntryRow.id).offset(start).limit(PAGE))
        return Found([line_of(row) for row in rows], total, max(1, -(-total // PAGE)))


def sources(service: Service) -> list[str]:
    """Return every source of an entry in force."""
    column = EntryRow.body["source"].as_string()
    query = select(column).where(EntryRow.expires > service.now()).distinct().order_by(column)
    with service.database.read() as session:
        return list(session.scalars(query))


def _conditions(service: Service, wanted: Wanted) -> list[ColumnElement[bool]]:
    now = service.now()
    found: list[ColumnElement[bool]] = [EntryRow.expires > now]
    texts = {
        "case_number": wanted.case_number.strip(),
        "severity": wanted.severity,
        "purpose": wanted.purpose,
        "source": wanted.source,
    }
    found += [EntryRow.body[name].as_string() == text for name, text in texts.items() if text]
    return [*found, EntryRow.expires <= now + SOON] if wanted.soon else found
