"""One entry of the hot list: a plate somebody may look for, why, for how long, and who said so (R6)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

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


_TIMES = ("created", "effective", "expires", "verified")


def entry_to_json(entry: Entry) -> dict[str, object]:
    """Return an entry as JSON members; times are ISO 8601 in UTC, to the second."""
    body: dict[str, object] = asdict(entry)
    for name in _TIMES:
        body[name] = getattr(entry, name).astimezone(UTC).isoformat(timespec="seconds")
    return body


def entry_from_json(body: object) -> Entry:
    """Read an entry's JSON members: the inverse of `entry_to_json`.

    Raises:
        MalformedError: a member is absent, unknown or of the wrong type.
    """
    if not isinstance(body, Mapping):
        raise MalformedError("an entry is a JSON object")
    try:
        members = dict(body)
        vehicle = Vehicle(**members.pop("vehicle"))
        times = {name: datetime.fromisoformat(members.pop(name)) for name in _TIMES}
        purpose, severity = Purpose(members.pop("purpose")), Severity(members.pop("severity"))
        entry = Entry(**members, **times, purpose=purpose, severity=severity, vehicle=vehicle)
    except (KeyError, TypeError, ValueError):
        raise MalformedError("an entry's member is absent, unknown or of the wrong type") from None
    texts = (
        entry.id,
        entry.plate,
        entry.region,
        entry.case_number,
        entry.source,
        entry.author,
        entry.approver,
    )
    if not all(isinstance(text, str) for text in texts) or any(
        time.tzinfo is None for time in times.values()
    ):
        raise MalformedError("an entry's member is of the wrong type, or a time has no zone")
    return entry
