"""Pictures drawn by code: plates, road scenes with places for plates, and things that look like plates and are not.

Everything is seeded through the `random.Random` that is handed in. Text is drawn with the free fonts that are installed
(Debian: fonts-dejavu-core, fonts-liberation, fonts-bebas-neue, fonts-roadgeek, fonts-opendin).
"""

from __future__ import annotations

import random
import string
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Picture = NDArray[np.uint8]
"""H x W x 3, RGB."""
Colour = tuple[int, int, int]

FONT_FOLDER = Path("/usr/share/fonts")
PLATE_FONTS = ("DejaVuSans-Bold", "DejaVuSansCondensed-Bold", "LiberationSansNarrow-Bold", "LiberationSans-Bold",
               "BebasNeue-Bold", "BebasNeue-Regular", "RG2014C", "RG2014D", "RG2014E", "OSP-DIN", "DejaVuSansMono-Bold")
WORDS = ("OPEN EXIT SALE TAXI POLICE AMBULANCE SCHOOL BUS Pizza Coffee Motel BANK Hotel Auto Parts Bakery STOP ONE WAY YIELD "
         "SPEED LIMIT Main Street North Airport Centre Parking NO ENTRY Garage Repairs Turbo 4x4 Hybrid Diesel QUATTRO SPORT "
         "Transport Logistics Express Fresh Foods www.example.com Call Now FOR SALE Baby on board I love dogs My other car "
         "Honk if Visit Camp Marathon 26.2 Local 101 Vote 2024").split()


@dataclass(frozen=True, slots=True)
class Scene:
    """A drawn road: `pixels`, and the rectangles (x, y, width, height in pixels) where cars carry their plates."""

    pixels: Picture
    places: tuple[tuple[float, float, float, float], ...]


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


def _write(draw: ImageDraw.ImageDraw, box: tuple[float, float, float, float], text: str, name: str, ink: Colour) -> None:
    """Draw text as large as fits in box (x, y, width, height), stretched to at most its width."""
    x, y, width, height = box
    size = max(8, int(height * 1.3))
    left, top, right, bottom = font(name, size).getbbox(text)
    scale = min(width / max(right - left, 1), height / max(bottom - top, 1))
    face = font(name, max(6, int(size * scale)))
    left, top, right, bottom = face.getbbox(text)
    draw.text((x + (width - right + left) / 2 - left, y + (height - bottom + top) / 2 - top), text, font=face, fill=ink)


def _gradient(top: Colour, bottom: Colour, height: int, width: int) -> Picture:
    ramp = np.linspace(0, 1, height)[:, None, None]
    colours = np.array(top)[None, None] * (1 - ramp) + np.array(bottom)[None, None] * ramp
    return np.repeat(colours, width, axis=1).astype(np.uint8)


def _dark(rng: random.Random) -> Colour:
    return rng.choice([(10, 10, 15), (15, 20, 25), (15, 30, 90), (20, 50, 130), (120, 15, 20), (10, 70, 40), (70, 30, 20)])


def _pale(rng: random.Random) -> Colour:
    base = rng.randint(195, 250)
    return (base, min(255, base + rng.randint(-25, 5)), min(255, base + rng.randint(-45, 10)))


def us_plate(rng: random.Random) -> Picture:
    """12 x 6 inches: large serial, state above, slogan below, sometimes screws, stickers, a picture or a dealer's frame."""
    width, height = 240, 120
    low = _pale(rng) if rng.random() < 0.85 else rng.choice([(250, 200, 40), (30, 60, 140), (20, 90, 60), (15, 15, 15)])
    high = low if rng.random() < 0.5 else rng.choice([_pale(rng), (150, 190, 235), (240, 200, 150), (170, 215, 170)])
    ink = _dark(rng) if sum(low) > 380 else (240, 240, 235)
    image = Image.fromarray(_gradient(high, low, height, width))
    draw = ImageDraw.Draw(image)
    if rng.random() < 0.3:
        cx, cy, r = rng.randint(20, 220), rng.randint(35, 90), rng.randint(10, 35)
        draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=tuple(rng.randint(130, 235) for _ in range(3)))
    state = "".join(rng.choice(string.ascii_uppercase) for _ in range(rng.randint(4, 13)))
    _write(draw, (45, 6, 150, 18), state if rng.random() < 0.6 else state.title(), rng.choice(PLATE_FONTS), _dark(rng))
    _write(draw, (12, 30, 216, 62), _serial(rng, rng.choice([5, 6, 6, 7, 7, 7])), rng.choice(PLATE_FONTS[:-1]), ink)
    if rng.random() < 0.7:
        _write(draw, (50, 98, 140, 15), " ".join(rng.choices(WORDS, k=2)), rng.choice(PLATE_FONTS), _dark(rng))
    for x in (6, 206):
        if rng.random() < 0.3:
            draw.rectangle((x, 6, x + 26, 24), fill=tuple(rng.randint(60, 255) for _ in range(3)))
        if rng.random() < 0.5:
            draw.ellipse((x + 9, 8, x + 17, 16), fill=(90, 90, 90))
    if rng.random() < 0.35:
        edge, colour = rng.randint(4, 11), rng.choice([(20, 20, 20), (30, 30, 35), (190, 190, 190), (140, 20, 20)])
        draw.rectangle((0, 0, width - 1, height - 1), outline=colour, width=edge)
        if rng.random() < 0.6:
            draw.rectangle((0, height - 18, width, height), fill=colour)
            _write(draw, (50, height - 15, 140, 12), rng.choice(WORDS).upper(), "LiberationSans-Bold", (230, 230, 230))
    return np.asarray(image)


def eu_plate(rng: random.Random) -> Picture:
    """520 x 110 mm (also British yellow and white, and narrower ones): band, serial, thin border."""
    height = 56
    width = int(height * rng.choice([4.73, 4.73, 4.73, 4.6, 4.0, 3.1, 2.3]))
    paper = rng.choice([_pale(rng), _pale(rng), _pale(rng), (245, 205, 40), (235, 190, 30), (250, 225, 90), (20, 20, 20)])
    image = Image.new("RGB", (width, height), paper)
    draw = ImageDraw.Draw(image)
    left = 4
    if rng.random() < 0.65:
        draw.rectangle((0, 0, 24, height), fill=(rng.randint(0, 40), rng.randint(30, 80), rng.randint(130, 190)))
        _write(draw, (4, 32, 16, 16), rng.choice("ABDEFHIPRSL"), "LiberationSans-Bold", (240, 240, 240))
        left = 28
    right = width - 4 - (22 if rng.random() < 0.2 else 0)
    if right < width - 10:
        draw.rectangle((right, 0, width, height), fill=(20, 60, 150))
    ink = (15, 15, 20) if sum(paper) > 200 else (235, 235, 235)
    length = rng.choice([6, 7, 7, 8]) if width > 200 else rng.choice([4, 5, 6])
    _write(draw, (left, 8, right - left, height - 16), _serial(rng, length, 0.8), rng.choice(PLATE_FONTS), ink)
    if rng.random() < 0.6:
        draw.rectangle((0, 0, width - 1, height - 1), outline=ink, width=rng.randint(1, 3))
    return np.asarray(image)


def stacked_plate(rng: random.Random) -> Picture:
    """Two rows, as on motorcycles and many Asian and older European plates, or a band above as in Mercosur's."""
    width = rng.choice([120, 140, 160])
    paper = rng.choice([_pale(rng), _pale(rng), (245, 205, 40), (25, 25, 25), (20, 90, 60), (150, 20, 25)])
    ink = (15, 15, 20) if sum(paper) > 380 else (240, 240, 235)
    if rng.random() < 0.4:
        image = Image.new("RGB", (200, 65), paper)
        draw = ImageDraw.Draw(image)
        draw.rectangle((0, 0, 200, 14), fill=(20, 50, 150))
        _write(draw, (60, 2, 80, 10), rng.choice(["BRASIL", "ARGENTINA", "URUGUAY"]), "LiberationSans-Bold", (240, 240, 240))
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
    """Something with letters or plate-like edges that is no plate: sign, shop front, sticker, phone number, grille."""
    kind = rng.choice(["sign", "sign", "shop", "sticker", "phone", "blank", "grille", "paragraph", "windows"])
    width, height = rng.randint(60, 260), rng.randint(26, 130)
    paper = rng.choice([(20, 90, 50), (20, 60, 150), (150, 20, 25), (245, 245, 240), (250, 205, 40), (30, 30, 30), _pale(rng)])
    ink = (15, 15, 20) if sum(paper) > 400 else (240, 240, 235)
    image = Image.new("RGB", (width, height), paper)
    draw = ImageDraw.Draw(image)
    name = rng.choice(PLATE_FONTS)
    if kind in ("grille", "windows"):
        step = rng.randint(5, 16)
        for x in range(0, width, step):
            draw.rectangle((x, 0, x + step // 2, height), fill=ink)
        if kind == "windows":
            for y in range(0, height, step + 4):
                draw.rectangle((0, y, width, y + step // 2), fill=paper)
    elif kind == "paragraph":
        for y in range(4, height - 8, 12):
            _write(draw, (4, y, width - 8, 9), " ".join(rng.choices(WORDS, k=4)), name, ink)
    elif kind == "phone":
        digits = "".join(rng.choice(string.digits) for _ in range(10))
        _write(draw, (4, 4, width - 8, height * 0.5), f"{digits[:3]}-{digits[3:6]}-{digits[6:]}", name, ink)
        _write(draw, (4, height * 0.55, width - 8, height * 0.35), rng.choice(WORDS), name, ink)
    elif kind == "sticker":
        draw.ellipse((4, 4, height, height - 4), fill=tuple(rng.randint(0, 255) for _ in range(3)))
        _write(draw, (height, 6, max(width - height - 4, 10), height - 12), rng.choice(WORDS), name, ink)
    elif kind != "blank":
        rows = rng.randint(1, 3)
        for row in range(rows):
            text = " ".join(rng.choices(WORDS, k=rng.randint(1, 3)))
            text = text if kind == "sign" else text.upper()
            _write(draw, (6, 4 + row * height / rows, width - 12, height / rows - 8), text, name, ink)
    if rng.random() < 0.5:
        draw.rectangle((0, 0, width - 1, height - 1), outline=ink, width=rng.randint(1, 4))
    return np.asarray(image)


def _car(image: Picture, rng: random.Random, centre: float, base: float, width: float) -> tuple[float, float, float, float]:
    """Draw one car seen from behind or in front, wheels on `base`; return the place of its plate."""
    paint: Colour = rng.choice([(200, 30, 35), (30, 60, 150), (235, 235, 235), (25, 25, 28), (130, 135, 140), (190, 190, 195),
                                (20, 90, 60), (220, 170, 30), (90, 50, 110), (110, 80, 60)])
    dark = tuple(int(c * 0.55) for c in paint)
    height = width * rng.uniform(0.62, 0.95)
    x1, x2, top = centre - width / 2, centre + width / 2, base - height

    def box(a: float, b: float, c: float, d: float, colour: Colour | tuple[int, ...]) -> None:
        cv2.rectangle(image, (round(a), round(b)), (round(c), round(d)), colour, -1, cv2.LINE_AA)

    cv2.ellipse(image, (round(centre), round(base)), (round(width * 0.55), round(width * 0.06)), 0, 0, 360, (25, 25, 25), -1)
    for wheel in (x1 + width * 0.06, x2 - width * 0.22):
        box(wheel, base - height * 0.2, wheel + width * 0.16, base, (18, 18, 18))
    waist, inset = top + height * 0.42, width * rng.uniform(0.06, 0.16)
    roof = np.array([(x1 + inset, top), (x2 - inset, top), (x2, waist), (x1, waist)], np.int32)
    cv2.fillPoly(image, [roof], paint, cv2.LINE_AA)
    glass = np.array([(x1 + inset * 1.5, top + height * 0.07), (x2 - inset * 1.5, top + height * 0.07),
                      (x2 - inset * 0.9, waist - 2), (x1 + inset * 0.9, waist - 2)], np.int32)
    cv2.fillPoly(image, [glass], rng.choice([(40, 50, 60), (90, 110, 125), (25, 28, 32)]), cv2.LINE_AA)
    box(x1, waist, x2, base - height * 0.1, paint)
    box(x1, base - height * rng.uniform(0.2, 0.3), x2, base - height * 0.1, rng.choice([dark, (40, 40, 42), paint]))
    lamp = rng.choice([(200, 20, 25), (160, 25, 30), (245, 240, 215), (220, 225, 230)])
    lamp_y, lamp_w, lamp_h = waist + height * 0.08, width * rng.uniform(0.1, 0.2), height * rng.uniform(0.06, 0.16)
    for x in (x1 + width * 0.03, x2 - width * 0.03 - lamp_w):
        box(x, lamp_y, x + lamp_w, lamp_y + lamp_h, lamp)
    for row in range(rng.choice([0, 0, 2, 4])):
        y = round(waist + height * (0.1 + 0.03 * row))
        cv2.line(image, (round(centre - width * 0.2), y), (round(centre + width * 0.2), y), dark, max(1, round(width * 0.012)))
    if rng.random() < 0.4:
        size = width / 600
        cv2.putText(image, rng.choice(WORDS), (round(x1 + width * 0.1), round(waist + height * 0.1)), 0, size, dark, 1, cv2.LINE_AA)
    plate_w = width * rng.uniform(0.2, 0.36)
    plate_h = plate_w * 0.5
    y = rng.uniform(waist + height * 0.12, base - height * 0.12 - plate_h * 0.6)
    return (centre - plate_w / 2 + width * rng.uniform(-0.04, 0.04), y, plate_w, plate_h)


def scene(rng: random.Random, width: int = 640, height: int = 400) -> Scene:
    """A road with flat-coloured cars, buildings, signs and markings; day, dusk or night, dry or rain."""
    horizon = round(height * rng.uniform(0.2, 0.5))
    sky: tuple[Colour, Colour] = rng.choice([((90, 150, 220), (200, 220, 240)), ((190, 195, 200), (220, 222, 225)), ((240, 150, 90), (250, 210, 150)),
                      ((15, 18, 40), (40, 45, 70))])
    grey = rng.randint(45, 120)
    ground: Colour = rng.choice([(80, 120, 60), (120, 110, 80), (150, 150, 150), (60, 80, 50)])
    image = np.vstack([_gradient(*sky, horizon, width), _gradient(ground, ground, height - horizon, width)])
    for _ in range(rng.randint(0, 8)):
        x, w, h = rng.randint(-40, width), rng.randint(30, 140), rng.randint(20, max(21, horizon))
        cv2.rectangle(image, (x, horizon - h), (x + w, horizon), tuple(rng.randint(50, 200) for _ in range(3)), -1)
        if rng.random() < 0.6:
            for wx in range(x + 4, x + w - 8, 12):
                for wy in range(horizon - h + 4, horizon - 8, 14):
                    cv2.rectangle(image, (wx, wy), (wx + 6, wy + 8), tuple(rng.choice([(230, 220, 150), (60, 70, 90)])), -1)
    vanish = rng.uniform(0.3, 0.7) * width
    road = np.array([(vanish - 20, horizon), (vanish + 20, horizon), (width * 1.2, height), (-width * 0.2, height)], np.int32)
    cv2.fillPoly(image, [road], (grey, grey, grey + 4), cv2.LINE_AA)
    for lane in (-0.1, 0.25, 0.5, 0.75, 1.1):
        for step in np.arange(0.05, 1, 0.14) if 0 < lane < 1 else [0.02]:
            end = min(step + (0.07 if 0 < lane < 1 else 0.98), 1.0)
            a = (round(vanish + (lane * width - vanish) * step), round(horizon + (height - horizon) * step))
            b = (round(vanish + (lane * width - vanish) * end), round(horizon + (height - horizon) * end))
            cv2.line(image, a, b, (225, 225, 215), max(1, round(6 * step)), cv2.LINE_AA)
    for _ in range(rng.randint(0, 4)):
        board = decoy(rng)
        s = rng.uniform(0.2, 0.6)
        board = cv2.resize(board, None, fx=s, fy=s, interpolation=cv2.INTER_AREA).astype(np.uint8)
        x, y = rng.randint(0, width - board.shape[1] - 1), rng.randint(0, max(1, horizon))
        cv2.rectangle(image, (x + board.shape[1] // 2, y), (x + board.shape[1] // 2 + 2, horizon + 20), (90, 90, 90), -1)
        image[y : y + board.shape[0], x : x + board.shape[1]] = board
    if rng.random() < 0.5:
        image = (image * np.array([rng.uniform(0.2, 1.0)])).astype(np.uint8)
    noise = np.random.default_rng(rng.getrandbits(32)).normal(0, rng.uniform(0, 8), image.shape)
    image = np.clip(image + noise, 0, 255).astype(np.uint8)
    places = []
    lanes = rng.sample([0.1, 0.38, 0.62, 0.9], rng.randint(1, 3))
    for lane, depth in zip(lanes, sorted(rng.uniform(0.25, 1.0) for _ in lanes), strict=True):
        base = horizon + (height - horizon) * depth
        centre = vanish + (lane * width - vanish) * depth
        places.append(_car(image, rng, centre, base, width * rng.uniform(0.28, 0.42) * depth))
    if rng.random() < 0.25:
        for _ in range(rng.randint(40, 200)):
            x, y, length = rng.randint(0, width), rng.randint(0, height), rng.randint(6, 22)
            cv2.line(image, (x, y), (x + 2, y + length), (170, 180, 190), 1, cv2.LINE_AA)
    return Scene(image, tuple(places))
