"""Draw a plate, clean and larger than the reader sees it, with the place of every character.

A canvas is CANVAS_H x CANVAS_W grey. The plate fills the rectangle PLATE of it whatever its shape on the road (the reader's
input is stretched too); `aspect` tells the augmentation what the real width over height is.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .layouts import Serial, random_serial
from .typefaces import Mask, Typeface, legends, typefaces

Grey = NDArray[np.float32]
CANVAS_W, CANVAS_H = 288, 144
PLATE = (40, 20, 248, 124)  # x1, y1, x2, y2 on the canvas
PW, PH = PLATE[2] - PLATE[0], PLATE[3] - PLATE[1]


@dataclass(frozen=True, slots=True)
class Plate:
    """A drawn plate: centres is characters x 2 (x, y in canvas pixels), line is 0 or 1 for each character."""

    canvas: NDArray[np.uint8]
    text: str
    centres: NDArray[np.float32]
    line: NDArray[np.int64]
    aspect: float


@dataclass(frozen=True, slots=True)
class Ink:
    """How the characters are struck: their grey, stroke change in pixels, relief strength and slashed zeros."""

    grey: float
    stroke: int
    relief: float
    slashed: bool


def _noise(rng: np.random.Generator, height: int, width: int, cells: int) -> Grey:
    """Smooth noise of unit spread."""
    small = rng.standard_normal((max(2, cells // 2), cells)).astype(np.float32)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def _blend(canvas: Grey, mask: Grey, x: int, y: int, grey: float) -> None:
    """Lay grey over the canvas through mask (0..1) with its corner at x, y; what falls outside is cut."""
    height, width = mask.shape
    x1, y1, x2, y2 = max(0, x), max(0, y), min(canvas.shape[1], x + width), min(canvas.shape[0], y + height)
    if x1 >= x2 or y1 >= y2:
        return
    part = mask[y1 - y : y2 - y, x1 - x : x2 - x]
    region = canvas[y1:y2, x1:x2]
    region += part * (grey - region)


def _glyph(face: Typeface, character: str, width: int, height: int, ink: Ink) -> Grey:
    mask = cv2.resize(face.glyphs[character], (max(2, width), max(4, height)), interpolation=cv2.INTER_AREA)
    if ink.slashed and character == "0":
        mask = mask.copy()
        cv2.line(mask, (int(width * 0.2), int(height * 0.85)), (int(width * 0.8), int(height * 0.15)), 255, max(1, width // 9), cv2.LINE_AA)
    mask = cv2.copyMakeBorder(mask, 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=0)
    if ink.stroke:
        kernel = np.ones((2 if ink.stroke > 0 else 2, 1 + abs(ink.stroke)), np.uint8)
        mask = cv2.dilate(mask, kernel) if ink.stroke > 0 else cv2.erode(mask, kernel)
    return mask.astype(np.float32) / 255


def _strike(canvas: Grey, mask: Grey, x: int, y: int, ink: Ink) -> None:
    if ink.relief:
        _blend(canvas, mask * abs(ink.relief), x + 1, y + 2, 0.0 if ink.relief > 0 else 255.0)
        _blend(canvas, mask * abs(ink.relief), x - 1, y - 2, 255.0 if ink.relief > 0 else 0.0)
    _blend(canvas, mask, x, y, ink.grey)


def _legend(canvas: Grey, rng: np.random.Generator, x: float, y: float, width: float, height: float, grey: float) -> None:
    """Small print centred in a box of canvas pixels; it is not read."""
    table = legends()
    mask = table[rng.integers(len(table))]
    scale = height / mask.shape[0]
    wide = int(min(width, mask.shape[1] * scale * rng.uniform(0.6, 1.2)))
    small = cv2.resize(mask, (max(4, wide), max(3, int(height))), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    _blend(canvas, small, int(x - wide / 2), int(y - height / 2), grey)


def _separator(canvas: Grey, rng: np.random.Generator, x: float, y: float, width: float, height: float, ink: Ink) -> None:
    """What stands in a gap and is no character: nothing, a dash, a dot, seals, a shape or a picture."""
    kind = rng.choice(("none", "dash", "dot", "seals", "shape", "print"), p=(0.34, 0.2, 0.14, 0.12, 0.12, 0.08))
    centre = (int(x), int(y + rng.normal(0, 0.04) * height))
    grey = float(ink.grey if rng.random() < 0.6 else rng.uniform(0, 255))
    half = max(1, int(width * 0.3))
    if kind == "dash":
        thick = max(1, int(height * rng.uniform(0.04, 0.08)))
        cv2.rectangle(canvas, (centre[0] - half, centre[1] - thick), (centre[0] + half, centre[1] + thick), grey, -1, cv2.LINE_AA)
    elif kind == "dot":
        cv2.ellipse(canvas, centre, (max(1, int(half * 0.6)), max(2, int(height * 0.07))), 0, 0, 360, grey, -1, cv2.LINE_AA)
    elif kind == "seals":
        for offset in (-0.22, 0.22) if rng.random() < 0.7 else (0.0,):
            shade = float(rng.uniform(20, 235))
            cv2.ellipse(canvas, (centre[0], int(centre[1] + offset * height)), (max(2, half), max(3, int(height * 0.15))), 0, 0, 360, shade, -1, cv2.LINE_AA)
            cv2.ellipse(canvas, (centre[0], int(centre[1] + offset * height)), (max(1, half // 2), max(1, int(height * 0.07))), 0, 0, 360, 255 - shade, -1, cv2.LINE_AA)
    elif kind == "shape":
        corners = rng.uniform(-1, 1, (rng.integers(4, 9), 2)) * (half * 1.3, height * rng.uniform(0.15, 0.45)) + centre
        cv2.fillPoly(canvas, [cv2.convexHull(corners.astype(np.int32))], grey, cv2.LINE_AA)
    elif kind == "print":
        _legend(canvas, rng, centre[0], centre[1], width * 0.9, height * 0.3, grey)


def _decorate(canvas: Grey, rng: np.random.Generator, contrast: float) -> None:
    """The plate's picture behind the characters: gradients, hills, blobs, bands."""
    x1, y1, x2, y2 = PLATE
    part = canvas[y1:y2, x1:x2]
    if rng.random() < 0.5:
        ramp = np.linspace(-1, 1, PH, dtype=np.float32)[:, None] * np.ones((1, PW), np.float32)
        if rng.random() < 0.3:
            ramp = np.abs(ramp)
        part += ramp * rng.normal(0, 0.22) * contrast
    if rng.random() < 0.45:
        layer = (_noise(rng, PH, PW, int(rng.integers(3, 16))) > rng.uniform(-0.3, 1.2)).astype(np.float32)
        part += cv2.GaussianBlur(layer, (0, 0), rng.uniform(0.5, 4)) * rng.normal(0, 0.22) * contrast
    for _ in range(int(rng.integers(0, 3)) if rng.random() < 0.35 else 0):
        centre = (int(rng.uniform(x1, x2)), int(rng.uniform(y1, y2)))
        layer = np.zeros_like(canvas)
        cv2.ellipse(layer, centre, (int(rng.uniform(6, 40)), int(rng.uniform(6, 40))), rng.uniform(0, 180), 0, 360, 1.0, int(rng.choice((-1, 2, 4))), cv2.LINE_AA)
        canvas += layer * rng.normal(0, 0.3) * contrast
    for top in (True, False):
        if rng.random() < 0.14:
            band = int(PH * rng.uniform(0.1, 0.24))
            (part[:band] if top else part[-band:])[:] = rng.uniform(0, 255)


def _bolts_and_stickers(canvas: Grey, rng: np.random.Generator, *, corners: bool) -> None:
    x1, y1, x2, y2 = PLATE
    if rng.random() < 0.7:
        dx, dy = PW * rng.uniform(0.12, 0.26), PH * rng.uniform(0.05, 0.12)
        shade = float(rng.uniform(0, 200))
        size = (int(rng.uniform(2, 6)), int(rng.uniform(2, 5)))
        for x, y in ((x1 + dx, y1 + dy), (x2 - dx, y1 + dy), (x1 + dx, y2 - dy), (x2 - dx, y2 - dy)):
            if rng.random() < 0.8:
                cv2.ellipse(canvas, (int(x), int(y)), size, 0, 0, 360, shade, -1, cv2.LINE_AA)
                cv2.circle(canvas, (int(x) + 1, int(y)), 1, min(255.0, shade + 80), -1)
    if not corners:
        return
    for x, y in ((0.02, 0.03), (0.83, 0.03), (0.02, 0.78), (0.83, 0.78)):
        if rng.random() < 0.35:
            wide, high = PW * rng.uniform(0.09, 0.16), PH * rng.uniform(0.13, 0.2)
            left, top = x1 + PW * x + rng.normal(0, 3), y1 + PH * y + rng.normal(0, 2)
            shade = float(rng.uniform(0, 255))
            cv2.rectangle(canvas, (int(left), int(top)), (int(left + wide), int(top + high)), shade, -1)
            _legend(canvas, rng, left + wide / 2, top + high / 2, wide * 0.9, high * rng.uniform(0.4, 0.9), 255.0 if shade < 128 else 0.0)


def _frame(canvas: Grey, rng: np.random.Generator, *, wide_bars: bool) -> None:
    """A holder around the plate; a dealer's one covers the top and bottom with print."""
    x1, y1, x2, y2 = PLATE
    shade = float(rng.choice((rng.uniform(0, 60), rng.uniform(150, 255)), p=(0.7, 0.3)))
    side = PW * rng.uniform(0.0, 0.035)
    top, bottom = (PH * rng.uniform(0.0, 0.19 if wide_bars else 0.05) for _ in range(2))
    outer = rng.uniform(0.01, 0.08)
    ox, oy = PW * outer, PH * outer * (1.0 if wide_bars else 2.0)
    for a, b, c, d in (
        (x1 - ox, y1 - oy, x2 + ox, y1 + top), (x1 - ox, y2 - bottom, x2 + ox, y2 + oy),
        (x1 - ox, y1 - oy, x1 + side, y2 + oy), (x2 - side, y1 - oy, x2 + ox, y2 + oy),
    ):  # fmt: skip
        cv2.rectangle(canvas, (int(a), int(b)), (int(c), int(d)), shade, -1)
    text = 255.0 if shade < 128 else 0.0
    for y, room in ((y1 + (top - oy) / 2, top + oy), (y2 + (oy - bottom) / 2, bottom + oy)):
        if room > 9 and rng.random() < 0.75:
            _legend(canvas, rng, (x1 + x2) / 2, y, PW * rng.uniform(0.4, 0.95), room * rng.uniform(0.5, 0.85), text)


def _set_line(canvas: Grey, rng: np.random.Generator, face: Typeface, text: str, box: tuple[float, float, float, float], ink: Ink) -> list[tuple[float, float]]:
    """Set one line of characters into a box (x1, y1, x2, y2); returns the characters' centres."""
    x1, y1, x2, y2 = box
    height = y2 - y1
    equal = rng.random() < 0.35  # one cell for every character, as dies often have
    natural = [0.0 if c == " " else face.glyphs[c].shape[1] / face.glyphs["H"].shape[1] for c in text]
    gap = rng.uniform(0.12, 0.4)
    space = rng.choice((rng.uniform(0.2, 0.5), rng.uniform(0.5, 1.6)), p=(0.55, 0.45))
    cells = [space if c == " " else (1.0 if equal else max(n, 0.35)) for c, n in zip(text, natural, strict=True)]
    unit = (x2 - x1) / (sum(cells) + gap * (len(text) - 1))
    x, centres = x1, []
    for character, cell, ratio in zip(text, cells, natural, strict=True):
        wide = cell * unit
        if character == " ":
            _separator(canvas, rng, x + wide / 2, (y1 + y2) / 2, wide + gap * unit, height, ink)
        else:
            inked = min(ratio, 1.0 if equal else ratio) * unit
            mask = _glyph(face, character, round(inked), round(height), ink)
            _strike(canvas, mask, round(x + (wide - inked) / 2) - 2, round(y1) - 2, ink)
            centres.append((x + wide / 2, (y1 + y2) / 2))
        x += wide + gap * unit
    return centres


def _text_box(rng: np.random.Generator, serial: Serial, line: int) -> tuple[float, float, float, float]:
    """Where a line of characters stands, in canvas pixels."""
    x1, y1, _, _ = PLATE
    longest = max(len(part) for part in serial.lines)
    if serial.style == "two":
        left, right = sorted((rng.uniform(0.05, 0.22), rng.uniform(0.8, 0.95)))
        top = rng.uniform(0.06, 0.14) if line == 0 else rng.uniform(0.5, 0.58)
        high = rng.uniform(0.34, 0.41)
    elif serial.style == "us":
        left, right = rng.uniform(0.03, 0.1), rng.uniform(0.9, 0.975)
        high = rng.uniform(0.38, 0.6)
        top = float(np.clip(0.52 + rng.normal(0, 0.035) - high / 2, 0.1, 0.95 - high))
    else:
        left, right = rng.uniform(0.04, 0.16), rng.uniform(0.9, 0.975)
        high = rng.uniform(0.6, 0.84) if serial.style == "eu" else rng.uniform(0.5, 0.66)
        top = (1 - high) * (rng.uniform(0.35, 0.65) if serial.style == "eu" else rng.uniform(0.6, 0.9))
    natural = (right - left) * (rng.uniform(0.85, 1.12) if rng.random() < 0.7 else 1.0)
    width = min(natural * min(1.0, (longest + rng.uniform(0, 2)) / rng.uniform(5.5, 7.5)), 0.965 - left if left < 0.1 else right - left)
    spare = max(0.0, (right - left) - width)
    left += spare * (0.5 if rng.random() < 0.7 else rng.random())
    return x1 + PW * left, y1 + PH * top, x1 + PW * (left + width), y1 + PH * (top + high)


def _small_stack(canvas: Grey, rng: np.random.Generator, face: Typeface, box: tuple[float, float, float, float], ink: Ink) -> tuple[float, float, float, float]:
    """Two small characters one above the other beside the serial (county, class); by convention they are not read."""
    x1, y1, x2, y2 = box
    wide, high = (x2 - x1) * rng.uniform(0.06, 0.09), (y2 - y1) * rng.uniform(0.36, 0.46)
    on_left = rng.random() < 0.6
    x = x1 if on_left else x2 - wide
    for y in (y1, y2 - high):
        character = str(rng.choice(list("ABCDEFGHJKLMNPRSTVWX0123456789")))
        _strike(canvas, _glyph(face, character, round(wide), round(high), ink), round(x), round(y) - 2, ink)
    shift = wide * rng.uniform(1.3, 1.9)
    return (x1 + shift, y1, x2, y2) if on_left else (x1, y1, x2 - shift, y2)


def _country_band(canvas: Grey, rng: np.random.Generator) -> None:
    x1, y1, x2, y2 = PLATE
    for left in (True, False):
        if rng.random() < (0.75 if left else 0.15):
            wide = int(PW * rng.uniform(0.055, 0.1))
            shade = float(rng.uniform(10, 130))
            a = x1 if left else x2 - wide
            cv2.rectangle(canvas, (a, y1), (a + wide, y2), shade, -1)
            middle = a + wide / 2
            cv2.ellipse(canvas, (int(middle), int(y1 + PH * 0.3)), (max(2, wide // 3), int(PH * 0.14)), 0, 0, 360, float(rng.uniform(130, 255)), int(rng.choice((1, 2, -1))), cv2.LINE_AA)
            if rng.random() < 0.85:
                _legend(canvas, rng, middle, y1 + PH * 0.75, wide * 0.8, PH * rng.uniform(0.15, 0.28), 245.0)


def draw(rng: np.random.Generator) -> Plate:
    """Draw one random plate in random surroundings."""
    serial = random_serial(rng)
    faces = typefaces()
    weights = np.array([face.weight for face in faces])
    face = faces[rng.choice(len(faces), p=weights / weights.sum())]
    ground = rng.uniform(95, 255)
    grey = max(0.0, ground - rng.uniform(70, 240))
    if rng.random() < 0.17:
        ground, grey = grey, ground
    stroke = int(rng.choice((-2, -1, 0, 1, 2, 3), p=(0.05, 0.15, 0.4, 0.22, 0.13, 0.05)))
    ink = Ink(grey, stroke, float(rng.normal(0, 0.25)) if rng.random() < 0.35 else 0.0, rng.random() < 0.04)

    canvas = np.full((CANVAS_H, CANVAS_W), rng.uniform(0, 255), np.float32)
    canvas += _noise(rng, CANVAS_H, CANVAS_W, int(rng.integers(2, 10))) * rng.uniform(0, 50)
    x1, y1, x2, y2 = PLATE
    cv2.rectangle(canvas, (x1, y1), (x2 - 1, y2 - 1), ground, -1)
    us = serial.style == "us"
    if us or rng.random() < 0.15:
        _decorate(canvas, rng, abs(ground - grey))
    if rng.random() < 0.45:
        inset = int(rng.integers(1, 6))
        cv2.rectangle(canvas, (x1 + inset, y1 + inset), (x2 - inset, y2 - inset), float(ink.grey if rng.random() < 0.7 else rng.uniform(0, 255)), int(rng.integers(1, 4)))
    if serial.style == "eu":
        _country_band(canvas, rng)
    shade = float(ink.grey if rng.random() < 0.5 else rng.uniform(0, 255))
    if us or (serial.style == "br"):
        if rng.random() < 0.85:
            _legend(canvas, rng, x1 + PW * rng.normal(0.5, 0.05), y1 + PH * rng.uniform(0.08, 0.15), PW * rng.uniform(0.3, 0.7), PH * rng.uniform(0.1, 0.2), shade)
        if us and rng.random() < 0.75:
            _legend(canvas, rng, x1 + PW * rng.normal(0.5, 0.05), y1 + PH * rng.uniform(0.87, 0.94), PW * rng.uniform(0.3, 0.8), PH * rng.uniform(0.06, 0.15), shade)
    _bolts_and_stickers(canvas, rng, corners=us)

    points: list[tuple[float, float]] = []
    line_of: list[int] = []
    for index, line in enumerate(serial.lines):
        box = _text_box(rng, serial, index)
        if us and rng.random() < 0.06:
            box = _small_stack(canvas, rng, face, box, ink)
        set_at = _set_line(canvas, rng, face, line, box, ink)
        points += set_at
        line_of += [index] * len(set_at)
    if rng.random() < (0.5 if us else 0.6):
        _frame(canvas, rng, wide_bars=us)
    if rng.random() < 0.4:  # dirt and uneven light
        canvas *= 1 + 0.15 * rng.random() * _noise(rng, CANVAS_H, CANVAS_W, int(rng.integers(2, 30)))
    aspect = {"us": rng.normal(2.02, 0.08), "eu": rng.normal(4.5, 0.3), "br": rng.normal(3.0, 0.2), "two": rng.uniform(1.25, 2.0)}[serial.style]
    return Plate(
        np.clip(canvas, 0, 255).astype(np.uint8), serial.text, np.array(points, np.float32), np.array(line_of, np.int64), float(aspect)
    )
