"""The bytes of a list file, read with ceilings: the forms of its three JSON lines, and its inflated body.

Nothing here trusts anything; `hotlist.signed_list.trust` decides. docs/hotlist-format.md describes the same
for others.
"""

import base64
import binascii
import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    ValidationError,
    model_serializer,
)

from hitonly_core.canonical import canonical
from hotlist.entry import MAX_LINE, Identity, Time, first_problem
from hotlist.errors import MalformedError, TooLargeError
from hotlist.signed_list.keyset import MAX_PEOPLE, KeySetForm
from hotlist.signed_list.timestamp import TimestampForm

SEALED: Final = "hitonly/sealed-list/v1"
SIGNED: Final = "hitonly/signed-list/v1"
LIST: Final = "hitonly/list/v1"
MAX_DEVICES: Final = 4096
MAX_FIRST_LINE: Final = 8 * 1024 * 1024
"""Most bytes of a file's first line: room for `MAX_DEVICES` sealed content keys."""
MAX_HEADER: Final = 16_384
_CHUNK: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Ceilings, checked before the bytes they bound are read further.

    Attributes:
        file: most bytes of a list file, sealed or signed.
        body: most bytes of the inflated body.
        entries: most entries.
    """

    file: int = 64 * 1024 * 1024
    body: int = 1024 * 1024 * 1024
    entries: int = 1_000_000


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


KeyId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
_Base64 = Annotated[str, StringConstraints(max_length=4096)]


class BoxForm(_Form):
    """The content key, sealed to one device."""

    device: KeyId
    key: _Base64


class SealedForm(_Form):
    """First line of a sealed list."""

    devices: Annotated[list[BoxForm], Field(min_length=1, max_length=MAX_DEVICES)]
    format: Literal["hitonly/sealed-list/v1"]


class SignatureForm(_Form):
    """One person's signature."""

    key: KeyId
    signature: Annotated[str, StringConstraints(max_length=88)]


class SignedForm(_Form):
    """First line of a signed list; the statement that it is current stands there where there is one."""

    format: Literal["hitonly/signed-list/v1"]
    signatures: Annotated[list[SignatureForm], Field(max_length=MAX_PEOPLE)]
    timestamp: TimestampForm | None = None

    @model_serializer(mode="wrap")
    def _without_none(self, written: SerializerFunctionWrapHandler) -> dict[str, Any]:
        body: dict[str, Any] = written(self)
        return body if self.timestamp is not None else {k: v for k, v in body.items() if k != "timestamp"}


class HeaderForm(_Form):
    """First line of the body, under the signatures; members in the order of the alphabet."""

    count: Annotated[int, Field(ge=0)]
    department: Identity
    expires: Time
    format: Literal["hitonly/list/v1"]
    issued: Time
    next_keys: KeySetForm | None
    version: Annotated[int, Field(ge=1, lt=2**53)]


FormT = TypeVar("FormT", bound=BaseModel)


def parse_line(line: bytes, form: type[FormT], *, step: int) -> FormT:
    """Read one canonical JSON line.

    Raises:
        MalformedError: it is not the form's, or not its canonical text.
    """
    try:
        value = form.model_validate_json(line)
    except ValidationError as problem:
        raise MalformedError(f"a first line {first_problem(problem)}", step=step) from None
    if canonical(value.model_dump(mode="json")) != line:
        raise MalformedError("a line that is not canonical JSON", step=step)
    return value


def split_first_line(content: bytes, *, step: int) -> tuple[bytes, memoryview]:
    """Return a file's first line without its end, and what follows it.

    Raises:
        MalformedError: there is no first line within its ceiling.
    """
    end = content.find(b"\n", 0, MAX_FIRST_LINE + 1)
    if end < 0:
        raise MalformedError("no first line; it is no list file", step=step)
    return content[:end], memoryview(content)[end + 1 :]


def unbase64(text: str, *, step: int) -> bytes:
    """Decode base64 with its padding.

    Raises:
        MalformedError: it is none.
    """
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise MalformedError("a text that is not base64", step=step) from None


def inflate(packed: memoryview, limits: Limits, *, step: int) -> Iterator[bytes]:
    """Return the body in pieces of at most 256 KiB.

    Raises:
        TooLargeError: the body is over its ceiling.
        MalformedError: the stream is damaged, cut short, or followed by something.
    """
    stream = zlib.decompressobj()
    total, rest = 0, bytes(packed[:_CHUNK])
    taken = len(rest)
    while not stream.eof:
        try:
            piece = stream.decompress(rest, _CHUNK)
        except zlib.error:
            raise MalformedError("a body that is no zlib stream", step=step) from None
        total += len(piece)
        if total > limits.body:
            raise TooLargeError(f"a body of more than {limits.body} bytes, the ceiling", step=step)
        if piece:
            yield piece
        rest = stream.unconsumed_tail
        if not rest and not stream.eof:
            rest = bytes(packed[taken : taken + _CHUNK])
            taken += len(rest)
            if not rest and not piece:
                raise MalformedError("a body that was cut short", step=step)
    if stream.unused_data or taken < len(packed):
        raise MalformedError("something follows the body", step=step)


def body_digest(packed: memoryview, limits: Limits, *, step: int) -> bytes:
    """Return the SHA-256 of the inflated body, which is what people sign.

    Raises:
        TooLargeError: as `inflate`.
        MalformedError: as `inflate`.
    """
    digest = hashlib.sha256()
    for piece in inflate(packed, limits, step=step):
        digest.update(piece)
    return digest.digest()


def body_lines(packed: memoryview, limits: Limits, *, step: int) -> Iterator[bytes]:
    """Return the body's lines without their ends.

    Raises:
        TooLargeError: the body or a line is over its ceiling.
        MalformedError: as `inflate`; the last line has no end.
    """
    tail = b""
    for piece in inflate(packed, limits, step=step):
        *lines, tail = (tail + piece).split(b"\n")
        yield from lines
        if len(tail) > max(MAX_LINE, MAX_HEADER):
            raise TooLargeError(f"a line of more than {MAX_HEADER} bytes", step=step)
    if tail:
        raise MalformedError("the last line has no end", step=step)


def signed_message(digest: bytes) -> bytes:
    """Return what a person signs: the format's name, a zero byte and the body's SHA-256."""
    return LIST.encode() + b"\0" + digest


def box_info(device: str) -> bytes:
    """Return the HPKE ``info`` under which a content key is sealed to a device."""
    return SEALED.encode() + b"\0" + device.encode()
