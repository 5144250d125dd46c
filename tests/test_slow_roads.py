"""Vehicles that come slowly, stand, or queue: the readings are not spent while the plate is far.

Each road is drawn with one vehicle whose way is given as metres from the camera over time. The detector finds
the plate where it was drawn; the reader reads it right only where it is large, as every reader does.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, cast

import numpy as np
import pytest
from fast_alpr.base import BaseDetector, DetectionResult
from open_image_models.detection.core.base import BoundingBox

from benchmarks.drawing.camera import Camera as Eye
from benchmarks.drawing.ground import LANES
from benchmarks.drawing.plates import FORMATS, draw_plate
from benchmarks.drawing.vehicles import Vehicle, build
from benchmarks.drawing.weather import LIGHTS, Weather
from edge.flow import COLUMNS, SLOTS, Frame, Pixels, Table
from edge.pipeline.loop import Camera, EveryFrame, Pipeline
from edge.pipeline.passes import READ_DTYPE, table_of
from edge.retention.arena import Arena
from edge.retention.window import Window
from edge.vision.zones import Zones
from hitonly_core.clock import NS, SystemClock
from hotlist.plate import ALPHABET, PAD

WIDTH, HEIGHT, FPS = 1280, 720, 25
LEGIBLE_WIDTH: Final = 48
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
    return 45.0 - 4.0 * (min(seconds, 2.5) + max(0.0, seconds - 6.5))


def queue(seconds: float) -> float:
    """Stand far down a queue for longer than a pass may last, then roll up."""
    return 40.0 - 5.0 * max(0.0, seconds - 18.0)


class DrawnPlate(BaseDetector):  # type: ignore[misc]  # fast-alpr ships no types
    """Finds the plate where it was drawn last."""

    box = (0, 0, 0, 0)

    def predict(self, frame: Pixels) -> list[DetectionResult]:
        """Return its box."""
        assert frame.any()
        return [DetectionResult("plate", 0.9, BoundingBox(*self.box))]


class NearReader:
    """Reads a large plate right; a small one wrong, the same way each time, and not surely."""

    def table(self, crop: Pixels) -> tuple[Table, Mapping[str, float]]:
        """Return the table of a crop."""
        legible = crop.shape[1] >= LEGIBLE_WIDTH
        sure = 0.9 if legible else 0.7
        table = np.full((SLOTS, COLUMNS), (1 - sure) / (COLUMNS - 1), np.float32)
        text = "AB12CDE" if legible else "A812COE"
        columns = [ALPHABET.index(character) for character in text] + [PAD] * (SLOTS - len(text))
        table[np.arange(SLOTS), columns] = sure
        return table, {}

    def scrub(self) -> None:
        """Nothing is kept."""


class NoList:
    """No hot list is in use."""

    current = None


def vehicle() -> Vehicle:
    """Return a car with a drawn plate."""
    rng = np.random.default_rng(11)
    form = FORMATS[0]
    return build(draw_plate(form, form.number(rng), rng), form.size, LIGHTS[Weather.CLEAR], rng)


@pytest.mark.parametrize(("way", "seconds"), [(slow, 13.6), (gate, 12.0), (stop, 12.0), (queue, 24.0)])
def test_a_vehicle_that_takes_its_time_is_read_when_it_is_near(way: Way, seconds: float) -> None:
    """What its pass says in the end is what the near plate says, not for the price of reading every frame."""
    eye, car, clock, detector = Eye(WIDTH, HEIGHT), vehicle(), SystemClock(), DrawnPlate()
    parts = EveryFrame(), Zones(), detector, NearReader()
    camera = Camera("c", "", cast("Any", None), *parts, None, NS // 25, 0.08, 0.9)
    window = Window(Arena(16, READ_DTYPE), clock, window_ns=180 * NS, late_ns=NS)
    pipeline = Pipeline(0, camera, window, cast("Any", NoList()), cast("Any", None), clock)
    for number in range(round(seconds * FPS)):
        z = way(number / FPS)
        corners = car.plate_corners(eye, LANES[0], z)
        (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
        if bottom >= HEIGHT:
            break
        picture = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
        car.draw(picture, eye, LANES[0], z, 0.0)
        detector.box = (round(left), round(top), round(right), round(bottom))
        frame = Frame("c", number, clock.boot_ns(), datetime.now(UTC), number * NS // FPS, picture)
        pipeline.turn(frame)
    last = table_of(max(window.live(), key=lambda slot: float(slot.record["captured_ns"])))
    read = "".join(ALPHABET[column] for column in last.argmax(axis=1) if column != PAD)
    assert read == "AB12CDE", pipeline.tally.readings
    assert pipeline.tally.readings <= MOST_READINGS
    window.destroy_all()


class HonestReader:
    """Reads what is in view, and surely: a plate that is cut off is another plate."""

    def __init__(self, whole: int) -> None:
        self._whole = whole

    def table(self, crop: Pixels) -> tuple[Table, Mapping[str, float]]:
        """Return the table of the last characters that the crop's width has room for."""
        text = "AB12CDE"[-max(3, min(7, 7 * crop.shape[1] // self._whole)) :]
        table = np.full((SLOTS, COLUMNS), 0.001, np.float32)
        columns = [ALPHABET.index(character) for character in text] + [PAD] * (SLOTS - len(text))
        table[np.arange(SLOTS), columns] = 0.964
        return table, {}

    def scrub(self) -> None:
        """Nothing is kept."""


@pytest.mark.parametrize("speed", [4, 24, 60])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_plate_that_comes_in_from_the_side_is_read_when_it_is_whole(speed: int, *, backwards: bool) -> None:
    """A part of a plate reads as another plate, and surely: what it reads as is no reading of this one."""
    clock, detector, size = SystemClock(), DrawnPlate(), (280, 60)
    camera = Camera(
        "c",
        "",
        cast("Any", None),
        EveryFrame(),
        Zones(),
        detector,
        HonestReader(290),
        None,
        NS // 25,
        0.08,
        0.9,
    )
    window = Window(Arena(16, READ_DTYPE), clock, window_ns=180 * NS, late_ns=NS)
    pipeline = Pipeline(0, camera, window, cast("Any", NoList()), cast("Any", None), clock)
    seen = []
    for number, at in enumerate(range(-size[0] + 40, WIDTH - 40, speed)):
        left = WIDTH - size[0] - at if backwards else at
        detector.box = (max(0, left), 300, min(WIDTH, left + size[0]), 300 + size[1])
        picture = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
        picture[300:360, max(0, left) : max(0, left + size[0])] = 200
        frame = Frame("c", number, clock.boot_ns(), datetime.now(UTC), number * NS // FPS, picture)
        pipeline.turn(frame)
        for slot in window.live():
            table = table_of(slot)
            seen.append("".join(ALPHABET[column] for column in table.argmax(axis=1) if column != PAD))
    assert set(seen) == {"AB12CDE"}
    window.destroy_all()
