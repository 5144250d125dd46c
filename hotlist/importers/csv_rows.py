"""CSV with a header line; comma, semicolon, tab or bar between the columns.

Example::

    Plate,State,Reason,Case Number,Expiration Date,Notes
    AB123,US-NH,stolen vehicle,26-00417,2026-12-31,blue Ford

Lines above the header (a title, ``sep=;``) are passed over, and so are empty cells behind the last column. A name
of a column may have line breaks in its quotation marks.
"""

import contextlib
import csv
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from hotlist.errors import ImportFileError, RowError
from hotlist.importers.headers import SET_BY_US, field_of
from hotlist.importers.row import Refused, Row, Unread
from hotlist.importers.text import lines_of

_DELIMITERS: Final = ",;\t|"
_DEFUSED: Final = ("=", "+", "-", "@", "\t", "\r", "'")
"""First characters of what a spreadsheet calculates, and the apostrophe that stops it."""
_AS_TEXT: Final = re.compile(r'="(.*)"')
"""How a spreadsheet is told that a cell is text."""
_BLANK: Final = " \t\u00a0\x1a"
"""What an empty row may be of; a file of DOS ends in the last of these."""
_ABOVE: Final = 20
"""Most lines that may stand above the header."""
_LONGEST_NAME: Final = 6
"""Most lines of the header, whose names may be broken into lines."""
_LONGEST_NOTE: Final = 100
"""Most lines of one cell; a quotation that runs on for longer was never closed."""
_NEEDED: Final = frozenset({"plate", "purpose", "case_number", "expires"})
"""What a row of a list nearly always says, in the columns up to the last of these."""
_OF_ONE_LINE: Final = _NEEDED | {"region", "effective", "verified", "severity", "year"}
"""What never has a line break inside it."""


@dataclass(frozen=True, slots=True)
class _Header:
    """The line that names the columns.

    Attributes:
        line: its number.
        delimiter: what is between its cells.
        columns: our names, None for others.
        unread: the letters of the columns that have another name.
    """

    line: int
    delimiter: str
    columns: list[str | None]
    unread: tuple[str, ...] = ()

    @property
    def reach(self) -> int:
        """How many separators a row has at least that says what is needed."""
        return max(place for place, name in enumerate(self.columns) if name in _NEEDED)


def read_csv(file: BinaryIO) -> Iterator[Row | Refused | Unread]:
    """Yield the rows of a CSV file; columns that have no name of ours are left out, and said before the first row.

    Raises:
        ImportFileError: no header with a plate's column, one field in two columns, a line too long, or a
            quotation mark without its partner, which hides the rows behind it.
    """
    header, lines = _header(lines_of(file))
    if header.unread:
        yield Unread(header.unread)
    watched = _Watched(lines, header)
    reader = csv.reader(watched, delimiter=header.delimiter, skipinitialspace=True, strict=True)
    shortest = len(header.columns)
    while True:
        watched.begin()
        try:
            cells = next(reader, None)
        except csv.Error:
            watched.refuse_if_rows_are_hidden()
            yield Refused(watched.first, RowError("a quotation mark is missing, or a field is too long"))
            continue
        if cells is None:
            return
        if not any(cell.strip(_BLANK) for cell in cells):
            continue
        if watched.is_cut and len(cells) < shortest:
            problem = RowError("the file ends in the middle of this row; was it cut short?")
            yield Refused(watched.first, problem)
            return
        shortest = min(shortest, len(cells))
        while len(cells) > len(header.columns) and not cells[-1].strip():
            cells.pop()
        if len(cells) > len(header.columns):
            problem = RowError(f"{len(cells)} columns where the header has {len(header.columns)}")
            yield Refused(watched.first, problem)
            continue
        values = {
            name: _plain(cell) for name, cell in zip(header.columns, cells, strict=False) if name and cell
        }
        if any("\n" in values.get(name, "") for name in _OF_ONE_LINE):
            watched.refuse_if_rows_are_hidden()
        yield Row(watched.first, {name: text for name, text in values.items() if text})


class _Watched:
    """The lines below the header, and where the record began that is being read.

    A quotation mark without its partner takes the lines behind it for one cell. That is seen when one of them
    has the columns that a row needs, when a plate or a date has a line break in it, when there are too many of
    them, or when the file ends in mid-cell.
    """

    def __init__(self, lines: Iterator[str], header: _Header) -> None:
        self._lines, self._number = lines, header.line
        self._separators = header.reach
        self._delimiter = header.delimiter
        self.first = header.line + 1
        self.is_cut = False
        """Whether the line that was read last has no end."""

    def begin(self) -> None:
        """The next line begins a record."""
        self.first = self._number + 1

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._number += 1
        self.is_cut = not line.endswith("\n")
        inside = self._number - self.first
        if inside and (self._is_a_row(line) or inside > _LONGEST_NOTE):
            self.refuse_if_rows_are_hidden()
        return line

    def refuse_if_rows_are_hidden(self) -> None:
        """Refuse the file when the record began on an earlier line.

        Raises:
            ImportFileError: names the line.
        """
        if self._number > self.first:
            raise ImportFileError(
                f"the quotation mark that opens on line {self.first} is never closed, or closes too late",
                hint="Rows behind it would be taken for part of one cell. Mend that line, then import again.",
            )

    def _is_a_row(self, line: str) -> bool:
        inside = line.partition('"')[0]
        return self._separators > 0 and inside.count(self._delimiter) >= self._separators


def _header(lines: Iterator[str]) -> tuple[_Header, Iterator[str]]:
    """Return the header, and the lines below it: the first that names a plate's column, and another if one does.

    A line that is nothing but a word for a plate may be a title: it is the header only where no line below it is.

    Raises:
        ImportFileError: none of the first lines does, two columns are for one field, or a name is unreadable.
    """
    first = list(itertools.islice(lines, _ABOVE + _LONGEST_NAME))
    found = list(_headers(first))
    if not found:
        raise _no_header("".join(first).strip())
    header = next((each for each in found if len(each.columns) > 1), found[0])
    _check_once(header.columns)
    if "\ufffd" in first[header.line - 1]:
        hint = "Save the file as CSV UTF-8."
        raise ImportFileError("the name of a column has a letter that is not UTF-8", hint=hint)
    return header, itertools.chain(first[header.line :], lines)


def _no_header(start: str) -> ImportFileError:
    """Return what is wrong with a file whose first lines name no columns."""
    if not start:
        return ImportFileError(
            "the file is empty: no line names a column for the plate", hint="Get it again."
        )
    if start.startswith(("{", "[")):
        return ImportFileError("the file is JSON, not CSV", hint="One object a line is read: --format jsonl.")
    hint = (
        "Name the columns in the first line: plate, region, purpose, case number, expires; between them a "
        "comma, a semicolon, a tab or a bar."
    )
    return ImportFileError("no line at the start of the file names a column for the plate", hint=hint)


def _headers(first: list[str]) -> Iterator[_Header]:
    """Yield what may be the header among the first lines."""
    said = ""
    if first and first[0].lower().startswith("sep="):
        said = first[0][4:5].strip("\n")
        first = ["", *first[1:]]
    for number, span in itertools.product(range(min(len(first), _ABOVE)), range(1, _LONGEST_NAME + 1)):
        text = first[number : number + span]
        if len(text) < span or (span > 1 and "".join(text[:-1]).count('"') % 2 == 0):
            continue
        read = [each for mark in f"{said}{_DELIMITERS}" if (each := _names(text, mark, number + span))]
        if read:
            yield max(read, key=lambda each: (len(each.columns) > 1) * sum(map(bool, each.columns)))


def _names(text: list[str], delimiter: str, line: int) -> _Header | None:
    """Return the header that some lines are with a separator; None where none of its names is a plate's."""
    with contextlib.suppress(csv.Error):
        cells = next(csv.reader(text, delimiter=delimiter, skipinitialspace=True, strict=True), [])
        columns = [field_of(cell) for cell in cells]
        if "plate" in columns:
            unread = tuple(
                _letter(place)
                for place, (name, cell) in enumerate(zip(columns, cells, strict=True))
                if name is None and cell.strip() and cell.strip().lower() not in SET_BY_US
            )
            return _Header(line, delimiter, _without_blank_end(columns, cells), unread)
    return None


def _letter(place: int) -> str:
    """Return what a spreadsheet calls a column: A, Z, AA; from 0."""
    before, last = divmod(place, 26)
    return (_letter(before - 1) if before else "") + chr(ord("A") + last)


def _check_once(columns: list[str | None]) -> None:
    for name, count in Counter(columns).items():
        if name and count > 1:
            raise ImportFileError(
                f"{count} columns for the field {name}", hint="Remove or rename one of them."
            )


def _without_blank_end(columns: list[str | None], cells: list[str]) -> list[str | None]:
    """Return the columns without unnamed ones behind the last name."""
    last = max(place for place, cell in enumerate(cells) if cell.strip())
    return columns[: last + 1]


def _plain(cell: str) -> str:
    """Return a cell's text without what told a spreadsheet that it is text."""
    text = cell.strip()
    if said := _AS_TEXT.fullmatch(text):
        return said[1].strip()
    guarded = text.startswith("'") and (text[1:].startswith(_DEFUSED) or text[1:2].isdigit())
    return text[1:].strip() if guarded else text


def defused(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: an apostrophe is put before one."""
    return "'" + text if text.startswith(_DEFUSED) else text
