"""The plate detector: fast-alpr's `BaseDetector` over a verified YOLOv9-style model.

Another network is named in the configuration (docs/extending.md). What was measured to matter: input as wide as
wanted and no higher than the picture needs (where the model allows), one pass of preprocessing, one reused buffer.

Who owns what: all cameras of a box share one network (`edge.vision.detector_network`), which keeps nothing of a
picture. `_tensor` and `_canvas`, which do, belong to one `PlateDetector`, and that to one camera: only its thread
looks with it and scrubs it, so neither needs a lock, and no camera sees or wipes what another one looks at.
"""

from collections.abc import Sequence
from copy import copy
from typing import Final, Self

import cv2
import numpy as np
from fast_alpr.base import BaseDetector
from open_image_models.detection.core.base import BoundingBox, DetectionResult

from edge.flow import Box, Detection, Pixels
from edge.vision.detector_network import DetectorNetwork
from edge.vision.models import Model

LABEL: Final = "License Plate"
_GREY: Final = 114


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
        self._network = DetectorNetwork(model, providers)
        self._settle(width=width, confidence=confidence)

    def for_camera(self, *, width: int, confidence: float) -> Self:
        """Return a detector for another camera: the same network, buffers and settings of its own."""
        other = copy(self)
        other._settle(width=width, confidence=confidence)  # noqa: SLF001 - of its own class
        return other

    def _settle(self, *, width: int, confidence: float) -> None:
        """Take settings, and buffers that nothing has passed through."""
        self._width = width
        self._confidence = confidence
        self._tensor = np.zeros((1, 3, 0, 0), np.float32)
        self._canvas = np.zeros((0, 0, 3), np.uint8)

    @property
    def providers(self) -> tuple[str, ...]:
        """The execution providers that the runtime uses, in order."""
        return self._network.providers

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
            rows = self._network.run(self._tensor)
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

    def scale_for(self, height: int, width: int) -> float:
        """Return how many pixels of the network's input one pixel of a picture becomes."""
        rows, columns = self._network.size_for(height, width, self._width)
        return min(rows / height, columns / width)

    def scrub(self) -> None:
        """Overwrite what the last frame left in the runtime's buffers, by a look at nothing."""
        if self._tensor.size:
            self._network.run(self._tensor)

    def _fill(self, frame: Pixels) -> tuple[float, int, int]:
        """Letter-box a frame into the input tensor; return scale, left and top margins."""
        height, width = frame.shape[:2]
        rows, columns = self._network.size_for(height, width, self._width)
        scale = self.scale_for(height, width)
        if self._tensor.shape[2:] != (rows, columns):
            self._canvas[:] = _GREY
            self._tensor[:] = 0.0
            self._tensor = np.zeros((1, 3, rows, columns), np.float32)
            self._canvas = np.full((rows, columns, 3), _GREY, np.uint8)  # grey between two frames
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
