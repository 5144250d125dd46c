"""The still part of the scene: sky, trees, buildings, road, markings, and signs that are no plates."""

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.drawing.camera import Camera, Patch, Picture, clipped, premultiply
from benchmarks.drawing.ground import draw_ground, noise
from benchmarks.drawing.plates import Colour, ink, lettering
from benchmarks.drawing.weather import LIGHTS, Light, Weather


def backdrop(camera: Camera, weather: Weather, seed: int) -> Picture:
    """Draw the empty road, at twice the size for smooth edges, then halve it."""
    rng = np.random.default_rng([seed, 3])
    double = Camera(camera.width * 2, camera.height * 2, camera.mount, camera.pitch, camera.lens)
    light = LIGHTS[weather]
    scene = _sky(double, weather, rng)
    draw_ground(scene, double, light, rng)
    for z in (150.0, 120.0, 95.0, 75.0, 60.0, 48.0, 38.0, 30.0):
        _roadside(scene, double, light, z, rng)
    _signs(scene, double, light)
    if weather is Weather.NIGHT:
        _street_lamps(scene, double)
    return clipped(cv2.resize(scene, (camera.width, camera.height), interpolation=cv2.INTER_AREA))


def _sky(camera: Camera, weather: Weather, rng: np.random.Generator) -> Picture:
    """Draw the sky with clouds, or its veil."""
    light = LIGHTS[weather]
    if light.fog > 0.02:
        return np.full((camera.height, camera.width, 3), light.veil, np.uint8)
    rise = np.linspace(0, 3, camera.height, dtype=np.float32)[:, None, None]
    high, low = np.array((225, 178, 130), np.float32), np.array((238, 226, 214), np.float32)
    clouds = np.clip(noise(rng, camera.height, camera.width, 4)[..., None] * 2.4 - 1.0, 0, 1)
    if weather is Weather.RAIN:
        sky = cv2.merge([205 - 60 * clouds] * 3)
    else:
        sky = (high + (low - high) * rise) * (1 - clouds) + 240 * clouds
    if weather is Weather.NIGHT:
        sky = sky * 0.35
    return light.lit(clipped(sky))


Place = tuple[float, float, float, float, float]
"""Left, right, bottom and top of an upright thing, and its distance, metres."""


def _put(
    scene: Picture,
    camera: Camera,
    light: Light,
    picture: Picture,
    place: Place,
    *,
    alpha: npt.NDArray[np.uint8] | None = None,
) -> None:
    """Stand a picture upright in the scene, in place; without alpha it is solid."""
    left, right, bottom, top, z = place
    if alpha is None:
        alpha = np.full(picture.shape[:2], 255, np.uint8)
    layer = premultiply(light.lit(picture), alpha)
    light.haze(layer, z)
    corners = camera.project([[left, top, z], [right, top, z], [right, bottom, z], [left, bottom, z]])
    Patch.of(layer).paste(scene, corners)


def _roadside(scene: Picture, camera: Camera, light: Light, z: float, rng: np.random.Generator) -> None:
    """Stand trees or a building on each side at one distance."""
    for side in (-1, 1):
        offset = side * rng.uniform(8.0, 11.0)
        if rng.random() < 0.35:
            wide, tall = rng.uniform(9, 15), rng.uniform(5, 9)
            picture = _building(rng)
            inner, outer = sorted((offset + side * 1.5, offset + side * (1.5 + wide)))
            _put(scene, camera, light, picture, (inner, outer, 0.0, tall, z))
            continue
        for _ in range(4):
            middle, size = offset + side * rng.uniform(0, 9), rng.uniform(3.5, 7.5)
            picture, cover = _tree(rng)
            _put(
                scene,
                camera,
                light,
                picture,
                (middle - size / 2, middle + size / 2, 0.0, size, z),
                alpha=cover,
            )


def _tree(rng: np.random.Generator) -> tuple[Picture, npt.NDArray[np.uint8]]:
    """Draw a tree of many leaves, lighter above than below, and its coverage."""
    picture, cover = np.zeros((320, 320, 3), np.uint8), np.zeros((320, 320), np.uint8)
    cv2.rectangle(picture, (150, 200), (170, 320), (48, 62, 78), -1)
    cv2.rectangle(cover, (150, 200), (170, 320), 255, -1)
    tone = rng.uniform(0.7, 1.1)
    for _ in range(420):
        turn, reach = rng.uniform(0, 2 * np.pi), np.sqrt(rng.uniform())
        x, y = int(160 + 130 * reach * np.cos(turn)), int(130 + 105 * reach * np.sin(turn))
        bright = tone * (1.15 - y / 320) * rng.uniform(0.6, 1.15)
        colour = (int(42 * bright), int(118 * bright), int(84 * bright))
        cv2.circle(picture, (x, y), int(rng.integers(8, 20)), colour, -1, cv2.LINE_AA)
        cv2.circle(cover, (x, y), 13, 255, -1, cv2.LINE_AA)
    return picture, cover


def _building(rng: np.random.Generator) -> Picture:
    """Draw a wall with rows of windows, and a roof's edge."""
    wall = tuple(
        int(c) for c in rng.choice([(150, 170, 190), (120, 130, 165), (185, 190, 195), (110, 125, 140)])
    )
    picture = np.full((300, 480, 3), wall, np.uint8)
    for row in range(50, 240, 80):
        for column in range(30, 440, 70):
            shade = int(rng.integers(50, 120))
            cv2.rectangle(picture, (column, row), (column + 38, row + 48), (shade + 15, shade + 5, shade), -1)
            cv2.rectangle(picture, (column, row), (column + 38, row + 48), (225, 228, 230), 3)
    cv2.rectangle(picture, (0, 0), (480, 18), (70, 72, 90), -1)
    return picture


def _signs(scene: Picture, camera: Camera, light: Light) -> None:
    """Stand a gantry, a hoarding and a speed sign: lettering and frames that a detector must leave alone."""
    post: Colour = (120, 122, 124)
    bar = np.full((20, 20, 3), post, np.uint8)
    for x in (-5.6, 5.6):
        _put(scene, camera, light, bar, (x - 0.15, x + 0.15, 0.0, 6.6, 70.0))
    _put(scene, camera, light, bar, (-5.6, 5.6, 6.3, 6.6, 70.0))
    board = _board(("AIRPORT  8", "CENTRE  3"), (130, 80, 20), (520, 210))
    _put(scene, camera, light, board, (-4.6, -0.4, 5.0, 6.8, 69.9))
    board = _board(("EXIT 14",), (60, 110, 20), (420, 160))
    _put(scene, camera, light, board, (0.6, 4.4, 5.2, 6.7, 69.9))
    board = _board(("CAR WASH", "OPEN 9 TO 5"), (40, 40, 170), (560, 260))
    _put(scene, camera, light, board, (6.6, 9.4, 1.0, 2.4, 32.0))
    board = _board(("NO PARKING",), (225, 228, 230), (420, 110), (30, 30, 170))
    _put(scene, camera, light, board, (-5.9, -4.9, 1.0, 1.28, 24.0))
    _put(scene, camera, light, bar, (-5.43, -5.37, 0.0, 2.2, 24.0))
    disc, cover = np.full((200, 200, 3), 240, np.uint8), np.zeros((200, 200), np.uint8)
    cv2.circle(cover, (100, 100), 96, 255, -1, cv2.LINE_AA)
    cv2.circle(disc, (100, 100), 84, (40, 30, 200), 24, cv2.LINE_AA)
    number = lettering("50", 84, 44.0)
    ink(disc, number, 100 - number.shape[1] // 2, 58, (20, 20, 20))
    _put(scene, camera, light, disc, (-5.75, -5.05, 1.45, 2.15, 24.0), alpha=cover)


def _board(
    lines: tuple[str, ...], paper: Colour, size: tuple[int, int], tint: Colour = (240, 240, 240)
) -> Picture:
    """Draw a board with lines of capitals and a rim."""
    picture = np.full((size[1], size[0], 3), paper, np.uint8)
    cv2.rectangle(picture, (6, 6), (size[0] - 7, size[1] - 7), tint, 5)
    step = size[1] // len(lines)
    for place, line in enumerate(lines):
        height = round(step * 0.5)
        cover = lettering(line, height, min(height * 0.62, (size[0] - 40) / len(line) / 1.25))
        ink(picture, cover, (size[0] - cover.shape[1]) // 2, place * step + (step - height) // 2, tint)
    return picture


def _street_lamps(scene: Picture, camera: Camera) -> None:
    """Add pools of warm light on the road, and the lamps themselves."""
    rows, columns = np.mgrid[0 : camera.height, 0 : camera.width].astype(np.float32)
    x, z = camera.ground(columns, rows)
    x, z = np.nan_to_num(x, posinf=1e4, neginf=-1e4), np.nan_to_num(z, posinf=1e4)
    pools = np.zeros(x.shape, np.float32)
    for place in range(6):
        middle, side = 12.0 + place * 22.0, 4.5 if place % 2 else -4.5
        pools += np.exp(-((x - side * 0.5) ** 2 / 14 + (z - middle) ** 2 / 50))
        column, row = np.round(camera.project([[side, 7.0, middle]])[0]).astype(int).tolist()
        radius = max(2, round(0.16 * camera.focal / middle))
        cv2.circle(scene, (column, row), radius, (190, 235, 255), -1, cv2.LINE_AA)
    cv2.add(scene, clipped(pools[..., None] * np.array((26, 44, 56), np.float32)), dst=scene)
