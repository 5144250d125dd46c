"""From a frame to a plate's crop: where to cut, how good it is, and the only encoder of pictures (R5)."""

import math

import cv2
import numpy as np

from edge.flow import CROP_HEIGHT, CROP_WIDTH, Box, Pixels

JPEG_QUALITY = 90


def widen(box: Box, *, by: float, width: int, height: int) -> tuple[int, int, int, int]:
    """Return a box widened by a share of its size on each side, within the frame: left, top, right, bottom.

    The OCR reads a plate with a margin better than a tight one: by 8 % on each side, a third of its errors go
    (docs/results/accuracy.json).
    """
    dx, dy = box.width * by, box.height * by
    left, top = max(0, round(box.left - dx)), max(0, round(box.top - dy))
    right, bottom = min(width, round(box.right + dx)), min(height, round(box.bottom + dy))
    return left, top, right, bottom


def sharpness(crop: Pixels) -> float:
    """Return the variance of the Laplacian of a crop in grey, at a common height of 32 pixels."""
    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    scale = 32 / grey.shape[0]
    small = cv2.resize(grey, (max(8, round(grey.shape[1] * scale)), 32), interpolation=cv2.INTER_AREA)
    return float(cv2.Laplacian(small, cv2.CV_32F).var())


def quality(crop: Pixels) -> float:
    """Return how much a crop is worth reading: larger and sharper is more; comparable within a pass."""
    height, width = crop.shape[:2]
    size = math.sqrt(min(width, 160) * min(height, 60))
    return size * math.sqrt(math.sqrt(1.0 + sharpness(crop)))


def fit(crop: Pixels, out: Pixels) -> tuple[int, int]:
    """Copy a crop into a slot's fixed picture, shrunk where it is larger; return its height and width there.

    Args:
        crop: h x w x 3 uint8 BGR.
        out: 96 x 256 x 3 uint8, overwritten.
    """
    height, width = crop.shape[:2]
    scale = min(1.0, CROP_HEIGHT / height, CROP_WIDTH / width)
    new_height, new_width = max(1, int(height * scale)), max(1, int(width * scale))
    out[:] = 0
    if scale < 1.0:
        shrunk = np.empty((new_height, new_width, 3), np.uint8)
        cv2.resize(crop, (new_width, new_height), dst=shrunk, interpolation=cv2.INTER_AREA)
        out[:new_height, :new_width] = shrunk
        shrunk[:] = 0
    else:
        out[:new_height, :new_width] = crop
    return new_height, new_width


def encode(crop: Pixels) -> bytes:
    """Return the JPEG of a hit's crop. Nothing else in the package encodes a picture (R5).

    Raises:
        ValueError: the crop is larger than a plate's crop may be.
    """
    height, width = crop.shape[:2]
    if height > CROP_HEIGHT or width > CROP_WIDTH:
        raise ValueError(
            f"a crop of {width} x {height} pixels; at most {CROP_WIDTH} x {CROP_HEIGHT} leave the box"
        )
    _, encoded = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])  # noqa: TID251 - here only
    return bytes(encoded)
