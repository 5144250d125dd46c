"""One row becomes a proposed entry, or a reason why not: the rules before anybody approves (R6, R16)."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from pydantic import ValidationError

from hotlist.entry import MAX_YEAR, MIN_YEAR, EntryForm, Purpose, Severity, first_problem, time_text
from hotlist.errors import ImmigrationError, RowError
from hotlist.importers.cells import case_of, plate_of
from hotlist.importers.dates import DateOrder, moment_of
from hotlist.importers.row import FIELDS
from hotlist.region_codes import region_code

_NOT_SAID: Final = frozenset({"author", "created", "id", "verified"})
_PENDING: Final = "pending"
"""Stands for the approver while nobody has approved."""
_PREFIX: Final = b'{"approver":"pending",'
_UNREADABLE: Final = "\ufffd"
"""What stands where bytes were no UTF-8."""
_ALIASES: Final = MappingProxyType(
    {
        "stolen": Purpose.STOLEN_VEHICLE,
        "stolencar": Purpose.STOLEN_VEHICLE,
        "stolenlicenseplate": Purpose.STOLEN_PLATE,
        "stolentag": Purpose.STOLEN_PLATE,
        "missing": Purpose.MISSING_PERSON,
        "missingendangeredperson": Purpose.MISSING_PERSON,
        "endangeredperson": Purpose.MISSING_PERSON,
        "amber": Purpose.MISSING_PERSON,
        "amberalert": Purpose.MISSING_PERSON,
        "silveralert": Purpose.MISSING_PERSON,
        "wanted": Purpose.WANTED_PERSON,
        "felony": Purpose.WANTED_PERSON,
        "felonywarrant": Purpose.WARRANT,
        "suspendedregistration": Purpose.SUSPENDED,
        "suspendedlicense": Purpose.SUSPENDED,
        "revoked": Purpose.SUSPENDED,
        "homicide": Purpose.MAJOR_CRIME,
        "shooting": Purpose.MAJOR_CRIME,
        **{purpose.value.replace("-", ""): purpose for purpose in Purpose},
    }
)
_BREAKS: Final = re.compile(r"[ ]*[\r\n\t\v\f]+[ ]*")
"""What parts the lines of a note; an entry is one line."""
_IMMIGRATION: Final = re.compile(r"\b(immigra|deport|ice\b|alien)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Given:
    """What whoever imports or adds says for all rows; a row's own value goes before it.

    Attributes:
        author: id of the author's key.
        now: when; aware UTC.
        country: ISO 3166 code; a bare ``NH`` becomes ``US-NH``.
        days: how long entries without an expiry of their own may stand; none: they are refused.
        dates: in which order dates with slashes are written.
        fold: read Ä, Ö, Ü, Ñ and the like in plates without their marks.
        values: further fields, such as the source or the purpose.
    """

    author: str
    now: datetime
    country: str = ""
    days: int | None = None
    dates: DateOrder = DateOrder.ISO
    fold: bool = False
    values: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "now", self.now.replace(microsecond=0))


@dataclass(frozen=True, slots=True)
class Proposal:
    """An entry that nobody has approved yet.

    Attributes:
        body: the entry's canonical JSON without its opening brace and approver.
    """

    plate: str = field(repr=False)
    region: str
    case_number: str = field(repr=False)
    source: str
    expires: str
    body: bytes = field(repr=False)

    @property
    def key(self) -> tuple[str, str, str]:
        """What may be there once: a plate of a region in a case."""
        return self.plate, self.region, self.case_number


def approved_line(body: bytes, approver: str) -> bytes:
    """Return the canonical JSON of the entry that a proposal's body becomes when this key approves it."""
    return b'{"approver":"' + approver.encode() + b'",' + body


def created_of(body: bytes) -> datetime:
    """Return when the entry of a proposal's body was first created."""
    return datetime.fromisoformat(json.loads(b"{" + body)["created"])


def values_of(body: bytes) -> dict[str, str]:
    """Return the texts of a proposal's body as a row has them, so that an edit starts from them."""
    members = json.loads(b"{" + body)
    vehicle = members.pop("vehicle")
    texts = {**members, **vehicle, "year": "" if vehicle["year"] is None else str(vehicle["year"])}
    return {name: text for name, text in texts.items() if name in FIELDS}


def said_in(body: bytes, row: Mapping[str, str]) -> dict[str, object]:
    """Return what a proposal's body says of the car and the case, without its id, who wrote it and when.

    Its start is left out where the row names none: each import would set it to its own time.
    """
    members: dict[str, object] = json.loads(b"{" + body)
    left_out = _NOT_SAID if "effective" in row else _NOT_SAID | {"effective"}
    return {name: value for name, value in members.items() if name not in left_out}


def propose(
    values: Mapping[str, str], given: Given, *, entry_id: str, created: datetime | None = None
) -> Proposal:
    """Make a proposal of a row's texts.

    Raises:
        RowError: a rule is broken: no expiry, no case number, a purpose that is not permitted, a junk plate.
        ImmigrationError: the purpose is immigration.
    """
    row = {**given.values, **values}
    _refuse_what_is_never_entered(row)
    plate = plate_of(row.get("plate", ""), fold=given.fold)
    verified = moment_of(row["verified"], given.dates, last=False) if "verified" in row else given.now
    proposal: dict[str, object] = {
        "approver": _PENDING,
        "author": given.author,
        "case_number": case_of(_needed(row, "case_number")),
        "created": created or given.now,
        "effective": moment_of(row["effective"], given.dates, last=False)
        if "effective" in row
        else given.now,
        "expires": _expiry(row, given),
        "id": entry_id,
        "note": _BREAKS.sub(" ", row.get("note", "")).strip(),
        "plate": plate,
        "purpose": _purpose(row.get("purpose", "")),
        "region": region_code(row.get("region", ""), given.country),
        "severity": _severity(row.get("severity", "routine")),
        "source": _needed(row, "source"),
        "vehicle": {
            "colour": row.get("colour", ""),
            "make": row.get("make", ""),
            "model": row.get("model", ""),
            "year": _year(row.get("year", "")),
        },
        "verified": verified,
    }
    if verified > given.now:
        raise RowError("it was last verified in the future")
    return _checked(proposal)


def _refuse_what_is_never_entered(row: Mapping[str, str]) -> None:
    """Refuse a row for what it is, before anything in it is looked at.

    Raises:
        RowError: its bytes were no UTF-8.
        ImmigrationError: its purpose is immigration.
    """
    purpose = row.get("purpose", "")
    if _IMMIGRATION.search(purpose) and _letters(purpose) not in _ALIASES:
        raise ImmigrationError("its purpose is immigration")
    if any(_UNREADABLE in text for text in row.values()):
        raise RowError("a letter that is not UTF-8; save the file as CSV UTF-8")


def _checked(proposal: dict[str, object]) -> Proposal:
    try:
        form = EntryForm.model_validate(proposal)
    except ValidationError as problem:
        raise RowError(f"an entry {first_problem(problem)}") from None
    line = EntryForm.__pydantic_serializer__.to_json(form)
    body = line.removeprefix(_PREFIX)
    return Proposal(form.plate, form.region, form.case_number, form.source, time_text(form.expires), body)


def _needed(row: Mapping[str, str], name: str) -> str:
    if not row.get(name):
        raise RowError(f"no {name.replace('_', ' ')}")
    return row[name]


def _purpose(text: str) -> Purpose:
    if not text:
        raise RowError("no purpose")
    purpose = _ALIASES.get(_letters(text))
    if purpose is None:
        raise RowError("its purpose is not permitted; see the closed list")
    return purpose


def _letters(text: str) -> str:
    return re.sub(r"[^a-z]", "", text.lower())


def _severity(text: str) -> Severity:
    try:
        return Severity(text.lower())
    except ValueError:
        raise RowError("its severity is none of routine, high, urgent") from None


def _year(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) == len("2026")):
        raise RowError("the vehicle's year is no year")
    if not MIN_YEAR <= int(text) <= MAX_YEAR:
        raise RowError(f"the vehicle's year is before {MIN_YEAR} or after {MAX_YEAR}")
    return int(text)


def _expiry(row: Mapping[str, str], given: Given) -> datetime:
    if "expires" in row:
        expires = moment_of(row["expires"], given.dates, last=True)
        if expires <= given.now:
            raise RowError("it has expired already")
        return expires
    if given.days is None:
        raise RowError("no expiry")
    return given.now + timedelta(days=given.days)
