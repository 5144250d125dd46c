"""The public report: a fixed set of counts, every one blurred, and no plate anywhere (R17).

The fields are those of NH Saf-C 7204.01, and the reads, hits and destroyed that the devices' receipts prove.
A total whose parts are published (reads, matches received, matches refuted) is the sum of the published parts, so
that they agree and the total tells nothing more; every other count is blurred by itself
(api/oversight/disclosure_noise.py).

Without signing in only a year that has settled can be read: who looked every day would see a count change, and
when.
"""

import csv
import io
from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import func, select

from api.accounts import duties
from api.core.errors import InvalidError
from api.core.lifecycle import Mistake, Outcome, State
from api.core.service import Service
from api.db.models import CountRow, DeviceRow
from api.devices.heartbeats import RECEIPT
from api.lists.entry_status import in_force_by_source
from api.oversight.disclosure_noise import blurred

_SETTLED: Final = (3, 1)
"""Month and day of the next year from which a year's counts hardly change: the longest outcome is over."""
RECEIVED: Final = "received"
REFUTED: Final = "refuted"
READS: Final = f"{RECEIPT}reads"
LIVE: Final = f"{RECEIPT}live"
_READS_PARTS: Final = (f"{RECEIPT}destroyed", f"{RECEIPT}hits", LIVE)
_ALONE: Final = "Blurred by itself."
_TOTALS: Final = (
    (READS, "Plates read, from the devices' receipts", "The sum of the next three rows."),
    (f"{RECEIPT}destroyed", "Reads destroyed without a hit, from the devices' receipts", _ALONE),
    (f"{RECEIPT}hits", "Reads that matched the hot list, from the devices' receipts", _ALONE),
    (
        LIVE,
        "Reads not decided yet when a device wrote its last receipt",
        "In a device's memory for at most three minutes, and then one of the two above. " + _ALONE,
    ),
    (
        RECEIVED,
        "Matches received by the department",
        "The sum of the devices' matches. It can differ from the matches in the receipts: those come later.",
    ),
    (State.CONFIRMED.value, "Matches confirmed by a person", _ALONE),
    (REFUTED, "Matches refuted (false)", "The sum of the reasons in the next table."),
    (
        State.EXPIRED.value,
        "Matches that expired unreviewed or without an outcome",
        "A match that was confirmed and then expired is counted in both rows. " + _ALONE,
    ),
    (f"outcome:{Outcome.STOP}", "Matches leading to stops", "One match can lead to several outcomes."),
    (f"outcome:{Outcome.SEARCH}", "Matches leading to searches", _ALONE),
    (f"outcome:{Outcome.RELEASE}", "Matches leading to releases", _ALONE),
    (f"outcome:{Outcome.ARREST}", "Matches leading to arrests", _ALONE),
    (f"outcome:{Outcome.CITATION}", "Matches leading to citations", _ALONE),
    (f"outcome:{Outcome.PROTECTIVE_CUSTODY}", "Matches leading to protective custody", _ALONE),
    (f"outcome:{Outcome.MISSING_FOUND}", "Matches leading to a missing person found", _ALONE),
    (
        f"outcome:{Outcome.WRONG_VEHICLE}",
        "Matches where the unit found another vehicle than the listed one",
        "The plate was read right. " + _ALONE,
    ),
    (f"outcome:{Outcome.NONE}", "Matches without an outcome", _ALONE),
    (duties.INVITED, "Invitations of new people", _ALONE),
    (duties.ROLES, "Changes of somebody's roles", _ALONE),
    (duties.NEAR, "Approvals flagged: new accounts that vouch for each other", _ALONE),
)
"""What is counted, its name, and what it adds up with."""


@dataclass(frozen=True, slots=True)
class DeviceLine:
    """A device, and about how many matches it made."""

    device: str
    installed: str
    make: str
    model: str
    location: str
    matches: str


@dataclass(frozen=True, slots=True)
class Report:
    """One year's report; every count is blurred, and written as text.

    `totals` are name, count and what it adds up with; `years` are those with a report to choose from.
    """

    agency: str
    year: int
    made: date
    totals: tuple[tuple[str, str, str], ...]
    years: tuple[int, ...]
    mistakes: tuple[tuple[str, str], ...]
    lists: tuple[tuple[str, str, str], ...]
    devices: tuple[DeviceLine, ...]


def settled_year(today: date) -> int:
    """Return the newest year whose report may be published."""
    return today.year - (1 if (today.month, today.day) >= _SETTLED else 2)


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
        first = session.scalar(select(func.min(CountRow.month)))
        registered = list(session.scalars(select(DeviceRow).order_by(DeviceRow.id)))

    def told(label: str, number: int) -> int:
        return blurred(number, service.secrets.blind(f"report {year} {label} {number}"))

    sums, devices, lists = _sums(rows)
    mistakes = {one: told(f"mistake {one}", sums[f"{State.REFUTED}:{one}"]) for one in Mistake}
    matches = {row.id: told(f"device {row.id}", devices[row.id]) for row in registered}
    sums[LIVE] = max(0, sums[READS] - sums[f"{RECEIPT}hits"] - sums[f"{RECEIPT}destroyed"])
    derived = {
        READS: sum(told(part, sums[part]) for part in _READS_PARTS),
        RECEIVED: sum(matches.values()),
        REFUTED: sum(mistakes.values()),
    }
    totals = {what: derived[what] if what in derived else told(what, sums[what]) for what, _, _ in _TOTALS}
    return Report(
        agency=service.settings.agency,
        year=year,
        made=now.date(),
        years=tuple(range(now.year, int(first[:4]) - 1 if first else now.year - 1, -1)),
        totals=tuple((label, str(totals[what]), adds) for what, label, adds in _TOTALS),
        mistakes=tuple((one.replace("-", " "), str(number)) for one, number in mistakes.items()),
        lists=tuple(
            (name, str(told(f"entries {name}", entries.get(name, 0))), str(told(f"list {name}", lists[name])))
            for name in sorted({*lists, *entries})
        ),
        devices=tuple(_device_line(row, matches[row.id]) for row in registered),
    )


def _sums(rows: list[CountRow]) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """Return the year's counts by what happened, and of the matches received by device and by list."""
    sums, devices, lists = Counter[str](), Counter[str](), Counter[str]()
    for row in rows:
        sums[row.what] += row.n
        if row.what == RECEIVED:
            devices[row.device] += row.n
            lists[row.source] += row.n
    return sums, devices, lists


def _device_line(row: DeviceRow, matches: int) -> DeviceLine:
    """Return a device's registration and matches of the year."""
    return DeviceLine(
        device=row.id,
        installed=row.registration["installed"],
        make=row.registration["make"],
        model=row.registration["model"],
        location=row.registration["location"],
        matches=str(matches),
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
    writer.writerows(("total", label, number) for label, number, _ in report.totals)
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
