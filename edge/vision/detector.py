"""The plate detector: fast-alpr's `BaseDetector` over a verified YOLOv9-style model.

Anyone's `BaseDetector` plugs in instead. This one adds what was measured to matter: input as wide as wanted
and no higher than the picture needs (where the model allows), one pass of preprocessing, one reused buffer.
"""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from fast_alpr.base import BaseDetector
from open_image_models.detection.core.base import BoundingBox, DetectionResult

from edge.errors import ModelError
from edge.flow import Box, Detection, Pixels
from edge.vision.models import Model
from edge.vision.onnx_runtime import open_session
from edge.vision.onnx_shape import SIZE_FREE, SIZE_KEY, free_size

LABEL: Final = "License Plate"
_STRIDE: Final = 32
_LEAST: Final = 96
"""The smallest height that the bundled model takes (`edge.vision.onnx_shape`)."""
_TALLEST: Final = 2
"""A picture higher than this many widths is shrunk further: a camera must not choose how much memory we take."""
_GREY: Final = 114
_ROW: Final = 7


class PlateDetector(BaseDetector):  # type: ignore[misc]  # fast-alpr ships no types
    """Finds plates in a frame.

    Args:
        model: verified; input 1 x 3 x H x W float32 RGB 0..1; output rows
            [image, x1, y1, x2, y2, class, score] in input pixels.
        providers: ONNX Runtime execution providers.
        width: input width in pixels where the model's size is free; a multiple of 32.
        confidence: detections below it are dropped, 0 to 1.

    Raises:
        ModelError: the model's input is not of this form.
    """

    def __init__(
        self,
        model: Model,
        *,
        providers: Sequence[str] = ("CPUExecutionProvider",),
        width: int = 448,
        confidence: float = 0.4,
    ) -> None:
        self._session = open_session(model.contents[0], name=model.spec.name, providers=providers)
        if self._session.get_modelmeta().custom_metadata_map.get(SIZE_KEY) == SIZE_FREE:
            content = free_size(model.contents[0])
            self._session = open_session(content, name=model.spec.name, providers=providers)
        wanted = self._session.get_inputs()[0]
        shape = wanted.shape
        if len(shape) != 4 or shape[1] != 3 or wanted.type != "tensor(float)":  # noqa: PLR2004 - N, C, H, W
            raise ModelError(
                f"model {model.spec.name!r} takes {shape} {wanted.type}; a 1 x 3 x H x W float is needed"
            )
        self._input = wanted.name
        self._fixed = (
            (shape[2], shape[3]) if isinstance(shape[2], int) and isinstance(shape[3], int) else None
        )
        self._width = width
        self._confidence = confidence
        self._tensor = np.zeros((1, 3, 0, 0), np.float32)
        self._canvas = np.zeros((0, 0, 3), np.uint8)

    @property
    def providers(self) -> tuple[str, ...]:
        """The execution providers that the runtime uses, in order."""
        return tuple(self._session.get_providers())

    def predict(self, frame: Pixels) -> list[DetectionResult]:
        """Return detections in fast-alpr's own type; see `detect`."""
        return [
            DetectionResult(
                LABEL,
                found.confidence,
                BoundingBox(*(round(side) for side in _sides(found.box))),
            )
            for found in self.detect(frame)
        ]

    def detect(self, frame: Pixels) -> list[Detection]:
        """Return the plates in a frame, surest first.

        Args:
            frame: H x W x 3 uint8 BGR.
        """
        height, width = frame.shape[:2]
        scale, left, top = self._fill(frame)
        try:
            rows = self._session.run(None, {self._input: self._tensor})[0].reshape(-1, _ROW)
        finally:
            self._tensor.fill(0.0)
            self._canvas.fill(_GREY)
        found = []
        for _, x1, y1, x2, y2, _, score in rows[rows[:, 6] >= self._confidence]:
            box = Box(
                left=float(np.clip((x1 - left) / scale, 0, width)),
                top=float(np.clip((y1 - top) / scale, 0, height)),
                right=float(np.clip((x2 - left) / scale, 0, width)),
                bottom=float(np.clip((y2 - top) / scale, 0, height)),
            )
            if box.width >= 1 and box.height >= 1:
                found.append(Detection(box, float(score)))
        return sorted(found, key=lambda detection: -detection.confidence)

    def scrub(self) -> None:
        """Overwrite what the last frame left in the runtime's buffers, by a look at nothing."""
        if self._tensor.size:
            self._session.run(None, {self._input: self._tensor})

    def _fill(self, frame: Pixels) -> tuple[float, int, int]:
        """Letter-box a frame into the input tensor; return scale, left and top margins."""
        height, width = frame.shape[:2]
        if self._fixed:
            rows, columns = self._fixed
        else:
            columns = self._width
            wanted = -(-round(height * columns / width) // _STRIDE) * _STRIDE
            rows = min(max(wanted, _LEAST), _TALLEST * columns)
        if self._tensor.shape[2:] != (rows, columns):
            self._tensor[:] = 0.0
            self._tensor = np.zeros((1, 3, rows, columns), np.float32)
            self._canvas = np.full((rows, columns, 3), _GREY, np.uint8)  # grey between two frames
        scale = min(rows / height, columns / width)
        inner_height = min(rows, max(1, round(height * scale)))
        inner_width = min(columns, max(1, round(width * scale)))
        top, left = (rows - inner_height) // 2, (columns - inner_width) // 2
        inner = self._canvas[top : top + inner_height, left : left + inner_width]
        if inner.flags.c_contiguous:
            cv2.resize(frame, (inner_width, inner_height), dst=inner, interpolation=cv2.INTER_LINEAR)
        else:
            inner[:] = cv2.resize(frame, (inner_width, inner_height), interpolation=cv2.INTER_LINEAR)
        for channel in range(3):
            np.multiply(self._canvas[:, :, 2 - channel], np.float32(1 / 255), out=self._tensor[0, channel])
        return scale, left, top


def detections_of(detector: BaseDetector, frame: Pixels) -> list[Detection]:
    """Return any fast-alpr detector's findings as ours."""
    if isinstance(detector, PlateDetector):
        return detector.detect(frame)
    return [
        Detection(Box(*(float(side) for side in found.bounding_box)), float(found.confidence))
        for found in detector.predict(frame)
    ]


def _sides(box: Box) -> tuple[float, float, float, float]:
    return box.left, box.top, box.right, box.bottom
