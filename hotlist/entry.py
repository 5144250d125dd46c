"""One entry of the hot list: a plate somebody may look for, why, for how long, and who said so (R6)."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


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


class Severity(StrEnum):
    """How urgent a strong match is; a weak match is never urgent (R10)."""

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
