"""One entry of the hot list: a plate somebody may look for, why, for how long, and who said so (R6).

Inside the program an entry is a frozen `Entry`. Bytes become one only through `EntryForm`, which holds every
rule of R6: no field absent, a purpose from the closed list, an end, and an approver who is not the author.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Final, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from hitonly_core.canonical import canonical
from hitonly_core.form_words import words_of
from hotlist.errors import MalformedError


class Purpose(StrEnum):
    """The closed list of permitted purposes (RSA 261:75-b V). Nothing else can be entered (R16)."""

    STOLEN_VEHICLE = "stolen-vehicle"
    STOLEN_PLATE = "stolen-plate"
    MISSING_PERSON = "missing-person"
    WANTED_PERSON = "wanted-person"
    WARRANT = "warrant"
    SUSPENDED = "suspended"
    INVESTIGATION = "investigation"
    MAJOR_CRIME = "major-crime"
    NEAR_RECENT_CRIME = "near-recent-crime"


MAX_DAYS: Final[Mapping[Purpose, int]] = MappingProxyType(
    {
        Purpose.STOLEN_VEHICLE: 365,
        Purpose.STOLEN_PLATE: 365,
        Purpose.MISSING_PERSON: 90,
        Purpose.WANTED_PERSON: 180,
        Purpose.WARRANT: 180,
        Purpose.SUSPENDED: 90,
        Purpose.INVESTIGATION: 30,
        Purpose.MAJOR_CRIME: 30,
        Purpose.NEAR_RECENT_CRIME: 7,
    }
)
"""How many days after it was last verified an entry may still stand; verifying it again starts them anew."""


class Severity(StrEnum):
    """How urgent a match is at most; only one whose region agrees can be urgent (R10)."""

    ROUTINE = "routine"
    HIGH = "high"
    URGENT = "urgent"


@dataclass(frozen=True, slots=True)
class Vehicle:
    """The vehicle that carries the listed plate, as far as it is known; shown beside the crop (R10)."""

    make: str = ""
    model: str = ""
    colour: str = ""
    year: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A listed plate. Times are aware UTC; `region` is an ISO 3166 code (``GB``, ``US-NH``) or empty.

    `author` and `approver` are the ids of two keys of two people. `plate` is normalised.
    """

    id: str
    plate: str = field(repr=False)
    region: str
    purpose: Purpose
    case_number: str = field(repr=False)
    source: str
    author: str
    approver: str
    created: datetime
    effective: datetime
    expires: datetime
    verified: datetime
    severity: Severity = Severity.ROUTINE
    vehicle: Vehicle = field(default_factory=Vehicle, repr=False)
    note: str = field(default="", repr=False)


MAX_LINE: Final = 8192
"""Most bytes that the canonical JSON of one entry can have."""

MIN_YEAR: Final = 1880
MAX_YEAR: Final = 2200
"""The years that a vehicle may be of."""
_PRINTABLE: Final = r"^[^\x00-\x1f\x7f]*$"
_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)

Identity = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:@-]{1,64}$")]
"""An entry's id, a key's id, or a department's: short, and safe in a file name and a log."""
Region = Annotated[str, StringConstraints(pattern=r"^([A-Z]{2}(-[A-Z0-9]{1,3})?)?$")]
Short = Annotated[str, StringConstraints(max_length=64, pattern=_PRINTABLE)]
Required = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=_PRINTABLE)]
Time = Annotated[AwareDatetime, Field(ge=_EARLIEST, lt=_LATEST)]


class _Form(BaseModel):
    """Members in the order of the alphabet, so that what pydantic writes is canonical JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class VehicleForm(_Form):
    """A vehicle's JSON."""

    colour: Short
    make: Short
    model: Short
    year: Annotated[int, Field(ge=MIN_YEAR, le=MAX_YEAR)] | None


class EntryForm(_Form):
    """An entry's JSON with the rules of R6."""

    approver: Identity
    author: Identity
    case_number: Annotated[Required, Field(repr=False)]
    created: Time
    effective: Time
    expires: Time
    id: Identity
    note: Annotated[str, StringConstraints(max_length=500, pattern=_PRINTABLE), Field(repr=False)]
    plate: Annotated[str, StringConstraints(pattern=r"^[0-9A-Z]{2,10}$"), Field(repr=False)]
    purpose: Purpose
    region: Region
    severity: Severity
    source: Required
    vehicle: Annotated[VehicleForm, Field(repr=False)]
    verified: Time

    @model_validator(mode="after")
    def _rules(self) -> Self:
        """Two people, an order of times, and an end that the purpose allows."""
        if self.author == self.approver:
            raise PydanticCustomError("two_people", "the approver is the author; another person must approve")
        if self.expires <= self.effective:
            raise PydanticCustomError("order", "it expires before it takes effect")
        limit = MAX_DAYS[self.purpose]
        if self.expires - self.verified > timedelta(days=limit):
            message = "it expires more than {limit} days after it was last verified, the most for {purpose}"
            raise PydanticCustomError("lifetime", message, {"limit": limit, "purpose": self.purpose.value})
        return self

    def to_entry(self) -> Entry:
        """Return the frozen entry."""
        return Entry(
            id=self.id,
            plate=self.plate,
            region=self.region,
            purpose=self.purpose,
            case_number=self.case_number,
            source=self.source,
            author=self.author,
            approver=self.approver,
            created=self.created.astimezone(UTC),
            effective=self.effective.astimezone(UTC),
            expires=self.expires.astimezone(UTC),
            verified=self.verified.astimezone(UTC),
            severity=self.severity,
            vehicle=Vehicle(
                make=self.vehicle.make,
                model=self.vehicle.model,
                colour=self.vehicle.colour,
                year=self.vehicle.year,
            ),
            note=self.note,
        )


def check_identity(text: str) -> str:
    """Return an id as it is: 1 to 64 letters, digits and ``._:@-``.

    Raises:
        MalformedError: it is none.
    """
    try:
        return TypeAdapter(Identity).validate_python(text)
    except ValidationError:
        raise MalformedError("an id has 1 to 64 letters, digits and ._:@-") from None


def time_text(moment: datetime) -> str:
    """Return a time as files hold it: UTC, whole seconds, ``2026-01-31T23:59:59Z``."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def entry_to_json(entry: Entry) -> dict[str, object]:
    """Return an entry's JSON object, for the list and the hit's wire format; times in whole seconds."""
    vehicle = entry.vehicle
    return {
        "approver": entry.approver,
        "author": entry.author,
        "case_number": entry.case_number,
        "created": time_text(entry.created),
        "effective": time_text(entry.effective),
        "expires": time_text(entry.expires),
        "id": entry.id,
        "note": entry.note,
        "plate": entry.plate,
        "purpose": entry.purpose.value,
        "region": entry.region,
        "severity": entry.severity.value,
        "source": entry.source,
        "vehicle": {
            "colour": vehicle.colour,
            "make": vehicle.make,
            "model": vehicle.model,
            "year": vehicle.year,
        },
        "verified": time_text(entry.verified),
    }


def entry_to_line(entry: Entry) -> bytes:
    """Return an entry's canonical JSON, without an end of line."""
    return canonical(entry_to_json(entry))


def entry_from_json(body: object) -> Entry:
    """Make an entry of a JSON object and check every rule of R6.

    Raises:
        MalformedError: a field is absent, unknown or not what it must be; names the field, never its value.
    """
    try:
        return entry_from_line(canonical(body))
    except (TypeError, ValueError, RecursionError):
        raise MalformedError("an entry that is no JSON object") from None


def entry_from_line(line: bytes) -> Entry:
    """Make an entry of its JSON text and check every rule of R6.

    Raises:
        MalformedError: as `entry_from_json`.
    """
    try:
        return EntryForm.model_validate_json(line).to_entry()
    except ValidationError as problem:
        raise MalformedError(f"an entry {first_problem(problem)}") from None


def first_problem(problem: ValidationError) -> str:
    """Return the first thing that a form refused, in words, with the field's name and never its value."""
    detail = problem.errors(include_url=False, include_input=False)[0]
    if detail["type"] == "extra_forbidden":
        return "with a field that is not known"
    names, words = [str(part) for part in detail["loc"]], words_of(detail)
    if not names:
        return f"that is refused: {words}"
    return f"whose {' of '.join(reversed(names))} is refused: it {words}"
