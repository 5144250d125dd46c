"""A detector's network, opened once for all cameras of a box, and the sizes that it takes.

Who owns what: the network belongs to the box and holds weights only. Its session may be run by several threads
at once (ONNX Runtime's promise), and keeps nothing of a run: `edge.vision.onnx_runtime` has arena and pattern off.
Every buffer that a picture passes through belongs to one camera's `edge.vision.detector.PlateDetector`.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edge.errors import ModelError
from edge.vision.models import Model
from edge.vision.onnx_runtime import open_session
from edge.vision.onnx_shape import SIZE_FREE, SIZE_KEY, free_size

_STRIDE: Final = 32
_LEAST: Final = 96
"""The smallest height that the bundled model takes (`edge.vision.onnx_shape`)."""
_TALLEST: Final = 2
"""A picture higher than this many widths is shrunk further: a camera must not choose how much memory we take."""
_ROW: Final = 7


class DetectorNetwork:
    """A YOLOv9-style network, as a box's cameras share it.

    A file that says its size is free (the bundled one) is opened to any size; any other keeps the one it declares.

    Args:
        model: verified; input 1 x 3 x H x W float32 RGB 0..1; output rows
            [image, x1, y1, x2, y2, class, score] in input pixels.
        providers: ONNX Runtime execution providers.

    Raises:
        ModelError: the model's input is not of this form.
    """

    def __init__(self, model: Model, providers: Sequence[str] = ("CPUExecutionProvider",)) -> None:
        name, content = model.spec.name, model.contents[0]
        self._session: Any = open_session(content, name=name, providers=providers)
        wanted = self._session.get_inputs()[0]
        shape = wanted.shape
        if len(shape) != 4 or shape[1] != 3 or wanted.type != "tensor(float)":  # noqa: PLR2004 - N, C, H, W
            raise ModelError(f"model {name!r} takes {shape} {wanted.type}; a 1 x 3 x H x W float is needed")
        if self._session.get_modelmeta().custom_metadata_map.get(SIZE_KEY) == SIZE_FREE:
            self._session = open_session(free_size(content), name=name, providers=providers)
        self._input = wanted.name
        rows, columns = self._session.get_inputs()[0].shape[2:]
        self._fixed = (rows, columns) if isinstance(rows, int) and isinstance(columns, int) else None

    @property
    def providers(self) -> tuple[str, ...]:
        """The execution providers that the runtime uses, in order."""
        return tuple(self._session.get_providers())

    def size_for(self, height: int, width: int, wanted: int) -> tuple[int, int]:
        """Return the input's rows and columns for a picture.

        Args:
            height: of the picture in pixels.
            width: the same.
            wanted: the input's width where the file leaves it open; a multiple of 32.
        """
        if self._fixed:
            return self._fixed
        return min(max(_up(height * wanted / width), _LEAST), _TALLEST * wanted), wanted

    def run(self, tensor: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return rows of [image, x1, y1, x2, y2, class, score] for a 1 x 3 x H x W input; from any thread."""
        rows: npt.NDArray[np.float32] = self._session.run(None, {self._input: tensor})[0].reshape(-1, _ROW)
        return rows


def _up(pixels: float) -> int:
    """Round up to a size that the network takes."""
    return -(-round(pixels) // _STRIDE) * _STRIDE
