"""Cars, vans and SUVs seen from the front: a few flat patches each, with lamps, glass, tyres and a plate."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.drawing.camera import Camera, Layer, Patch, Picture, Points, premultiply
from benchmarks.drawing.plates import Colour, ink, lettering
from benchmarks.drawing.weather import Light

SCALE: Final = 440
"""Pixels a metre of a front, as drawn."""
PAINTS: Final[tuple[Colour, ...]] = (
    (228, 230, 232), (38, 38, 40), (150, 152, 156), (96, 40, 24), (40, 36, 150), (90, 92, 96), (120, 96, 60),
    (60, 84, 48), (60, 140, 190), (190, 196, 200),
)  # fmt: skip
PLATE_TEXT_FREE: Final = ("PARCELS", "EXPRESS", "FRESH FISH", "PLUMBER", "RENT A VAN")


@dataclass(frozen=True, slots=True)
class Shape:
    """A vehicle's outline, metres: width, length, and (how far back, how high) along its top."""

    width: float
    length: float
    nose: float
    bonnet: tuple[float, float]
    screen: tuple[float, float]
    roof: tuple[float, float]
    plate: float


SHAPES: Final = (
    Shape(1.78, 4.2, 0.74, (1.00, 0.98), (1.72, 1.42), (3.5, 1.44), 0.43),
    Shape(1.82, 4.7, 0.70, (1.15, 0.94), (1.95, 1.40), (3.4, 1.41), 0.41),
    Shape(1.92, 4.6, 0.92, (1.00, 1.14), (1.60, 1.68), (4.2, 1.70), 0.56),
    Shape(1.98, 5.4, 1.02, (0.62, 1.22), (1.15, 2.02), (5.2, 2.08), 0.55),
)


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A vehicle ready to be drawn at any distance.

    Attributes:
        plate_size: of its plate, metres, width and height.
        has_plate: false for the vehicles that show none, so that a loop must not count on one.
    """

    shape: Shape
    paint: Colour
    front: Patch
    bonnet: Patch
    glass: Patch
    plate_size: tuple[float, float]
    light: Light
    has_plate: bool = True

    def plate_corners(self, camera: Camera, x: float, z: float) -> Points:
        """Return the plate's four corners in pixels, from the top left clockwise."""
        width, height = self.plate_size
        left, right = x - width / 2, x + width / 2
        top, bottom = self.shape.plate + height / 2, self.shape.plate - height / 2
        return camera.project([[left, top, z], [right, top, z], [right, bottom, z], [left, bottom, z]])

    def draw(self, frame: Picture, camera: Camera, x: float, z: float, travel: float) -> None:
        """Draw it in place with its nose at `z` metres; it moved `travel` metres while the shutter was open."""
        outline = camera.project(self._outline(x, z))
        margin = 12
        left, top = np.maximum(np.floor(outline.min(axis=0)).astype(int) - margin, 0)
        right, bottom = np.ceil(outline.max(axis=0)).astype(int) + margin
        right, bottom = min(right, camera.width), min(bottom, camera.height)
        if right - left < 4 or bottom - top < 4:
            return
        self._shadow(frame, camera, x, z)
        layer = np.zeros((bottom - top, right - left, 4), np.uint8)
        corner = np.array([left, top], np.float64)
        for patch, points in self._pieces(x, z):
            pixels = camera.project(points) - corner
            if isinstance(patch, Patch):
                patch.paste(layer, pixels)
            else:
                _polygon(layer, pixels, patch)
        moved = camera.project([[x, 0.5, z], [x, 0.5, z + travel]])
        layer = _smear(layer, *(moved[0] - moved[1]))
        self.light.haze(layer, z)
        clear = cv2.merge([255 - layer[..., 3]] * 3)
        under = frame[top:bottom, left:right]
        cv2.add(cv2.multiply(under, clear, scale=1 / 255), np.ascontiguousarray(layer[..., :3]), dst=under)
        if self.light.lamps:
            self._shine(frame, camera, x, z)

    def _outline(self, x: float, z: float) -> list[list[float]]:
        """Return points around everything that is drawn."""
        half, shape = self.shape.width / 2 + 0.15, self.shape
        return [
            [x + side * half, y, z + back]
            for side in (-1, 1)
            for y, back in ((0.0, 0.0), (shape.nose, 0.0), (shape.screen[1], shape.screen[0]),
                            (shape.roof[1], shape.roof[0]), (0.0, shape.length))
        ]  # fmt: skip

    def _pieces(self, x: float, z: float) -> list[tuple[Patch | Colour, list[list[float]]]]:
        """Return what is drawn, from far to near: a patch or a colour, and its corners in metres."""
        shape, half = self.shape, self.shape.width / 2
        top = half * 0.74

        def across(width: float, back: tuple[float, float], near: tuple[float, float], wide: float) -> list[list[float]]:
            return [
                [x - width, back[1], z + back[0]], [x + width, back[1], z + back[0]],
                [x + wide, near[1], z + near[0]], [x - wide, near[1], z + near[0]],
            ]  # fmt: skip

        side = -1 if x > 0 else 1
        flank = x + side * half * 0.99
        rail = x + side * top
        back = shape.length - 0.15
        dark = self.light.shade((46, 40, 36))
        lower = [[flank, 0.22, z], [flank, shape.nose, z], [flank, shape.bonnet[1], z + shape.bonnet[0]],
                 [flank, shape.bonnet[1], z + back], [flank, 0.28, z + back]]  # fmt: skip
        upper = [[flank, shape.bonnet[1], z + shape.bonnet[0]], [rail, shape.screen[1], z + shape.screen[0]],
                 [rail, shape.roof[1], z + shape.roof[0]], [flank, shape.bonnet[1], z + back]]  # fmt: skip
        pieces: list[tuple[Patch | Colour, list[list[float]]]] = [
            (self._tone(1.0), across(top, shape.roof, shape.screen, top)),
            (dark, upper),
            (self._tone(0.62), lower),
        ]
        for axle in (0.82, shape.length - 0.85):
            turn = np.linspace(0, 2 * np.pi, 20)
            wheel = [[flank, 0.32 + 0.32 * np.sin(a), z + axle + 0.32 * np.cos(a)] for a in turn]
            pieces.append((self.light.shade((26, 26, 26)), wheel))
        shell = [[x - top, shape.screen[1], z + shape.screen[0]], [x + top, shape.screen[1], z + shape.screen[0]],
                 [x + half * 0.97, shape.bonnet[1], z + shape.bonnet[0]], [x + half * 0.98, shape.nose, z],
                 [x + half * 0.9, shape.nose - 0.1, z], [x - half * 0.9, shape.nose - 0.1, z],
                 [x - half * 0.98, shape.nose, z], [x - half * 0.97, shape.bonnet[1], z + shape.bonnet[0]]]  # fmt: skip
        pieces += [
            (self._tone(0.85), shell),
            (self.glass, across(top, shape.screen, shape.bonnet, half * 0.93)),
            (self.bonnet, across(half * 0.93, shape.bonnet, (0.0, shape.nose), half * 0.97)),
        ]
        for at in (-1, 1):
            mirror, y, back = x + at * (half + 0.06), shape.bonnet[1] + 0.08, z + shape.bonnet[0] + 0.25
            box = [[mirror - 0.09, y + 0.07, back], [mirror + 0.09, y + 0.06, back],
                   [mirror + 0.08, y - 0.06, back], [mirror - 0.08, y - 0.07, back]]  # fmt: skip
            pieces.append((self._tone(0.7), box))
        pieces.append((self.front, across(half, (0.0, shape.nose), (0.0, 0.0), half)))
        return pieces

    def _tone(self, brightness: float) -> Colour:
        blue, green, red = (min(255, round(part * brightness)) for part in self.paint)
        return self.light.shade((blue, green, red))

    def _shadow(self, frame: Picture, camera: Camera, x: float, z: float) -> None:
        """Darken the road below and beside the vehicle, softly."""
        half, length, lean = self.shape.width / 2 + 0.1, self.shape.length, self.light.shadow_lean
        ring = camera.project(
            [[x - half, 0, z - 0.25], [x + half + lean, 0, z - 0.25], [x + half + lean, 0, z + length],
             [x - half, 0, z + length]]
        )  # fmt: skip
        left, top = np.maximum(np.floor(ring.min(axis=0)).astype(int) - 8, 0)
        right, bottom = np.minimum(np.ceil(ring.max(axis=0)).astype(int) + 8, (camera.width, camera.height))
        if right - left < 4 or bottom - top < 4:
            return
        mask = np.full((bottom - top, right - left), 255, np.uint8)
        cv2.fillPoly(mask, [np.round(ring - (left, top)).astype(np.int32)], self.light.shadow, cv2.LINE_AA)
        size = max(3, round((ring[2][0] - ring[3][0]) / 12) | 1)
        mask = cv2.blur(mask, (size, max(3, size // 2 | 1)))
        part = frame[top:bottom, left:right]
        cv2.multiply(part, cv2.merge([mask] * 3), dst=part, scale=1 / 255)

    def _shine(self, frame: Picture, camera: Camera, x: float, z: float) -> None:
        """Add the glow of two headlamps, and their streak on a wet road."""
        out, up = self.shape.width / 2 - 0.24, self.shape.nose - 0.14
        for lamp in (x - out, x + out):
            (column, row), (_, road) = camera.project([[lamp, up, z - 0.02], [lamp, 0.0, z - 0.4]])
            size = self.light.lamps * camera.focal / (z + 4)
            _glow(frame, column, row, size, size, 1.0)
            if self.light.wet:
                _glow(frame, column, road + size * 0.8, size * 0.4, size * 2.2, 0.5)


def _polygon(layer: Layer, pixels: Points, colour: Colour) -> None:
    """Fill a polygon with an opaque colour, to a sixteenth of a pixel."""
    cv2.fillPoly(layer, [np.round(pixels * 16).astype(np.int32)], (*colour, 255), cv2.LINE_AA, 4)


def _smear(layer: Layer, right: float, down: float) -> Layer:
    """Blur along the way that the picture moved while the shutter was open."""
    length = float(np.hypot(right, down))
    if length < 1.0:
        return layer
    size = int(np.ceil(length)) | 1
    kernel = np.zeros((size, size), np.uint8)
    middle = np.array([size // 2, size // 2])
    reach = np.array([right, down]) / 2
    start, end = np.round((middle - reach) * 16).astype(int), np.round((middle + reach) * 16).astype(int)
    cv2.line(kernel, tuple(start.tolist()), tuple(end.tolist()), 255, 1, cv2.LINE_AA, 4)
    weight = kernel.astype(np.float32)
    return cv2.filter2D(layer, -1, weight / weight.sum())


def _spot() -> npt.NDArray[np.float32]:
    """Return a lamp's glow, bright in the middle and falling off to nothing at the rim."""
    y, x = np.mgrid[-1 : 1 : 129j, -1 : 1 : 129j]
    distance = np.clip(np.hypot(x, y), 0, 1)
    return (np.exp(-distance * 5.5) * (1 - distance) * 255).astype(np.float32)


SPOT: Final = _spot()


def _glow(frame: Picture, column: float, row: float, wide: float, high: float, strength: float) -> None:
    """Add light around a pixel, in place."""
    left, top = round(column - wide), round(row - high)
    right, bottom = round(column + wide), round(row + high)
    if right - left < 3 or bottom - top < 3:
        return
    spot = cv2.resize(SPOT, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR) * strength
    cut_left, cut_top = max(0, -left), max(0, -top)
    part = frame[top + cut_top : bottom, left + cut_left : right]
    if part.size == 0:
        return
    spot = spot[cut_top : cut_top + part.shape[0], cut_left : cut_left + part.shape[1], None]
    light = (spot * np.array((0.88, 0.96, 1.0), np.float32)).astype(np.uint8)
    cv2.add(part, light, dst=part)


def build(shape: Shape, plate: Picture | None, size_mm: tuple[int, int], light: Light,
          rng: np.random.Generator) -> Vehicle:  # fmt: skip
    """Draw a vehicle's patches once: paint by chance, `plate` on its front (None: it shows none)."""
    blue, green, red = PAINTS[rng.integers(len(PAINTS))]
    paint = (blue, green, red)
    text = str(rng.choice(PLATE_TEXT_FREE)) if shape is SHAPES[3] else ""
    size = (size_mm[0] / 1000, size_mm[1] / 1000)
    return Vehicle(
        shape=shape,
        paint=paint,
        front=Patch.of(_front(shape, paint, plate, size, light)),
        bonnet=Patch.of(_bonnet(shape, paint, text, light)),
        glass=Patch.of(_glass(light)),
        plate_size=size,
        light=light,
        has_plate=plate is not None,
    )


def _front(shape: Shape, paint: Colour, plate: Picture | None, plate_size: tuple[float, float],
           light: Light) -> Layer:  # fmt: skip
    """Draw the upright front: bumper, grilles, lamps, tyres, plate."""
    width, height = round(shape.width * SCALE), round(shape.nose * SCALE)
    picture, alpha = np.zeros((height, width, 3), np.uint8), np.zeros((height, width), np.uint8)

    def box(x0: float, y0: float, x1: float, y1: float) -> tuple[tuple[int, int], tuple[int, int]]:
        return (
            (round(width / 2 + x0 * SCALE), round(height - y1 * SCALE)),
            (round(width / 2 + x1 * SCALE), round(height - y0 * SCALE)),
        )

    half, nose = shape.width / 2, shape.nose
    for side in (-1, 1):
        inner, outer = sorted((side * (half - 0.26), side * (half - 0.05)))
        cv2.rectangle(picture, *box(inner, 0, outer, 0.4), (26, 26, 26), -1)
        cv2.rectangle(alpha, *box(inner, 0, outer, 0.4), 255, -1)
    body = np.array([[-half, nose], [half, nose], [half, 0.34], [half - 0.06, 0.2], [-half + 0.06, 0.2], [-half, 0.34]])
    outline = np.round(np.stack([width / 2 + body[:, 0] * SCALE, height - body[:, 1] * SCALE], axis=1)).astype(np.int32)
    cv2.fillPoly(picture, [outline], paint, cv2.LINE_AA)
    cv2.fillPoly(alpha, [outline], 255, cv2.LINE_AA)
    curve = 1 - 0.35 * np.abs(np.linspace(-1, 1, width)) ** 4
    fall = np.linspace(1.0, 0.66, height)
    picture = np.clip(picture * (fall[:, None] * curve)[..., None], 0, 255).astype(np.uint8)
    dark = (30, 30, 30)
    cv2.rectangle(picture, *box(-half * 0.62, 0.22, half * 0.62, 0.31), dark, -1)
    low, high = nose - 0.22, nose - 0.06
    cv2.rectangle(picture, *box(-half * 0.42, low, half * 0.42, high), dark, -1)
    for bar in np.linspace(low + 0.03, high - 0.03, 4):
        cv2.rectangle(picture, *box(-half * 0.40, bar, half * 0.40, bar + 0.008), (110, 110, 112), -1)
    cv2.circle(picture, box(0, 0, 0, high - 0.08)[0], round(0.05 * SCALE), (190, 190, 192), -1, cv2.LINE_AA)
    glass = np.zeros((height, width), np.uint8)
    for side in (-1, 1):
        lamp = np.array([[half * 0.5, low + 0.03], [half * 0.96, low + 0.01], [half * 0.97, high + 0.02], [half * 0.56, high]])
        corners = np.stack([width / 2 + side * lamp[:, 0] * SCALE, height - lamp[:, 1] * SCALE], axis=1)
        cv2.fillPoly(picture, [np.round(corners).astype(np.int32)], (70, 66, 62), cv2.LINE_AA)
        middle = box(side * (half - 0.24), 0, 0, nose - 0.14)
        cv2.circle(picture, (middle[0][0], middle[0][1]), round(0.062 * SCALE), (214, 214, 210), -1, cv2.LINE_AA)
        cv2.circle(glass, (middle[0][0], middle[0][1]), round(0.07 * SCALE), 255, -1, cv2.LINE_AA)
    picture = light.lit(picture)
    if light.lamps:
        picture = np.maximum(picture, cv2.merge([glass] * 3))
    if plate is not None:
        (left, top), (right, bottom) = box(
            -plate_size[0] / 2, shape.plate - plate_size[1] / 2, plate_size[0] / 2, shape.plate + plate_size[1] / 2
        )
        small = cv2.resize(plate, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
        picture[top:bottom, left:right] = light.returned(small)
    return premultiply(picture, alpha)


def _bonnet(shape: Shape, paint: Colour, text: str, light: Light) -> Layer:
    """Draw the bonnet: paint that mirrors the sky, two creases, and a firm's name on a van."""
    height, width = 220, round(shape.width * 300)
    shine = np.linspace(1.12, 0.9, height)[:, None] * (1 - 0.18 * np.abs(np.linspace(-1, 1, width)) ** 3)
    picture = np.clip(shine[..., None] * np.array(paint) + 8, 0, 255).astype(np.uint8)
    for at in (0.24, 0.76):
        cv2.line(picture, (round(width * at), 0), (round(width * (at * 0.9 + 0.05)), height), tuple(int(c * 0.8) for c in paint), 3, cv2.LINE_AA)
    if text:
        cover = lettering(text, 90, 34.0)
        tint: Colour = (30, 30, 160) if sum(paint) > 300 else (235, 235, 235)
        ink(picture, cover, (width - cover.shape[1]) // 2, 60, tint)
    return premultiply(light.lit(picture), np.full((height, width), 255, np.uint8))


def _glass(light: Light) -> Layer:
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
        cv2.line(picture, (round(width * at), 236), (round(width * (at + 0.36)), 222), (18, 18, 18), 5, cv2.LINE_AA)
    cv2.rectangle(picture, (0, 0), (width - 1, height - 1), (20, 20, 20), 10)
    return premultiply(light.lit(picture), np.full((height, width), 255, np.uint8))
