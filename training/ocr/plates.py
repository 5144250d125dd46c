"""Draw a plate, clean and larger than the reader sees it, with the place of every character.

The plate fills the rectangle canvas.PLATE whatever its shape on the road (the reader's input is stretched
too); `aspect` tells the augmentation what the real width over height is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from training.ocr import furniture
from training.ocr.canvas import Canvas, Grey, Rect, on_plate
from training.ocr.layouts import Serial, random_serial
from training.ocr.typefaces import CHARACTERS, Typeface, typefaces

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Plate:
    """A drawn plate: centres is characters x 2 (x, y in canvas pixels), line 0 or 1 for each character."""

    canvas: NDArray[np.uint8]
    text: str
    centres: NDArray[np.float32]
    line: NDArray[np.int64]
    aspect: float


@dataclass(frozen=True, slots=True)
class Ink:
    """How the characters are struck: their grey, stroke change in pixels, relief and the die's habits."""

    grey: float
    stroke: int
    relief: float
    slashed: bool  # zeros carry a stroke
    upright: bool  # a W with upright sides: an M upside down
    equal: bool  # one cell for every character
    squeezed: bool  # some characters narrower than the typeface has them


def _glyph(face: Typeface, character: str, width: int, height: int, ink: Ink) -> Grey:
    """One character's mask, 0 to 1, with two pixels to spare on each side."""
    size = (max(2, width), max(4, height))
    drawn = face.glyphs["M"][::-1] if ink.upright and character == "W" else face.glyphs[character]
    mask = np.asarray(cv2.resize(drawn, size, interpolation=cv2.INTER_AREA), np.uint8)
    if ink.slashed and character == "0":
        low, high = (int(width * 0.2), int(height * 0.85)), (int(width * 0.8), int(height * 0.15))
        cv2.line(mask, low, high, 255, max(1, width // 9), cv2.LINE_AA)
    mask = np.pad(mask, 2)
    if ink.stroke:
        change = cv2.dilate if ink.stroke > 0 else cv2.erode
        mask = np.asarray(change(mask, np.ones((2, 1 + abs(ink.stroke)), np.uint8)), np.uint8)
    return mask.astype(np.float32) / np.float32(255)


def _strike(canvas: Canvas, mask: Grey, x: float, y: float, ink: Ink) -> None:
    """Lay one character, with the light and shade of its relief."""
    left, top = round(x) - 2, round(y) - 2
    if ink.relief:
        lit, shaded = (furniture.LIGHT, furniture.DARK)[:: 1 if ink.relief > 0 else -1]
        canvas.lay(mask * np.float32(abs(ink.relief)), left + 1, top + 2, shaded)
        canvas.lay(mask * np.float32(abs(ink.relief)), left - 1, top - 2, lit)
    canvas.lay(mask, left, top, ink.grey)


def _set_line(canvas: Canvas, face: Typeface, text: str, box: Rect, ink: Ink) -> list[tuple[float, float]]:
    """Set one line of characters into a box; returns the characters' centres."""
    broad = face.glyphs["H"].shape[1]
    natural = [0.0 if c == " " else face.glyphs[c].shape[1] / broad for c in text]
    gap = canvas.between(0.12, 0.4)
    space = canvas.between(0.2, 0.5) if canvas.chance(0.55) else canvas.between(0.5, 1.6)
    cells = [
        space if c == " " else (1.0 if ink.equal else max(n, 0.35))
        for c, n in zip(text, natural, strict=True)
    ]
    unit = box.width / (sum(cells) + gap * (len(text) - 1))
    x, centres = box.x1, []
    squeeze: dict[str, float] = {}
    for character, cell, ratio in zip(text, cells, natural, strict=True):
        wide = cell * unit
        if character == " ":
            furniture.separator(
                canvas, Rect(x - gap * unit / 2, box.y1, x + wide + gap * unit / 2, box.y2), ink.grey
            )
        else:
            inked = min(ratio, 1.0) * unit if ink.equal else ratio * unit
            inked *= squeeze.setdefault(character, canvas.between(0.72, 1.0)) if ink.squeezed else 1.0
            mask = _glyph(face, character, round(inked), round(box.height), ink)
            _strike(canvas, mask, x + (wide - inked) / 2, box.y1, ink)
            centres.append((x + wide / 2, box.middle[1]))
        x += wide + gap * unit
    return centres


def _text_box(canvas: Canvas, serial: Serial, line: int) -> Rect:
    """Where a line of characters stands."""
    between = canvas.between
    if serial.style == "two":
        left, right = between(0.05, 0.22), between(0.8, 0.95)
        top, high = between(0.06, 0.14) if line == 0 else between(0.5, 0.58), between(0.34, 0.41)
    elif serial.style == "us":
        left, right, high = between(0.03, 0.1), between(0.9, 0.975), between(0.38, 0.6)
        top = float(np.clip(0.52 + canvas.rng.normal(0, 0.035) - high / 2, 0.1, 0.95 - high))
    elif serial.style == "eu":
        left, right, high = between(0.04, 0.16), between(0.9, 0.975), between(0.6, 0.84)
        top = (1 - high) * between(0.35, 0.65)
    else:
        left, right, high = between(0.04, 0.16), between(0.9, 0.975), between(0.5, 0.66)
        top = (1 - high) * between(0.6, 0.9)
    longest = max(len(part) for part in serial.lines)
    room = right - left
    width = min(room, room * between(0.85, 1.12) * min(1.0, (longest + between(0, 2)) / between(5.5, 7.5)))
    left += (room - width) * (0.5 if canvas.chance(0.7) else between(0, 1))
    return on_plate(left + width / 2, top + high / 2, width, high)


def _small_stack(canvas: Canvas, face: Typeface, box: Rect, ink: Ink) -> Rect:
    """Two small characters one above the other beside the serial; by convention they are not read.

    Returns what is left of the box.
    """
    wide, high = box.width * canvas.between(0.06, 0.09), box.height * canvas.between(0.36, 0.46)
    on_left = canvas.chance(0.6)
    for y in (box.y1, box.y2 - high):
        character = CHARACTERS[canvas.rng.integers(len(CHARACTERS))]
        mask = _glyph(face, character, round(wide), round(high), ink)
        _strike(canvas, mask, box.x1 if on_left else box.x2 - wide, y, ink)
    shift = wide * canvas.between(1.3, 1.9)
    return (
        Rect(box.x1 + shift, box.y1, box.x2, box.y2)
        if on_left
        else Rect(box.x1, box.y1, box.x2 - shift, box.y2)
    )


def _side_picture(canvas: Canvas, box: Rect) -> Rect:
    """An emblem at one end of the serial; returns what is left of the box."""
    wide = box.width * canvas.between(0.1, 0.2)
    if canvas.chance(0.7):
        furniture.emblem(canvas, Rect(box.x1, box.y1, box.x1 + wide * 0.8, box.y2))
        return Rect(box.x1 + wide, box.y1, box.x2, box.y2)
    furniture.emblem(canvas, Rect(box.x2 - wide * 0.8, box.y1, box.x2, box.y2))
    return Rect(box.x1, box.y1, box.x2 - wide, box.y2)


def _ground(canvas: Canvas, style: str, ground: float, ink: float) -> None:
    """The plate before its serial: surface, picture, border, band, legends, screws and stickers."""
    us = style == "us"
    canvas.plate()[:] = ground
    if us or canvas.chance(0.15):
        furniture.decorate(canvas, abs(ground - ink))
    if canvas.chance(0.45):
        furniture.border(canvas, ink)
    if style == "eu":
        furniture.country_band(canvas)
    shade = ink if canvas.chance(0.5) else canvas.any_grey()
    if style in {"us", "br"} and canvas.chance(0.85):
        size = (canvas.between(0.3, 0.7), canvas.between(0.1, 0.2))
        canvas.small_print(on_plate(canvas.rng.normal(0.5, 0.05), canvas.between(0.08, 0.15), *size), shade)
    if us and canvas.chance(0.75):
        size = (canvas.between(0.3, 0.8), canvas.between(0.06, 0.15))
        canvas.small_print(on_plate(canvas.rng.normal(0.5, 0.05), canvas.between(0.87, 0.94), *size), shade)
    if canvas.chance(0.7):
        furniture.bolts(canvas)
    if us:
        furniture.stickers(canvas)


def _random_ink(canvas: Canvas, style: str) -> tuple[float, Ink]:
    """The surface's grey and the ink; one plate in six is light on dark."""
    ground = canvas.between(95, 255)
    grey = max(0.0, ground - canvas.between(70, 240))
    if canvas.chance(0.17):
        ground, grey = grey, ground
    stroke = int(canvas.rng.choice((-2, -1, 0, 1, 2, 3), p=(0.05, 0.15, 0.4, 0.22, 0.13, 0.05)))
    relief = float(canvas.rng.normal(0, 0.25)) if canvas.chance(0.35) else 0.0
    equal = canvas.chance(0.6 if style == "us" else 0.35)
    habits = (canvas.chance(0.04), canvas.chance(0.35), equal, canvas.chance(0.4))
    return ground, Ink(grey, stroke, relief, *habits)


def _random_aspect(rng: np.random.Generator, style: str) -> float:
    mean, spread = {"us": (2.02, 0.08), "eu": (4.5, 0.3), "br": (3.0, 0.2), "two": (1.6, 0.2)}[style]
    return float(np.clip(rng.normal(mean, spread), 1.2, 5.5))


def draw(rng: np.random.Generator) -> Plate:
    """Draw one random plate in random surroundings."""
    serial = random_serial(rng)
    faces = typefaces()
    weights = np.array([face.weight for face in faces])
    face = faces[int(rng.choice(len(faces), p=weights / weights.sum()))]
    canvas = Canvas(rng, float(rng.uniform(0, 255)))
    canvas.pixels += canvas.noise(int(rng.integers(2, 10))) * np.float32(canvas.between(0, 50))
    ground, ink = _random_ink(canvas, serial.style)
    _ground(canvas, serial.style, ground, ink.grey)
    us = serial.style == "us"
    points: list[tuple[float, float]] = []
    line_of: list[int] = []
    for index, line in enumerate(serial.lines):
        box = _text_box(canvas, serial, index)
        if us and canvas.chance(0.06):
            box = _small_stack(canvas, face, box, ink)
        elif us and canvas.chance(0.15):
            box = _side_picture(canvas, box)
        set_at = _set_line(canvas, face, line, box, ink)
        points += set_at
        line_of += [index] * len(set_at)
    if canvas.chance(0.5 if us else 0.6):
        furniture.frame(canvas, dealer=us)
    if canvas.chance(0.4):  # dirt and uneven light
        canvas.pixels *= 1 + np.float32(canvas.between(0, 0.15)) * canvas.noise(int(rng.integers(2, 30)))
    pixels = np.clip(canvas.pixels, 0, 255).astype(np.uint8)
    aspect = _random_aspect(rng, serial.style)
    return Plate(pixels, serial.text, np.array(points, np.float32), np.array(line_of, np.int64), aspect)
