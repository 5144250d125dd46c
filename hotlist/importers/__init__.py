"""Rows of other systems' files: CSV, JSON Lines, and the NCIC fixed-width extract.

A reader turns a file into `Row`s of named texts and knows nothing of the rules of an entry;
`hotlist.importers.proposal` makes an entry of a row, or says why not.
"""

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import BinaryIO, Final

from hotlist.importers.csv_rows import read_csv
from hotlist.importers.json_rows import read_json_lines
from hotlist.importers.ncic_rows import read_ncic
from hotlist.importers.row import Refused, Row, Unread


class Format(StrEnum):
    """What a file to import may be."""

    CSV = "csv"
    JSONL = "jsonl"
    NCIC = "ncic"


Reader = Callable[[BinaryIO], Iterator[Row | Refused | Unread]]

READERS: Final[dict[Format, Reader]] = {
    Format.CSV: read_csv,
    Format.JSONL: read_json_lines,
    Format.NCIC: read_ncic,
}

__all__ = [
    "READERS",
    "Format",
    "Reader",
    "Refused",
    "Row",
    "Unread",
    "read_csv",
    "read_json_lines",
    "read_ncic",
]
