"""Something of any size, sealed to a key in pieces: written and read without holding all of it in memory.

The first line is JSON in the clear and says what the file is. A fresh content key is sealed to the reader's key
(`hitonly_core.keys`). Each piece is AES-256-GCM under that key, its nonce the piece's number and whether it is the
last, and vouches for the first line as well: pieces that are altered, left out, moved or cut off are found.
"""

import base64
import binascii
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hitonly_core.canonical import canonical
from hitonly_core.errors import SealError
from hitonly_core.keys import SealKey, SealPublic

PIECE: Final = 1 << 20
"""Bytes of a whole piece before it is sealed."""
_TAG: Final = 16
_KEY: Final = 32
_MAX_FIRST_LINE: Final = 65_536


def write_sealed(
    out: BinaryIO, content: Iterable[bytes], *, to: SealPublic, about: Mapping[str, str]
) -> None:
    """Write a sealed file.

    Args:
        out: where to.
        content: bytes in parts of any size.
        to: whose private key opens it.
        about: what the first line says in the clear; ``format`` must be among it. ``key`` and ``sealed`` are added.

    Raises:
        OSError: the disk refuses.
    """
    key = secrets.token_bytes(_KEY)
    sealed = to.seal(key, info=_info(about["format"]))
    first = canonical({**about, "key": to.id, "sealed": base64.b64encode(sealed).decode()}) + b"\n"
    out.write(first)
    cipher, number, waiting = AESGCM(key), 0, bytearray()
    for part in content:
        waiting += part
        while len(waiting) > PIECE:
            out.write(cipher.encrypt(_nonce(number, last=False), bytes(waiting[:PIECE]), first))
            del waiting[:PIECE]
            number += 1
    out.write(cipher.encrypt(_nonce(number, last=True), bytes(waiting), first))


def read_about(file: BinaryIO, expected: str) -> dict[str, str]:
    """Read what the first line says in the clear; nobody vouches for it before a piece was opened.

    Raises:
        SealError: it is no such file.
    """
    first = file.readline(_MAX_FIRST_LINE)
    try:
        body = json.loads(first)
        if body["format"] == expected and all(isinstance(value, str) for value in body.values()):
            return dict(body)
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise SealError(f"no file of the format {expected}", hint="Check that it is the right file, and whole.")


def read_sealed(file: BinaryIO, key: SealKey, expected: str) -> Iterator[bytes]:
    """Yield the content piece by piece; only after the last one is it known that the file is whole.

    Raises:
        SealError: another format or key, altered, or cut off.
        OSError: the disk refuses.
    """
    about = read_about(file, expected)
    first = canonical(dict(about)) + b"\n"
    if about.get("key") != key.public.id:
        hint = f"It is sealed to the key {about.get('key', '')[:16]}; this one is {key.public.id}."
        raise SealError("sealed to another key", hint=hint)
    try:
        sealed = base64.b64decode(about["sealed"], validate=True)
    except (KeyError, binascii.Error):
        raise SealError("the first line was altered") from None
    cipher = AESGCM(key.open(sealed, info=_info(expected)))
    number, piece = 0, file.read(PIECE + _TAG)
    while True:
        following = file.read(PIECE + _TAG)
        try:
            yield cipher.decrypt(_nonce(number, last=not following), piece, first)
        except InvalidTag:
            hint = "Take another copy of it, or an older one."
            raise SealError(f"cut off or altered, in or before its piece {number + 1}", hint=hint) from None
        if not following:
            return
        number, piece = number + 1, following


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _info(name: str) -> bytes:
    return f"{name}\0content key".encode()
