"""What the department knows of a hit, it takes from its own list and register and not from the unit (R6, R10).

A unit's key proves which unit made a hit, not that its software is ours. So of every match the entry is the one
on the list, the kind is worked out again from the reading, and camera and place are the registered ones. A match
whose entry is not on the list as the unit says keeps what it says for the review, which refutes it, but as a weak
and routine one, and under no source.
"""

from dataclasses import replace
from typing import Final

from sqlalchemy.orm import Session

from api.db.models import DeviceRow, EntryRow
from hotlist.entry import Severity, entry_from_json
from hotlist.matching.match import Match, MatchKind
from hotlist.matching.region_agreement import Agreement, agreement
from protocol.hit import Hit

UNREGISTERED: Final = "camera not registered"
"""Stands for a camera's name that the register does not have; the unit's own name for it is free text."""
UNLISTED: Final = "not on the list"
_MOST_DIFFERENT: Final = 2
_STRENGTH: Final = (MatchKind.WEAK, MatchKind.REGION_NOT_READ, MatchKind.CONFUSABLE, MatchKind.EXACT)


def derive(session: Session, hit: Hit) -> tuple[Hit, list[str]]:
    """Return a hit as the department's own data have it, and what the unit said otherwise.

    The words of the list are field names, for the log.
    """
    register = session.get_one(DeviceRow, hit.device).registration
    matches = tuple(_match(session, hit, match) for match in hit.matches)
    strong = {match.entry.plate for match in matches if match.kind is not MatchKind.WEAK}
    if len(strong) > 1:
        matches = tuple(replace(match, ambiguous=True) for match in matches)
    cameras: list[str] = register.get("cameras", [])
    camera = hit.camera if hit.camera in cameras else UNREGISTERED
    ours = replace(hit, matches=matches, camera=camera, place=str(register["location"]))
    return ours, _differences(hit, ours)


def severity_of(hit: Hit) -> Severity:
    """Return how urgent a derived hit is: as its most severe match (R10)."""
    order = list(Severity)
    return max((match.severity for match in hit.matches), key=order.index)


def kind_of_reading(reading: str, region: str, match: Match) -> MatchKind:
    """Return how a reading agrees with an entry; never more than the unit itself says."""
    agrees = agreement(match.entry.region, {region: 1.0} if region else {})
    if agrees is Agreement.DIFFERENT or not _near(reading, match.entry.plate):
        found = MatchKind.WEAK
    elif agrees is not Agreement.SAME:
        found = MatchKind.REGION_NOT_READ
    else:
        found = MatchKind.EXACT if reading == match.entry.plate else MatchKind.CONFUSABLE
    return min(found, match.kind, key=_STRENGTH.index)


def _match(session: Session, hit: Hit, match: Match) -> Match:
    """Return a match with the list's own entry, and its kind and reason worked out again."""
    row = session.get(EntryRow, match.entry.id)
    entry = entry_from_json(row.body) if row is not None else None
    if entry is None or (entry.plate, entry.region) != (match.entry.plate, match.entry.region):
        unlisted = replace(match.entry, source=UNLISTED, severity=Severity.ROUTINE)
        return replace(match, entry=unlisted, kind=MatchKind.WEAK, why=f"the entry is {UNLISTED}")
    ours = replace(match, entry=entry)
    kind = kind_of_reading(hit.plate_read, hit.region_read, ours)
    return replace(ours, kind=kind, why=_why(hit, ours))


def _why(hit: Hit, match: Match) -> str:
    """Say in words how reading and entry agree, from the two alone."""
    places = [
        f"{listed} read as {read} at position {place}"
        for place, (listed, read) in enumerate(zip(match.entry.plate, hit.plate_read, strict=False), start=1)
        if listed != read
    ]
    if len(match.entry.plate) != len(hit.plate_read):
        places = ["read with another number of characters"]
    agrees = agreement(match.entry.region, {hit.region_read: 1.0} if hit.region_read else {})
    region = "the entry names no region" if agrees is Agreement.NOT_NAMED else f"region {agrees.value}"
    return f"{', '.join(places) or 'read as listed'}; {region}"


def _near(reading: str, listed: str) -> bool:
    """Whether a reading differs in a few places, or in one character too many or missing."""
    if len(reading) == len(listed):
        return sum(one != other for one, other in zip(reading, listed, strict=True)) <= _MOST_DIFFERENT
    longer, shorter = sorted((reading, listed), key=len, reverse=True)
    if len(longer) - len(shorter) != 1:
        return False
    return any(longer[:place] + longer[place + 1 :] == shorter for place in range(len(longer)))


def _differences(said: Hit, ours: Hit) -> list[str]:
    """Return the names of what a unit said otherwise; the place is the configuration's wording and may differ."""
    found = ["camera"] if said.camera != ours.camera else []
    pairs = list(zip(said.matches, ours.matches, strict=True))
    if any(one.entry != other.entry for one, other in pairs):
        found.append("entry")
    if any(one.kind is not other.kind for one, other in pairs):
        found.append("kind")
    if any(one.ambiguous != other.ambiguous for one, other in pairs):
        found.append("ambiguous")
    return found
