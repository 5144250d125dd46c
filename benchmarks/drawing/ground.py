"""The ground: verge, paving, asphalt with tyre tracks, and markings, each where its place in metres says."""

from typing import Final

import cv2
import numpy as np

from benchmarks.drawing.camera import Camera, Floats, Picture, clipped
from benchmarks.drawing.plates import lettering
from benchmarks.drawing.weather import Light

LANES: Final = (-1.75, 1.75)
"""Middles of the lanes that come towards the camera, metres from its axis."""
KERB: Final = 3.6
"""Half the width of the carriageway, metres."""
HORIZON: Final = 400.0
"""Ground farther away than this is not drawn, metres."""
TEXTURE: Final = 1024


def noise(rng: np.random.Generator, height: int, width: int, cells: int) -> Floats:
    """Return smooth noise, 0 to 1, in several sizes of blot."""
    total = np.zeros((height, width), np.float32)
    for octave in range(4):
        small = rng.random((cells * 2**octave, cells * 2**octave * 2), dtype=np.float32)
        total += cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC) / 2**octave
    smooth: Floats = np.clip(total / np.float32(1.875), 0, 1, dtype=np.float32)
    return smooth


def draw_ground(scene: Picture, camera: Camera, light: Light, rng: np.random.Generator) -> None:
    """Draw all ground that the camera sees, in place."""
    rows, columns = np.mgrid[0 : camera.height, 0 : camera.width].astype(np.float32)
    below = camera.ground(columns[:, 0], rows[:, 0])[1]
    first = int(np.argmax(np.isfinite(below) & (below > 0) & (below < HORIZON)))
    x, z = camera.ground(columns[first:], rows[first:])
    colours = _surface(x, z, rng)
    _painted_word(colours, x, z)
    if light.wet:
        colours = colours * 0.72 + 34
    colours *= np.array(light.ambient, np.float32)
    if light.fog:
        clear = light.clarity(z)[..., None].astype(np.float32)
        colours = colours * clear + np.array(light.veil, np.float32) * (1 - clear)
    scene[first:] = clipped(colours)


def _surface(x: Floats, z: Floats, rng: np.random.Generator) -> Floats:
    """Return the colour (H x W x 3) of each piece of ground."""
    grain, wander = noise(rng, TEXTURE, TEXTURE, 96), noise(rng, TEXTURE, TEXTURE, 5)
    fine = (_sample(grain, x, z, 4.0) - 0.5) * np.exp(-z / 45)
    broad = _sample(wander, x, z, 40.0) - 0.5
    away = np.abs(x)
    nearest = np.min([np.abs(x - np.float32(lane)) for lane in LANES], axis=0)
    tracks = 9 * np.exp(-(((nearest - 0.75) / 0.28) ** 2))
    asphalt = 104 + 26 * broad + 70 * fine - tracks
    colours: Floats = cv2.merge([asphalt * 1.02, asphalt, asphalt * 0.98]).astype(np.float32, copy=False)
    paving = (away >= KERB) & (away < KERB + 1.6)
    stone = 150 + 20 * broad[paving] + 60 * fine[paving]
    colours[paving] = np.stack([stone * 0.95, stone, stone * 1.03], axis=-1)
    verge = away >= KERB + 1.6
    soft, blades = broad[verge], fine[verge]
    colours[verge] = np.stack([60 + 30 * soft, 112 + 46 * soft + 90 * blades, 92 + 40 * soft], axis=-1)
    colours[(away >= KERB) & (away < KERB + 0.14)] = (176, 178, 180)
    marks = (np.abs(away - (KERB - 0.3)) < 0.06) | ((away < 0.07) & ((z % 6.0) < 3.0))
    worn = 0.75 + 0.25 * np.clip(_sample(grain, x, z, 6.0)[marks] * 2, 0, 1)
    colours[marks] = 226 * worn[:, None]
    return colours


def _sample(texture: Floats, x: Floats, z: Floats, metres: float) -> Floats:
    """Return a texture `metres` wide at places of the ground, folded back and forth so that no seam shows."""
    folded = [
        (TEXTURE - 1) - np.abs(place / np.float32(metres) * TEXTURE % (2 * TEXTURE - 2) - (TEXTURE - 1))
        for place in (x, z)
    ]
    return cv2.remap(texture, folded[0], folded[1], cv2.INTER_LINEAR).astype(np.float32, copy=False)


def _painted_word(ground: Floats, x: Floats, z: Floats) -> None:
    """Paint SLOW on one lane, stretched as on real roads: lettering that is no plate."""
    cover = lettering("SLOW", 300, 90.0)
    near, far, half = 19.0, 24.0, 1.0
    across = (x - LANES[1] + half) / (2 * half) * cover.shape[1]
    along = (far - z) / (far - near) * cover.shape[0]
    inside = (across >= 0) & (across < cover.shape[1]) & (along >= 0) & (along < cover.shape[0])
    strength = cover[along[inside].astype(int), across[inside].astype(int)][:, None] / np.float32(255) * 0.85
    ground[inside] = ground[inside] * (1 - strength) + 224 * strength
