"""Crops as the network gets them: in training as on the edge, by the same two functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge.vision.region import fill, shrink
from training.region.classes import HEIGHT, WIDTH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from training.region.photograph import Picture


def prepared(crops: Sequence[Picture] | NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return what the edge would give the network of these crops: N x 3 x HEIGHT x WIDTH BGR, from 0 to 1."""
    small = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    pixels = np.empty((len(crops), 3, HEIGHT, WIDTH), np.float32)
    for crop, planes in zip(crops, pixels, strict=True):
        shrink(crop, small)
        fill(small, planes)
    return pixels
