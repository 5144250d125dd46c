"""A decoded picture as the pixels that the edge works on: BGR, upright, of the size asked for, without combs."""

from typing import Final

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from edge.flow import Pixels

_COMB: Final = 12
"""A line that stands out by more levels from both neighbours, on the same side, is taken for the other field's."""
_BAND: Final = 64
"""Lines that are looked at together, so that what is worked on stays in the processor's cache."""


def upright_shape(frame: VideoFrame) -> tuple[int, int]:
    """Return the height and width of a picture as it is meant to be seen."""
    sideways = frame.rotation % 180 != 0
    return (frame.width, frame.height) if sideways else (frame.height, frame.width)


class Converter:
    """Makes pixels of decoded pictures.

    One for a stream, because the library prepares each kind of conversion once.
    """

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def write(self, frame: VideoFrame, into: Pixels) -> None:
        """Write a picture into `into`, scaled to its size; the copy that the library makes is wiped.

        Args:
            frame: the picture.
            into: height x width x 3, uint8, BGR.
        """
        height, width = into.shape[:2]
        turns = frame.rotation // 90 % 4
        if turns % 2:
            height, width = width, height
        made = self._reformatter.reformat(
            frame, width=width, height=height, format="bgr24", interpolation=Interpolation.BICUBIC
        )
        plane = made.planes[0]
        lines = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        pixels = lines[:, : width * 3].reshape(-1, width, 3)
        into[:] = np.rot90(pixels, turns) if turns else pixels
        if made is not frame:
            lines.fill(0)
        if frame.interlaced_frame and not turns:
            remove_combs(into)


def remove_combs(pixels: Pixels) -> None:
    """Take the second field's lines out of what has moved between the two fields of an interlaced picture.

    Where a line of the second field stands out from both lines around it, on the same side, it shows another
    moment: it is replaced by what lies between them. What stood still keeps all of its lines.

    Args:
        pixels: height x width x 3, uint8; changed in place.
    """
    for top in range(0, len(pixels) - 2, _BAND):
        band = pixels[top : top + _BAND + 1].astype(np.int16)
        above, line, below = band[:-2:2], band[1:-1:2], band[2::2]
        out = np.minimum(np.abs(line - above), np.abs(line - below)) > _COMB
        out &= ((line > above) == (line > below)).all(axis=2, keepdims=True)
        combed = out.any(axis=2, keepdims=True)
        np.copyto(
            pixels[top + 1 : top + 1 + 2 * len(line) : 2],
            ((above + below) // 2).astype(np.uint8),
            where=combed,
        )
        band.fill(0)
