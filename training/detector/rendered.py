"""Frames of the benchmark's rendered road with every plate's true box: more drawn scenes, in five weathers."""

import random
from collections.abc import Iterator

import cv2
import numpy as np

from benchmarks.drawing.weather import Weather
from benchmarks.fixtures.render import RenderSpec, Scene
from training.detector.plates import Picture
from training.detector.teacher import Boxes

FIRST_TRAINING_SEED = 9000
FIRST_TEST_SEED = 8000
"""The demo and the benchmarks use small seeds: no vehicle stands in two of the three."""
PER_CLIP = 8


def rendered(count: int, first_seed: int, width: int) -> Iterator[tuple[Picture, Boxes, list[bool]]]:
    """Yield frames (RGB, `width` pixels wide), boxes of plates in view, and whether each is legible at 1280."""
    rng = random.Random(first_seed)
    weathers = list(Weather)
    scale = width / 1280
    for number in range(count):
        if number % PER_CLIP == 0:
            clip = number // PER_CLIP
            weather = weathers[clip % len(weathers)]
            spec = RenderSpec(seed=first_seed + clip, seconds=12, traffic=45, weather=weather)
            scene = Scene(spec)
        frame = rng.randrange(scene.spec.frames)
        found = [box for box in scene.truth.boxes if box.frame == frame]
        boxes = [(box.x, box.y, box.x + box.width, box.y + box.height) for box in found]
        size = (width, round(720 * scale))
        picture = cv2.resize(scene.frame(frame), size, interpolation=cv2.INTER_AREA)
        pixels = np.ascontiguousarray(picture[:, :, ::-1], np.uint8)
        yield (
            pixels,
            np.array(boxes, np.float32).reshape(-1, 4) * np.float32(scale),
            [box.legible for box in found],
        )
