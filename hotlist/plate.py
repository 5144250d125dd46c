"""What a plate is: one way to write it, and one 64-bit number to look it up by.

A plate is 2 to 10 characters of ``0-9A-Z``. Its code is the number whose ten base-37 digits are the
characters' places in the alphabet plus one, left-aligned, padded with zero. So codes sort as plates do,
different plates have different codes, and the largest is below 2**53.
"""

import re
import unicodedata
from typing import Final

from hotlist.errors import PlateError

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
PAD: Final = len(ALPHABET)
"""Column of the padding character in an OCR's probability table: after the 36 characters."""
BASE: Final = len(ALPHABET) + 1
MIN_LENGTH: Final = 2
MAX_LENGTH: Final = 10
CONFUSABLE: Final = ("0ODQ", "1I", "2Z", "5S", "8B", "6G")
"""Groups of characters that a camera confuses; a character outside them stands alone."""

_IGNORED: Final = frozenset(" -\u00b7\u2010\u2011\u2012\u2013\u2022.\u00a0")
_DECIMAL: Final = re.compile(r"\d\s*\.+\s*\d")
_VALUE: Final = {character: place for place, character in enumerate(ALPHABET)}


def normalise(raw: str) -> str:
    """Return the one spelling of a plate: upper case, without spaces, hyphens and dots.

    Idempotent. Letters that only look Latin (Cyrillic, Greek, full-width) are refused, not guessed:
    two people who type the same plate must get the same entry.

    Raises:
        PlateError: a character is outside ``0-9A-Z``, or the length is outside 2 to 10.
    """
    raw = raw.strip()
    if raw.isascii() and raw.isalnum() and MIN_LENGTH <= len(raw) <= MAX_LENGTH:
        return raw.upper()  # nearly every row of a long list
    kept = [character for character in raw if character not in _IGNORED]
    _check_separators(raw)
    for place, character in enumerate(kept, start=1):
        if not character.isascii() or character.upper() not in _VALUE:
            name = unicodedata.name(character, f"U+{ord(character):04X}")
            kind = "a character that is not 0-9 or A-Z" if character.isascii() else f"{name}, not Latin"
            raise PlateError(f"character {place} of the plate is {kind}")
    plate = "".join(kept).upper()
    if not MIN_LENGTH <= len(plate) <= MAX_LENGTH:
        raise PlateError(f"a plate of {len(plate)} characters; {MIN_LENGTH} to {MAX_LENGTH} are possible")
    return plate


def _check_separators(text: str) -> None:
    """Refuse separators that stand where no plate has one: they belonged to something else than a plate.

    Raises:
        PlateError: a dot between two digits, which is a decimal point, or a hyphen or dot at an end.
    """
    if _DECIMAL.search(text):
        raise PlateError("a dot between two digits: this is a number, not a plate")
    if text and (text[0] in _IGNORED or text[-1] in _IGNORED):
        raise PlateError("a separator stands before or behind the plate")


def encode(plate: str) -> int:
    """Return the 64-bit code of a normalised plate."""
    code = 0
    for place in range(MAX_LENGTH):
        digit = _VALUE[plate[place]] + 1 if place < len(plate) else 0
        code = code * BASE + digit
    return code


def decode(code: int) -> str:
    """Return the plate of a code: the inverse of `encode`.

    Raises:
        PlateError: the number is no plate's code.
    """
    digits: list[int] = []
    for _ in range(MAX_LENGTH):
        code, digit = divmod(code, BASE)
        digits.append(digit)
    if code:
        raise PlateError("the number is larger than any plate's code")
    text = "".join(ALPHABET[digit - 1] if digit else " " for digit in reversed(digits)).rstrip()
    if " " in text or not MIN_LENGTH <= len(text) <= MAX_LENGTH:
        raise PlateError(
            "the number is no plate's code: padding stands before a character, or too few are left"
        )
    return text
