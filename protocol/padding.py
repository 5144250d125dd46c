"""Padding: what is sealed has one of a few lengths, so that its size tells neither the entry nor the crop (R22).

A padded text is its length (4 bytes, big-endian), the text, and zeros up to the smallest of `SIZES` that holds
both. Only that one form is accepted. A longer text is padded to a multiple of the first size; it makes an envelope
that is too large to be accepted, which is the department's to say (a hit must not be lost on the box for its size).
"""

from typing import Final

SIZES: Final = (32 * 1024, 64 * 1024, 128 * 1024, 184 * 1024)
"""Nearly every hit fits the first. The last fits an envelope of 256 KiB in base64."""
_HEADER: Final = 4


class PaddingError(ValueError):
    """What should be padded is not; says how."""


def pad(text: bytes) -> bytes:
    """Return a text padded to the smallest size that holds it."""
    size = _size_for(len(text)) or -(-(_HEADER + len(text)) // SIZES[0]) * SIZES[0]
    return (len(text).to_bytes(_HEADER, "big") + text).ljust(size, b"\0")


def unpad(padded: bytes) -> bytes:
    """Return the text inside.

    Raises:
        PaddingError: the size is none of `SIZES`, the length is not one that this size is for, or the rest is
            not all zeros.
    """
    if len(padded) not in SIZES:
        raise PaddingError(f"{len(padded)} bytes are no padded size")
    length = int.from_bytes(padded[:_HEADER], "big")
    if _size_for(length) != len(padded):
        raise PaddingError(f"a text of {length} bytes is not padded to {len(padded)}")
    end = _HEADER + length
    if padded.count(0, end) != len(padded) - end:
        raise PaddingError("the padding is not all zeros")
    return padded[_HEADER:end]


def _size_for(length: int) -> int | None:
    return next((size for size in SIZES if _HEADER + length <= size), None)
