"""What a vehicle's patches look like: its upright front, bonnet and windscreen."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from benchmarks.drawing.camera import Layer, Picture, clipped, premultiply
from benchmarks.drawing.plates import Colour, ink, lettering
from benchmarks.drawing.weather import Light

SCALE: Final = 440
"""Pixels a metre of a front, as drawn."""
PAINTS: Final[tuple[Colour, ...]] = (
    (228, 230, 232), (38, 38, 40), (150, 152, 156), (96, 40, 24), (40, 36, 150), (90, 92, 96), (120, 96, 60),
    (60, 84, 48), (60, 140, 190), (190, 196, 200),
)  # fmt: skip
FIRMS: Final = ("PARCELS", "EXPRESS", "FRESH FISH", "PLUMBER", "RENT A VAN")


@dataclass(frozen=True, slots=True)
class Shape:
    """A vehicle's outline, metres: width, length, and (how far back, how high) along its top.

    `firm` says that such vehicles carry a firm's name: lettering that is no plate.
    """

    width: float
    length: float
    nose: float
    bonnet: tuple[float, float]
    screen: tuple[float, float]
    roof: tuple[float, float]
    plate: float
    firm: bool = False


SHAPES: Final = (
    Shape(1.78, 4.2, 0.74, (1.00, 0.98), (1.72, 1.42), (3.5, 1.44), 0.43),
    Shape(1.82, 4.7, 0.70, (1.15, 0.94), (1.95, 1.40), (3.4, 1.41), 0.41),
    Shape(1.92, 4.6, 0.92, (1.00, 1.14), (1.60, 1.68), (4.2, 1.70), 0.56),
    Shape(1.98, 5.4, 1.02, (0.62, 1.22), (1.15, 2.02), (5.2, 2.08), 0.55, firm=True),
)


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A picture of an upright front in metres: x from its middle, y from the ground."""

    picture: Picture
    cover: Picture

    def at(self, x: float, y: float) -> tuple[int, int]:
        """Return the pixel of a place."""
        height, width = self.picture.shape[:2]
        return round(width / 2 + x * SCALE), round(height - y * SCALE)

    def box(self, left: float, low: float, right: float, high: float, colour: Colour) -> None:
        """Fill an upright rectangle."""
        cv2.rectangle(self.picture, self.at(left, high), self.at(right, low), colour, -1)
        cv2.rectangle(self.cover, self.at(left, high), self.at(right, low), (255,), -1)

    def shape(self, corners: list[tuple[float, float]], colour: Colour) -> None:
        """Fill a polygon."""
        points = [np.array([self.at(x, y) for x, y in corners], np.int32)]
        cv2.fillPoly(self.picture, points, colour, cv2.LINE_AA)
        cv2.fillPoly(self.cover, points, (255,), cv2.LINE_AA)

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """Fill a circle."""
        cv2.circle(self.picture, self.at(x, y), round(radius * SCALE), colour, -1, cv2.LINE_AA)


def draw_front(
    shape: Shape, paint: Colour, plate: Picture, plate_size: tuple[float, float], light: Light
) -> Layer:
    """Draw the upright front: bumper, grilles, lamps, tyres, plate."""
    height, width = round(shape.nose * SCALE), round(shape.width * SCALE)
    sheet = _Sheet(np.zeros((height, width, 3), np.uint8), np.zeros((height, width), np.uint8))
    half, nose = shape.width / 2, shape.nose
    for inner in (-half + 0.05, half - 0.26):
        sheet.box(inner, 0, inner + 0.21, 0.4, (26, 26, 26))
    lower = [(half, 0.34), (half - 0.06, 0.2), (-half + 0.06, 0.2), (-half, 0.34)]
    sheet.shape([(-half, nose), (half, nose), *lower], paint)
    curve = 1 - 0.35 * np.abs(np.linspace(-1, 1, width)) ** 4
    fall = np.linspace(1.0, 0.66, height)
    sheet.picture[:] = clipped(sheet.picture * (fall[:, None] * curve)[..., None])
    _trim(sheet, half, nose)
    sheet.picture[:] = light.lit(sheet.picture)
    if light.lamps:
        for side in (-1, 1):
            sheet.disc(side * (half - 0.24), nose - 0.14, 0.07, (255, 255, 255))
    left, top = sheet.at(-plate_size[0] / 2, shape.plate + plate_size[1] / 2)
    right, bottom = sheet.at(plate_size[0] / 2, shape.plate - plate_size[1] / 2)
    small = clipped(cv2.resize(plate, (right - left, bottom - top), interpolation=cv2.INTER_AREA))
    sheet.picture[top:bottom, left:right] = light.returned(small)
    return premultiply(sheet.picture, sheet.cover)


def _trim(sheet: _Sheet, half: float, nose: float) -> None:
    """Draw two grilles with bars and a badge, and a lamp on each side."""
    low, high, dark = nose - 0.22, nose - 0.06, (30, 30, 30)
    sheet.box(-half * 0.62, 0.22, half * 0.62, 0.31, dark)
    sheet.box(-half * 0.42, low, half * 0.42, high, dark)
    for bar in np.linspace(low + 0.03, high - 0.03, 4):
        sheet.box(-half * 0.40, bar, half * 0.40, bar + 0.008, (110, 110, 112))
    sheet.disc(0, high - 0.08, 0.05, (190, 190, 192))
    for side in (-1, 1):
        lamp = ((0.5, low + 0.03), (0.96, low + 0.01), (0.97, high + 0.02), (0.56, high))
        sheet.shape([(side * half * x, y) for x, y in lamp], (70, 66, 62))
        sheet.disc(side * (half - 0.24), nose - 0.14, 0.062, (214, 214, 210))


def draw_bonnet(shape: Shape, paint: Colour, light: Light, rng: np.random.Generator) -> Layer:
    """Draw the bonnet: paint that mirrors the sky, two creases, and a firm's name where there is one."""
    height, width = 220, round(shape.width * 300)
    shine = np.linspace(1.12, 0.9, height)[:, None] * (1 - 0.18 * np.abs(np.linspace(-1, 1, width)) ** 3)
    picture = clipped(shine[..., None] * np.array(paint) + 8)
    crease = [int(part * 0.8) for part in paint]
    for at in (0.24, 0.76):
        start, end = (round(width * at), 0), (round(width * (at * 0.9 + 0.05)), height)
        cv2.line(picture, start, end, crease, 3, cv2.LINE_AA)
    if shape.firm:
        cover = lettering(str(rng.choice(FIRMS)), 90, 34.0)
        tint: Colour = (30, 30, 160) if sum(paint) > 300 else (235, 235, 235)
        ink(picture, cover, (width - cover.shape[1]) // 2, 60, tint)
    return premultiply(light.lit(picture), np.full((height, width), 255, np.uint8))


def draw_glass(light: Light) -> Layer:
    """Draw the windscreen: dark, with the sky's sheen, empty seats and wipers."""
    height, width = 240, 440
    sheen = np.linspace(105, 38, height)[:, None] + 18 * np.sin(np.linspace(0, 3, width))[None, :]
    picture = np.clip(sheen[..., None] * np.array((1.05, 1.0, 0.94)), 0, 255).astype(np.uint8)
    for at in (0.3, 0.7):
        middle = round(width * at)
        cv2.rectangle(picture, (middle - 40, 150), (middle + 40, 240), (34, 32, 30), -1)
        cv2.rectangle(picture, (middle - 20, 118), (middle + 20, 142), (34, 32, 30), -1)
        cv2.line(picture, (middle, 140), (middle, 152), (34, 32, 30), 8)
    for at in (0.12, 0.52):
        cv2.line(
            picture, (round(width * at), 236), (round(width * (at + 0.36)), 222), (18, 18, 18), 5, cv2.LINE_AA
        )
    cv2.rectangle(picture, (0, 0), (width - 1, height - 1), (20, 20, 20), 10)
    return premultiply(light.lit(picture), np.full((height, width), 255, np.uint8))
