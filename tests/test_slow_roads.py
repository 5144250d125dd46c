"""Vehicles that come slowly, stand, or queue: the readings are not spent while the plate is far.

Each road is drawn with one vehicle whose way is given as metres from the camera over time, and watched by the
real box with the bundled weights.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import pytest

from benchmarks.department import Reading, configuration, found
from benchmarks.drawing.camera import Camera
from benchmarks.drawing.ground import LANES
from benchmarks.drawing.plates import FORMATS, draw_plate
from benchmarks.drawing.road import backdrop
from benchmarks.drawing.vehicles import build
from benchmarks.drawing.weather import LIGHTS, Air, Weather
from edge.box import Box, Listener
from edge.hit import Hit

WIDTH, HEIGHT, FPS = 1280, 720, 25
MOST_READINGS: Final = 40
"""Readings of one vehicle: far fewer than frames, however long it is in view."""
Way = Callable[[float], float]
"""Metres from the camera at a moment, seconds."""


def slow(seconds: float) -> float:
    """Come from very far at walking pace: in view for 340 frames."""
    return 45.0 - 2.6 * seconds


def gate(seconds: float) -> float:
    """Come to a gate, ever slower."""
    return 9.0 + 40.0 * float(np.exp(-seconds / 2.5))


def stop(seconds: float) -> float:
    """Come, stand for four seconds half-way, and go on."""
    return 30.0 - 3.5 * (min(seconds, 3.0) + max(0.0, seconds - 7.0))


def queue(seconds: float) -> float:
    """Stand far down a queue for longer than a pass may last, then roll up."""
    return 40.0 - 5.0 * max(0.0, seconds - 18.0)


def draw(out: Path, way: Way, seconds: float, seed: int) -> str:
    """Draw one vehicle's way as a clip; return its plate."""
    rng = np.random.default_rng([seed, 11])
    camera, light = Camera(WIDTH, HEIGHT), LIGHTS[Weather.CLEAR]
    form = FORMATS[int(rng.integers(len(FORMATS)))]
    groups = form.number(rng)
    vehicle = build(draw_plate(form, groups, rng), form.size, light, rng)
    empty = backdrop(camera, Weather.CLEAR, seed)
    air = Air(Weather.CLEAR, WIDTH, HEIGHT, seed)
    writer = cv2.VideoWriter(str(out), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"mp4v"), FPS, (WIDTH, HEIGHT))
    for number in range(round(seconds * FPS)):
        picture, now = empty.copy(), number / FPS
        travel = (way(now) - way(now + 1 / FPS)) * FPS * light.shutter
        vehicle.draw(picture, camera, LANES[0], way(now), travel)
        writer.write(air.apply(picture, number))
    writer.release()
    return "".join(groups)


@pytest.mark.parametrize(("way", "seconds"), [(slow, 13.6), (gate, 12.0), (stop, 10.0), (queue, 24.0)])
def test_a_vehicle_that_takes_its_time_is_read_when_it_is_near(
    way: Way, seconds: float, tmp_path: Path
) -> None:
    """It is hit, as exactly what its plate says, and not for the price of reading every frame."""
    plate = draw(tmp_path / "road.mp4", way, seconds, seed=1)
    found(tmp_path, [plate])
    hits: list[Hit] = []
    config = configuration(tmp_path, tmp_path / "road.mp4", Reading(), realtime=False)
    box = Box.assemble(config, listener=Listener(hit=hits.append))
    box.run()
    assert [hit.plate_read for hit in hits] == [plate]
    assert box.pipelines[0].tally.readings <= MOST_READINGS
