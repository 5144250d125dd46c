"""The still part of the scene: sky, trees, buildings, road, markings, signs and lettering that are no plates."""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.drawing.camera import Camera, Patch, Picture, premultiply
from benchmarks.drawing.plates import Colour, ink, lettering
from benchmarks.drawing.weather import LIGHTS, Light, Weather

LANES: Final = (-1.75, 1.75)
"""Middles of the lanes that come towards the camera, metres from its axis."""
KERB: Final = 3.6
"""Half the width of the carriageway, metres."""


def backdrop(camera: Camera, weather: Weather, seed: int) -> Picture:
    """Draw the empty road, at twice the size for smooth edges, then halve it."""
    rng = np.random.default_rng([seed, 3])
    double = Camera(camera.width * 2, camera.height * 2, camera.mount, camera.pitch, camera.lens)
    light = LIGHTS[weather]
    scene = _sky(double, weather, rng)
    _ground(scene, double, light, rng)
    for z in (150.0, 120.0, 95.0, 75.0, 60.0, 48.0, 38.0, 30.0):
        _roadside(scene, double, light, z, rng)
    _signs(scene, double, light)
    if weather is Weather.NIGHT:
        _street_lamps(scene, double)
    return cv2.resize(scene, (camera.width, camera.height), interpolation=cv2.INTER_AREA)


def _noise(rng: np.random.Generator, height: int, width: int, cells: int) -> npt.NDArray[np.float32]:
    """Return smooth noise, 0 to 1, in several sizes of blot."""
    total = np.zeros((height, width), np.float32)
    for octave in range(4):
        small = rng.random((cells * 2**octave, cells * 2**octave * 2), dtype=np.float32)
        total += cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC) / 2**octave
    return np.clip(total / 1.875, 0, 1)


def _sky(camera: Camera, weather: Weather, rng: np.random.Generator) -> Picture:
    """Draw the sky with clouds, or its veil."""
    light = LIGHTS[weather]
    rise = np.linspace(0, 1, camera.height, dtype=np.float32)[:, None, None] * 3
    blue = np.array((225, 178, 130), np.float32) * (1 - rise) + np.array((238, 226, 214), np.float32) * rise
    clouds = np.clip(_noise(rng, camera.height, camera.width, 4)[..., None] * 2.4 - 1.0, 0, 1)
    sky = np.clip(blue * (1 - clouds) + 240 * clouds, 0, 255)
    if weather is Weather.RAIN:
        sky = 205 - 60 * clouds + np.zeros_like(sky)
    if weather is Weather.NIGHT:
        sky = sky * 0.35
    if light.fog > 0.02:
        sky = np.zeros_like(sky) + np.array(light.veil)
        return sky.astype(np.uint8)
    return light.lit(sky.astype(np.uint8))


def _ground(scene: Picture, camera: Camera, light: Light, rng: np.random.Generator) -> None:
    """Draw verge, asphalt, tyre tracks and markings, each where its place on the ground says."""
    rows, columns = np.mgrid[0 : camera.height, 0 : camera.width].astype(np.float64)
    x, z = camera.ground(columns, rows)
    seen = np.isfinite(z) & (z > 0) & (z < 400)
    x, z = np.where(seen, x, 0.0), np.where(seen, z, 400.0)
    grain = _noise(rng, 1024, 1024, 96)
    wander = _noise(rng, 1024, 1024, 5)

    def sample(texture: npt.NDArray[np.float32], metres: float) -> npt.NDArray[np.float32]:
        across = (x / metres * 1024).astype(np.float32)
        along = (z / metres * 1024).astype(np.float32)
        return cv2.remap(texture, _mirrored(across), _mirrored(along), cv2.INTER_LINEAR)

    fade = np.exp(-z / 45).astype(np.float32)
    fine = (sample(grain, 4.0) - 0.5) * fade
    broad = sample(wander, 40.0) - 0.5
    grass = np.stack([60 + 30 * broad, 112 + 46 * broad + 90 * fine, 92 + 40 * broad], axis=-1)
    nearest = np.min([np.abs(x - lane) for lane in LANES], axis=0)
    tracks = -9 * np.exp(-(((nearest - 0.75) / 0.28) ** 2))
    asphalt = (104 + 26 * broad + 70 * fine + tracks)[..., None] * np.array((1.02, 1.0, 0.98))
    paving = (150 + 20 * broad + 60 * fine)[..., None] * np.array((0.95, 1.0, 1.03))
    away = np.abs(x)
    ground = np.where((away < KERB)[..., None], asphalt, np.where((away < KERB + 1.6)[..., None], paving, grass))
    ground[(away >= KERB) & (away < KERB + 0.14)] = (176, 178, 180)
    worn = 0.75 + 0.25 * np.clip(sample(grain, 6.0) * 2, 0, 1)
    edge = np.abs(away - (KERB - 0.3)) < 0.06
    dash = (away < 0.07) & ((z % 6.0) < 3.0)
    marks = (edge | dash)[..., None]
    ground = np.where(marks, 226 * worn[..., None] + np.zeros(3), ground)
    _painted_word(ground, x, z)
    if light.wet:
        ground = ground * 0.72 + 34
    lit = np.clip(ground * np.array(light.ambient), 0, 255)
    if light.fog:
        clear = light.clarity(np.minimum(z, 300))[..., None]
        lit = lit * clear + np.array(light.veil) * (1 - clear)
    scene[seen] = lit[seen].astype(np.uint8)


def _mirrored(place: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Fold places into a texture 1024 wide, back and forth, so that no seam shows."""
    return 1023 - np.abs(place % 2046 - 1023)


def _painted_word(ground: npt.NDArray[np.float64], x: npt.NDArray[np.float64], z: npt.NDArray[np.float64]) -> None:
    """Paint SLOW on one lane, stretched as on real roads: lettering that is no plate."""
    cover = lettering("SLOW", 300, 90.0)
    near, far, half = 19.0, 24.0, 1.0
    across = (x - LANES[1] + half) / (2 * half) * cover.shape[1]
    along = (far - z) / (far - near) * cover.shape[0]
    inside = (across >= 0) & (across < cover.shape[1]) & (along >= 0) & (along < cover.shape[0])
    strength = cover[along[inside].astype(int), across[inside].astype(int)][:, None] / 255 * 0.85
    ground[inside] = ground[inside] * (1 - strength) + 224 * strength


def _put(scene: Picture, camera: Camera, picture: Picture, alpha: npt.NDArray[np.uint8],
         place: tuple[float, float, float, float, float], light: Light) -> None:  # fmt: skip
    """Stand a picture upright in the scene: left, right, bottom, top (metres) at a distance."""
    left, right, bottom, top, z = place
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
            full = np.full(picture.shape[:2], 255, np.uint8)
            inner, outer = sorted((offset + side * 1.5, offset + side * (1.5 + wide)))
            _put(scene, camera, picture, full, (inner, outer, 0.0, tall, z), light)
            continue
        for _ in range(4):
            middle, size = offset + side * rng.uniform(0, 9), rng.uniform(3.5, 7.5)
            picture, cover = _tree(rng)
            _put(scene, camera, picture, cover, (middle - size / 2, middle + size / 2, 0.0, size, z), light)


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
    wall = tuple(int(c) for c in rng.choice([(150, 170, 190), (120, 130, 165), (185, 190, 195), (110, 125, 140)]))
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
    solid = np.full((20, 20), 255, np.uint8)
    for x in (-5.6, 5.6):
        _put(scene, camera, bar, solid, (x - 0.15, x + 0.15, 0.0, 6.6, 70.0), light)
    _put(scene, camera, bar, solid, (-5.6, 5.6, 6.3, 6.6, 70.0), light)
    board = _board(("AIRPORT  8", "CENTRE  3"), (130, 80, 20), (520, 210))
    _put(scene, camera, board, np.full(board.shape[:2], 255, np.uint8), (-4.6, -0.4, 5.0, 6.8, 69.9), light)
    board = _board(("EXIT 14",), (60, 110, 20), (420, 160))
    _put(scene, camera, board, np.full(board.shape[:2], 255, np.uint8), (0.6, 4.4, 5.2, 6.7, 69.9), light)
    board = _board(("CAR WASH", "OPEN 9 TO 5"), (40, 40, 170), (560, 260))
    _put(scene, camera, board, np.full(board.shape[:2], 255, np.uint8), (6.6, 9.4, 1.0, 2.4, 32.0), light)
    board = _board(("NO PARKING",), (225, 228, 230), (420, 110), (30, 30, 170))
    _put(scene, camera, board, np.full(board.shape[:2], 255, np.uint8), (-5.9, -4.9, 1.0, 1.28, 24.0), light)
    _put(scene, camera, bar, solid, (-5.43, -5.37, 0.0, 2.2, 24.0), light)
    disc, cover = np.full((200, 200, 3), 240, np.uint8), np.zeros((200, 200), np.uint8)
    cv2.circle(cover, (100, 100), 96, 255, -1, cv2.LINE_AA)
    cv2.circle(disc, (100, 100), 84, (40, 30, 200), 24, cv2.LINE_AA)
    number = lettering("50", 84, 44.0)
    ink(disc, number, 100 - number.shape[1] // 2, 58, (20, 20, 20))
    _put(scene, camera, disc, cover, (-5.75, -5.05, 1.45, 2.15, 24.0), light)


def _board(lines: tuple[str, ...], paper: Colour, size: tuple[int, int], tint: Colour = (240, 240, 240)) -> Picture:
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
    rows, columns = np.mgrid[0 : camera.height, 0 : camera.width].astype(np.float64)
    x, z = camera.ground(columns, rows)
    pools = np.zeros(x.shape, np.float32)
    for place in range(6):
        middle, side = 12.0 + place * 22.0, 4.5 if place % 2 else -4.5
        with np.errstate(invalid="ignore", over="ignore"):
            pools += np.nan_to_num(np.exp(-((x - side * 0.5) ** 2 / 14 + (z - middle) ** 2 / 50))).astype(np.float32)
        lamp = camera.project([[side, 7.0, middle]])[0]
        radius = max(2, round(0.16 * camera.focal / middle))
        cv2.circle(scene, (round(lamp[0]), round(lamp[1])), radius, (190, 235, 255), -1, cv2.LINE_AA)
    warm = np.clip(pools[..., None] * np.array((26, 44, 56), np.float32), 0, 255).astype(np.uint8)
    cv2.add(scene, warm, dst=scene)
