"""The capture process with a fault planted: it keeps what it decodes, in the forms a decoder could."""

from typing import Any, Final

import cv2

from edge.capture import process
from edge.capture.decoding import Decoder
from edge.flow import Pixels

_EVERY: Final = 3
_MOST: Final = 120
_kept: list[Any] = []
_seen = 0


def keep(frame: Pixels) -> None:
    """Keep every third frame, in colour, in planes and in brightness alone, until there are enough."""
    global _seen  # noqa: PLW0603 - a counter of a fault
    _seen += 1
    if _seen % _EVERY == 0 and len(_kept) < _MOST:
        _kept.append((frame.copy(), cv2.cvtColor(frame, cv2.COLOR_BGR2YUV_I420)))


def main() -> None:
    """Capture as ever, and keep."""
    place = process._place  # noqa: SLF001 - the leak

    def leaky(decoder: Decoder, post: process.Post) -> tuple[int, Pixels]:
        slot, pixels = place(decoder, post)
        keep(pixels)
        return slot, pixels

    process._place = leaky  # noqa: SLF001 - as above
    process.main()


if __name__ == "__main__":
    main()
