"""The reader: a plate's crop in, a probability for every place and character out. No text is made.

`PlateReader` is fast-alpr's `BaseOCR` over a verified fast-plate-ocr model; the pipeline calls `table`, which
makes no string (promise 4). Another network is named in the configuration (docs/extending.md).

Who owns what: all cameras of a box share one session, which holds weights only, keeps nothing of a run and may be
run by several threads at once. `_batch`, the crop as the network takes it, belongs to one `PlateReader`, and that
to one camera: only its thread reads with it and scrubs it.
"""

import io
from collections.abc import Mapping, Sequence
from copy import copy
from typing import Protocol, Self

import cv2
import numpy as np
import yaml
from fast_alpr.base import BaseOCR, OcrResult

from edge.errors import ModelError
from edge.flow import COLUMNS, SLOTS, Pixels, Table
from edge.vision.models import Model
from edge.vision.onnx_runtime import open_session
from edge.vision.region_names import codes_of
from hotlist.plate import ALPHABET, PAD

_REGION_FLOOR = 0.02
_MODEL_ALPHABET = ALPHABET + "_"


class Reader(Protocol):
    """What the pipeline asks of an OCR."""

    def table(self, crop: Pixels) -> tuple[Table, Mapping[str, float]]:
        """Return (10 x 37) float32 rows of probabilities, and a probability per region code."""

    def scrub(self) -> None:
        """Overwrite what the last crop left in buffers."""


class PlateReader(BaseOCR):  # type: ignore[misc]  # fast-alpr ships no types
    """Reads a crop with a fast-plate-ocr model.

    Args:
        model: verified: the network, then its plate configuration.
        providers: ONNX Runtime execution providers.

    Raises:
        ModelError: the alphabet or the shapes are not 10 places (or fewer) of ``0-9A-Z_``.
    """

    def __init__(self, model: Model, *, providers: Sequence[str] = ("CPUExecutionProvider",)) -> None:
        name = model.spec.name
        self._session = open_session(model.contents[0], name=name, providers=providers)
        text = model.contents[1] if len(model.contents) > 1 else _beside(model)
        try:
            config = yaml.safe_load(io.BytesIO(text))
            alphabet, slots = config["alphabet"], int(config["max_plate_slots"])
            height, width = int(config["img_height"]), int(config["img_width"])
            colour = config.get("image_color_mode", "grayscale") == "rgb"
        except (yaml.YAMLError, KeyError, TypeError, ValueError):
            raise ModelError(f"model {name!r}: its plate configuration cannot be read") from None
        if alphabet != _MODEL_ALPHABET or slots > SLOTS or config.get("keep_aspect_ratio"):
            raise ModelError(
                f"model {name!r} has {slots} places over another alphabet or keeps the aspect ratio"
            )
        outputs = [output.name for output in self._session.get_outputs()]
        self._outputs = outputs[:1] if not config.get("plate_regions") else outputs[:2]
        self._regions = codes_of(config.get("plate_regions") or ())
        self._slots, self._input = slots, self._session.get_inputs()[0].name
        self._batch = np.zeros((1, height, width, 3 if colour else 1), np.uint8)

    def for_camera(self) -> Self:
        """Return a reader for another camera: the same network, a buffer of its own."""
        other = copy(self)
        other._batch = np.zeros_like(self._batch)  # noqa: SLF001 - of its own class
        return other

    @property
    def providers(self) -> tuple[str, ...]:
        """The execution providers that the runtime uses, in order."""
        return tuple(self._session.get_providers())

    def table(self, crop: Pixels) -> tuple[Table, Mapping[str, float]]:
        """Return the crop's table, (10 x 37) float32, and its regions by ISO code.

        Args:
            crop: h x w x 3 uint8 BGR.
        """
        self._fill(crop)
        try:
            outputs = self._session.run(self._outputs, {self._input: self._batch})
        finally:
            self._batch.fill(0)
        table = np.zeros((SLOTS, COLUMNS), np.float32)
        table[:, PAD] = 1.0
        table[: self._slots] = outputs[0].reshape(self._slots, COLUMNS)
        outputs[0][:] = 0.0
        return table, self._named(outputs[1][0]) if self._regions else {}

    def _fill(self, crop: Pixels) -> None:
        """Make the network's input of a crop."""
        _, height, width, channels = self._batch.shape
        small = cv2.resize(crop, (width, height), interpolation=cv2.INTER_LINEAR)
        code = cv2.COLOR_BGR2RGB if channels == 3 else cv2.COLOR_BGR2GRAY  # noqa: PLR2004 - channels
        self._batch[0] = cv2.cvtColor(small, code).reshape(height, width, channels)
        small[:] = 0

    def predict(self, cropped_plate: Pixels) -> OcrResult | None:
        """Read as text, in fast-alpr's own type: for people who hold the picture, never in the pipeline."""
        if not cropped_plate.size:
            return None
        table, regions = self.table(cropped_plate)
        best = table.argmax(axis=1)
        kept = best != PAD
        text = "".join(ALPHABET[column] for column in best[kept])
        region = max(regions, key=lambda code: regions[code], default=None)
        return OcrResult(
            text=text,
            confidence=[float(p) for p in table.max(axis=1)[kept]],
            region=region,
            region_confidence=regions[region] if region else None,
        )

    def scrub(self) -> None:
        """Overwrite what the last crop left in the runtime's buffers, by a look at nothing."""
        self._session.run(self._outputs, {self._input: self._batch})

    def _named(self, probabilities: Table) -> dict[str, float]:
        """Return the regions worth naming."""
        return {
            code: float(p)
            for code, p in zip(self._regions, probabilities, strict=True)
            if p >= _REGION_FLOOR and code
        }


def _beside(model: Model) -> bytes:
    path = model.paths[0].with_name(model.paths[0].stem + "_plate_config.yaml")
    try:
        return path.read_bytes()
    except OSError as problem:
        raise ModelError(f"{path} cannot be read: {problem.strerror}") from None
