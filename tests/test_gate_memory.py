"""What the motion gate remembers cannot hold a plate, and has an end: each attack with its control."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Final

import cv2
import numpy as np
import pytest

from benchmarks.drawing.plates import FORMATS, draw_plate
from benchmarks.leaks.builds import Remembering
from edge.flow import Pixels
from edge.pipeline.hit_maker import likeliest
from edge.vision import models
from edge.vision.motion import LONGEST_LIFE_NS, MotionGate, life_within
from edge.vision.reader import PlateReader
from hitonly_core.clock import NS
from tests.hand_clock import HandClock

WIDTH, HEIGHT, RATE = 1280, 720, 5
GB: Final = FORMATS[0]


def plate(seed: int, width: int) -> tuple[str, Pixels]:
    """Return a drawn plate and its text; plates of two seeds differ in their characters only."""
    groups = GB.number(np.random.default_rng(seed))
    picture = draw_plate(GB, groups, np.random.default_rng(0))  # the same dirt on each
    height = round(picture.shape[0] * width / picture.shape[1])
    return "".join(groups), np.asarray(
        cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8
    )


def resized(pixels: Pixels, width: int, height: int) -> Pixels:
    """Return a picture at another size."""
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def road(seed: int) -> Pixels:
    """Return an empty road with the sensor's noise."""
    rng = np.random.default_rng(seed)
    grey = 110 + cv2.resize(rng.normal(0, 12, (45, 80)), (WIDTH, HEIGHT)) + rng.normal(0, 4, (HEIGHT, WIDTH))
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def with_car(pixels: Pixels, sign: Pixels | None, x: int, y: int = 330) -> Pixels:
    """Return the road with a car at x; its plate stands out of the picture where that is None."""
    seen = pixels.copy()
    width = 260 if sign is None else sign.shape[1]
    left, right = max(0, x - width // 2), min(WIDTH, x + width + width // 2)
    seen[max(0, y - width // 2) : y + width // 2, left:right] = 55
    if sign is not None and x >= 0 and x + width <= WIDTH:
        seen[y : y + sign.shape[0], x : x + width] = sign
    return seen


def held(gate: MotionGate) -> list[np.ndarray]:
    """Return every array that the gate holds between frames and that follows a picture."""
    constant = {"_first_of_cell", "_watched"}
    summaries = (gate._older, gate._younger, gate._recent)
    arrays = [
        value for name, value in vars(gate).items() if isinstance(value, np.ndarray) and name not in constant
    ]
    return [*arrays, *(summary._steps for summary in summaries)]


def drive(gate: MotionGate, clock: HandClock, frames: Sequence[Pixels] | Iterator[Pixels]) -> None:
    """Show frames, `RATE` a second, on the hand clock."""
    for pixels in frames:
        clock.now += NS // RATE
        gate.moving(pixels, clock.now)


@cache
def roads() -> list[Pixels]:
    """Return the empty road in eight noises."""
    return [road(number) for number in range(8)]


def empty(count: int) -> Iterator[Pixels]:
    """Yield an empty road."""
    return (roads()[number % 8] for number in range(count))


def traffic(count: int) -> Iterator[Pixels]:
    """Yield cars without plates that never pause and cover the place where another stood."""
    return (with_car(roads()[number % 8], None, (number * 90) % 1700 - 400) for number in range(count))


def stopped(sign: Pixels, seconds: int) -> Iterator[Pixels]:
    """Yield a car that drives in, stops with its plate in view, and drives off."""
    for step in range(6):
        yield with_car(roads()[step], sign, -200 + step * 120)
    for number in range(seconds * RATE):
        yield with_car(roads()[number % 8], sign, 400)
    for step in range(8):
        yield with_car(roads()[step], sign, 400 + step * 140)


def darker(frames: Iterator[Pixels]) -> Iterator[Pixels]:
    """Yield frames under half the light."""
    return (pixels // 2 for pixels in frames)


SCENES: Final[dict[str, Callable[[Pixels], list[Pixels]]]] = {
    "a car that stops": lambda sign: [*empty(20), *stopped(sign, 17)],
    "a long stop": lambda sign: [*empty(20), *stopped(sign, 40)],
    "the first frame": lambda sign: [with_car(roads()[0], sign, 400)],
    "a change of light": lambda sign: [*empty(20), *darker(iter([with_car(roads()[0], sign, 400)] * 3))],
    "a big near plate": lambda sign: [*empty(5), *stopped(resized(sign, 960, 207), 9)],
}


@pytest.mark.parametrize("window_s", [180, 5])
@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("after", ["traffic that never pauses", "an empty road", "no frame at all"])
def test_after_its_life_nothing_tells_which_plate_was_there(scene: str, after: str, window_s: int) -> None:
    """Two runs that differ only in the plate shown leave the same bytes, once the life has passed."""
    left = []
    for seed in (1, 2):
        clock = HandClock(NS)
        life_ns = life_within(window_s * NS)
        assert life_ns < window_s * NS
        gate = MotionGate(life_ns=life_ns, clock=clock)
        drive(gate, clock, SCENES[scene](plate(seed, 260)[1]))
        seconds = life_ns // NS + 1
        if after == "no frame at all":
            clock.now += life_ns
            gate.lapse(clock.now)
        else:
            drive(gate, clock, (traffic if after.startswith("traffic") else empty)(seconds * RATE))
        left.append([array.tobytes() for array in held(gate)])
        if after == "no frame at all":
            assert not any(any(content) for content in left[-1])
    assert left[0] == left[1]


@pytest.mark.parametrize("scene", ["a car that stops", "the first frame"])
def test_the_same_attack_tells_plates_apart_in_a_background_of_pixels(scene: str) -> None:
    """The control: a gate that learned pixels still holds the plate after minutes of traffic."""
    left = []
    for seed in (1, 2):
        memory = Remembering()
        frames = [*SCENES[scene](plate(seed, 260)[1]), *traffic(200 * RATE)]
        for number, pixels in enumerate(frames):
            memory.look(np.ascontiguousarray(pixels[::4, ::4, 1]), number * NS // RATE)
        assert memory.background is not None
        left.append(memory.background.tobytes())
    assert left[0] != left[1]


def test_a_summary_never_outlives_its_life() -> None:
    """Whatever happens on the road, no summary is older than the life; the purge's beat holds it without frames."""
    clock = HandClock(NS)
    gate = MotionGate(life_ns=10 * NS, clock=clock)
    for pixels in [*empty(30), *stopped(plate(1, 260)[1], 20), *traffic(200), *empty(100)]:
        clock.now += NS // RATE
        gate.moving(pixels, clock.now)
        for summary in (gate._older, gate._younger, gate._recent):
            assert not summary.taken_ns or clock.now - summary.taken_ns < 10 * NS
    clock.now += 10 * NS
    gate.lapse(clock.now)
    assert not any(array.any() for array in held(gate))
    assert gate.moving(roads()[0], clock.now + 1), "a gate that knows nothing opens"


def test_a_window_of_zero_has_a_gate_without_memory() -> None:
    """Every frame is let through, and nothing of it is kept, not even its size."""
    gate = MotionGate(life_ns=life_within(0))
    assert all(gate.moving(pixels, number * NS) for number, pixels in enumerate(empty(20)))
    assert not any(array.any() for array in held(gate))


def test_the_life_lies_inside_every_window() -> None:
    """With the frame's own age and the purge's beat, too; never above the longest life."""
    for milliseconds in range(0, 180_001, 50):
        window_ns = milliseconds * 1_000_000
        life_ns = life_within(window_ns)
        assert life_ns == 0 or life_ns + NS // 4 <= window_ns
        assert life_ns <= LONGEST_LIFE_NS


def test_nothing_of_a_turn_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thinned picture and all that was worked out of it are zeros when the turn ends, also after a fault."""
    gate = MotionGate()
    drive(gate, HandClock(NS), [with_car(roads()[0], plate(1, 260)[1], 400)])
    scratch = (gate._counted, gate._spectra, gate._shares, gate._apart, gate._change)
    assert not any(array.any() for array in scratch)

    def broken(*_: object) -> bool:
        assert gate._shares.any()
        raise ZeroDivisionError

    monkeypatch.setattr(gate, "_moves", broken)
    with pytest.raises(ZeroDivisionError):
        gate.moving(roads()[1], 9 * NS)
    assert not any(array.any() for array in scratch)


def as_picture(gate: MotionGate) -> Pixels:
    """Return the best picture of the road that the gate's memory gives: each cell at its mean brightness."""
    shares = gate._older._steps.astype(np.float32)
    levels = np.linspace(0, 255, shares.shape[2])
    grey = (shares @ levels / np.maximum(shares.sum(axis=2), 1)).astype(np.uint8)
    large = resized(grey, WIDTH, HEIGHT)
    return np.repeat(large[:, :, None], 3, axis=2)


@pytest.fixture(scope="module")
def reader() -> PlateReader:
    """Return the bundled reader."""
    spec = models.spec_for("hitonly-ocr", None, "reader")
    return PlateReader(models.load(spec, models.folders(None)))


def agreement(reader: PlateReader, crop: Pixels, text: str) -> int:
    """Return how many characters of a plate the reader gets right, each at its place."""
    table, _ = reader.table(np.ascontiguousarray(crop))
    return sum(one == other for one, other in zip(likeliest(table, 1)[0].text, text, strict=False))


@pytest.mark.parametrize("width", [130, 260, 480, 960])
def test_no_reader_reads_a_plate_from_the_gates_memory(width: int, reader: PlateReader) -> None:
    """Told where the plate stood, the reader gets no more of it right from the memory than of another plate.

    The control: from the old gate's small picture of the same frame it reads the larger ones.
    """
    own = other = thinned = 0
    for seed in range(12):
        text, sign = plate(seed, width)
        wrong, _ = plate(seed + 100, width)
        x, y = (WIDTH - width) // 2, 330
        frame = with_car(roads()[seed % 8], sign, x, y)
        gate = MotionGate()
        gate.moving(frame, NS)
        box = slice(y, y + sign.shape[0]), slice(x, x + width)
        own += agreement(reader, as_picture(gate)[box], text)
        other += agreement(reader, as_picture(gate)[box], wrong)
        small = resized(frame[::4, ::4], WIDTH, HEIGHT)
        thinned += agreement(reader, small[box], text)
    assert abs(own - other) <= 8
    assert width < 260 or thinned > own + 24, (own, other, thinned)


def told_apart(width: int, pairs: int) -> tuple[float, float]:
    """Return how often the nearer of two plates is the shown one: by the gate's memory, and by thinned pixels.

    The attacker knows the scene, the place, the pose, and that it was one of two plates.
    """
    right = control = 0.0
    for number in range(pairs):
        signs = [plate(1000 + 2 * number + which, width)[1] for which in (0, 1)]
        x, y = 40 + number * 37 % max(1, WIDTH - width - 80), 330
        scenes = [with_car(roads()[2], sign, x, y) for sign in signs]
        shown = with_car(roads()[5], signs[0], x, y)
        states = [_steps(pixels) for pixels in (shown, *scenes)]
        right += _nearer(states)
        control += _nearer([pixels[::4, ::4, 1].astype(int) for pixels in (shown, *scenes)])
    return right / pairs, control / pairs


def _steps(pixels: Pixels) -> np.ndarray:
    gate = MotionGate()
    gate.moving(pixels, NS)
    return gate._older._steps.astype(int)


def _nearer(states: Sequence[np.ndarray]) -> float:
    first, second = (int(np.abs(states[0] - other).sum()) for other in states[1:])
    return 0.5 if first == second else float(first < second)


@pytest.mark.parametrize("width", [130, 260])
def test_two_plates_of_a_usual_size_are_not_told_apart(width: int) -> None:
    """Knowing everything but which of two plates it was, the memory is little better than a coin; pixels tell.

    A plate that fills most of the picture is another matter: there a cell holds about a character's share of ink,
    and this attacker tells the two apart. docs/forgetting.md says so; what bounds it is the memory's end.
    """
    memory, pixels = told_apart(width, 60)
    assert memory <= 0.75
    assert pixels >= 0.95


def test_the_form_is_coarse_by_construction() -> None:
    """A cell is wider than a character of a plate that fills three quarters of the picture; five levels a cell."""
    for detector_width, most in ((384, 8), (448, 9), (1280, 12)):
        gate = MotionGate(detector_width=detector_width)
        gate.moving(roads()[0], NS)
        rows, columns, levels = gate._older._steps.shape
        assert (columns, levels) == (most, 5)
        assert rows <= columns
        assert gate._older._steps.max() <= 16
        if detector_width <= 448:
            assert WIDTH / columns > 0.75 * WIDTH / 7
