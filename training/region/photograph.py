"""A clean plate in colour becomes what a camera's crop looks like, stretched to the region model's input."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.vision.region import shrink
from training.region.classes import DRAWN

Picture = NDArray[np.uint8]
"""H x W x 3, BGR."""


ONE_LINE = 3.0
"""A plate wider than so many times its height has no stickers in its corners."""
HARD = 0.15
"""The share of crops that are tilted, tinted or dark as few are. With more, colours and places say nothing."""


def _corners(rng: np.random.Generator, aspect: float, *, hard: bool) -> NDArray[np.float32]:
    """The four corners of a plate of height 1 after a turn (up to 25 degrees), a shear and perspective."""
    flat = np.array(((-1, -1), (1, -1), (1, 1), (-1, 1)), np.float64) * (aspect / 2, 0.5)
    turn = np.deg2rad(np.clip(rng.normal(0, 10 if hard else 1.8), -25, 25))
    bend = (0.05, 0.1, 0.025) if hard else (0.02, 0.05, 0.012)
    sheared = flat @ np.array(((1, rng.normal(0, bend[0])), (rng.normal(0, bend[1]), 1)))
    turned = sheared @ np.array(((np.cos(turn), np.sin(turn)), (-np.sin(turn), np.cos(turn))))
    return (turned * (1 + rng.normal(0, bend[2], (4, 1)))).astype(np.float32)


def _warped(rng: np.random.Generator, plate: Picture, corners: NDArray[np.float32], wide: float) -> Picture:
    """The plate as its detector's box shows it, `wide` camera pixels from side to side."""
    low, high = corners.min(0), corners.max(0)
    grow = rng.uniform(-0.04, 0.1, (2, 2)) * (high - low)
    low, size = low - grow[0], high - low + grow[0] + grow[1]
    shape = (max(16, round(wide)), max(8, round(wide * float(size[1] / size[0]))))
    shrink = min(1.0, 1.3 * wide / plate.shape[1])
    source = cv2.resize(plate, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    height, width = source.shape[:2]
    inside = np.array(((0, 0), (width, 0), (width, height), (0, height)), np.float32)
    matrix = cv2.getPerspectiveTransform(inside, ((corners - low) / size * shape).astype(np.float32))
    surround = tuple(float(v) for v in np.clip(rng.uniform(0, 150) + rng.normal(0, 15, 3), 0, 255))
    out = cv2.warpPerspective(source, matrix, shape, borderValue=surround, flags=cv2.INTER_LINEAR)
    return np.asarray(out, np.uint8)


def _lit(rng: np.random.Generator, image: Picture, *, hard: bool) -> Picture:
    """Shade, a camera's white balance, faded paint; of the hard, night, glare and infrared without colour."""
    work: NDArray[np.floating] = image.astype(np.float32)
    if hard and rng.random() < 0.3:
        work = np.repeat(work @ np.array(((0.2,), (0.5,), (0.3,)), np.float32), 3, axis=2)
    elif rng.random() < 0.4:
        grey = work.mean(2, keepdims=True)
        work = grey + (work - grey) * np.float32(rng.uniform(0.4, 1.2))
    night = hard and rng.random() < 0.5
    gain = rng.uniform(0.25, 0.6) if night else rng.uniform(0.65, 1.15)
    balance = np.exp(rng.normal(0, 0.1 if night else 0.04, 3)) * gain
    work = 255 * (np.clip(work, 0, 255) / 255) ** np.float32(np.exp(rng.normal(0, 0.2))) * balance
    work = work + np.float32(rng.uniform(0, 40) if rng.random() < 0.4 else 0)
    if rng.random() < 0.25:
        slope = np.linspace(-1, 1, work.shape[1])[None, :, None] * rng.normal(0, 20)
        work = work + slope + np.linspace(-1, 1, work.shape[0])[:, None, None] * rng.normal(0, 20)
    if hard and rng.random() < 0.3:
        y, x = np.mgrid[0 : work.shape[0], 0 : work.shape[1]] / np.float32(work.shape[1])
        far = ((x - rng.random()) ** 2 + (y - rng.random() / 2) ** 2) / rng.uniform(0.005, 0.05)
        work = work + 200 * np.exp(-far)[:, :, None]
    if rng.random() < 0.4:
        grain = rng.standard_normal(work.shape, np.float32)
        work = work + grain * np.float32(rng.exponential(2.5) + (6 if night else 0))
    return np.clip(work, 0, 255).astype(np.uint8)


def _stickers(rng: np.random.Generator, image: Picture) -> None:
    """The month's and the year's stickers in the corners, and bolts, in place."""
    height, width = image.shape[:2]
    for x, y in ((0.1, 0.13), (0.9, 0.13), (0.1, 0.87), (0.9, 0.87)):
        at = np.array(((x + rng.normal(0, 0.03)) * width, (y + rng.normal(0, 0.02)) * height))
        half = np.array((rng.uniform(0.035, 0.065) * width, rng.uniform(0.06, 0.1) * height))
        if rng.random() < 0.3:
            (x1, y1), (x2, y2) = (at - half).astype(int), (at + half).astype(int)
            ground, ink = (tuple(map(float, rng.uniform(0, 255, 3))) for _ in range(2))
            cv2.rectangle(image, (x1, y1), (x2, y2), ground, -1)
            cv2.putText(image, str(rng.integers(1, 99)), (x1 + 2, y2 - 4), 0, 0.4, ink, 1)
        if rng.random() < 0.2:
            hole = (int(width * (0.22 if x < 0.5 else 0.78)), int(height * (0.09 if y < 0.5 else 0.91)))
            cv2.circle(image, hole, 4, tuple(map(float, rng.uniform(20, 200) + rng.normal(0, 10, 3))), -1)


def _covered(rng: np.random.Generator, image: Picture) -> None:
    """A dealer's frame, dirt and stickers over the plate, in place."""
    height, width = image.shape[:2]
    if rng.random() < 0.2:
        level = rng.uniform(0, 90 if rng.random() < 0.7 else 240)
        shade = np.clip(level + rng.normal(0, 12, 3), 0, 255).astype(np.uint8)
        sides = (rng.uniform(0, 0.13, 2) * height, rng.uniform(0, 0.06, 2) * width)
        (top, bottom), (left, right) = sides
        image[: int(top)] = image[height - int(bottom) :] = shade
        image[:, : int(left)] = image[:, width - int(right) :] = shade
    for _ in range(rng.poisson(0.3)):
        at = (int(rng.uniform(0, width)), int(rng.uniform(0, height)))
        reach = (1 + int(rng.exponential(width * 0.025)), 1 + int(rng.exponential(height * 0.05)))
        colour = (
            rng.uniform(0, 255, 3) if rng.random() < 0.5 else np.array((40, 60, 80)) * rng.uniform(0.5, 2)
        )
        cv2.ellipse(image, at, reach, rng.uniform(0, 180), 0, 360, tuple(map(float, colour)), -1)
    if rng.random() < 0.06:
        mud = cv2.resize(
            rng.random((5, 8)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
        )
        much = np.clip((mud - rng.uniform(0.4, 0.9)) * 3, 0, 0.9)[:, :, None]
        image[:] = (image * (1 - much) + np.array((50, 70, 95)) * much).astype(np.uint8)


def photograph(
    rng: np.random.Generator, plate: Picture, aspect: float, widths: tuple[float, float]
) -> Picture:
    """Return DRAWN x 3 BGR: the plate (its real width over height is `aspect`) as photographed.

    widths: the crop's least and greatest width in camera pixels.
    """
    plate = plate.copy()
    hard = rng.random() < HARD
    if aspect < ONE_LINE:
        _stickers(rng, plate)
    _covered(rng, plate)
    wide = float(np.exp(rng.uniform(*np.log(widths))))
    image = _warped(rng, plate, _corners(rng, aspect, hard=hard), wide)
    if rng.random() < 0.4:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 1.0)), np.uint8)
    if hard and rng.random() < 0.5:
        reach = int(rng.integers(2, 6))
        image = np.asarray(cv2.blur(image, (reach, 1) if rng.random() < 0.7 else (1, reach)), np.uint8)
    image = _lit(rng, image, hard=hard)
    if rng.random() < 0.6:
        quality = (cv2.IMWRITE_JPEG_QUALITY, int(rng.uniform(30, 95)))
        encoded = cv2.imencode(".jpg", image, quality)[1]  # noqa: TID251  a training crop, in memory
        image = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
    drawn = np.empty((*DRAWN, 3), np.uint8)
    shrink(image, drawn)
    return drawn
