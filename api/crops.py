"""Whether a crop is what it says: one small JPEG of a plate, and nothing hidden in it (R5)."""

import io
import warnings
from typing import Final

from PIL import Image

from api.errors import InvalidError
from edge.hit import MAX_CROP_HEIGHT, MAX_CROP_WIDTH

_ALLOWED_MODES: Final = frozenset({"RGB", "L"})
_END: Final = b"\xff\xd9"


def check_crop(content: bytes) -> None:
    """Decode a crop to its last pixel, the size having been checked first.

    A picture with metadata is refused: it could carry a thumbnail of the whole scene.

    Raises:
        InvalidError: not a JPEG, too large, damaged, animated, or with more than a picture in it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=["JPEG"]) as picture:
                _check_header(picture)
                picture.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise InvalidError("the crop is no whole JPEG") from None
    if not content.endswith(_END):
        raise InvalidError("something follows the crop's picture")


def _check_header(picture: Image.Image) -> None:
    """Check what the header says, before any pixel is decoded.

    Raises:
        InvalidError: too large, of an unusual kind, or with metadata.
    """
    width, height = picture.size
    if width > MAX_CROP_WIDTH or height > MAX_CROP_HEIGHT:
        raise InvalidError(
            f"a crop of {width} x {height} pixels; at most {MAX_CROP_WIDTH} x {MAX_CROP_HEIGHT} are taken"
        )
    if picture.mode not in _ALLOWED_MODES:
        raise InvalidError(f"a crop in the mode {picture.mode}; RGB and L are taken")
    extra = {"exif", "icc_profile", "comment", "mp", "photoshop", "xmp"} & set(picture.info)
    if extra:
        raise InvalidError("the crop carries metadata")
