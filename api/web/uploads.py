"""Receiving a form with a large file: straight to a file without a name, which is gone whatever happens.

The file lies in the state folder, readable by its owner only, and has no name in it: when the service stops,
or is killed, the system frees it. Nothing of it is held in memory beyond one piece of the request.
"""

import asyncio
import hashlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from api.core.errors import InvalidError, TooLargeError

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

_FIELD: Final = 256
"""Most bytes of a field that is no file."""
_FIELDS: Final = 16
_PIECE_SECONDS: Final = 30
_WHOLE_SECONDS: Final = 1800
_ROOM: Final = 3
"""The disk must hold the file this many times over: as it came, as it is sorted, and in the database."""


@dataclass(frozen=True, slots=True)
class Form:
    """What was sent: the texts by name, and the file.

    Attributes:
        fields: the other fields' texts.
        name: what the sender calls the file.
        file: its bytes, from the beginning.
        digest: SHA-256 of the file.
    """

    fields: Mapping[str, str] = field(repr=False)
    name: str
    file: BinaryIO = field(repr=False)
    digest: bytes = field(repr=False)


@asynccontextmanager
async def received(request: Request, folder: Path, *, limit: int) -> AsyncIterator[Form]:
    """Receive a multipart form with one file called ``file``; the file is gone at the end.

    Args:
        request: not read yet.
        folder: where the file lies.
        limit: bytes of the whole form.

    Raises:
        InvalidError: it is no such form.
        TooLargeError: it is larger than the limit or the disk's room, or does not arrive in time.
    """
    _check_size(request, folder, limit)
    with tempfile.TemporaryFile(dir=folder) as file:
        parts = _Parts(cast("BinaryIO", file))
        await _fill(request, parts, limit)
        if parts.name is None:
            raise InvalidError("the form has no file called file")
        file.seek(0)
        yield Form(parts.texts(), parts.name, parts.file, parts.digest.digest())


def _check_size(request: Request, folder: Path, limit: int) -> None:
    """Refuse what says that it is too large, before a byte of it is read.

    Raises:
        TooLargeError: it is.
    """
    said = request.headers.get("content-length", "0")
    if not said.isascii() or not said.isdigit() or int(said) > limit:
        raise _too_large(limit)
    if shutil.disk_usage(folder).free < _ROOM * int(said):
        raise TooLargeError(f"the disk of {folder.name} has no room for {_ROOM} times the file")


async def _fill(request: Request, parts: "_Parts", limit: int) -> None:
    """Read the whole body into the parts.

    Raises:
        InvalidError: it is no multipart form.
        TooLargeError: it is larger than the limit, or does not arrive in time.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data" or b"boundary" not in options:
        raise InvalidError("the body is no multipart/form-data")
    size = 0
    try:
        parser = MultipartParser(options[b"boundary"], parts.callbacks())
        async with asyncio.timeout(_WHOLE_SECONDS):
            async for piece in _pieces(request):
                size += len(piece)
                if size > limit:
                    raise _too_large(limit)
                parser.write(piece)
        parser.finalize()
    except MultipartParseError:
        raise InvalidError("the multipart form cannot be read") from None
    except ClientDisconnect:
        raise InvalidError("the form was cut off") from None
    except TimeoutError:
        late = TooLargeError(f"the form did not go on within {_PIECE_SECONDS} seconds")
        late.status = HTTPStatus.REQUEST_TIMEOUT
        raise late from None


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    """Yield the body as it arrives.

    Raises:
        TimeoutError: nothing arrived for a while.
        ClientDisconnect: the sender went away.
    """
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout(_PIECE_SECONDS):
                piece = await anext(stream)
        except StopAsyncIteration:
            return
        yield piece


class _Parts:
    """The parts of a form as the parser tells them: one goes to the file, the others are short texts."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.digest = hashlib.sha256()
        self.name: str | None = None
        self._texts: dict[str, bytearray] = {}
        self._header, self._value = bytearray(), bytearray()
        self._text: bytearray | None = None

    def texts(self) -> dict[str, str]:
        """Return the fields that are no file; what is no UTF-8 becomes U+FFFD."""
        return {name: text.decode("utf-8", "replace") for name, text in self._texts.items()}

    def callbacks(self) -> "MultipartCallbacks":
        """Return what the parser calls."""
        return {
            "on_part_begin": self.on_part_begin,
            "on_part_data": self.on_part_data,
            "on_header_field": self.on_header_field,
            "on_header_value": self.on_header_value,
            "on_header_end": self.on_header_end,
        }

    def on_part_begin(self) -> None:
        """Forget the part before."""
        self._text = None
        self._header, self._value = bytearray(), bytearray()

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        """Take a piece of a header's name."""
        self._header += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        """Take a piece of a header's value.

        Raises:
            InvalidError: it is longer than any that a form needs.
        """
        self._value += data[start:end]
        if len(self._value) > 4 * _FIELD:
            raise InvalidError("a part of the form has too long a header")

    def on_header_end(self) -> None:
        """Find out which part begins.

        Raises:
            InvalidError: a second file, or more fields than the form has.
        """
        if self._header.lower() == b"content-disposition":
            _, options = parse_options_header(bytes(self._value))
            name = options.get(b"name", b"").decode("utf-8", "replace")
            if name != "file":
                self._text = self._texts.setdefault(name, bytearray())
            elif self.name is not None:
                raise InvalidError("the form has more than one file")
            else:
                self.name = options.get(b"filename", b"").decode("utf-8", "replace") or "a file"
            if len(self._texts) > _FIELDS:
                raise InvalidError(f"the form has more than {_FIELDS} fields")
        self._header, self._value = bytearray(), bytearray()

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        """Write a piece of a part.

        Raises:
            InvalidError: a part has no name, or a text is too long.
        """
        if self._text is not None:
            self._text += data[start:end]
            if len(self._text) > _FIELD:
                raise InvalidError(f"a field of the form has more than {_FIELD} bytes")
        elif self.name is not None:
            piece = memoryview(data)[start:end]
            self.digest.update(piece)
            self.file.write(piece)
        else:
            raise InvalidError("a part of the form has no name")


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(
        f"an import of at most {limit} bytes is taken",
        hint="Split the file, or raise limits.import_bytes in the service's settings.",
    )
