# ruff: noqa: E501  the table reads best as a table
"""Glyph masks from free fonts: one atlas in memory, so that drawing a plate is pasting resized masks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from training.ocr.layouts import LEGEND_WORDS

Mask = NDArray[np.uint8]
CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
CAP_HEIGHT = 96
FONT_ROOTS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))

# File name patterns and their share. Plate dies are narrow gothics with even strokes: road-sign, DIN and condensed faces lead.
FACES: tuple[tuple[str, float], ...] = (
    ("RG2014B.ttf", 6), ("RG2014C.ttf", 7), ("RG2014D.ttf", 7), ("RG2014E.ttf", 4), ("RG2014EM.ttf", 3),
    ("routed-gothic.ttf", 5), ("routed-gothic-wide.ttf", 2), ("OSP-DIN.ttf", 9), ("RobotoCondensed-Bold.ttf", 4),
    ("RobotoCondensed-Medium.ttf", 3), ("BebasNeue-Bold.otf", 3), ("BebasNeue-Regular.otf", 3), ("OpenSans-CondBold.ttf", 2),
    ("Roboto-Medium.ttf", 2), ("Roboto-Bold.ttf", 2), ("LiberationSans-Bold.ttf", 4), ("LiberationSans-Regular.ttf", 2),
    ("FreeSansBold.ttf", 2), ("DejaVuSans-Bold.ttf", 4), ("DejaVuSansMono-Bold.ttf", 4), ("DejaVuSans.ttf", 2),
    ("DejaVuSansCondensed-Bold.ttf", 3), ("NationalPark-Heavy.otf", 2), ("NationalPark-Regular.otf", 2), ("Play-Bold.ttf", 2),
    ("Cabin-Bold.otf", 1), ("Dosis-Bold.otf", 2), ("Dosis-SemiBold.otf", 2), ("Inter-Bold.otf", 1), ("Jura-Bold.otf", 1),
    ("Hack-Bold.ttf", 1), ("Inconsolata.otf", 1), ("NotoSansMono-Bold.ttf", 1), ("LeagueMono-CondensedBold.otf", 1),
    ("LeagueMono-Bold.otf", 1), ("JetBrainsMono-Bold.ttf", 1), ("MplusCode60-Bold.otf", 2), ("Mplus1Code-SemiBold.otf", 2),
    ("ClearSans-Bold.ttf", 1), ("Cantarell-Bold.otf", 1), ("GemunuLibre-Bold.otf", 1), ("GemunuLibre-Medium.otf", 1),
    ("YanoneKaffeesatz-Bold.otf", 1), ("Ubuntu-Title.ttf", 0.5), ("LiberationMono-Bold.ttf", 2), ("Quicksand-Bold.ttf", 1),
    ("Karla-Bold.otf", 1), ("Lato-Bold.ttf", 1), ("Mplus1-Bold.otf", 1), ("LeagueSpartan-SemiBold.otf", 1),
)  # fmt: skip
LEGEND_PATTERNS = (
    "*Bold*.?tf",
    "*Regular*.?tf",
    "*Italic*.?tf",
    "*Oblique*.?tf",
    "*Serif*.?tf",
    "*Medium*.?tf",
)


@dataclass(frozen=True, slots=True)
class Typeface:
    """One font's 36 masks, each cropped to its ink, with cap height CAP_HEIGHT."""

    name: str
    glyphs: dict[str, Mask]
    weight: float


def _find(name: str) -> Path | None:
    return next((path for root in FONT_ROOTS if root.is_dir() for path in root.rglob(name)), None)


def _ink(font: ImageFont.FreeTypeFont, text: str) -> Mask:
    left, top, right, bottom = font.getbbox(text)
    image = Image.new("L", (int(right - left) + 4, int(bottom - top) + 4))
    ImageDraw.Draw(image).text((2 - left, 2 - top), text, fill=255, font=font)
    mask = np.asarray(image)
    rows, columns = np.flatnonzero(mask.max(1) > 40), np.flatnonzero(mask.max(0) > 40)
    if rows.size == 0:
        return np.zeros((1, 1), np.uint8)
    return mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].copy()


@lru_cache(maxsize=1)
def typefaces() -> tuple[Typeface, ...]:
    """Load every listed face that is installed. Raises FileNotFoundError if fewer than ten are."""
    loaded = []
    for name, weight in FACES:
        path = _find(name)
        if path is None:
            continue
        probe = ImageFont.truetype(str(path), 100)
        size = round(100 * CAP_HEIGHT / _ink(probe, "H").shape[0])
        font = ImageFont.truetype(str(path), size)
        loaded.append(Typeface(name, {c: _ink(font, c) for c in CHARACTERS}, weight))
    if len(loaded) < 10:
        raise FileNotFoundError(
            f"found {len(loaded)} of {len(FACES)} plate fonts, expected at least 10: see training/README.md"
        )
    return tuple(loaded)


@lru_cache(maxsize=1)
def legends(seed: int = 7, count: int = 1500) -> tuple[Mask, ...]:
    """Small print as masks 24 pixels high: state names, slogans, dealers' names, in many faces."""
    rng = np.random.default_rng(seed)
    paths = sorted(
        {
            p
            for root in FONT_ROOTS
            if root.is_dir()
            for pattern in LEGEND_PATTERNS
            for p in root.rglob(pattern)
        }
    )
    masks = []
    for _ in range(count):
        words = rng.choice(LEGEND_WORDS, rng.integers(1, 4), replace=False)
        text = " ".join(words)
        text = text.upper() if rng.random() < 0.6 else text.title()
        try:
            mask = _ink(ImageFont.truetype(str(paths[rng.integers(len(paths))]), 24), text)
        except OSError:  # a bitmap or variable font that Pillow cannot size
            continue
        if mask.shape[0] > 8:
            masks.append(mask)
    return tuple(masks)
