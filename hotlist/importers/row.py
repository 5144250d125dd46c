"""What a reader of a file gives: named texts with the line they stand on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from hotlist.errors import ImportFileError, RowError

MAX_ROW: Final = 65_536
"""Most bytes of one line; a longer one refuses the file, so that a file without lines is not read whole."""

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


def lines_of(file: BinaryIO) -> Iterator[str]:
    """Yield a file's lines as text with their ends; what is no UTF-8 becomes U+FFFD, which no entry may hold.

    Raises:
        ImportFileError: a line is over its ceiling, or the disk fails.
    """
    number = 0
    while True:
        number += 1
        try:
            line = file.readline(MAX_ROW + 1)
        except OSError as problem:
            raise ImportFileError(f"the file cannot be read: {problem.strerror}") from None
        if not line:
            return
        if len(line) > MAX_ROW:
            raise ImportFileError(f"line {number} has more than {MAX_ROW} bytes")
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        yield line.decode("utf-8", "replace")
