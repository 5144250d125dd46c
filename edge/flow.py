"""What travels through the edge, in this order: Frame, Detection, Reading, Read, Match, Hit.

Only the last can leave. The others refuse to be serialised and hide what they hold (promise 1); a `Read` is
a slot of wiped memory, which lives in `edge.retention.window`, and a `Hit` is in `protocol.hit`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Never

import numpy as np
import numpy.typing as npt

from edge.errors import Unserialisable

SLOTS: Final = 10
"""Character places of a reading: the longest plate."""
COLUMNS: Final = 37
"""Columns of a probability table: ``0-9A-Z`` and padding, in `hotlist.plate.ALPHABET`'s order."""
CROP_HEIGHT: Final = 96
CROP_WIDTH: Final = 256
"""The largest crop that is ever kept: a plate, never a scene (R5, RSA 261:75-b I)."""

_AT_THE_SIDE: Final = 0.004
"""A box that ends within this share of the picture's width of a side lies on it."""

Pixels = npt.NDArray[np.uint8]
Table = npt.NDArray[np.float32]


class Fleeting:
    """Base of what must not outlive its moment: no pickling, no copying to elsewhere, no contents in repr."""

    __slots__ = ()

    def __reduce_ex__(self, protocol: object) -> Never:
        """Refuse.

        Raises:
            Unserialisable: always.
        """
        raise Unserialisable(f"a {type(self).__name__} cannot be serialised; only a Hit can")

    def __getstate__(self) -> Never:
        """Refuse, as `__reduce_ex__` does.

        Raises:
            Unserialisable: always.
        """
        raise Unserialisable(f"a {type(self).__name__} cannot be serialised; only a Hit can")


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in a frame, in pixels; `right` and `bottom` are outside it."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Width in pixels."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Height in pixels."""
        return self.bottom - self.top

    @property
    def centre(self) -> tuple[float, float]:
        """Centre, x and y in pixels."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def overlap(self, other: "Box") -> float:
        """Intersection over union with another box, 0 to 1."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        if width <= 0 or height <= 0:
            return 0.0
        both = width * height
        return both / (self.width * self.height + other.width * other.height - both)

    def cut_by(self, width: int, height: int) -> bool:
        """Whether a picture's side cuts it off: it lies on one side, and not on the opposite one too.

        What touches two opposite sides fills the picture, as in a picture that was cropped to its plate.
        """
        near = max(2.0, _AT_THE_SIDE * width)
        across = (self.left <= near) != (self.right >= width - near)
        return across or (self.top <= near) != (self.bottom >= height - near)


@dataclass(frozen=True, slots=True)
class Frame(Fleeting):
    """One picture of a camera; lives one turn of the loop.

    Attributes:
        camera: the camera's name in the configuration.
        number: counts from 0 since the source was opened; a gap is frames dropped, or passed over because
            none was wanted so soon.
        boot_ns: when it was captured, on the boot-time clock.
        utc: the same moment on the wall clock, for the hit's record only.
        stream_ns: place in the stream's own time, which passes follow; a live camera's is `boot_ns`, a clip's
            runs at the clip's pace however fast it is read.
        pixels: H x W x 3 uint8, BGR. A view of a buffer that the next turn overwrites.
    """

    camera: str
    number: int
    boot_ns: int
    utc: datetime
    stream_ns: int
    pixels: Pixels = field(repr=False)


@dataclass(frozen=True, slots=True)
class Detection(Fleeting):
    """A plate's place in one frame, with the detector's confidence, 0 to 1."""

    box: Box
    confidence: float


@dataclass(frozen=True, slots=True)
class Reading(Fleeting):
    """The OCR's output for one detection of one frame.

    Attributes:
        table: (slots x 37) float32; each row a distribution over ``0-9A-Z`` and padding.
        regions: probability per ISO 3166 region code; empty when none is told, or the region was not looked at.
        crop: h x w x 3 uint8 BGR, at most 96 x 256.
        quality: larger is a sharper and larger crop; comparable within one pass only.
    """

    table: Table = field(repr=False)
    regions: Mapping[str, float] = field(repr=False)
    crop: Pixels = field(repr=False)
    quality: float
