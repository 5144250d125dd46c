"""The region model: which state or country issued the plate, from the crop in colour; beside any OCR.

It is asked a few times a pass, of the best crops (`edge.pipeline.passes.Pass.wants_region`). What it cannot
tell, the OCR may: an OCR that knows countries fills the share that the model leaves open.
"""

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Final, Protocol, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.flow import Pixels
from edge.vision.models import Model
from edge.vision.onnx_runtime import open_session
from hotlist.region_codes import regions

REGIONS_KEY: Final = "regions"
"""The model's own metadata: its outputs' region codes, separated by commas; empty is *cannot tell*."""
_FLOOR: Final = 0.01
_COLOURS: Final = 3
_IMAGE: Final = 4


class RegionReader(Protocol):
    """What the pipeline asks of a region model."""

    def regions(self, crop: Pixels) -> Mapping[str, float]:
        """Return a probability per ISO 3166 code; what is missing from 1 is *cannot tell*."""

    def scrub(self) -> None:
        """Overwrite what the last crop left in buffers."""


class RegionModel:
    """Tells the region of a crop with an ONNX model: N x 3 x H x W float32 BGR, 0 to 1, in; N x regions out.

    Args:
        model: verified; its metadata names its regions.
        providers: ONNX Runtime execution providers.

    Raises:
        ModelError: it has other inputs or outputs, or names no regions or unknown ones.
    """

    def __init__(self, model: Model, *, providers: Sequence[str] = ("CPUExecutionProvider",)) -> None:
        name = model.spec.name
        self._session = open_session(model.contents[0], name=name, providers=providers)
        told = self._session.get_modelmeta().custom_metadata_map.get(REGIONS_KEY)
        shape, outputs = self._session.get_inputs()[0].shape, self._session.get_outputs()
        sized = (
            len(shape) == _IMAGE and shape[1] == _COLOURS and all(isinstance(side, int) for side in shape[2:])
        )
        if told is None or not sized or len(outputs) != 1:
            raise ModelError(
                f"model {name!r} is no region model: it names no regions, or takes no colour crop"
            )
        self._codes = tuple(told.split(","))
        if unknown := [code for code in self._codes if code and not regions().exists(code)]:
            raise ModelError(f"model {name!r} names a region that is not in ISO 3166: {unknown[0]}")
        if outputs[0].shape[-1] != len(self._codes):
            raise ModelError(
                f"model {name!r} has {outputs[0].shape[-1]} outputs for {len(self._codes)} regions"
            )
        self._input = self._session.get_inputs()[0].name
        self._batch = np.zeros((1, _COLOURS, shape[2], shape[3]), np.float32)
        self._small = np.zeros((shape[2], shape[3], _COLOURS), np.uint8)

    def for_camera(self) -> Self:
        """Return a model for another camera: the same network, buffers of its own."""
        other = copy(self)
        other._batch = np.zeros_like(self._batch)  # noqa: SLF001 - of its own class
        other._small = np.zeros_like(self._small)  # noqa: SLF001 - of its own class
        return other

    @property
    def providers(self) -> tuple[str, ...]:
        """The execution providers that the runtime uses, in order."""
        return tuple(self._session.get_providers())

    def regions(self, crop: Pixels) -> dict[str, float]:
        """Return a probability per ISO 3166 code, as far as one is worth naming.

        Args:
            crop: h x w x 3 uint8 BGR, not empty.
        """
        shrink(crop, self._small)
        try:
            fill(self._small, self._batch[0])
            output = self._session.run(None, {self._input: self._batch})[0]
        finally:
            self._small.fill(0)
            self._batch.fill(0.0)
        told = {
            code: float(share)
            for code, share in zip(self._codes, output[0], strict=True)
            if code and share >= _FLOOR
        }
        output[:] = 0.0
        return told

    def scrub(self) -> None:
        """Overwrite what the last crop left in the runtime's buffers, by a look at nothing."""
        self._session.run(None, {self._input: self._batch})


def shrink(crop: Pixels, small: Pixels) -> None:
    """Resize a crop (h x w x 3 uint8) into `small`, the model's size; a larger one by areas, so print stays whole.

    Training prepares its crops with this too (`training.region.train`).
    """
    height, width = small.shape[:2]
    larger = crop.shape[0] >= height and crop.shape[1] >= width
    cv2.resize(crop, (width, height), dst=small, interpolation=cv2.INTER_AREA if larger else cv2.INTER_LINEAR)


def fill(small: Pixels, planes: NDArray[np.float32]) -> None:
    """Write H x W x 3 uint8 BGR into 3 x H x W float32 from 0 to 1."""
    np.multiply(small.transpose(2, 0, 1), np.float32(1 / 255), out=planes)


def combined(told: Mapping[str, float], by_ocr: Mapping[str, float]) -> dict[str, float]:
    """Return the model's regions, and the OCR's in the share that the model leaves open."""
    left = max(0.0, 1.0 - sum(told.values()))
    together = dict(told)
    for code, share in by_ocr.items():
        together[code] = together.get(code, 0.0) + left * share
    return together
