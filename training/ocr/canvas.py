"""The sheet a plate is drawn on: grey float pixels, soft edges, and a seeded source of chance."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.ocr.typefaces import Mask, legends

Grey = NDArray[np.float32]
WIDTH, HEIGHT = 288, 144
PLATE = (40, 20, 248, 124)  # the plate's x1, y1, x2, y2
PLATE_WIDTH, PLATE_HEIGHT = PLATE[2] - PLATE[0], PLATE[3] - PLATE[1]


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle in canvas pixels."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def width(self) -> float:
        """Pixels across."""
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        """Pixels down."""
        return self.y2 - self.y1

    @property
    def middle(self) -> tuple[float, float]:
        """The centre."""
        return (self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2


def around(x: float, y: float, width: float, height: float) -> Rect:
    """The rectangle of this size centred at x, y."""
    return Rect(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def on_plate(x: float, y: float, width: float, height: float) -> Rect:
    """The rectangle centred at x, y, all four in fractions of the plate."""
    return around(
        PLATE[0] + PLATE_WIDTH * x, PLATE[1] + PLATE_HEIGHT * y, PLATE_WIDTH * width, PLATE_HEIGHT * height
    )


class Canvas:
    """Grey pixels, HEIGHT x WIDTH float32, 0 to 255 once clipped."""

    def __init__(self, rng: np.random.Generator, ground: float) -> None:
        self.rng = rng
        self.pixels: Grey = np.full((HEIGHT, WIDTH), ground, np.float32)

    def chance(self, probability: float) -> bool:
        """True this often."""
        return bool(self.rng.random() < probability)

    def between(self, low: float, high: float) -> float:
        """A uniform number."""
        return float(self.rng.uniform(low, high))

    def any_grey(self) -> float:
        """Any shade."""
        return self.between(0, 255)

    def plate(self) -> Grey:
        """The plate's part of the pixels, writable."""
        x1, y1, x2, y2 = PLATE
        return self.pixels[y1:y2, x1:x2]

    def noise(self, cells: int, shape: tuple[int, int] = (HEIGHT, WIDTH)) -> Grey:
        """Smooth noise of unit spread with about this many waves across."""
        small = self.rng.standard_normal((max(2, cells // 2), cells)).astype(np.float32)
        return np.asarray(cv2.resize(small, shape[::-1], interpolation=cv2.INTER_CUBIC), np.float32)

    def lay(self, mask: Grey, x: int, y: int, grey: float) -> None:
        """Lay grey through a mask (0 to 1) with its corner at x, y; what falls outside is cut."""
        x1, y1 = max(0, x), max(0, y)
        x2, y2 = min(WIDTH, x + mask.shape[1]), min(HEIGHT, y + mask.shape[0])
        if x1 < x2 and y1 < y2:
            region = self.pixels[y1:y2, x1:x2]
            region += mask[y1 - y : y2 - y, x1 - x : x2 - x] * (grey - region)

    def block(self, rect: Rect, grey: float, thick: int = -1) -> None:
        """A rectangle, filled or as an outline of this thickness."""
        first, last = (int(rect.x1), int(rect.y1)), (int(rect.x2), int(rect.y2))
        cv2.rectangle(self.pixels, first, last, grey, thick)

    def oval(self, rect: Rect, grey: float, thick: int = -1, turn: float = 0.0) -> None:
        """An ellipse that fills the rectangle before it is turned."""
        centre = (int(rect.middle[0]), int(rect.middle[1]))
        radii = (max(1, int(rect.width / 2)), max(1, int(rect.height / 2)))
        cv2.ellipse(self.pixels, centre, radii, turn, 0, 360, grey, thick, cv2.LINE_AA)

    def scribble(self, rect: Rect, grey: float, *, solid: bool) -> None:
        """A random convex shape, or a random stroke, about the rectangle."""
        corners = self.rng.uniform(-0.5, 0.5, (self.rng.integers(3, 9), 2)) * (rect.width, rect.height)
        points = (corners + rect.middle).astype(np.int32)
        if solid:
            cv2.fillPoly(self.pixels, [cv2.convexHull(points)], grey, cv2.LINE_AA)
        else:
            thick = int(self.rng.integers(1, 4))
            cv2.polylines(self.pixels, [points], self.chance(0.5), grey, thick, cv2.LINE_AA)

    def small_print(self, rect: Rect, grey: float) -> None:
        """Words that are not read, as high as the rectangle and no wider."""
        table = legends()
        mask: Mask = table[self.rng.integers(len(table))]
        natural = mask.shape[1] * rect.height / mask.shape[0] * self.between(0.6, 1.2)
        size = (max(4, int(min(rect.width, natural))), max(3, int(rect.height)))
        small = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), np.float32) / np.float32(255)
        self.lay(small, int(rect.middle[0] - size[0] / 2), int(rect.y1), grey)
