"""The names that vendors give to the columns of their lists, and ours."""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

_NAMES: Final[Mapping[str, Sequence[str]]] = {
    "plate": (
        "plate",
        "plate number",
        "plate no",
        "plate text",
        "license plate",
        "licence plate",
        "license plate number",
        "license",
        "lp",
        "lpn",
        "tag",
        "tag number",
        "vrm",
        "registration",
        "registration number",
    ),
    "region": (
        "region",
        "state",
        "plate state",
        "license plate state",
        "license state",
        "tag state",
        "state province",
        "province",
        "plate region",
        "jurisdiction",
        "st",
        "country",
    ),
    "purpose": (
        "purpose",
        "reason",
        "category",
        "alert type",
        "alert reason",
        "list type",
        "hotlist type",
        "hot list reason",
        "offense",
        "offence",
        "type",
    ),
    "case_number": (
        "case number",
        "case",
        "case no",
        "case id",
        "incident number",
        "incident",
        "incident id",
        "reference",
        "reference number",
        "report number",
        "record id",
        "nic",
        "nic number",
    ),
    "source": ("source", "agency", "originating agency", "ori", "list name"),
    "effective": ("effective", "effective date", "start", "start date", "valid from", "begin date"),
    "expires": (
        "expires",
        "expiry",
        "expiry date",
        "expiration",
        "expiration date",
        "expires at",
        "expires on",
        "end date",
        "valid until",
        "valid to",
    ),
    "verified": ("verified", "last verified", "verified at", "validated"),
    "severity": ("severity", "priority", "alert level"),
    "make": ("make", "vehicle make", "vma"),
    "model": ("model", "vehicle model", "vmo", "vehicle", "vehicle description"),
    "colour": ("colour", "color", "vehicle color", "vehicle colour", "vco"),
    "year": ("year", "vehicle year", "model year", "vyr"),
    "note": ("note", "notes", "comment", "comments", "remarks", "description", "narrative"),
}

SET_BY_US: Final = frozenset({"approver", "author", "created", "id"})
"""What an exported entry says, and a new author and approver replace."""


def _plain(header: str) -> str:
    return re.sub(r"[^a-z0-9]", "", header.lower())


_FIELD_OF: Final = MappingProxyType(
    {_plain(name): field for field, names in _NAMES.items() for name in names}
)


def field_of(header: str) -> str | None:
    """Return our name of a column, whatever its case, spaces, hyphens and underscores; None if unknown."""
    return _FIELD_OF.get(_plain(header))
