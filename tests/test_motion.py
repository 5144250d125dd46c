"""The gate before the detector: closed on a still road, open for whatever might carry a plate."""

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.flow import Pixels
from edge.vision.motion import MotionGate
from edge.vision.zones import Zones
from hitonly_core.clock import NS

WIDTH, HEIGHT, RATE = 640, 360, 10
RNG = np.random.default_rng(7)
NOISE = [RNG.normal(0, 5, (HEIGHT, WIDTH, 3)) for _ in range(8)]
ROAD = np.full((HEIGHT, WIDTH, 3), 110.0) + RNG.normal(0, 15, (HEIGHT, WIDTH, 1))
"""A rough road, seen by a noisy sensor."""


@cache
def still(noise: int, light: float) -> Pixels:
    """Return the road in one of eight noises."""
    return np.clip(ROAD * light + NOISE[noise], 0, 255).astype(np.uint8)


def road(number: int, *, light: float = 1.0) -> Pixels:
    """Return frame `number` of an empty road."""
    return still(number * 5 % 8, light)


def with_vehicle(number: int, x: float, y: int = 200, *, shade: int = 60, light: float = 1.0) -> Pixels:
    """Return the road with a small vehicle whose left side is at x: 64 x 48 of 640 x 360 pixels."""
    pixels = road(number, light=light).copy()
    left, right = max(0, round(x)), min(WIDTH, round(x) + 64)
    pixels[y : y + 48, left:right] = min(255, round(shade * light))
    return pixels


def looks(gate: MotionGate, frames: Iterator[Pixels], *, first: int = 0) -> list[bool]:
    """Return what the gate says of each frame, `RATE` a second."""
    return [gate.moving(pixels, (first + number) * NS // RATE) for number, pixels in enumerate(frames)]


def settled(zones: Zones | None = None, *, seconds: int = 2) -> tuple[MotionGate, int]:
    """Return a gate that knows the empty road, and the number of the next frame."""
    gate = MotionGate(zones)
    looks(gate, (road(number) for number in range(seconds * RATE)))
    return gate, seconds * RATE


def test_the_first_frame_is_looked_at() -> None:
    """Nothing is known of it yet."""
    assert MotionGate().moving(road(0), 0)


def test_a_still_road_is_looked_at_every_three_seconds_only() -> None:
    """Sensor noise is no motion; the forced look keeps coming."""
    gate, first = settled()

    said = looks(gate, (road(number) for number in range(12 * RATE)), first=first)

    assert sum(said) == 4


@given(
    speed=st.floats(2, 400),
    shade=st.one_of(st.integers(0, 80), st.integers(140, 255)),
    y=st.integers(0, HEIGHT - 48),
    backwards=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_no_frame_of_a_passing_vehicle_is_missed(
    *, speed: float, shade: int, y: int, backwards: bool
) -> None:
    """Whatever its speed, brightness and place: every frame in which it is wholly in view is looked at."""
    gate, first = settled()
    count = min(4 * RATE, int((WIDTH - 64) / speed * RATE) + 1)
    places = [speed * number / RATE for number in range(count)]
    places = [WIDTH - 64 - x for x in places] if backwards else places

    said = looks(gate, (with_vehicle(n, x, y, shade=shade) for n, x in enumerate(places)), first=first)

    assert all(said)


def test_a_vehicle_that_has_just_stopped_is_still_looked_at() -> None:
    """Open for eight seconds after it came to rest; before long it is part of the road."""
    gate, first = settled()
    looks(gate, (with_vehicle(n, n * 5) for n in range(40)), first=first)

    said = looks(gate, (with_vehicle(n, 200) for n in range(25 * RATE)), first=first + 40)

    assert all(said[: 8 * RATE])
    assert sum(said[13 * RATE :]) <= 4


@pytest.mark.parametrize("speed", [6, 10, 30])
def test_a_creeping_queue_is_never_background(speed: float) -> None:
    """A vehicle that crawls stays motion; one that is slower still counts as standing, with its looks every 3 s."""
    gate, first = settled()

    frames = min(40 * RATE, int(450 / speed * RATE))
    said = looks(gate, (with_vehicle(n, 100 + n * speed / RATE) for n in range(frames)), first=first)

    assert all(said)


def test_rain_is_no_motion() -> None:
    """Drops and streaks that are smaller than any vehicle with a legible plate do not open the gate."""
    gate, first = settled()
    frames = [road(number).copy() for number in range(6 * RATE)]
    for pixels in frames:
        for x, y in RNG.integers(0, 320, (5, 2)):
            pixels[y : y + 8, 2 * x : 2 * x + 4] = 190

    assert sum(looks(gate, iter(frames), first=first)) <= 2


def test_a_finer_detector_is_given_smaller_vehicles() -> None:
    """With a detector twice as wide a vehicle half the size still opens the gate."""
    gate = MotionGate(detector_width=768)
    small = [np.kron(road(number)[::2, ::2], np.ones((4, 4, 1), np.uint8)) for number in range(8)]
    looks(gate, (small[number % 8] for number in range(2 * RATE)))
    passing = [small[number % 8].copy() for number in range(20)]
    for number, pixels in enumerate(passing):
        pixels[300:348, 20 + number * 16 : 84 + number * 16] = 30

    assert all(looks(gate, iter(passing), first=2 * RATE + 7))


@pytest.mark.parametrize("light", [0.5, 0.8, 1.2, 1.6])
def test_a_change_of_light_is_no_motion(light: float) -> None:
    """A cloud, a lamp or the camera's own exposure changes the whole picture: not a look for it."""
    gate, first = settled()
    said = looks(gate, (road(n, light=light) for n in range(2 * RATE)), first=first)

    assert sum(said) <= 1


@pytest.mark.parametrize("light", [0.5, 1.6])
def test_a_vehicle_just_after_a_change_of_light_is_seen(light: float) -> None:
    """One frame after the light changed, motion counts again."""
    gate, first = settled()
    gate.moving(road(0, light=light), first * NS // RATE)

    said = looks(gate, (with_vehicle(n, n * 8, light=light) for n in range(3, 20)), first=first + 1)

    assert all(said)


def test_unsteady_light_is_not_ignored_for_long() -> None:
    """When the whole picture goes on changing for over a second, it is looked at."""
    gate, first = settled()

    said = looks(gate, (road(n, light=0.5 + n % 2) for n in range(3 * RATE)), first=first)

    assert all(said[RATE + 1 :])


def test_motion_outside_the_zones_is_ignored_and_inside_is_not() -> None:
    """Trees and pavements can be excluded; a vehicle on the road still opens the gate."""
    lower_half = ((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0))
    for zones in (
        Zones(include=(lower_half,)),
        Zones(exclude=(((0.0, 0.0), (1.0, 0.0), (1.0, 0.5), (0.0, 0.5)),)),
    ):
        outside, first = settled(zones)
        above = looks(outside, (with_vehicle(n, n * 8, 60) for n in range(2 * RATE)), first=first)
        inside, first = settled(zones)
        below = looks(inside, (with_vehicle(n, n * 8, 220) for n in range(2 * RATE)), first=first)

        assert sum(above) <= 1
        assert all(below[3:])


def test_a_new_size_of_picture_is_looked_at() -> None:
    """A camera that changes its resolution is learned anew."""
    gate, first = settled()

    assert gate.moving(road(0)[::2, ::2].copy(), first * NS // RATE)


@pytest.mark.parametrize("shape", [(1, 1), (5, 700), (700, 5), (2160, 3840), (33, 33)])
def test_pictures_of_any_size(shape: tuple[int, int]) -> None:
    """No size of picture is too odd."""
    gate = MotionGate()
    pixels = RNG.integers(0, 255, (*shape, 3), np.uint8)

    assert [gate.moving(pixels, number * NS) for number in range(3)] == [True, True, False]
