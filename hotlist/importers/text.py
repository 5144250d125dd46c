"""From a file's bytes to lines of text: what kind of file it is, its encoding, and any of the three line ends.

What can be read without guessing what it means is read: UTF-8, UTF-16 and UTF-32, with or without a byte order
mark, and lines that end in LF, CR LF or CR. Everything else is named for what it is.
"""

import codecs
import re
from collections.abc import Iterator
from types import MappingProxyType
from typing import BinaryIO, Final

from hotlist.errors import ImportFileError

MAX_ROW: Final = 65_536
"""Most characters of one line; a longer one refuses the file, so that a file without lines is not read whole."""
_CHUNK: Final = 65_536
_SNIFFED: Final = 4096
_LETTERS: Final = 16
"""So many bytes are looked at for an encoding: a list begins with letters of ASCII."""
_WIDE: Final = 4
_FEW: Final = 50
"""One zero byte in so many is a text with a stray one: its row is refused, and the others are read."""
_AS_CSV: Final = "Open it in the program that made it and save it as CSV UTF-8."
_KINDS: Final = MappingProxyType(
    {
        b"PK\x03\x04": ("a spreadsheet (.xlsx, .ods) or a ZIP archive", _AS_CSV),
        b"\xd0\xcf\x11\xe0": ("an old Excel workbook (.xls)", _AS_CSV),
        b"%PDF": ("a PDF document", "Ask its sender for the list as CSV."),
        b"\x1f\x8b": ("compressed with gzip", "Unpack it first."),
        b"BZh": ("compressed with bzip2", "Unpack it first."),
        b"\xfd7zXZ": ("compressed with xz", "Unpack it first."),
        b"7z\xbc\xaf": ("a 7-Zip archive", "Unpack it first."),
        b"Rar!": ("a RAR archive", "Unpack it first."),
        b"SQLite format 3": ("an SQLite database", _AS_CSV),
        b"{\\rtf": ("a rich text document", _AS_CSV),
        b"\x28\xb5\x2f\xfd": ("compressed with Zstandard", "Unpack it first."),
        b"PAR1": ("a Parquet file", _AS_CSV),
        b"ID;P": ("a SYLK table", _AS_CSV),
        b"\x89PNG": ("a picture", "Ask its sender for the list as CSV."),
        b"\xff\xd8\xff": ("a picture", "Ask its sender for the list as CSV."),
    }
)
"""How other kinds of file begin, what they are, and what to do."""
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte order marks; those of UTF-32 before UTF-16's, which one of them begins with."""


def lines_of(file: BinaryIO) -> Iterator[str]:
    """Yield a file's lines as text, each with a line feed; what cannot be decoded becomes U+FFFD.

    Raises:
        ImportFileError: it is another kind of file, a line is over its ceiling, or the disk fails.
    """
    number, rest = 0, ""
    for text in _texts(file):
        *lines, rest = (rest + text).split("\n")
        for line in lines:
            number += 1
            yield _bounded(line, number) + "\n"
        _bounded(rest, number + 1)
    if rest:
        yield rest


def _bounded(line: str, number: int) -> str:
    if len(line) > MAX_ROW:
        raise ImportFileError(f"line {number} has more than {MAX_ROW} characters")
    return line


def _texts(file: BinaryIO) -> Iterator[str]:
    """Yield a file's text in pieces, with LF for every line end."""
    first = _read(file)
    encoding, mark = _encoding(first)
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    chunk, held = first[len(mark) :], ""
    while True:
        text = held + decoder.decode(chunk, final=not chunk)
        # A CR at the end may be half of a CR LF: it waits for the next piece.
        held = "\r" if text.endswith("\r") and chunk else ""
        text = text[: len(text) - len(held)]
        yield text.replace("\r\n", "\n").replace("\r", "\n")
        if not chunk:
            return
        chunk = _read(file)


def _read(file: BinaryIO) -> bytes:
    try:
        return file.read(_CHUNK)
    except OSError as problem:
        raise ImportFileError(f"the file cannot be read: {problem.strerror}") from None


def _encoding(first: bytes) -> tuple[str, bytes]:
    """Return a file's encoding and its byte order mark.

    Raises:
        ImportFileError: it is not a text file, or a web page.
    """
    begins = first.lstrip(b" \t\r\n")
    for start, (kind, hint) in _KINDS.items():
        if begins.startswith(start):
            raise ImportFileError(f"the file is {kind}, whatever its name says", hint=hint)
    encoding, mark = next(((name, mark) for mark, name in _MARKS if first.startswith(mark)), ("", b""))
    encoding = encoding or _without_mark(first[:_SNIFFED])
    start_of_text = first[len(mark) : _SNIFFED].decode(encoding, "replace").lstrip().lower()
    if re.match(r"<[!?a-z]", start_of_text):
        hint = "It is often the page that asks to sign in: download the list again after signing in."
        raise ImportFileError("the file is a web page or an XML document, not a list", hint=hint)
    return encoding, mark


def _without_mark(start: bytes) -> str:
    """Return the encoding of a text without a mark, by where the zero bytes of its first letters are.

    Raises:
        ImportFileError: it holds many zero bytes, in no such order.
    """
    head = start[:_LETTERS]
    whole = [head[place::_WIDE].count(0) * _WIDE == len(head) for place in range(_WIDE)]
    found = {
        (False, True, True, True): "utf-32-le",
        (True, True, True, False): "utf-32-be",
        (False, True, False, True): "utf-16-le",
        (True, False, True, False): "utf-16-be",
    }.get((whole[0], whole[1], whole[2], whole[3]), "utf-8")
    if len(head) % _WIDE == 0 and head and found != "utf-8":
        return found
    if start.count(0) * _FEW > len(start):
        raise ImportFileError("the file is not a text file", hint=_AS_CSV)
    return "utf-8"
