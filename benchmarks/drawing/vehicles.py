"""Cars, vans and SUVs seen from the front: a few flat patches each, with lamps, glass, tyres and a plate."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from benchmarks.drawing.bodywork import PAINTS, SHAPES, Shape, draw_bonnet, draw_front, draw_glass
from benchmarks.drawing.camera import Camera, Floats, Layer, Patch, Picture, Points, clipped
from benchmarks.drawing.plates import Colour
from benchmarks.drawing.weather import Light

Corners = list[list[float]]
"""X, Y, Z in metres of each corner."""
Edge = tuple[float, float, float]
"""Half width, how far behind the nose, height: metres."""
MIRROR: Final = ((-0.09, 0.07), (0.09, 0.06), (0.08, -0.06), (-0.08, -0.07))


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A vehicle ready to be drawn at any distance.

    Attributes:
        plate_size: of its plate, metres, width and height.
    """

    shape: Shape
    paint: Colour
    front: Patch
    bonnet: Patch
    glass: Patch
    plate_size: tuple[float, float]
    light: Light

    def plate_corners(self, camera: Camera, x: float, z: float) -> Points:
        """Return the plate's four corners in pixels, from the top left clockwise."""
        width, height = self.plate_size
        left, right = x - width / 2, x + width / 2
        top, bottom = self.shape.plate + height / 2, self.shape.plate - height / 2
        return camera.project([[left, top, z], [right, top, z], [right, bottom, z], [left, bottom, z]])

    def draw(self, frame: Picture, camera: Camera, x: float, z: float, travel: float) -> None:
        """Draw it in place with its nose at `z` metres, moving `travel` metres while the shutter is open."""
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

    def _pieces(self, x: float, z: float) -> list[tuple[Patch | Colour, Corners]]:
        """Return what is drawn, from far to near: a patch or a colour, and its corners in metres."""
        shape, half = self.shape, self.shape.width / 2
        top, base, nose = half * 0.74, half * 0.95, (0.0, shape.nose)
        screen = _strip(x, z, (top, *shape.screen), (base, *shape.bonnet))
        bonnet = _strip(x, z, (base, *shape.bonnet), (half * 0.98, *nose))
        bumper = [[x + half * 0.9, shape.nose - 0.1, z], [x - half * 0.9, shape.nose - 0.1, z]]
        shell = [*screen[:3], bonnet[2], *bumper, bonnet[3], screen[3]]
        pieces: list[tuple[Patch | Colour, Corners]] = [
            (self._tone(1.0), _strip(x, z, (top, *shape.roof), (top, *shape.screen))),
            *self._flank(x, z),
            (self._tone(0.85), shell),
            (self.glass, screen),
            (self.bonnet, bonnet),
        ]
        for side in (-1, 1):
            mirror, y, back = x + side * (half + 0.06), shape.bonnet[1] + 0.08, z + shape.bonnet[0] + 0.25
            box = [[mirror + right, y + up, back] for right, up in MIRROR]
            pieces.append((self._tone(0.7), box))
        pieces.append((self.front, _strip(x, z, (half, *nose), (half, 0.0, 0.0))))
        return pieces

    def _flank(self, x: float, z: float) -> list[tuple[Patch | Colour, Corners]]:
        """Return the side that faces the camera: windows, doors, two wheels."""
        shape, side = self.shape, -1 if x > 0 else 1
        flank, rail = x + side * shape.width / 2 * 0.99, x + side * shape.width / 2 * 0.74
        (hood, waist), back = shape.bonnet, z + shape.length - 0.15
        doors = [
            [flank, 0.22, z],
            [flank, shape.nose, z],
            [flank, waist, z + hood],
            [flank, waist, back],
            [flank, 0.28, back],
        ]
        windows = [
            [flank, waist, z + hood],
            [rail, shape.screen[1], z + shape.screen[0]],
            [rail, shape.roof[1], z + shape.roof[0]],
            [flank, waist, back],
        ]
        turn = np.linspace(0, 2 * np.pi, 20)
        wheels: list[tuple[Patch | Colour, Corners]] = [
            (
                self.light.shade((26, 26, 26)),
                [[flank, 0.32 + 0.32 * np.sin(a), z + axle + 0.32 * np.cos(a)] for a in turn],
            )
            for axle in (0.82, shape.length - 0.85)
        ]
        return [(self.light.shade((46, 40, 36)), windows), (self._tone(0.62), doors), *wheels]

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
            _glow(frame, column, row, (size, size), 1.0)
            if self.light.wet:
                _glow(frame, column, road + size * 0.8, (size * 0.4, size * 2.2), 0.5)


def _strip(x: float, z: float, far: Edge, near: Edge) -> Corners:
    """Return a piece across the vehicle, clockwise from its far left, between two level edges."""
    ends = ((far, -1), (far, 1), (near, 1), (near, -1))
    return [[x + side * half, up, z + back] for (half, back, up), side in ends]


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
    return clipped(cv2.filter2D(layer, -1, weight / weight.sum()))


def _spot() -> Floats:
    """Return a lamp's glow, bright in the middle and falling off to nothing at the rim."""
    y, x = np.mgrid[-1:1:129j, -1:1:129j]
    distance = np.clip(np.hypot(x, y), 0, 1)
    return np.asarray(np.exp(-distance * 5.5) * (1 - distance) * 255, np.float32)


SPOT: Final = _spot()


def _glow(frame: Picture, column: float, row: float, radii: tuple[float, float], strength: float) -> None:
    """Add light around a pixel, in place."""
    wide, high = radii
    left, top = round(column - wide), round(row - high)
    right, bottom = round(column + wide), round(row + high)
    if min(right - left, bottom - top) < 3 or min(right, bottom) <= 0:
        return
    spot = cv2.resize(SPOT, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR) * strength
    cut_left, cut_top = max(0, -left), max(0, -top)
    part = frame[top + cut_top : bottom, left + cut_left : right]
    if part.size == 0:
        return
    spot = spot[cut_top : cut_top + part.shape[0], cut_left : cut_left + part.shape[1], None]
    light = (spot * np.array((0.88, 0.96, 1.0), np.float32)).astype(np.uint8)
    cv2.add(part, light, dst=part)


def build(plate: Picture, plate_mm: tuple[int, int], light: Light, rng: np.random.Generator) -> Vehicle:
    """Draw a vehicle's patches once: shape, paint and a firm's name by chance, `plate` on its front."""
    shape = SHAPES[rng.integers(len(SHAPES))]
    blue, green, red = PAINTS[rng.integers(len(PAINTS))]
    paint = (blue, green, red)
    size = (plate_mm[0] / 1000, plate_mm[1] / 1000)
    return Vehicle(
        shape=shape,
        paint=paint,
        front=Patch.of(draw_front(shape, paint, plate, size, light)),
        bonnet=Patch.of(draw_bonnet(shape, paint, light, rng)),
        glass=Patch.of(draw_glass(light)),
        plate_size=size,
        light=light,
    )
