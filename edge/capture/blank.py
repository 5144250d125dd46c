"""Whether a picture shows anything: a covered lens, a dark room and a dead decoder give one even colour.

Runs in the capture process. Sensor noise is left out by looking at the averages of large cells, in which it
cancels.
"""

from enum import IntEnum
from typing import Final

import cv2
import numpy as np

from edge.flow import Pixels

_CELLS: Final = (32, 18)
"""Columns and rows of cells: one is large enough for noise to cancel, and small enough for a lamp or a plate."""
_CELL: Final = 24
"""A cell is no smaller than this in a small picture, pixels: a coder smears noise over blocks of 8 and 16."""
_MARGIN: Final = 8
"""Of the height, this part at the top and at the bottom is left out: many cameras write a clock there."""
_EVEN: Final = 6
"""Averages that differ by no more than this are one colour: no plate could be read at that contrast."""
_NOISY: Final = 32
_NOISE: Final = 1.2
"""Under strong noise they may differ by `_NOISY`, as long as that is no more than `_NOISE` times the spread of
single pixels within the cells."""
_DARK: Final = 64


class Shows(IntEnum):
    """What a picture shows."""

    SOMETHING = 0
    EVEN = 1
    """One colour, noise aside, and not a dark one."""
    DARK = 2
    """One dark colour: it may be the night."""


def what_shows(pixels: Pixels) -> Shows:
    """Return what a picture shows.

    Args:
        pixels: H x W x 3 uint8. Each of the three colours is judged for itself: a green picture is even too.
    """
    if not _is_even(pixels):
        return Shows.SOMETHING
    return Shows.DARK if max(cv2.mean(pixels)) < _DARK else Shows.EVEN


def _is_even(pixels: Pixels) -> bool:
    height, width = pixels.shape[:2]
    inner = pixels[height // _MARGIN : height - height // _MARGIN]
    columns = max(1, min(_CELLS[0], width // _CELL))
    rows = max(1, min(_CELLS[1], inner.shape[0] // _CELL))
    cells = cv2.resize(inner, (columns, rows), interpolation=cv2.INTER_AREA)
    differ = np.ptp(cells.reshape(-1, 3), axis=0).max()
    between = cells.reshape(-1, 3).var(axis=0)
    cells.fill(0)
    if differ <= _EVEN:
        return True
    if differ > _NOISY:
        return False
    _, spread = cv2.meanStdDev(inner)
    within = np.sqrt(np.maximum(0.0, spread.ravel() ** 2 - between)).max()
    return bool(differ <= _NOISE * within)
