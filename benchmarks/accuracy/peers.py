"""What we are measured beside: fast-alpr's plain loop over the same weights, and Debian's ``openalpr``."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from fast_alpr import ALPR
from fast_alpr.base import BaseDetector, DetectionResult
from fast_alpr.default_ocr import DefaultOCR
from open_image_models import create_detector

from benchmarks.harness.hotlist_fixture import Reading
from edge.flow import Pixels
from edge.vision.detector import PlateDetector
from edge.vision.models import Model, folders, load, spec_for

CONFIDENCE = 0.4
"""fast-alpr's own default."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A plate that a peer found: box in pixels (left, top, right, bottom) and text."""

    box: tuple[float, float, float, float]
    text: str


def load_models(reading: Reading) -> tuple[Model, Model]:
    """Return the detector and the reader that the edge would load.

    Raises:
        ModelError: absent, altered or unknown.
    """
    places = folders(reading.folder)
    detector = load(spec_for(reading.detector, None, "detector"), places)
    return detector, load(spec_for(reading.reader, None, "reader"), places)


class FastAlpr:
    """``fast_alpr.ALPR.predict`` as its README uses it: every frame, ONNX Runtime's default session.

    Where the detector's input has no fixed square size, which fast-alpr's own loader asks for, our detector
    is plugged into fast-alpr's seam instead; the OCR is always fast-alpr's own loader.

    Args:
        models: the detector and the reader.
        quiet: one thread that does not spin, as a user would set who minds processor time: the same work, without
            what ONNX Runtime's default session spends waiting.
    """

    def __init__(self, models: tuple[Model, Model], *, quiet: bool = False) -> None:
        detector, reader = models
        session = _quiet_session() if quiet else None
        self.own_loader = _square(detector)
        self._detector: Any = (
            create_detector(
                detector.paths[0],
                backend="yolo_v9",
                class_labels=("License Plate",),
                conf_thresh=CONFIDENCE,
                sess_options=session,
            )
            if self.own_loader
            else PlateDetector(detector, confidence=CONFIDENCE)
        )
        ocr = DefaultOCR(
            model_path=reader.paths[0], config_path=_plate_config(reader), device="cpu", sess_options=session
        )
        self.detector: Any = _Adapter(self._detector)
        self.ocr: Any = ocr
        self._alpr = ALPR(detector=self.detector, ocr=ocr)

    def look(self, frame: Pixels) -> list[Seen]:
        """Return the plates of one frame (H x W x 3 uint8 BGR)."""
        found = []
        for result in self._alpr.predict(frame):
            box = result.detection.bounding_box
            found.append(Seen((box.x1, box.y1, box.x2, box.y2), result.ocr.text if result.ocr else ""))
        return found


class OpenAlpr:
    """Debian's ``alpr`` command, one process a picture: its time includes its start, as users meet it."""

    def __init__(self, country: str) -> None:
        self._command = ("alpr", "--json", "--topn", "1", "--country", country)

    @staticmethod
    def installed() -> bool:
        """Whether ``alpr`` is on the path."""
        return shutil.which("alpr") is not None

    def look(self, picture: Path) -> list[Seen]:
        """Return the plates of one picture file; none when the program finds none or fails."""
        answer = subprocess.run([*self._command, str(picture)], capture_output=True, text=True, check=False)  # noqa: S603
        try:
            results = json.loads(answer.stdout)["results"]
        except (json.JSONDecodeError, KeyError):
            return []
        return [Seen(_around(each["coordinates"]), each["plate"]) for each in results]


class _Adapter(BaseDetector):  # type: ignore[misc]  # fast-alpr ships no types
    """Hands fast-alpr a detector's findings; times nothing and changes nothing."""

    def __init__(self, detector: Any) -> None:  # noqa: ANN401 - either library's detector
        self._detector = detector

    def predict(self, frame: Pixels) -> list[DetectionResult]:
        """Return what the detector finds."""
        found: list[DetectionResult] = self._detector.predict(frame)
        return found


def _quiet_session() -> onnxruntime.SessionOptions:
    """Return one thread without spinning; all else as by default."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _square(model: Model) -> bool:
    """Whether a detector's input has a fixed square size."""
    session = onnxruntime.InferenceSession(model.contents[0], providers=["CPUExecutionProvider"])
    height, width = session.get_inputs()[0].shape[2:]
    return isinstance(height, int) and height == width


def _plate_config(reader: Model) -> Path:
    if len(reader.paths) > 1:
        return reader.paths[1]
    return reader.paths[0].with_name(reader.paths[0].stem + "_plate_config.yaml")


def _around(corners: list[dict[str, int]]) -> tuple[float, float, float, float]:
    x, y = np.array([[corner["x"], corner["y"]] for corner in corners], np.float64).T
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())
