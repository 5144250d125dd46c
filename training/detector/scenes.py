"""Road scenes drawn by code: flat-coloured cars with places for plates, signs, houses, rain and night."""

import random
from dataclasses import dataclass

import cv2
import numpy as np

from training.detector.plates import WORDS, Colour, Picture, decoy, gradient

SKIES: tuple[tuple[Colour, Colour], ...] = (
    ((90, 150, 220), (200, 220, 240)),
    ((190, 195, 200), (220, 222, 225)),
    ((240, 150, 90), (250, 210, 150)),
    ((15, 18, 40), (40, 45, 70)),
)


@dataclass(frozen=True, slots=True)
class Scene:
    """A drawn road: RGB `pixels`, and the rectangles (x, y, width, height) where cars carry their plates."""

    pixels: Picture
    places: tuple[tuple[float, float, float, float], ...]


def _car(
    image: Picture, rng: random.Random, centre: float, base: float, width: float
) -> tuple[float, float, float, float]:
    """Draw one car seen from behind or in front, wheels on `base`; return the place of its plate."""
    paint: Colour = rng.choice(
        [
            (200, 30, 35),
            (30, 60, 150),
            (235, 235, 235),
            (25, 25, 28),
            (130, 135, 140),
            (190, 190, 195),
            (20, 90, 60),
            (220, 170, 30),
            (90, 50, 110),
            (110, 80, 60),
        ]
    )
    dark = tuple(int(c * 0.55) for c in paint)
    height = width * rng.uniform(0.62, 0.95)
    x1, x2, top = centre - width / 2, centre + width / 2, base - height

    def box(a: float, b: float, c: float, d: float, colour: Colour | tuple[int, ...]) -> None:
        cv2.rectangle(image, (round(a), round(b)), (round(c), round(d)), colour, -1, cv2.LINE_AA)

    cv2.ellipse(
        image,
        (round(centre), round(base)),
        (round(width * 0.55), round(width * 0.06)),
        0,
        0,
        360,
        (25, 25, 25),
        -1,
    )
    for wheel in (x1 + width * 0.06, x2 - width * 0.22):
        box(wheel, base - height * 0.2, wheel + width * 0.16, base, (18, 18, 18))
    waist, inset = top + height * 0.42, width * rng.uniform(0.06, 0.16)
    roof = np.array([(x1 + inset, top), (x2 - inset, top), (x2, waist), (x1, waist)], np.int32)
    cv2.fillPoly(image, [roof], paint, cv2.LINE_AA)
    glass = np.array(
        [
            (x1 + inset * 1.5, top + height * 0.07),
            (x2 - inset * 1.5, top + height * 0.07),
            (x2 - inset * 0.9, waist - 2),
            (x1 + inset * 0.9, waist - 2),
        ],
        np.int32,
    )
    cv2.fillPoly(image, [glass], rng.choice([(40, 50, 60), (90, 110, 125), (25, 28, 32)]), cv2.LINE_AA)
    box(x1, waist, x2, base - height * 0.1, paint)
    box(
        x1,
        base - height * rng.uniform(0.2, 0.3),
        x2,
        base - height * 0.1,
        rng.choice([dark, (40, 40, 42), paint]),
    )
    lamp = rng.choice([(200, 20, 25), (160, 25, 30), (245, 240, 215), (220, 225, 230)])
    lamp_y, lamp_w, lamp_h = (
        waist + height * 0.08,
        width * rng.uniform(0.1, 0.2),
        height * rng.uniform(0.06, 0.16),
    )
    for x in (x1 + width * 0.03, x2 - width * 0.03 - lamp_w):
        box(x, lamp_y, x + lamp_w, lamp_y + lamp_h, lamp)
    for row in range(rng.choice([0, 0, 2, 4])):
        y = round(waist + height * (0.1 + 0.03 * row))
        cv2.line(
            image,
            (round(centre - width * 0.2), y),
            (round(centre + width * 0.2), y),
            dark,
            max(1, round(width * 0.012)),
        )
    if rng.random() < 0.4:
        size = width / 600
        cv2.putText(
            image,
            rng.choice(WORDS),
            (round(x1 + width * 0.1), round(waist + height * 0.1)),
            0,
            size,
            dark,
            1,
            cv2.LINE_AA,
        )
    plate_w = width * rng.uniform(0.2, 0.36)
    plate_h = plate_w * 0.5
    plate_y = rng.uniform(waist + height * 0.12, base - height * 0.12 - plate_h * 0.6)
    return (centre - plate_w / 2 + width * rng.uniform(-0.04, 0.04), plate_y, plate_w, plate_h)


def _houses(image: Picture, rng: random.Random, horizon: int) -> None:
    for _ in range(rng.randint(0, 8)):
        x, w, h = rng.randint(-40, image.shape[1]), rng.randint(30, 140), rng.randint(20, max(21, horizon))
        cv2.rectangle(image, (x, horizon - h), (x + w, horizon), [rng.randint(50, 200) for _ in range(3)], -1)
        if rng.random() < 0.6:
            for wx in range(x + 4, x + w - 8, 12):
                for wy in range(horizon - h + 4, horizon - 8, 14):
                    light = rng.choice([(230, 220, 150), (60, 70, 90)])
                    cv2.rectangle(image, (wx, wy), (wx + 6, wy + 8), light, -1)


def _road(image: Picture, rng: random.Random, horizon: int, vanish: float) -> None:
    height, width = image.shape[:2]
    grey = rng.randint(45, 120)
    edges = [(vanish - 20, horizon), (vanish + 20, horizon), (width * 1.2, height), (-width * 0.2, height)]
    cv2.fillPoly(image, [np.array(edges, np.int32)], (grey, grey, grey + 4), cv2.LINE_AA)
    for lane in (-0.1, 0.25, 0.5, 0.75, 1.1):
        inner = 0 < lane < 1
        for start in np.arange(0.05, 1, 0.14) if inner else (0.02,):
            stop = min(start + (0.07 if inner else 0.98), 1.0)
            near, far = (
                (round(vanish + (lane * width - vanish) * step), round(horizon + (height - horizon) * step))
                for step in (start, stop)
            )
            cv2.line(image, near, far, (225, 225, 215), max(1, round(6 * start)), cv2.LINE_AA)


def _boards(image: Picture, rng: random.Random, horizon: int) -> None:
    for _ in range(rng.randint(0, 4)):
        board = decoy(rng)
        s = rng.uniform(0.2, 0.6)
        board = cv2.resize(board, None, fx=s, fy=s, interpolation=cv2.INTER_AREA).astype(np.uint8)
        rows, columns = board.shape[:2]
        x, y = rng.randint(0, image.shape[1] - columns - 1), rng.randint(0, max(1, horizon))
        middle = x + columns // 2
        cv2.rectangle(image, (middle, y), (middle + 2, horizon + 20), (90, 90, 90), -1)
        image[y : y + rows, x : x + columns] = board


def _rain(image: Picture, rng: random.Random) -> None:
    for _ in range(rng.randint(40, 200)):
        x, y = rng.randint(0, image.shape[1]), rng.randint(0, image.shape[0])
        cv2.line(image, (x, y), (x + 2, y + rng.randint(6, 22)), (170, 180, 190), 1, cv2.LINE_AA)


def scene(rng: random.Random, width: int = 640, height: int = 400) -> Scene:
    """A road with flat-coloured cars, buildings, signs and markings; day, dusk or night, dry or rain."""
    horizon = round(height * rng.uniform(0.2, 0.5))
    sky = rng.choice(SKIES)
    ground: Colour = rng.choice([(80, 120, 60), (120, 110, 80), (150, 150, 150), (60, 80, 50)])
    image = np.vstack([gradient(*sky, horizon, width), gradient(ground, ground, height - horizon, width)])
    vanish = rng.uniform(0.3, 0.7) * width
    _houses(image, rng, horizon)
    _road(image, rng, horizon, vanish)
    _boards(image, rng, horizon)
    dim = rng.uniform(0.2, 1.0) if rng.random() < 0.5 else 1.0
    noise = np.random.default_rng(rng.getrandbits(32)).normal(0, rng.uniform(0, 8), image.shape)
    image = np.clip(image * dim + noise, 0, 255).astype(np.uint8)
    places = []
    lanes = rng.sample([0.1, 0.38, 0.62, 0.9], rng.randint(1, 3))
    for lane, depth in zip(lanes, sorted(rng.uniform(0.25, 1.0) for _ in lanes), strict=True):
        base = horizon + (height - horizon) * depth
        centre = vanish + (lane * width - vanish) * depth
        places.append(_car(image, rng, centre, base, width * rng.uniform(0.28, 0.42) * depth))
    if rng.random() < 0.25:
        _rain(image, rng)
    return Scene(image, tuple(places))
