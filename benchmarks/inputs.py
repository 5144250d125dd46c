"""What the networks are given: the edge's own preprocessing, run again to know what to look for."""

import numpy as np
import numpy.typing as npt

from benchmarks.department import Reading
from edge.detector import PlateDetector
from edge.flow import Pixels, Table
from edge.models import folders, load, spec_for
from edge.reader import PlateReader


class Inputs:
    """The edge's detector and reader, kept only for how they prepare a picture.

    Raises:
        ModelError: a model is absent or altered.
    """

    def __init__(self, reading: Reading) -> None:
        places = folders(reading.folder)
        self._detector = PlateDetector(load(spec_for(reading.detector, None, "detector"), places))
        self._reader = PlateReader(load(spec_for(reading.reader, None, "reader"), places))

    def detector(self, frame: Pixels) -> tuple[Pixels, npt.NDArray[np.float32], float]:
        """Return the shrunk picture, one channel of the tensor made of it, and the scale (no margins)."""
        scale, _, _ = self._detector._fill(frame)  # noqa: SLF001 - the edge's very own bytes are wanted
        return self._detector._canvas.copy(), self._detector._tensor[0, 1].copy(), scale  # noqa: SLF001

    def reader(self, crop: Pixels) -> tuple[Pixels, Table]:
        """Return the reader's input for a crop, height x width x channels uint8, and its table."""
        table, _ = self._reader.table(crop)
        prepared: Pixels = self._reader._batch[0].copy()  # noqa: SLF001 - as above
        return prepared, table
