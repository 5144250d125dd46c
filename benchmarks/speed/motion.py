"""What the motion gate costs and lets through, and what it costs to capture in a process of its own.

Two gates see the same drawn roads: the edge's own (shares of brightness in large cells) and OpenCV's MOG2 on
a picture 320 wide, with the same holding and forced looks.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import cv2
import numpy as np

from benchmarks.drawing.weather import Weather
from benchmarks.fixtures.render import RenderSpec, Scene, write_clip
from benchmarks.harness.results import Better, Part
from benchmarks.harness.stats import Estimate, median, share
from edge.capture import open_source
from edge.capture.settings import FileSettings
from edge.flow import Pixels
from edge.vision.motion import MotionGate
from hitonly_core.clock import NS

WEATHERS: Final = (Weather.CLEAR, Weather.RAIN, Weather.NIGHT)
TRAFFIC: Final = (0.0, 6.0)
"""Vehicles a minute: an empty road, and a quiet one."""
_WIDTH: Final = 320
_AREA: Final = 0.0005
"""Share of the picture that MOG2 must find moving."""


class Gate(Protocol):
    """What is compared."""

    def moving(self, pixels: Pixels, stream_ns: int) -> bool:
        """Whether the frame is worth the detector."""


class Mog2Gate:
    """OpenCV's mixture of Gaussians on a small grey picture; holds and forces looks as `MotionGate` does."""

    def __init__(self) -> None:
        self._model = cv2.createBackgroundSubtractorMOG2(history=500, varThreshold=16, detectShadows=False)
        self._moved_ns = self._open_ns = 0

    def moving(self, pixels: Pixels, stream_ns: int) -> bool:
        """Return whether enough of the picture is not background."""
        height = round(_WIDTH * pixels.shape[0] / pixels.shape[1])
        grey = cv2.cvtColor(cv2.resize(pixels, (_WIDTH, height)), cv2.COLOR_BGR2GRAY)
        mask = cv2.medianBlur(self._model.apply(grey), 3)
        if cv2.countNonZero(mask) > _AREA * mask.size:
            self._moved_ns = stream_ns
        if stream_ns - self._moved_ns <= 3 * NS // 2 or stream_ns - self._open_ns >= 3 * NS:
            self._open_ns = stream_ns
            return True
        return False


GATES: Final[dict[str, Callable[[], Gate]]] = {"shares of brightness": MotionGate, "MOG2": Mog2Gate}


@dataclass(slots=True)
class Seen:
    """What one gate did with one clip."""

    milliseconds: list[float] = field(default_factory=list)
    opened: int = 0
    plates: int = 0
    plates_opened: int = 0

    def count(self, gate: Gate, pixels: Pixels, stream_ns: int, *, plate: bool) -> None:
        """Show the gate a frame."""
        start = time.perf_counter()
        moving = gate.moving(pixels, stream_ns)
        self.milliseconds.append((time.perf_counter() - start) * 1000)
        self.opened += moving
        self.plates += plate
        self.plates_opened += plate and moving


def watch(spec: RenderSpec) -> dict[str, Seen]:
    """Show every gate the same drawn clip."""
    scene = Scene(spec)
    legible = {box.frame for box in scene.truth.boxes if box.legible}
    gates = {name: make() for name, make in GATES.items()}
    seen = {name: Seen() for name in GATES}
    for number, pixels in enumerate(scene.frames()):
        for name, gate in gates.items():
            seen[name].count(gate, pixels, number * NS // spec.fps, plate=number in legible)
    return seen


def run(seed: int = 1, *, short: bool = False) -> dict[str, Any]:
    """Measure gates and capture; return the results' part.

    Args:
        seed: decides the drawn roads.
        short: one weather and a few seconds, as every test run makes.
    """
    seconds = 5.0 if short else 12.0
    cv2.setNumThreads(1)
    part = Part(
        "motion",
        "Motion gate and capture",
        "Two gates saw the same drawn roads, frame by frame: the edge's own, shares of brightness in large cells, "
        "and OpenCV's MOG2 on a picture 320 wide; both hold and force looks alike. Then one drawn clip was read in "
        "one process, and through a capture process with shared memory.",
    )
    weathers, traffic = ((Weather.CLEAR,), (0.0, 24.0)) if short else (WEATHERS, TRAFFIC)
    specs = [RenderSpec(seed, seconds, each, weather) for weather in weathers for each in traffic]
    _compare_gates(part, specs)
    _compare_capture(part, seed, seconds)
    return part.to_json()


def _compare_gates(part: Part, specs: Sequence[RenderSpec]) -> None:
    rows = []
    total = {name: Seen() for name in GATES}
    for spec in specs:
        for name, seen in watch(spec).items():
            rows.append((
                f"{name}, {spec.weather.value}, {spec.traffic:g} vehicles a minute",
                f"{seen.opened / spec.frames:.1%}",
                f"{seen.plates_opened} of {seen.plates}",
            ))  # fmt: skip
            total[name].milliseconds += seen.milliseconds
            total[name].plates += seen.plates
            total[name].plates_opened += seen.plates_opened
    part.table("Frames let through", ("gate and road", "frames open", "frames with a legible plate"), rows)
    for name, seen in total.items():
        key = name.replace(" ", "_").lower()
        part.figure(
            f"{key}_ms",
            f"{name}: time a 720p frame",
            median(seen.milliseconds),
            "ms",
            Better.LOWER,
            machine=True,
        )
        part.figure(
            f"{key}_plates",
            f"{name}: frames with a legible plate let through",
            share(seen.plates_opened, seen.plates),
            "share",
            Better.HIGHER,
        )
    own, other = total["shares of brightness"], total["MOG2"]
    times = [float(np.median(seen.milliseconds)) for seen in (own, other)]
    part.findings.append(
        f"The edge's gate takes {times[0]:.2f} ms a 720p frame, MOG2 {times[1]:.2f} ms; each let through "
        f"{own.plates_opened} and {other.plates_opened} of {own.plates} frames with a legible plate."
    )
    part.check(
        "no frame with a legible plate is held back",
        own.plates_opened == own.plates > 0,
        f"{own.plates_opened} of {own.plates}",
    )


def _compare_capture(part: Part, seed: int, seconds: float) -> None:
    """Read one clip in this process and through a capture process; time the copy into shared memory."""
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        write_clip(Scene(RenderSpec(seed=seed, seconds=seconds, traffic=30.0)), clip)
        decoding = _decoding(clip)
        own = _pace(_directly(clip))
        other = _pace(frame.pixels for frame in open_source(FileSettings(path=clip)).frames())
        fresh, placed = _retrieving(clip)
    rows = (
        ("in this process", f"{own[0]:.0f}", f"{own[1]:.2f}"),
        ("through a capture process", f"{other[0]:.0f}", f"{other[1]:.2f}"),
    )
    part.findings.append(
        f"A clip is read at {own[0]:.0f} frames a second in one process and {other[0]:.0f} through a capture "
        f"process, which leaves {own[1]:.2f} and {other[1]:.2f} ms of the edge's own processor time a frame; "
        "the picture is decoded into the shared memory, so there is no copy to pay for."
    )
    part.table("Reading a 720p clip", ("how", "frames a second", "ms of this process's time a frame"), rows)
    part.figure(
        "decode_ms",
        "Decoding a 720p MPEG-4 frame, without making pixels of it",
        Estimate(decoding, decoding, decoding, 1),
        "ms",
        Better.LOWER,
        machine=True,
    )
    part.figure(
        "fresh_ms", "A 720p frame into a fresh array", median(fresh), "ms", Better.LOWER, machine=True
    )
    part.figure(
        "placed_ms", "A 720p frame into a place it is given", median(placed), "ms", Better.LOWER, machine=True
    )


def _pace(frames: Iterator[Pixels]) -> tuple[float, float]:
    """Return frames a second, and this process's milliseconds of processor time a frame."""
    next(frames)  # opening and starting are not the pace
    start, spent, count = time.perf_counter(), time.process_time(), 0
    for _ in frames:
        count += 1
    return count / (time.perf_counter() - start), (time.process_time() - spent) * 1000 / count


def _decoding(clip: Path) -> float:
    """Return this process's milliseconds of processor time a frame for decoding alone: no loop needs less."""
    capture = cv2.VideoCapture(str(clip), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    capture.grab()
    spent, count = time.process_time(), 0
    while capture.grab():
        count += 1
    return (time.process_time() - spent) * 1000 / count


def _directly(clip: Path) -> Iterator[Pixels]:
    capture = cv2.VideoCapture(str(clip), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    while capture.grab():
        yield np.asarray(capture.retrieve()[1], np.uint8)


def _retrieving(clip: Path) -> tuple[list[float], list[float]]:
    """Return the milliseconds that `retrieve` takes, into a fresh array and into a given one, in turns."""
    capture = cv2.VideoCapture(str(clip), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    capture.grab()
    place = np.array(capture.retrieve()[1], np.uint8)
    times: tuple[list[float], list[float]] = ([], [])
    while capture.grab():
        for into, spent in ((None, times[0]), (place, times[1])):
            start = time.perf_counter()
            capture.retrieve(into)
            spent.append((time.perf_counter() - start) * 1000)
    return times
