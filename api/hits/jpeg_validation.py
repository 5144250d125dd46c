"""Whether a crop is what it says: one small JPEG of a plate, and nothing hidden in it (R5).

The file is walked first, marker by marker, and only the parts that a plain JPEG needs are let through: no
metadata, no thumbnail, no second picture, no bytes behind its end, no progressive scans without number. Only
then is it decoded.
"""

import io
import warnings
from typing import Final

from PIL import Image

from api.core.errors import InvalidError
from protocol.hit import MAX_CROP_HEIGHT, MAX_CROP_WIDTH

_ALLOWED_MODES: Final = frozenset({"RGB", "L"})
_START: Final = b"\xff\xd8"
_END: Final = 0xD9
_SCAN: Final = 0xDA
_JFIF: Final = 0xE0
_JFIF_SIZE: Final = 16
"""Bytes of an APP0 segment without a thumbnail."""
_PLAIN: Final = frozenset({0xC0, 0xC1, 0xC4, 0xDB, 0xDD, _SCAN, _JFIF})
"""Baseline frame, tables, restart interval, scan, JFIF: all that a crop needs."""
_IN_SCAN: Final = frozenset({0x00, *range(0xD0, 0xD8)})
"""What may follow 0xFF inside a scan: a stuffed zero, or a restart marker."""
_SCANS: Final = 4


def check_crop(content: bytes) -> None:
    """Walk a crop's markers, then decode it to its last pixel, the size having been checked first.

    Raises:
        InvalidError: not a plain JPEG, too large, damaged, or with more than one picture in it.
    """
    _walk(content)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=["JPEG"]) as picture:
                _check_header(picture)
                picture.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise InvalidError("the crop is no whole JPEG") from None


def _walk(content: bytes) -> None:
    """Follow the file's segments to the end of the picture, which must be the end of the file.

    Raises:
        InvalidError: a segment that a plain JPEG does not need, or something behind the picture.
    """
    place, scans = len(_START), 0
    if not content.startswith(_START):
        raise InvalidError("the crop is no JPEG")
    while True:
        head = content[place : place + 4]
        if len(head) > 1 and head[0] == 0xFF and head[1] == _END:  # noqa: PLR2004 - every marker begins so
            break
        size = int.from_bytes(head[2:])
        if len(head) != 4 or head[0] != 0xFF or size < 2:  # noqa: PLR2004 - marker and length
            raise InvalidError("the crop is no whole JPEG")
        if head[1] not in _PLAIN or (head[1] == _JFIF and size != _JFIF_SIZE):
            raise InvalidError("the crop carries more than a plain picture")
        place += 2 + size
        if head[1] == _SCAN:
            scans, place = scans + 1, _after_scan(content, place)
        if scans > _SCANS:
            raise InvalidError("the crop has too many scans")
    if place + 2 != len(content):
        raise InvalidError("something follows the crop's picture")


def _after_scan(content: bytes, place: int) -> int:
    """Return where the marker after a scan's data stands.

    Raises:
        InvalidError: there is none.
    """
    while (place := content.find(b"\xff", place)) >= 0 and place + 1 < len(content):
        if content[place + 1] not in _IN_SCAN:
            return place
        place += 2
    raise InvalidError("the crop is no whole JPEG")


def _check_header(picture: Image.Image) -> None:
    """Check what the header says, before any pixel is decoded.

    Raises:
        InvalidError: too large, or of an unusual kind.
    """
    width, height = picture.size
    if width > MAX_CROP_WIDTH or height > MAX_CROP_HEIGHT:
        raise InvalidError(
            f"a crop of {width} x {height} pixels; at most {MAX_CROP_WIDTH} x {MAX_CROP_HEIGHT} are taken"
        )
    if picture.mode not in _ALLOWED_MODES:
        raise InvalidError(f"a crop in the mode {picture.mode}; RGB and L are taken")
