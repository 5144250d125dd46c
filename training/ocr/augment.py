"""From a clean canvas to what a camera's crop looks like: pose, crop jitter, low resolution, blur, noise, light, JPEG.

The plate is first posed in its true proportions, cropped as a detector would crop it and brought to a low resolution; blur,
noise and JPEG act there, as in a camera. The last step is the reader's own: stretch to 64 x 128.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from training.ocr.model import HEIGHT, WIDTH

Image = NDArray[np.uint8]
Corners = NDArray[np.float32]


def _pose(rng: np.random.Generator, aspect: float, strength: float) -> Corners:
    """The plate's four corners in true proportions, height 1, after a random turn, shear and perspective."""
    corners = np.array(((0, 0), (aspect, 0), (aspect, 1), (0, 1)), np.float32) - (aspect / 2, 0.5)
    turn = np.deg2rad(np.clip(rng.normal(0, 4.5), -16, 16) * strength)
    shear_x, shear_y = rng.normal(0, 0.08) * strength, rng.normal(0, 0.03) * strength
    matrix = np.array(((np.cos(turn), -np.sin(turn)), (np.sin(turn), np.cos(turn)))) @ np.array(
        ((1, shear_x), (shear_y, 1))
    )
    corners = corners @ matrix.T
    return (corners * (1 + rng.normal(0, 0.02, (4, 1)) * strength)).astype(np.float32)


def _crop_box(
    rng: np.random.Generator, corners: Corners, widen: float, spread: float
) -> tuple[float, float, float, float]:
    x1, y1 = corners.min(0)
    x2, y2 = corners.max(0)
    grow = np.clip(widen + rng.normal(0, spread, 4), -0.035, 0.2)
    wide, high = x2 - x1, y2 - y1
    return (
        float(x1 - grow[0] * wide),
        float(y1 - grow[1] * high),
        float(x2 + grow[2] * wide),
        float(y2 + grow[3] * high),
    )


def _motion(rng: np.random.Generator, image: Image) -> Image:
    length = int(rng.integers(2, 5))
    kernel = np.zeros((2 * length + 1, 2 * length + 1), np.float32)
    angle = rng.uniform(0, np.pi) if rng.random() < 0.4 else rng.normal(0, 0.2)
    reach = length * rng.uniform(0.4, 1)
    cv2.line(
        kernel,
        (round(length - reach * np.cos(angle)), round(length - reach * np.sin(angle))),
        (round(length + reach * np.cos(angle)), round(length + reach * np.sin(angle))),
        1.0,
        1,
        cv2.LINE_AA,
    )
    return cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)


def degrade(rng: np.random.Generator, image: Image, strength: float) -> Image:
    """Camera faults at the image's own resolution; strength 0..1 scales how often and how much."""
    if rng.random() < 0.55 * strength:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 1.3))
    if rng.random() < 0.15 * strength:
        image = _motion(rng, image)
    work = image.astype(np.float32)
    if rng.random() < 0.25:
        work = work + rng.uniform(0.3, 1.5) * (work - cv2.GaussianBlur(work, (0, 0), 1.0))
    low, high = np.percentile(work[::2, ::2], (2, 98))
    work = (work - low) / max(8.0, high - low)
    contrast = rng.uniform(0.12, 1.0) if rng.random() < 0.5 else rng.uniform(0.5, 1.15)
    work = np.sign(work) * np.abs(work) ** np.float32(np.exp(rng.normal(0, 0.3)))
    work = work * (contrast * 255) + rng.uniform(-0.1, max(0.0, 1.05 - contrast)) * 255
    if rng.random() < 0.2:
        work += np.linspace(-1, 1, work.shape[1], dtype=np.float32)[None, :] * rng.normal(0, 20)
    if rng.random() < 0.6:
        grain = rng.standard_normal(work.shape, dtype=np.float32) * (
            rng.exponential(5.0) * (0.3 + 0.8 * strength * min(1.0, contrast))
        )
        work += cv2.GaussianBlur(grain, (0, 0), 0.8) * 2 if rng.random() < 0.3 else grain
    image = np.clip(work, 0, 255).astype(np.uint8)
    if rng.random() < 0.6:
        quality = int(rng.uniform(25, 95)) if rng.random() < 0.8 else int(rng.uniform(10, 30))
        image = cv2.imdecode(
            cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, quality))[1], cv2.IMREAD_GRAYSCALE
        )
    return image


def _occlude(rng: np.random.Generator, image: Image) -> None:
    """A small spot or streak over the crop, in place."""
    height, width = image.shape
    x, y = int(rng.uniform(0, width)), int(rng.uniform(0, height))
    size = (int(width * rng.uniform(0.01, 0.05)) + 1, int(height * rng.uniform(0.02, 0.12)) + 1)
    cv2.ellipse(image, (x, y), size, rng.uniform(0, 180), 0, 360, float(rng.uniform(0, 255)), -1)


def to_reader(rng: np.random.Generator, image: Image) -> Image:
    """Stretch to the reader's input, nearly always as fast-plate-ocr does."""
    shrink = cv2.INTER_AREA if image.shape[1] > 2 * WIDTH else cv2.INTER_LINEAR
    kind = shrink if rng.random() < 0.85 else (cv2.INTER_AREA if rng.random() < 0.5 else cv2.INTER_CUBIC)
    return cv2.resize(image, (WIDTH, HEIGHT), interpolation=kind)


def shoot(
    rng: np.random.Generator,
    canvas: Image,
    plate: tuple[float, float, float, float],
    aspect: float,
    points: NDArray[np.float32],
    *,
    strength: float = 1.0,
    pose: float = 1.0,
    widen: float = 0.08,
    spread: float = 0.035,
    widths: tuple[float, float] = (44.0, 190.0),
) -> tuple[Image, NDArray[np.float32]]:
    """Photograph the plate that fills the rectangle `plate` of the canvas.

    Returns the reader's 64 x 128 input and the points (n x 2, canvas pixels) as fractions of that input's width and height.
    """
    x1, y1, x2, y2 = plate
    source = np.array(((x1, y1), (x2, y1), (x2, y2), (x1, y2)), np.float32)
    corners = _pose(rng, aspect, pose)
    left, top, right, bottom = _crop_box(rng, corners, widen, spread)
    wide = float(np.exp(rng.uniform(np.log(widths[0]), np.log(widths[1]))))
    high = max(9.0, wide * (bottom - top) / (right - left))
    over = max(1, min(3, round(1.8 * (x2 - x1) / wide)))  # warp larger, then average down: no aliasing
    size = (round(wide) * over, round(high) * over)
    target = (corners - (left, top)) * (size[0] / (right - left), size[1] / (bottom - top))
    matrix = cv2.getPerspectiveTransform(source, target.astype(np.float32))
    image = cv2.warpPerspective(canvas, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if over > 1:
        image = cv2.resize(image, (round(wide), round(high)), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.08 * strength:
        _occlude(rng, image)
    image = to_reader(rng, degrade(rng, image, strength))
    moved = cv2.perspectiveTransform(points.reshape(1, -1, 2), matrix)[0] / size if len(points) else points
    return image, moved.astype(np.float32)
