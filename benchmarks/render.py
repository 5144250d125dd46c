"""A road video drawn by code, with its ground truth; the same seed gives the same frames.

No picture of anybody is used, and no plate drawn can be on a real car (`benchmarks.drawing.plates`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from benchmarks.drawing.camera import Camera, Picture
from benchmarks.drawing.ground import LANES
from benchmarks.drawing.plates import FORMATS, draw_plate
from benchmarks.drawing.road import backdrop
from benchmarks.drawing.vehicles import Vehicle, build
from benchmarks.drawing.weather import LIGHTS, Air, Weather
from benchmarks.truth import TrueBox, TruePass, Truth, write_boxes, write_truth

LEGIBLE_PIXELS: Final = 11.0
"""A plate counts as legible while it is wholly in view and its characters are at least this high."""
HEADWAY: Final = 1.6
"""Least time between two vehicles of one lane, seconds."""
LEAD: Final = 6.0
"""Seconds of traffic before and after a clip through which traffic flows."""
FAR: Final = 140.0
"""Where vehicles appear, metres from the camera."""
BEHIND: Final = 5.0
"""How far past the camera a vehicle's nose is when the last of its roof has left the picture, metres."""


@dataclass(frozen=True, slots=True)
class RenderSpec:
    """What to draw.

    Attributes:
        seed: decides everything that is left to chance.
        seconds: length of the clip.
        traffic: vehicles a minute over both lanes.
        weather: one of `Weather`.
        width: of the picture, pixels.
        height: of the picture, pixels.
        fps: frames a second.
        speed: of the vehicles, metres a second, give or take a tenth.
        flowing: whether traffic has begun before the first frame and goes on after the last; else every
            vehicle passes wholly inside the clip.

    Raises:
        ValueError: a length, size or rate is not positive, or the lanes cannot carry the traffic.
    """

    seed: int = 1
    seconds: float = 24.0
    traffic: float = 30.0
    weather: Weather = Weather.CLEAR
    width: int = 1280
    height: int = 720
    fps: int = 25
    speed: float = 11.0
    flowing: bool = False

    def __post_init__(self) -> None:
        if min(self.seconds, self.width, self.height, self.fps, self.speed) <= 0 or self.traffic < 0:
            raise ValueError(
                "seconds, width, height, fps and speed must be positive, and traffic not negative"
            )
        if self.vehicles > self.places * len(LANES):
            most = self.places * len(LANES) * 60 / self._span
            raise ValueError(
                f"{self.traffic:g} vehicles a minute are more than the road carries ({most:.0f})"
            )

    @property
    def frames(self) -> int:
        """How many frames the clip has."""
        return round(self.seconds * self.fps)

    @property
    def vehicles(self) -> int:
        """How many vehicles pass."""
        return round(self.traffic * self._span / 60)

    @property
    def places(self) -> int:
        """How many vehicles one lane can carry, each wholly inside the clip."""
        return max(0, int((self._span - 2.0) / HEADWAY))

    @property
    def begins(self) -> float:
        """When the first vehicle may arrive at the camera, seconds after the first frame."""
        return -LEAD if self.flowing else 1.6

    @property
    def _span(self) -> float:
        """Seconds of traffic."""
        return self.seconds + 2 * LEAD if self.flowing else self.seconds


@dataclass(frozen=True, slots=True)
class _Journey:
    """One vehicle's way: where its nose is at each moment."""

    vehicle: Vehicle
    plate: str
    region: str
    character: float
    lane: float
    arrives: float
    speed: float

    def z(self, seconds: float) -> float:
        """Metres from the camera."""
        return 8.0 + (self.arrives - seconds) * self.speed


@dataclass
class Scene:
    """A clip that can be asked for any of its frames.

    Attributes:
        spec: what is drawn.
        truth: what it holds, computed from the same geometry as the pixels.
    """

    spec: RenderSpec
    camera: Camera = field(init=False)

    def __post_init__(self) -> None:
        self.camera = Camera(self.spec.width, self.spec.height)
        self._light = LIGHTS[self.spec.weather]
        self._air = Air(self.spec.weather, self.spec.width, self.spec.height, self.spec.seed)
        self._empty = backdrop(self.camera, self.spec.weather, self.spec.seed)
        self._journeys = self._plan()

    def frame(self, number: int) -> Picture:
        """Draw one frame: H x W x 3 uint8, BGR."""
        picture = self._empty.copy()
        now = number / self.spec.fps
        present = [(journey.z(now), journey) for journey in self._journeys]
        for z, journey in sorted(present, key=lambda pair: -pair[0]):
            if -BEHIND < z < FAR:
                travel = journey.speed * self._light.shutter
                journey.vehicle.draw(picture, self.camera, journey.lane, z, travel)
        return self._air.apply(picture, number)

    def frames(self) -> Iterator[Picture]:
        """Draw all frames, in order."""
        return (self.frame(number) for number in range(self.spec.frames))

    @cached_property
    def truth(self) -> Truth:
        """What the clip holds."""
        boxes = [box for number in range(self.spec.frames) for box in self._boxes(number)]
        passes = []
        for journey in self._journeys:
            seen = [box.frame for box in boxes if box.plate == journey.plate and box.legible]
            if seen:
                passes.append(TruePass(journey.plate, journey.region, seen[0], seen[-1]))
        ordered = sorted(passes, key=lambda one: (one.first_frame, one.plate))
        return Truth(tuple(ordered), tuple(boxes), self.spec.frames)

    def _boxes(self, number: int) -> list[TrueBox]:
        """Return the plates wholly in view in one frame."""
        boxes = []
        for journey in self._journeys:
            z = journey.z(number / self.spec.fps)
            if not 1.0 < z < FAR:
                continue
            corners = journey.vehicle.plate_corners(self.camera, journey.lane, z)
            (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
            if left < 1 or top < 1 or right > self.spec.width - 1 or bottom > self.spec.height - 1:
                continue
            tall = (bottom - top) * journey.character
            boxes.append(
                TrueBox(number, journey.plate, left, top, right - left, bottom - top, tall >= LEGIBLE_PIXELS)
            )
        return boxes

    def _plan(self) -> list[_Journey]:
        """Give each vehicle a lane, a moment, a speed, a shape and a number of its own."""
        rng = np.random.default_rng([self.spec.seed, 5])
        slots = [(lane, place) for lane in range(len(LANES)) for place in range(self.spec.places)]
        chosen = sorted(rng.permutation(len(slots))[: self.spec.vehicles].tolist())
        jitter = rng.uniform(0.0, 0.35, size=len(LANES))
        journeys: list[_Journey] = []
        taken: set[str] = set()
        for slot in chosen:
            lane, place = slots[slot]
            arrives = self.spec.begins + place * HEADWAY + float(jitter[lane]) + rng.uniform(-0.2, 0.2)
            journeys.append(self._journey(lane, arrives, taken, rng))
        return journeys

    def _journey(self, lane: int, arrives: float, taken: set[str], rng: np.random.Generator) -> _Journey:
        """Make one vehicle with a number that no other of the clip has."""
        while True:
            form = FORMATS[rng.integers(len(FORMATS))]
            groups = form.number(rng)
            plate = "".join(groups)
            if plate not in taken:
                break
        taken.add(plate)
        picture = draw_plate(form, groups, rng)
        return _Journey(
            vehicle=build(picture, form.size, self._light, rng),
            plate=plate,
            region=form.region,
            character=form.character[1] / form.size[1],
            lane=LANES[lane] + rng.uniform(-0.2, 0.2),
            arrives=arrives,
            speed=self.spec.speed * rng.uniform(0.95, 1.05),
        )


def write_clip(scene: Scene, out: Path, advance: Callable[[int], None] | None = None) -> None:
    """Encode a scene as MPEG-4, which the OpenCV wheel can write without any system package.

    `advance` is called with 1 after each frame, for a progress bar.

    Raises:
        OSError: the file cannot be written.
    """
    size = (scene.spec.width, scene.spec.height)
    writer = cv2.VideoWriter(str(out), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"mp4v"), scene.spec.fps, size)
    if not writer.isOpened():
        raise OSError(
            f"{out}: cannot be written as an MPEG-4 clip; the folder must exist and the name end in .mp4"
        )
    try:
        for frame in scene.frames():
            writer.write(frame)
            if advance:
                advance(1)
    finally:
        writer.release()


def render(
    spec: RenderSpec,
    out: Path,
    truth: Path | None = None,
    boxes: Path | None = None,
    advance: Callable[[int], None] | None = None,
) -> Truth:
    """Draw a clip and its truth files; return what the clip holds.

    Raises:
        OSError: a file cannot be written.
    """
    scene = Scene(spec)
    write_clip(scene, out, advance)
    if truth:
        write_truth(scene.truth, truth)
    if boxes:
        write_boxes(scene.truth, boxes)
    return scene.truth
