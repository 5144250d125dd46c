"""Every form in which a plate's characters could be left in memory, or written.

Each is at least `benchmarks.harness.memory_scan.SHORTEST` bytes, so that chance cannot place it: the 8 bytes
of a code, say,
lie by chance in a gigabyte with a probability of 2**30 / 2**53 a plate. What is shorter (a part of a plate) is
looked for as a word of its own, and only in what people read: `Parts`.
"""

import base64
import hashlib
import re
import struct
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote

import numpy as np

from benchmarks.harness.memory_scan import SHORTEST, Found, Pattern
from benchmarks.patterns.canaries import Canary
from hotlist.plate import ALPHABET, encode

HASHES: Final = ("md5", "sha1", "sha256", "sha512", "sha3_256", "blake2b", "blake2s")
PART: Final = "part of a plate"
_LEAST: Final = 4
_DIGIT_BITS: Final = 30
"""CPython keeps an int as 30-bit digits of 4 bytes each."""
_WORD: Final = re.compile(rb"[0-9A-Za-z]+")


def text_patterns(number: int, text: str, groups: Iterable[str] = ()) -> Iterator[Pattern]:
    """Yield a plate in every form.

    Args:
        number: the canary's.
        text: the plate, without separators.
        groups: its parts, for the forms with separators.
    """
    for form, content in _forms(text, tuple(groups)):
        if len(content) >= SHORTEST:
            yield Pattern(content, number, form)


def _forms(text: str, groups: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    plain = text.encode()
    yield "ASCII", plain
    yield "lower case", text.lower().encode()
    yield "UTF-16", text.encode("utf-16-le")
    yield "UTF-32", text.encode("utf-32-le")
    yield "UTF-16, big-endian", text.encode("utf-16-be")
    yield "UTF-32, big-endian", text.encode("utf-32-be")
    yield "lower case, UTF-16", text.lower().encode("utf-16-le")
    yield "reversed", plain[::-1]
    yield "reversed, lower case", plain[::-1].lower()
    yield "base32", base64.b32encode(plain)[: 8 * len(plain) // 5]
    yield "a number to base 36, decimal", str(int(text, 36)).encode()
    yield "hex", plain.hex().encode()
    yield "hex, upper case", plain.hex().upper().encode()
    yield "URL-escaped", "".join(f"%{value:02X}" for value in plain).encode()
    for separator in "- ._":
        if len(groups) > 1:
            yield f"separated by {separator!r}", separator.join(groups).encode()
    if len(groups) > 1:
        yield "separated by '%20'", quote(" ".join(groups)).encode()
    for shift in range(3):
        yield f"base64, {shift} bytes before it", _base64(plain, shift)
    yield from _codes(encode(text))
    yield from _indices(text)
    for name in HASHES:
        digest = hashlib.new(name, plain).digest()
        yield f"{name}", digest[:16]
        yield f"{name}, hex", digest.hex()[:24].encode()
        yield f"{name}, base64", base64.b64encode(digest)[:20]


def _base64(plain: bytes, shift: int) -> bytes:
    """Return the base64 characters that are this text's alone when `shift` bytes stand before it."""
    first, last = -(-8 * shift // 6), 8 * (shift + len(plain)) // 6
    return base64.b64encode(bytes(shift) + plain)[first:last]


def _codes(code: int) -> Iterator[tuple[str, bytes]]:
    yield "code, little-endian", code.to_bytes(8, "little")
    yield "code, big-endian", code.to_bytes(8, "big")
    yield "code, Python int", struct.pack("<II", code & (1 << _DIGIT_BITS) - 1, code >> _DIGIT_BITS)
    yield "code, float64", struct.pack("<d", code)
    yield "code, decimal", str(code).encode()
    yield "code, hex", f"{code:x}".encode()


def _indices(text: str) -> Iterator[tuple[str, bytes]]:
    places = np.array([ALPHABET.index(character) for character in text])
    for width in (1, 2, 4, 8):
        name = f"indices, {width} byte{'s' * (width > 1)}"
        yield name, places.astype(f"<u{width}").tobytes()
    yield "indices, float32", places.astype("<f4").tobytes()


class Parts:
    """Finds the first or last four or more characters of plates, standing alone between other characters.

    For streams that people read: in memory, four characters would occur by chance. A word of digits alone, or that
    could be hexadecimal, is left out for the same reason.
    """

    def __init__(self, canaries: Iterable[Canary]) -> None:
        self._parts: dict[str, int] = {}
        for canary in canaries:
            text = canary.text
            for size in range(_LEAST, len(text)):
                for part in (text[:size], text[-size:]):
                    if set(part) - set("0123456789ABCDEF"):
                        self._parts.setdefault(part, canary.number)

    def search(self, stream: bytes, place: str = "") -> Iterator[Found]:
        """Yield every part that stands in a stream as a word."""
        for word in _WORD.finditer(stream):
            number = self._parts.get(word[0].decode().upper())
            if number is not None:
                yield Found(number, PART, word.start(), place)
