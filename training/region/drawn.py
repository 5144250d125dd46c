"""Plates drawn from free fonts: a state's or a place's name on any ground, and European plates with their band.

A drawn US plate teaches the name and the slogan, not a design: designs that are no longer issued say the same name.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from training.ocr.layouts import EU_PATTERNS
from training.region.classes import BANDS, ELSEWHERE, STATES

if TYPE_CHECKING:
    from training.region.photograph import Picture

Mask = NDArray[np.uint8]
Colour = tuple[float, float, float]
FONTS = Path("/usr/share/fonts")
_PLAIN = ("*Bold.?tf", "*Regular.?tf", "*Medium.?tf", "RG2014*.?tf", "*Italic.?tf", "*Condensed*.?tf")
_SCRIPT = (
    "Lobster*.?tf",
    "Dancing*.?tf",
    "Kaushan*.?tf",
    "*SerifItalic*.?tf",
    "*Serif*BoldItalic.?tf",
    "Goudy*.?tf",
)
_DIES = (
    "BebasNeue*.?tf",
    "RG2014[CDE].?tf",
    "OSP-DIN.?tf",
    "*SansNarrow-Bold.?tf",
    "*Condensed-Bold.?tf",
    "DINish*",
)
STICKER = np.full((8, 12), 255, np.uint8)
LETTERS, DIGITS = "ABCDEFGHJKLMNPRSTUVWXYZ", "0123456789"


@cache
def faces(kind: str) -> tuple[Path, ...]:
    """Installed fonts for names ("plain", "script") or serials ("dies"); raises FileNotFoundError if none is."""
    patterns = {"plain": _PLAIN, "script": _SCRIPT, "dies": _DIES}[kind]
    found = sorted({path for pattern in patterns for path in FONTS.rglob(pattern)})
    if not found:
        raise FileNotFoundError(f"no {kind} fonts under {FONTS}: see training/README.md")
    return tuple(found)


@cache
def _font(path: Path) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(path), 36)


def ink_of(path: Path, text: str) -> Mask:
    """The text as a mask cropped to its ink, or 1 x 1 if the font cannot draw it."""
    left, top, right, bottom = _font(path).getbbox(text)
    image = Image.new("L", (max(1, int(right - left)), max(1, int(bottom - top))))
    ImageDraw.Draw(image).text((-left, -top), text, fill=255, font=_font(path))
    return np.array(image)


Box = tuple[float, float, float, float]
"""x, y, width, height as fractions of the picture."""


def fitted(image: Picture, mask: Mask, box: Box) -> Box:
    """The largest box inside another that keeps the mask's proportions, in its middle."""
    height, width = image.shape[:2]
    x, y, wide, high = box
    scale = min(wide * width / mask.shape[1], high * height / mask.shape[0])
    inner_wide, inner_high = mask.shape[1] * scale / width, mask.shape[0] * scale / height
    return x + (wide - inner_wide) / 2, y + (high - inner_high) / 2, inner_wide, inner_high


def lay(image: Picture, mask: Mask, box: Box, colour: Colour) -> None:
    """Lay a mask, stretched to a box, over the picture in a colour, in place."""
    height, width = image.shape[:2]
    x, y, wide, high = box[0] * width, box[1] * height, box[2] * width, box[3] * height
    x1, y1 = max(0, round(x)), max(0, round(y))
    x2, y2 = min(width, x1 + max(2, round(wide))), min(height, y1 + max(2, round(high)))
    if x2 - x1 < 2 or y2 - y1 < 2:
        return
    part = (
        cv2.resize(mask, (x2 - x1, y2 - y1), interpolation=cv2.INTER_AREA).astype(np.float32)[:, :, None]
        / 255
    )
    image[y1:y2, x1:x2] = (image[y1:y2, x1:x2] * (1 - part) + np.array(colour) * part).astype(np.uint8)


def any_colour(rng: np.random.Generator, low: float = 0, high: float = 255) -> Colour:
    """A colour between two levels, most often not far from grey."""
    base = rng.uniform(low, high)
    blue, green, red = np.clip(base + rng.normal(0, 45 if rng.random() < 0.6 else 90, 3), 0, 255)
    return float(blue), float(green), float(red)


def pick(rng: np.random.Generator, kind: str) -> Path:
    """A font at random."""
    paths = faces(kind)
    return paths[int(rng.integers(len(paths)))]


def serial(rng: np.random.Generator, pattern: str = "") -> str:
    """Characters after a pattern (L a letter, D a digit), or any five to eight with a gap now and then."""
    if not pattern:
        pattern = "".join(rng.choice(("L", "D"), rng.integers(4, 8)))
        if rng.random() < 0.5:
            cut = int(rng.integers(2, len(pattern)))
            pattern = pattern[:cut] + str(rng.choice((" ", "-", "·"))) + pattern[cut:]
    kinds = {"L": LETTERS, "D": DIGITS, "A": LETTERS + DIGITS}
    return "".join(str(rng.choice(list(kinds[c]))) if c in kinds else c for c in pattern)


def _ground(rng: np.random.Generator) -> Picture:
    """A US plate's surface: plain, blended, banded, or with a picture of nothing."""
    image = np.empty((128, 256, 3), np.uint8)
    pale = rng.random() < 0.8
    first = any_colour(rng, 190, 255) if pale else any_colour(rng, 0, 160)
    last = first if rng.random() < 0.5 else any_colour(rng, *((150, 255) if pale else (0, 160)))
    slope = np.linspace(0, 1, 128)[:, None] ** np.exp(rng.normal(0, 0.5))
    image[:] = (np.array(first) * (1 - slope) + np.array(last) * slope)[:, None]
    for _ in range(rng.poisson(1.2)):
        at = (int(rng.uniform(0, 256)), int(rng.uniform(30, 128)))
        reach = (int(rng.uniform(4, 70)), int(rng.uniform(4, 30)))
        cv2.ellipse(image, at, reach, rng.uniform(0, 180), 0, 360, any_colour(rng), -1, cv2.LINE_AA)
    for band in (slice(0, int(rng.uniform(18, 38))), slice(128 - int(rng.uniform(14, 34)), 128)):
        if rng.random() < 0.25:
            image[band] = any_colour(rng)
    return image


def against(rng: np.random.Generator, image: Picture, rows: slice) -> Colour:
    """An ink that stands out from the picture's rows."""
    ground = image[rows].reshape(-1, 3).mean(0)
    for _ in range(8):
        ink = any_colour(rng)
        if abs(float(np.mean(ink) - ground.mean())) + 0.3 * float(np.abs(np.array(ink) - ground).max()) > 85:
            break
    return ink


def _line(rng: np.random.Generator, image: Picture, text: str, *, top: bool) -> None:
    """One line of small print, above or below the serial."""
    kind = "script" if rng.random() < 0.25 and not text.isupper() else "plain"
    high = rng.uniform(0.11, 0.22 if top else 0.17)
    y = rng.uniform(0.02, 0.09) if top else 0.98 - high - rng.uniform(0, 0.06)
    wide = rng.uniform(0.35, 0.8)
    rows = slice(int(y * 128), int((y + high) * 128))
    mask = ink_of(pick(rng, kind), text)
    box = fitted(image, mask, (0.5 - wide / 2 + rng.normal(0, 0.04), y, wide, high))
    lay(image, mask, box, against(rng, image, rows))


def us_plate(rng: np.random.Generator, name: str, slogans: tuple[str, ...]) -> Picture:
    """A US-like plate, 128 x 256: the name above or below, a slogan or nothing at the other edge."""
    image = _ground(rng)
    name = name.upper() if rng.random() < 0.55 else name
    above = rng.random() < 0.72
    if name:
        _line(rng, image, name, top=above)
    if slogans and rng.random() < 0.6:
        slogan = str(rng.choice(slogans))
        _line(rng, image, slogan.upper() if rng.random() < 0.5 else slogan, top=not above)
    wide, high = rng.uniform(0.55, 0.95), rng.uniform(0.36, 0.56)
    left = rng.uniform(0.02, 0.98 - wide)
    mask = ink_of(pick(rng, "dies"), serial(rng))
    box = (left, 0.52 - high / 2 + rng.normal(0, 0.02), wide, high)
    lay(image, mask, box, against(rng, image, slice(40, 90)))
    for x in (0.03, 0.84):
        for y in (0.04, 0.8):
            if rng.random() < 0.2:
                lay(image, STICKER, (x, y, 0.13, 0.15), any_colour(rng))
    return image


def state_plate(rng: np.random.Generator, code: str) -> Picture:
    """A plate that says a state's name (or, one time in twelve, its slogan only)."""
    name, *slogans = STATES[code]
    if slogans and rng.random() < 0.08:
        return us_plate(rng, str(rng.choice(slogans)), ())
    return us_plate(rng, name, tuple(slogans))


def unknown_plate(rng: np.random.Generator) -> Picture:
    """A plate that names no class: another place's, none at all, or letters that are no place."""
    draw = rng.random()
    if draw < 0.5:
        return us_plate(rng, str(rng.choice(ELSEWHERE)), tuple(rng.choice(ELSEWHERE, 2)))
    if draw < 0.75:
        return us_plate(rng, "", ())
    return us_plate(rng, "".join(rng.choice(list(LETTERS), rng.integers(4, 12))), ())


def _european_ground(rng: np.random.Generator, code: str) -> Picture:
    """A European plate's surface, 64 x 288: white, or the yellow of some."""
    image = np.empty((64, 288, 3), np.uint8)
    white = float(rng.uniform(225, 255))
    yellow = (code == "NL" and rng.random() < 0.95) or (code in {"GB", "LU"} and rng.random() < 0.55)
    image[:] = (float(rng.uniform(0, 60)), white * 0.82, white) if yellow else (white, white, white)
    return image


def _bands(rng: np.random.Generator, image: Picture, code: str) -> tuple[float, float]:
    """Lay the blue bands of a country, in place; return where the serial may stand, from and to."""
    blue = (float(rng.uniform(110, 190)), float(rng.uniform(30, 80)), float(rng.uniform(0, 40)))
    wide = rng.uniform(0.07, 0.095)
    left, right = 0.03, 0.97
    if code != "CH" and (code != "GB" or rng.random() < 0.5):
        image[:, : int(288 * wide)] = blue
        letters = ink_of(pick(rng, "plain"), BANDS[code])
        box = (0.01, 0.6, wide - 0.02, 0.3)
        lay(image, letters, fitted(image, letters, box), (240, 240, 240))
        for angle in np.linspace(0, 2 * np.pi, 12, endpoint=False) if code not in {"NO", "GB"} else ():
            at = (int(288 * wide / 2 + 8 * np.cos(angle)), int(20 + 8 * np.sin(angle)))
            cv2.circle(image, at, 1, (60, 210, 250), -1)
        left = wide + 0.02
    if code in {"FR", "IT"} and rng.random() < 0.8:
        image[:, int(288 * (1 - wide)) :] = blue
        right = 0.98 - wide
    return left, right


def european_plate(rng: np.random.Generator, code: str) -> Picture:
    """A plate with its country's band, ground and pattern of characters, 64 x 288."""
    image = _european_ground(rng, code)
    left, right = _bands(rng, image, code)
    red = code == "BE" and rng.random() < 0.8
    ink = (30.0, 20.0, 140.0) if red else (25.0, 20.0, 20.0)
    text = serial(rng, str(rng.choice(EU_PATTERNS.get(code, ("LL DDDD",)))))
    joint = "-" if code in {"FR", "NL", "PT", "HU", "FI"} else " "
    high = rng.uniform(0.62, 0.8)
    box = (left, 0.5 - high / 2, right - left, high)
    lay(image, ink_of(pick(rng, "dies"), text.replace(" ", joint)), box, ink)
    for y in (0.25, 0.65) if code == "DE" else ():
        at = (int(288 * rng.uniform(0.33, 0.4)), int(64 * y))
        cv2.circle(image, at, 8, any_colour(rng), -1, cv2.LINE_AA)
    if rng.random() < 0.6:
        cv2.rectangle(image, (0, 0), (287, 63), ink, 2)
    return image
