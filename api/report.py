"""The public report: a fixed set of counts, small ones rounded, and no plate anywhere (R17).

The fields are those of NH Saf-C 7204.01, and the reads, hits and destroyed that the devices' receipts prove.
A count from 1 to 4 is published as "fewer than 5": it could be about one person.
"""

import csv
import io
from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.current import in_force_by_source
from api.db.models import CountRow, DeviceRow
from api.errors import InvalidError
from api.heartbeats import RECEIPT
from api.lifecycle import Mistake, Outcome, State
from api.service import Service

SMALL: Final = 5
FEWER: Final = f"fewer than {SMALL}"
_TOTALS: Final = (
    (f"{RECEIPT}reads", "Plates read, from the devices' receipts"),
    (f"{RECEIPT}destroyed", "Reads destroyed without a hit, from the devices' receipts"),
    (f"{RECEIPT}hits", "Reads that matched the hot list, from the devices' receipts"),
    ("received", "Matches received by the department"),
    (State.CONFIRMED.value, "Matches confirmed by a person"),
    ("refuted", "Matches refuted (false)"),
    (State.EXPIRED.value, "Matches that expired unreviewed or without an outcome"),
    (f"outcome:{Outcome.STOP}", "Matches leading to stops"),
    (f"outcome:{Outcome.SEARCH}", "Matches leading to searches"),
    (f"outcome:{Outcome.RELEASE}", "Matches leading to releases"),
    (f"outcome:{Outcome.ARREST}", "Matches leading to arrests"),
    (f"outcome:{Outcome.CITATION}", "Matches leading to citations"),
    (f"outcome:{Outcome.PROTECTIVE_CUSTODY}", "Matches leading to protective custody"),
    (f"outcome:{Outcome.MISSING_FOUND}", "Matches leading to a missing person found"),
    (f"outcome:{Outcome.NONE}", "Matches without an outcome"),
)


@dataclass(frozen=True, slots=True)
class DeviceLine:
    """A device, and how many matches it made."""

    device: str
    installed: str
    make: str
    model: str
    location: str
    matches: str


@dataclass(frozen=True, slots=True)
class Report:
    """One year's report; every count is text, rounded where it is small."""

    agency: str
    year: int
    made: date
    totals: tuple[tuple[str, str], ...]
    mistakes: tuple[tuple[str, str], ...]
    lists: tuple[tuple[str, str, str], ...]
    devices: tuple[DeviceLine, ...]


def published(number: int) -> str:
    """Return a count as it is published."""
    return FEWER if 0 < number < SMALL else str(number)


def make_report(service: Service, year: int) -> Report:
    """Return the report of a year.

    Raises:
        InvalidError: a year that cannot be.
    """
    now = service.now()
    if not 2000 <= year <= now.year:  # noqa: PLR2004 - before there was such a service
        raise InvalidError("there is no report of that year")
    with service.database.read() as session:
        rows = list(session.scalars(select(CountRow).where(CountRow.month.startswith(f"{year}-"))))
        entries = in_force_by_source(session, now)
        devices = _devices(session, rows)
    sums = Counter[str]()
    for row in rows:
        sums[row.what] += row.n
    sums["refuted"] = sum(sums[f"{State.REFUTED}:{one}"] for one in Mistake)
    return Report(
        agency=service.settings.agency,
        year=year,
        made=now.date(),
        totals=tuple((label, published(sums[what])) for what, label in _TOTALS),
        mistakes=tuple((one.replace("-", " "), published(sums[f"{State.REFUTED}:{one}"])) for one in Mistake),
        lists=_lists(rows, entries),
        devices=devices,
    )


def _lists(rows: list[CountRow], entries: dict[str, int]) -> tuple[tuple[str, str, str], ...]:
    """Return each list's name, entries in force now and matches of the year."""
    matches = Counter[str]()
    for row in rows:
        if row.what == "received":
            matches[row.source] += row.n
    names = sorted({*matches, *entries})
    return tuple((name, published(entries.get(name, 0)), published(matches[name])) for name in names)


def _devices(session: Session, rows: list[CountRow]) -> tuple[DeviceLine, ...]:
    """Return each device's registration and matches of the year."""
    matches = Counter[str]()
    for row in rows:
        if row.what == "received":
            matches[row.device] += row.n
    return tuple(
        DeviceLine(
            device=row.id,
            installed=row.registration["installed"],
            make=row.registration["make"],
            model=row.registration["model"],
            location=row.registration["location"],
            matches=published(matches[row.id]),
        )
        for row in session.scalars(select(DeviceRow).order_by(DeviceRow.id))
    )


def to_csv(report: Report) -> str:
    """Return the report as CSV: section, name, value; the set of rows is fixed but for lists and devices."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(("section", "name", "value"))
    writer.writerows(
        (
            ("report", "agency", report.agency),
            ("report", "year", report.year),
            ("report", "made", report.made),
        )
    )
    writer.writerows(("total", label, number) for label, number in report.totals)
    writer.writerows(("false match", name, number) for name, number in report.mistakes)
    for name, entries, matches in report.lists:
        writer.writerow(("list entries", _plain(name), entries))
        writer.writerow(("list matches", _plain(name), matches))
    for line in report.devices:
        described = f"{line.device}: {line.make} {line.model}, installed {line.installed}, {line.location}"
        writer.writerow(("device matches", _plain(described), line.matches))
    return out.getvalue()


def _plain(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return "'" + text if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
