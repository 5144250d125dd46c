"""What a reader of a file gives: named texts with the line they stand on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from hotlist.errors import RowError

FIELDS: Final = (
    "plate",
    "region",
    "purpose",
    "case_number",
    "source",
    "effective",
    "expires",
    "verified",
    "severity",
    "make",
    "model",
    "colour",
    "year",
    "note",
)
"""The names that a row's texts may have, in the order in which an export writes them."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row: its line (from 1) and its texts, none of them empty."""

    line: int
    values: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that the reader itself could not read, and why."""

    line: int
    problem: RowError


@dataclass(frozen=True, slots=True)
class Unread:
    """Columns that have a name, and none of ours: their letters, as a spreadsheet calls them."""

    columns: tuple[str, ...]
