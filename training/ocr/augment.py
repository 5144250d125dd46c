"""From a clean canvas to what a camera's crop looks like: pose, loose boxes, low resolution, blur, light, JPEG.

The plate is first posed in its true proportions, cropped as a detector would crop it and brought to a low
resolution; blur, noise and JPEG act there, as in a camera. The last step is the reader's own: stretch to
64 x 128.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.ocr.model import HEIGHT, WIDTH

Image = NDArray[np.uint8]
Points = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Shot:
    """How a photograph is taken.

    strength scales how often and how much the camera fails; pose scales turns and perspective; spread is how
    far the box's sides stray from 8 % outside the plate; widths bound the crop's width in camera pixels.
    """

    strength: float = 1.0
    pose: float = 1.0
    spread: float = 0.03
    widths: tuple[float, float] = (44.0, 190.0)


@dataclass(frozen=True, slots=True)
class Subject:
    """What is photographed: a plate fills the rectangle (x1, y1, x2, y2) of a canvas; points are n x 2 of it.

    aspect is the plate's real width over height.
    """

    canvas: Image
    plate: tuple[float, float, float, float]
    aspect: float
    points: Points


def _posed(rng: np.random.Generator, aspect: float, strength: float) -> Points:
    """The plate's four corners in true proportions, height 1, after a random turn, shear and perspective."""
    corners = np.array(((0, 0), (aspect, 0), (aspect, 1), (0, 1)), np.float32) - (aspect / 2, 0.5)
    turn = np.deg2rad(np.clip(rng.normal(0, 4.5), -16, 16) * strength)
    shear_x, shear_y = rng.normal(0, 0.08) * strength, rng.normal(0, 0.03) * strength
    rotation = np.array(((np.cos(turn), -np.sin(turn)), (np.sin(turn), np.cos(turn))))
    corners = corners @ (rotation @ np.array(((1, shear_x), (shear_y, 1)))).T
    return (corners * (1 + rng.normal(0, 0.02, (4, 1)) * strength)).astype(np.float32)


def _crop_box(rng: np.random.Generator, corners: Points, spread: float) -> tuple[Points, Points]:
    """The box around the corners, each side 8 % outside give or take: its first corner and its size."""
    first, last = corners.min(0), corners.max(0)
    grow = np.clip(0.08 + rng.normal(0, spread, (2, 2)), -0.035, 0.2) * (last - first)
    origin = first - grow[0]
    return origin.astype(np.float32), (last + grow[1] - origin).astype(np.float32)


def _motion(rng: np.random.Generator, image: Image) -> Image:
    """Smear along a line, mostly level."""
    length = int(rng.integers(2, 5))
    kernel = np.zeros((2 * length + 1, 2 * length + 1), np.float32)
    angle = rng.uniform(0, np.pi) if rng.random() < 0.4 else rng.normal(0, 0.2)
    reach = length * rng.uniform(0.4, 1)
    dx, dy = reach * np.cos(angle), reach * np.sin(angle)
    start, end = (round(length - dx), round(length - dy)), (round(length + dx), round(length + dy))
    cv2.line(kernel, start, end, 1.0, 1, cv2.LINE_AA)
    smeared = cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(smeared, np.uint8)


def _relight(rng: np.random.Generator, image: Image, strength: float) -> Image:
    """Sharpening halos, contrast, gamma, a slope of light and grain."""
    work = image.astype(np.float32)
    if rng.random() < 0.25:
        work = work + np.float32(rng.uniform(0.3, 1.5)) * (work - cv2.GaussianBlur(work, (0, 0), 1.0))
    low, high = np.percentile(work[::2, ::2], (2, 98))
    work = (work - np.float32(low)) / np.float32(max(8.0, high - low))
    contrast = rng.uniform(0.12, 1.0) if rng.random() < 0.5 else rng.uniform(0.5, 1.15)
    work = np.sign(work) * np.abs(work) ** np.float32(np.exp(rng.normal(0, 0.3)))
    work = work * np.float32(contrast * 255) + np.float32(rng.uniform(-0.1, max(0.0, 1.05 - contrast)) * 255)
    if rng.random() < 0.2:
        work = work + np.linspace(-1, 1, work.shape[1], dtype=np.float32) * np.float32(rng.normal(0, 20))
    if rng.random() < 0.6:
        level = rng.exponential(5.0) * (0.3 + 0.8 * strength * min(1.0, contrast))
        grain = rng.standard_normal(work.shape, dtype=np.float32) * np.float32(level)
        work = work + (cv2.GaussianBlur(grain, (0, 0), 0.8) * 2 if rng.random() < 0.3 else grain)
    return np.clip(work, 0, 255).astype(np.uint8)


def _compress(rng: np.random.Generator, image: Image) -> Image:
    quality = int(rng.uniform(25, 95)) if rng.random() < 0.8 else int(rng.uniform(10, 30))
    options = (cv2.IMWRITE_JPEG_QUALITY, quality)
    data = cv2.imencode(".jpg", image, options)[1]  # noqa: TID251  a training crop, in memory
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)


def degrade(rng: np.random.Generator, image: Image, strength: float) -> Image:
    """Camera faults at the image's own resolution; strength 0 to 1 scales how often and how much."""
    if rng.random() < 0.55 * strength:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 1.3)), np.uint8)
    if rng.random() < 0.15 * strength:
        image = _motion(rng, image)
    image = _relight(rng, image, strength)
    return _compress(rng, image) if rng.random() < 0.6 else image


def _spot(rng: np.random.Generator, image: Image) -> None:
    """A small spot or streak over the crop, in place."""
    height, width = image.shape
    centre = (int(rng.uniform(0, width)), int(rng.uniform(0, height)))
    size = (int(width * rng.uniform(0.01, 0.05)) + 1, int(height * rng.uniform(0.02, 0.12)) + 1)
    cv2.ellipse(image, centre, size, rng.uniform(0, 180), 0, 360, float(rng.uniform(0, 255)), -1)


def to_reader(rng: np.random.Generator, image: Image) -> Image:
    """Stretch to the reader's input, nearly always as fast-plate-ocr does."""
    shrink = cv2.INTER_AREA if image.shape[1] > 2 * WIDTH else cv2.INTER_LINEAR
    kind = shrink if rng.random() < 0.85 else (cv2.INTER_AREA if rng.random() < 0.5 else cv2.INTER_CUBIC)
    return np.asarray(cv2.resize(image, (WIDTH, HEIGHT), interpolation=kind), np.uint8)


def shoot(rng: np.random.Generator, subject: Subject, shot: Shot) -> tuple[Image, Points]:
    """Photograph a plate: the reader's 64 x 128 input, and the points as fractions of its sides."""
    x1, y1, x2, y2 = subject.plate
    source = np.array(((x1, y1), (x2, y1), (x2, y2), (x1, y2)), np.float32)
    corners = _posed(rng, subject.aspect, shot.pose)
    origin, extent = _crop_box(rng, corners, shot.spread)
    wide = float(np.exp(rng.uniform(*np.log(shot.widths))))
    small = (round(wide), round(max(9.0, wide * float(extent[1] / extent[0]))))
    over = max(1, min(3, round(1.8 * (x2 - x1) / wide)))  # warp larger, then average down: no aliasing
    size = (small[0] * over, small[1] * over)
    target = ((corners - origin) / extent * size).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(source, target)
    warped = cv2.warpPerspective(subject.canvas, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    if over > 1:
        warped = cv2.resize(warped, small, interpolation=cv2.INTER_AREA)
    image = np.asarray(warped, np.uint8)
    if rng.random() < 0.08 * shot.strength:
        _spot(rng, image)
    image = to_reader(rng, degrade(rng, image, shot.strength))
    if len(subject.points) == 0:
        return image, subject.points
    moved = cv2.perspectiveTransform(subject.points.reshape(1, -1, 2), matrix)[0]
    return image, (moved / size).astype(np.float32)
