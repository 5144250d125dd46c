"""CSV with a header line; comma, semicolon, tab or bar between the columns.

Example::

    Plate,State,Reason,Case Number,Expiration Date,Notes
    AB123,US-NH,stolen vehicle,26-00417,2026-12-31,blue Ford
"""

import csv
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO, Final

from hotlist.errors import ImportFileError, RowError
from hotlist.importers.headers import field_of
from hotlist.importers.row import Refused, Row, lines_of

_DELIMITERS: Final = ",;\t|"
_DEFUSED: Final = ("=", "+", "-", "@", "\t", "\r", "'")
"""First characters of what a spreadsheet calculates, and the apostrophe that stops it."""


def read_csv(file: BinaryIO) -> Iterator[Row | Refused]:
    """Yield the rows of a CSV file; columns that have no name of ours are left out.

    Raises:
        ImportFileError: no header with a plate's column, one field in two columns, or a line too long.
    """
    lines = lines_of(file)
    header = next(lines, "")
    delimiter = max(_DELIMITERS, key=header.count)
    columns = _columns(header, delimiter)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 2
        try:
            cells = next(reader, None)
        except csv.Error:
            yield Refused(line, RowError("a quotation mark is missing, or a field is too long"))
            continue
        if cells is None:
            return
        if not any(cells):
            continue
        if len(cells) > len(columns):
            yield Refused(line, RowError(f"{len(cells)} columns where the header has {len(columns)}"))
            continue
        values = {name: _plain(cell) for name, cell in zip(columns, cells, strict=False) if name and cell}
        yield Row(line, {name: text for name, text in values.items() if text})


def _columns(header: str, delimiter: str) -> list[str | None]:
    try:
        cells = next(csv.reader([header], delimiter=delimiter, strict=True), [])
    except csv.Error:
        raise ImportFileError("the first line is no CSV header") from None
    columns = [field_of(cell) for cell in cells]
    if "plate" not in columns:
        hint = "Name the columns in the first line: plate, region, purpose, case number, expires."
        raise ImportFileError("no column of the first line is a plate's", hint=hint)
    for name, count in Counter(columns).items():
        if name and count > 1:
            raise ImportFileError(
                f"{count} columns for the field {name}", hint="Remove or rename one of them."
            )
    return columns


def _plain(cell: str) -> str:
    """Return a cell's text without the apostrophe that an export put before a formula character."""
    text = cell.strip()
    return text[1:] if text.startswith("'") and text[1:].startswith(_DEFUSED) else text


def defused(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: an apostrophe is put before one."""
    return "'" + text if text.startswith(_DEFUSED) else text
