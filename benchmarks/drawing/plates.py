"""Number plates of several regions, with numbers that their issuers never give out.

Each format keeps a region's size, colours and grouping, so that a reader has a fair task, and breaks one of
the region's own rules, so that no car carries the number. docs/benchmarks.md lists each rule.
"""

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from benchmarks.drawing.camera import Picture, clipped

Colour = tuple[int, int, int]
"""Blue, green, red, 0 to 255."""

DIGITS: Final = "0123456789"
LETTERS: Final = "ABCDEFGHJKLMNPRSTVWXY"
"""Letters that each of these regions uses somewhere in a number."""
BLACK: Final[Colour] = (24, 20, 20)
BLUE: Final[Colour] = (150, 60, 10)
WHITE: Final[Colour] = (238, 240, 240)
PIXELS_PER_MM: Final = 2.0


@dataclass(frozen=True, slots=True)
class Format:
    """How a region's plate looks, and what may stand at each place of its number.

    Attributes:
        region: ISO 3166 code.
        groups: for each group of the number, the characters possible at each place.
        size: of the plate, width and height, mm.
        character: of one character, width and height, mm.
        band: letters on a blue band on the left, or empty.
        header: small letters above the number, or empty.
    """

    region: str
    groups: tuple[tuple[str, ...], ...]
    size: tuple[int, int] = (520, 112)
    character: tuple[int, int] = (45, 77)
    band: str = ""
    header: str = ""
    paper: Colour = WHITE
    ink: Colour = BLACK

    def number(self, rng: np.random.Generator) -> tuple[str, ...]:
        """Draw a number, as its groups."""
        return tuple("".join(rng.choice(list(place)) for place in group) for group in self.groups)


FORMATS: Final = (
    Format("GB", (("Z", LETTERS, "1", DIGITS), (LETTERS,) * 3), character=(50, 79), band="UK"),
    Format("DE", (("X", LETTERS), (LETTERS,) * 2, (DIGITS[1:], DIGITS, DIGITS)), band="D"),
    Format("FR", (("U", LETTERS), (DIGITS[1:], DIGITS, DIGITS), (LETTERS,) * 2), band="F"),
    Format("ES", ((DIGITS,) * 4, ("AE", LETTERS, LETTERS)), band="E"),
    Format(
        "NL",
        ((LETTERS,), (DIGITS[1:], DIGITS, DIGITS), ("AE", LETTERS)),
        band="NL",
        paper=(40, 190, 245),
    ),
    Format(
        "US-CA",
        ((DIGITS[1:], LETTERS, LETTERS, LETTERS), (DIGITS,) * 4),
        size=(305, 152),
        character=(29, 68),
        header="CALIFORNIA",
        ink=(110, 40, 20),
    ),
    Format(
        "US-NH",
        ((LETTERS,) * 3, (DIGITS,) * 5),
        size=(305, 152),
        character=(29, 68),
        header="NEW HAMPSHIRE",
        paper=(222, 236, 226),
        ink=(60, 90, 20),
    ),
)


@cache
def font(points: int) -> ImageFont.FreeTypeFont:
    """Return DejaVu Sans Bold from the installed matplotlib, which need not be imported for it."""
    package = find_spec("matplotlib")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("the font comes with matplotlib: pip install 'hitonly[bench]'")
    folder = Path(package.origin).parent / "mpl-data" / "fonts" / "ttf"
    return ImageFont.truetype(folder / "DejaVuSans-Bold.ttf", points)


@cache
def _glyph(character: str) -> npt.NDArray[np.uint8]:
    """Return one character's coverage, cropped to its outline, at a height of about 220 pixels."""
    image = Image.new("L", (420, 420))
    ImageDraw.Draw(image).text((60, 30), character, fill=255, font=font(300))
    cover = np.asarray(image)
    rows, columns = np.flatnonzero(cover.any(axis=1)), np.flatnonzero(cover.any(axis=0))
    return cover[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def lettering(text: str, height: int, character_width: float) -> npt.NDArray[np.uint8]:
    """Return the coverage of text with condensed capitals: `height` pixels high, spaced evenly."""
    gap = max(1.0, character_width * 0.2)
    cover = np.zeros((height, round(len(text) * (character_width + gap))), np.uint8)
    squeeze = character_width / _glyph("H").shape[1]
    for place, letter in enumerate(text):
        if letter == " ":
            continue
        glyph = _glyph(letter)
        width = max(2, round(min(glyph.shape[1] * squeeze, character_width)))
        small = cv2.resize(glyph, (width, height), interpolation=cv2.INTER_AREA)
        left = round(place * (character_width + gap) + (character_width - width) / 2)
        cover[:, left : left + width] = small[:, : cover.shape[1] - left]
    return cover


def ink(picture: Picture, cover: npt.NDArray[np.uint8], left: int, top: int, colour: Colour) -> None:
    """Print a coverage onto a picture in a colour, in place; what falls outside is lost."""
    part = picture[top : top + cover.shape[0], left : left + cover.shape[1]]
    strength = cover[: part.shape[0], : part.shape[1], None].astype(np.float32) / 255
    part[:] = (part * (1 - strength) + np.array(colour, np.float32) * strength).astype(np.uint8)


def draw_plate(form: Format, groups: tuple[str, ...], rng: np.random.Generator) -> Picture:
    """Draw a plate at two pixels a millimetre, with its rim, band, header, dirt and wear."""
    width, height = (round(side * PIXELS_PER_MM) for side in form.size)
    plate = np.full((height, width, 3), form.paper, np.uint8)
    left = 0
    if form.band:
        left = round(44 * PIXELS_PER_MM)
        plate[:, :left] = BLUE
        small = lettering(form.band, 44, 22.0)
        ink(plate, small, (left - small.shape[1]) // 2, height - 70, WHITE)
        cv2.circle(plate, (left // 2, 66), 24, (40, 200, 250), 3, cv2.LINE_AA)
    top = (height - round(form.character[1] * PIXELS_PER_MM)) // 2
    if form.header:
        cover = lettering(form.header, 34, 22.0)
        ink(plate, cover, (width - cover.shape[1]) // 2, 18, form.ink)
        top += 18
    character_width = form.character[0] * PIXELS_PER_MM
    covers = [lettering(g, round(form.character[1] * PIXELS_PER_MM), character_width) for g in groups]
    total = sum(cover.shape[1] for cover in covers)
    gap = min((width - left - total) / (len(groups) + 1), character_width)
    x = left + (width - left - total - gap * (len(groups) - 1)) / 2
    for cover in covers:
        ink(plate, cover, round(x), top, form.ink)
        x += cover.shape[1] + gap
    cv2.rectangle(plate, (0, 0), (width - 1, height - 1), form.ink, 5)
    return _weather(plate, rng)


def _weather(plate: Picture, rng: np.random.Generator) -> Picture:
    """Dirty a plate: more towards the lower edge, in soft blots, never enough to hide a character."""
    height, width = plate.shape[:2]
    blots = rng.random((6, 24), dtype=np.float32) ** 3
    lower = np.linspace(0.1, 0.5, height, dtype=np.float32)[:, None] * rng.uniform(0.2, 1.0)
    dirt = np.clip(cv2.resize(blots, (width, height), interpolation=cv2.INTER_CUBIC) * lower, 0, 0.5)[
        ..., None
    ]
    mud = np.array((70, 95, 110), np.float32)
    return clipped(plate * (1 - dirt) + mud * dirt)
