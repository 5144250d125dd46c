"""The NCIC fixed-width extract. Offsets from 0, the end excluded.

    [0:10]  record number; its first letter is the file: A F W V P M are permitted here, N never
    [10:19] the agency that entered it (ORI)
    [19:27] date of the incident, YYYYMMDD
    [27:37] plate
    [37:39] state, with a zero for the letter O
    [45:49] year   [49:53] make   [53:56] model   [58:] colour

Example::

    V123456789LA057020020190509AB123456  CA2009MC2009YAMACYLMCBLK

A row carries no expiry: whoever imports the file says how many days its entries may stand. NCIC writes the
letter O as a zero in plates too; the confusion of O and 0 is matching's to bear.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from types import MappingProxyType
from typing import BinaryIO, Final

from hotlist.errors import ImmigrationError, ImportFileError, RowError
from hotlist.importers.row import Refused, Row
from hotlist.importers.text import lines_of
from hotlist.region_codes import regions

_PURPOSE: Final = MappingProxyType(
    {
        "A": "missing-person",
        "F": "wanted-person",
        "W": "wanted-person",
        "V": "stolen-vehicle",
        "P": "stolen-plate",
        "M": "missing-person",
    }
)
_IMMIGRATION: Final = "N"
_LEAST: Final = 39
"""A row reaches to the end of the state."""
_RECORD: Final = re.compile(r"[A-Z0-9]\d{9}")
"""A record's number."""
_IN_PLACE: Final = re.compile(r".{10}[A-Z0-9 ]{9}(\d{8}| {8})(\S.{9}| {10})([A-Z0]{2}|  )")
"""How a row looks whose fields stand at their offsets; one that lost a character has other things there."""
_ANOTHER: Final = re.compile(r"[A-Z]\d{9}[A-Z]")
"""How the next record begins, behind one that has no end of line."""
_NO_HEADER: Final = re.compile(r"\d{8}")
"""What a record has, and the line above the first one has not, when both are as long as a record."""
_OWN_CODES: Final = MappingProxyType({"NB": "US-NE", "NK": "CA-NB", "NF": "CA-NL", "PQ": "CA-QC"})
"""Where NCIC's code of a state or province is not ISO's. NB is Nebraska there, and New Brunswick in ISO 3166."""
_OTHERWISE: Final = frozenset({"GU", "NL", "VU"})
"""What is another place in NCIC's table than in ISO's."""


def read_ncic(file: BinaryIO) -> Iterator[Row | Refused]:
    """Yield the rows of an extract; a first line that is no record is its header.

    Raises:
        ImportFileError: the first record is none, so that this is another kind of file; or a line is too long.
    """
    first = True
    for line, text in enumerate(lines_of(file), start=1):
        record = text.rstrip("\r\n")
        if not record.strip() or (line == 1 and _is_header(record)):
            continue
        if first and not _RECORD.match(record):
            hint = "Is it CSV, perhaps with tabs? Then say --format csv."
            raise ImportFileError(f"line {line} has no record number: this is no NCIC extract", hint=hint)
        first = False
        try:
            yield Row(line, _values(record))
        except RowError as problem:
            yield Refused(line, problem)


def _is_header(record: str) -> bool:
    """Whether the first line is something else than a record, even than one with a fault."""
    as_long = len(record) >= _LEAST and _NO_HEADER.search(record)
    return not as_long and not record[1:10].isdigit()


def _values(record: str) -> dict[str, str]:
    if not _RECORD.match(record):
        raise RowError("no record number at the start of the line")
    kind = record[0:1]
    if kind == _IMMIGRATION:
        raise ImmigrationError("a row of the immigration-violator file")
    if kind not in _PURPOSE:
        raise RowError("a row of an NCIC file whose purpose is not permitted")
    if len(record) < _LEAST:
        raise RowError(f"{len(record)} characters; a row has at least {_LEAST}")
    if not _IN_PLACE.match(record):
        raise RowError(
            "its date, plate or state does not stand where it should: a character was lost or added"
        )
    if _ANOTHER.search(record, _LEAST):
        raise RowError("another record stands on the same line; is a line break lost?")
    date = record[19:27].strip()
    year = record[45:49].strip()
    values = {
        "purpose": _PURPOSE[kind],
        "case_number": record[0:10].strip(),
        "source": f"NCIC {record[10:19].strip()}".strip(),
        "plate": record[27:37].strip(),
        "region": _region(record[37:39]),
        "year": year if year.isascii() and year.isdigit() else "",
        "make": record[49:53].strip(),
        "model": record[53:56].strip(),
        "colour": record[58:].strip(),
        "note": _incident(date),
    }
    return {name: text for name, text in values.items() if text}


def _incident(date: str) -> str:
    """Return a note of an incident's date; empty where there is none, or no such day."""
    try:
        return f"incident of {datetime.strptime(date, '%Y%m%d').replace(tzinfo=UTC):%Y-%m-%d}"
    except ValueError:
        return ""


def _region(code: str) -> str:
    """Return the ISO code of an NCIC state or Canadian province; empty for every other place.

    NCIC's codes of Mexican states and of countries are not ISO's: CH is Chihuahua there, not Switzerland.
    """
    code = code.replace("0", "O")
    if code in _OWN_CODES:
        return _OWN_CODES[code]
    if code in _OTHERWISE:
        return ""
    found = (f"{country}-{code}" for country in ("US", "CA"))
    return next((each for each in found if regions().exists(each)), "")
