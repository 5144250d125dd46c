"""Plates drawn by code, and decoys: things that look like plates and are not.

Everything is seeded through the `random.Random` that is handed in. Text is drawn with free fonts (Debian:
fonts-dejavu-core, fonts-liberation, fonts-bebas-neue, fonts-roadgeek, fonts-opendin).
"""

import random
import string
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Picture = NDArray[np.uint8]
"""H x W x 3, RGB."""
Colour = tuple[int, int, int]

FONT_FOLDER = Path("/usr/share/fonts")
PLATE_FONTS = (
    "DejaVuSans-Bold",
    "DejaVuSansCondensed-Bold",
    "LiberationSansNarrow-Bold",
    "LiberationSans-Bold",
    "BebasNeue-Bold",
    "BebasNeue-Regular",
    "RG2014C",
    "RG2014D",
    "RG2014E",
    "OSP-DIN",
    "DejaVuSansMono-Bold",
)
WORDS = (
    *(
        "OPEN",
        "EXIT",
        "SALE",
        "TAXI",
        "POLICE",
        "AMBULANCE",
        "SCHOOL BUS",
        "Pizza",
        "Coffee",
        "Motel",
        "BANK",
    ),
    *(
        "Hotel",
        "Auto Parts",
        "Bakery",
        "STOP",
        "ONE WAY",
        "YIELD",
        "SPEED LIMIT",
        "Main Street",
        "North",
        "Airport",
    ),
    *(
        "Centre",
        "Parking",
        "NO ENTRY",
        "Garage",
        "Repairs",
        "Turbo",
        "4x4",
        "Hybrid",
        "Diesel",
        "QUATTRO",
        "SPORT",
    ),
    *(
        "Transport",
        "Logistics",
        "Express",
        "Fresh Foods",
        "www.example.com",
        "Call Now",
        "FOR SALE",
        "Local 101",
    ),
    *(
        "Baby on board",
        "I love dogs",
        "My other car",
        "Honk if",
        "Visit",
        "Camp",
        "Marathon",
        "26.2",
        "Vote 2024",
    ),
)


@cache
def font(name: str, size: int) -> ImageFont.FreeTypeFont:
    """The installed font of that file name; FileNotFoundError names it when it is absent."""
    for path in sorted(FONT_FOLDER.rglob(f"{name}.[ot]tf")):
        return ImageFont.truetype(str(path), size)
    raise FileNotFoundError(f"font {name} is not installed under {FONT_FOLDER}")


def _serial(rng: random.Random, length: int, gap: float = 0.5) -> str:
    text = "".join(rng.choice(string.ascii_uppercase + string.digits * 2) for _ in range(length))
    if length > 4 and rng.random() < gap:
        cut = rng.randint(2, length - 2)
        text = text[:cut] + rng.choice([" ", " ", "-", "•"]) + text[cut:]
    return text


def _write(
    draw: ImageDraw.ImageDraw, box: tuple[float, float, float, float], text: str, name: str, ink: Colour
) -> None:
    """Draw text as large as fits in box (x, y, width, height), stretched to at most its width."""
    x, y, width, height = box
    size = max(8, int(height * 1.3))
    left, top, right, bottom = font(name, size).getbbox(text)
    scale = min(width / max(right - left, 1), height / max(bottom - top, 1))
    face = font(name, max(6, int(size * scale)))
    left, top, right, bottom = face.getbbox(text)
    draw.text(
        (x + (width - right + left) / 2 - left, y + (height - bottom + top) / 2 - top),
        text,
        font=face,
        fill=ink,
    )


def gradient(top: Colour, bottom: Colour, height: int, width: int) -> Picture:
    """Vertical blend of two colours."""
    ramp = np.linspace(0, 1, height)[:, None, None]
    colours = np.array(top)[None, None] * (1 - ramp) + np.array(bottom)[None, None] * ramp
    return np.repeat(colours, width, axis=1).astype(np.uint8)


def _dark(rng: random.Random) -> Colour:
    return rng.choice(
        [(10, 10, 15), (15, 20, 25), (15, 30, 90), (20, 50, 130), (120, 15, 20), (10, 70, 40), (70, 30, 20)]
    )


def _pale(rng: random.Random) -> Colour:
    base = rng.randint(195, 250)
    return (base, min(255, base + rng.randint(-25, 5)), min(255, base + rng.randint(-45, 10)))


def us_plate(rng: random.Random) -> Picture:
    """12 x 6 inches: large serial, state above, slogan below; at times screws, stickers, a dealer's frame."""
    width, height = 240, 120
    low = (
        _pale(rng)
        if rng.random() < 0.85
        else rng.choice([(250, 200, 40), (30, 60, 140), (20, 90, 60), (15, 15, 15)])
    )
    high = (
        low
        if rng.random() < 0.5
        else rng.choice([_pale(rng), (150, 190, 235), (240, 200, 150), (170, 215, 170)])
    )
    ink = _dark(rng) if sum(low) > 380 else (240, 240, 235)
    image = Image.fromarray(gradient(high, low, height, width))
    draw = ImageDraw.Draw(image)
    if rng.random() < 0.3:
        cx, cy, r = rng.randint(20, 220), rng.randint(35, 90), rng.randint(10, 35)
        draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=tuple(rng.randint(130, 235) for _ in range(3)))
    state = "".join(rng.choice(string.ascii_uppercase) for _ in range(rng.randint(4, 13)))
    _write(
        draw,
        (45, 6, 150, 18),
        state if rng.random() < 0.6 else state.title(),
        rng.choice(PLATE_FONTS),
        _dark(rng),
    )
    _write(
        draw,
        (12, 30, 216, 62),
        _serial(rng, rng.choice([5, 6, 6, 7, 7, 7])),
        rng.choice(PLATE_FONTS[:-1]),
        ink,
    )
    if rng.random() < 0.7:
        _write(
            draw, (50, 98, 140, 15), " ".join(rng.choices(WORDS, k=2)), rng.choice(PLATE_FONTS), _dark(rng)
        )
    for x in (6, 206):
        if rng.random() < 0.3:
            draw.rectangle((x, 6, x + 26, 24), fill=tuple(rng.randint(60, 255) for _ in range(3)))
        if rng.random() < 0.5:
            draw.ellipse((x + 9, 8, x + 17, 16), fill=(90, 90, 90))
    if rng.random() < 0.35:
        edge, colour = (
            rng.randint(4, 11),
            rng.choice([(20, 20, 20), (30, 30, 35), (190, 190, 190), (140, 20, 20)]),
        )
        draw.rectangle((0, 0, width - 1, height - 1), outline=colour, width=edge)
        if rng.random() < 0.6:
            draw.rectangle((0, height - 18, width, height), fill=colour)
            _write(
                draw,
                (50, height - 15, 140, 12),
                rng.choice(WORDS).upper(),
                "LiberationSans-Bold",
                (230, 230, 230),
            )
    return np.asarray(image)


def eu_plate(rng: random.Random) -> Picture:
    """520 x 110 mm (also British yellow and white, and narrower ones): band, serial, thin border."""
    height = 56
    width = int(height * rng.choice([4.73, 4.73, 4.73, 4.6, 4.0, 3.1, 2.3]))
    paper = rng.choice(
        [_pale(rng), _pale(rng), _pale(rng), (245, 205, 40), (235, 190, 30), (250, 225, 90), (20, 20, 20)]
    )
    image = Image.new("RGB", (width, height), paper)
    draw = ImageDraw.Draw(image)
    left = 4
    if rng.random() < 0.65:
        draw.rectangle(
            (0, 0, 24, height), fill=(rng.randint(0, 40), rng.randint(30, 80), rng.randint(130, 190))
        )
        _write(draw, (4, 32, 16, 16), rng.choice("ABDEFHIPRSL"), "LiberationSans-Bold", (240, 240, 240))
        left = 28
    right = width - 4 - (22 if rng.random() < 0.2 else 0)
    if right < width - 10:
        draw.rectangle((right, 0, width, height), fill=(20, 60, 150))
    ink = (15, 15, 20) if sum(paper) > 200 else (235, 235, 235)
    length = rng.choice([6, 7, 7, 8]) if width > 200 else rng.choice([4, 5, 6])
    _write(
        draw, (left, 8, right - left, height - 16), _serial(rng, length, 0.8), rng.choice(PLATE_FONTS), ink
    )
    if rng.random() < 0.6:
        draw.rectangle((0, 0, width - 1, height - 1), outline=ink, width=rng.randint(1, 3))
    return np.asarray(image)


def stacked_plate(rng: random.Random) -> Picture:
    """Two rows, as on motorcycles and many Asian plates, or a band above as in Mercosur's."""
    width = rng.choice([120, 140, 160])
    paper = rng.choice([_pale(rng), _pale(rng), (245, 205, 40), (25, 25, 25), (20, 90, 60), (150, 20, 25)])
    ink = (15, 15, 20) if sum(paper) > 380 else (240, 240, 235)
    if rng.random() < 0.4:
        image = Image.new("RGB", (200, 65), paper)
        draw = ImageDraw.Draw(image)
        draw.rectangle((0, 0, 200, 14), fill=(20, 50, 150))
        _write(
            draw,
            (60, 2, 80, 10),
            rng.choice(["BRASIL", "ARGENTINA", "URUGUAY"]),
            "LiberationSans-Bold",
            (240, 240, 240),
        )
        _write(draw, (8, 18, 184, 42), _serial(rng, 7), rng.choice(PLATE_FONTS), ink)
        return np.asarray(image)
    image = Image.new("RGB", (width, 100), paper)
    draw = ImageDraw.Draw(image)
    name = rng.choice(PLATE_FONTS)
    split = rng.randint(36, 50)
    _write(draw, (14, 7, width - 28, split - 9), _serial(rng, rng.randint(2, 5)), name, ink)
    _write(draw, (8, split + 2, width - 16, 90 - split), _serial(rng, rng.randint(3, 5)), name, ink)
    draw.rectangle((0, 0, width - 1, 99), outline=ink, width=rng.randint(1, 4))
    return np.asarray(image)


def plate(rng: random.Random) -> Picture:
    """A plate of any family, at most 265 x 120 pixels."""
    return rng.choices([us_plate, eu_plate, stacked_plate], [0.5, 0.36, 0.14])[0](rng)


def decoy(rng: random.Random) -> Picture:
    """Letters or plate-like edges that are no plate: sign, shop front, sticker, phone number, grille."""
    kind = rng.choice(["sign", "sign", "shop", "sticker", "phone", "blank", "grille", "paragraph", "windows"])
    width, height = rng.randint(60, 260), rng.randint(26, 130)
    paper = rng.choice(
        [
            (20, 90, 50),
            (20, 60, 150),
            (150, 20, 25),
            (245, 245, 240),
            (250, 205, 40),
            (30, 30, 30),
            _pale(rng),
        ]
    )
    ink = (15, 15, 20) if sum(paper) > 400 else (240, 240, 235)
    image = Image.new("RGB", (width, height), paper)
    draw = ImageDraw.Draw(image)
    name = rng.choice(PLATE_FONTS)
    if kind in {"grille", "windows"}:
        _bars(draw, rng, paper, ink, crossed=kind == "windows")
    elif kind != "blank":
        _wording(draw, rng, kind, name, ink)
    if rng.random() < 0.5:
        draw.rectangle((0, 0, width - 1, height - 1), outline=ink, width=rng.randint(1, 4))
    return np.asarray(image)


def _bars(
    draw: ImageDraw.ImageDraw, rng: random.Random, paper: Colour, ink: Colour, *, crossed: bool
) -> None:
    width, height = draw.im.size
    step = rng.randint(5, 16)
    for x in range(0, width, step):
        draw.rectangle((x, 0, x + step // 2, height), fill=ink)
    for y in range(0, height, step + 4) if crossed else ():
        draw.rectangle((0, y, width, y + step // 2), fill=paper)


def _wording(draw: ImageDraw.ImageDraw, rng: random.Random, kind: str, name: str, ink: Colour) -> None:
    width, height = draw.im.size
    if kind == "paragraph":
        for y in range(4, height - 8, 12):
            _write(draw, (4, y, width - 8, 9), " ".join(rng.choices(WORDS, k=4)), name, ink)
    elif kind == "phone":
        digits = "".join(rng.choice(string.digits) for _ in range(10))
        _write(draw, (4, 4, width - 8, height * 0.5), f"{digits[:3]}-{digits[3:6]}-{digits[6:]}", name, ink)
        _write(draw, (4, height * 0.55, width - 8, height * 0.35), rng.choice(WORDS), name, ink)
    elif kind == "sticker":
        draw.ellipse((4, 4, height, height - 4), fill=tuple(rng.randint(0, 255) for _ in range(3)))
        _write(draw, (height, 6, max(width - height - 4, 10), height - 12), rng.choice(WORDS), name, ink)
    else:
        rows = rng.randint(1, 3)
        for row in range(rows):
            text = " ".join(rng.choices(WORDS, k=rng.randint(1, 3)))
            text = text if kind == "sign" else text.upper()
            _write(draw, (6, 4 + row * height / rows, width - 12, height / rows - 8), text, name, ink)
