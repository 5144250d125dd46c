"""Where the cells of a YOLOv9 head lie for an input of any size: what an opened square detector is given."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

STRIDES: Final = (8, 16, 32)


@dataclass(frozen=True, slots=True)
class OpenedSquare:
    """A detector whose input is free.

    Attributes:
        content: the serialised graph.
        side: of the square that the file declares, in pixels.
        centres: name of the input for the cells' centres, float32 1 x 2 x n.
        strides: name of the input for their strides, float32 1 x n.
    """

    content: bytes
    side: int
    centres: str
    strides: str


def cells(height: int, width: int) -> tuple[Floats, Floats]:
    """Return the head's cells for an input: centres 1 x 2 x n in units of their stride, and strides 1 x n.

    Args:
        height: of the input in pixels, a multiple of 32.
        width: the same.
    """
    centres, strides = [], []
    for stride in STRIDES:
        y, x = np.mgrid[0 : height // stride, 0 : width // stride].astype(np.float32) + np.float32(0.5)
        centres.append(np.stack([x.ravel(), y.ravel()]))
        strides.append(np.full(x.size, stride, np.float32))
    return np.concatenate(centres, axis=1)[None], np.concatenate(strides)[None]
