"""Cameras that send pictures and show nothing, and roads that fall quiet: what is said, and what it cannot tell."""

import random
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from edge.capture.blank import Shows, what_shows
from edge.capture.sight import PERIODS, Sight
from edge.flow import Pixels
from edge.runtime.rhythm import Road
from hitonly_core.clock import NS

HOUR = 3600 * NS


def noisy(colour: tuple[int, int, int], spread: float, size: tuple[int, int]) -> Pixels:
    """Return an even picture under sensor noise."""
    noise = np.random.default_rng(4).normal(0, spread, (*size, 3))
    return np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)


def as_jpeg(picture: Pixels) -> Pixels:
    """Return a picture as a camera's coder leaves it."""
    coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 50])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)


@pytest.mark.parametrize("coder", [lambda picture: picture, as_jpeg], ids=["raw", "jpeg"])
@pytest.mark.parametrize("size", [(200, 352), (576, 704), (1080, 1920)])
@pytest.mark.parametrize("spread", [0, 2, 6, 15, 30])
@pytest.mark.parametrize("colour", [(0, 0, 0), (16, 16, 16), (0, 135, 0), (128, 128, 128), (255, 255, 255)])
def test_one_even_colour_shows_nothing_under_any_noise(
    colour: tuple[int, int, int], spread: float, size: tuple[int, int], coder: Callable[[Pixels], Pixels]
) -> None:
    """Black, grey, green, white; a clean one and a lens cap with the gain turned up."""
    assert what_shows(coder(noisy(colour, spread, size))) is not Shows.SOMETHING


def test_a_clock_written_into_a_black_picture_is_no_scene() -> None:
    """Many cameras write time and name at the top or bottom, whatever the lens shows."""
    picture = noisy((5, 5, 5), 3, (720, 1280))
    cv2.putText(picture, "2031-02-03 04:05:06 CAM", (20, 40), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (255,) * 3, 2)
    assert what_shows(picture) is Shows.DARK


@pytest.mark.parametrize("size", [(240, 320), (720, 1280), (1080, 1920)])
@pytest.mark.parametrize("spread", [0, 4, 12])
def test_a_lamp_a_plate_or_a_dim_road_is_a_scene(size: tuple[int, int], spread: float) -> None:
    """Little light is not none: a far lamp, a plate that shines back, a road a few steps brighter than the sky."""
    lamp, plate, road = (noisy((8, 8, 8), spread, size) for _ in range(3))
    height, width = size
    cv2.circle(lamp, (width // 2, height // 2), width // 60, (230, 230, 230), -1)
    plate[height // 2 : height // 2 + height // 30, width // 3 : width // 3 + width // 14] += np.uint8(150)
    road[height // 2 :] += np.uint8(30)
    assert [what_shows(each) for each in (lamp, plate, road)] == [Shows.SOMETHING] * 3


def verdicts(dark: Callable[[float], bool], seconds: int) -> list[tuple[int, bool]]:
    """Return when a verdict changed, s, and to what: four pictures a second."""
    sight, told = Sight(60 * NS), [(0, False)]
    for quarter in range(seconds * 4):
        at = quarter / 4
        sight.add(round(at * NS) + NS, blank=dark(at), still=False)
        if sight.blank is not told[-1][1]:
            told.append((int(at), sight.blank))
    return told[1:]


def test_a_lens_covered_by_day_is_known_within_minutes_and_so_is_its_end() -> None:
    """The lens is covered after 25 minutes and cleared after 70."""
    (covered, blank), (cleared, still_blank) = verdicts(lambda at: 1500 <= at < 4200, 7200)
    assert blank
    assert not still_blank
    assert 1500 + 60 <= covered <= 1500 + 121
    assert 4200 + 60 * PERIODS <= cleared <= 4200 + 60 * (PERIODS + 2)


def test_a_camera_that_is_black_from_its_start_is_named_after_its_first_minute() -> None:
    """There is nothing to compare with."""
    assert verdicts(lambda _at: True, 300) == [(60, True)]


def test_no_vehicle_on_a_dark_road_changes_a_verdict() -> None:
    """Lights for five seconds at random times, on a road dark from the start or from minute 15."""
    for seed in range(4):
        chance = random.Random(seed)
        cars = [chance.uniform(1100, 3 * 3600) for _ in range(chance.randrange(60))]
        lit = {int(car) + second for car in cars for second in range(5)}
        for night in (0, 900):

            def with_cars(at: float, night: int = night, lit: set[int] = lit) -> bool:
                return at >= night and int(at) not in lit

            def without(at: float, night: int = night) -> bool:
                return at >= night

            assert verdicts(with_cars, 3 * 3600) == verdicts(without, 3 * 3600)


def days(road: Road, reads: Callable[[int], int], hours: range, *, begun: int = 0) -> list[int]:
    """Run a road by the hour; return the hours at whose end it was quiet."""
    total, quiet = 0, []
    for hour in hours:
        total += reads(hour)
        road.turn((hour + 1) * HOUR + begun, total, well=True)
        if road.quiet:
            quiet.append(hour)
    return quiet


def busy(hour: int) -> int:
    """Return the reads of an ordinary road: none at night, 60 an hour by day."""
    return 60 if 6 <= hour % 24 < 22 else 2


def test_a_road_that_had_reads_and_has_none_is_quiet() -> None:
    """The camera is turned away in the tenth day's noon: said within a day. Its nights before were never quiet."""
    turned = 9 * 24 + 12
    quiet = days(Road(HOUR, 20, 0), lambda hour: busy(hour) if hour < turned else 0, range(14 * 24))
    assert quiet
    assert turned + 12 <= quiet[0] <= turned + 24
    assert quiet == list(range(quiet[0], 14 * 24))


def test_a_road_with_few_cars_is_judged_by_the_day() -> None:
    """Eight an hour is never a busy hour, and always a busy day; it stops on the twelfth."""
    quiet = days(Road(HOUR, 20, 0), lambda hour: 8 if hour < 12 * 24 else 0, range(24 * 24))
    assert quiet
    assert 14 * 24 <= quiet[0] <= 18 * 24


@pytest.mark.parametrize(
    "reads",
    [busy, lambda _hour: 0, lambda _hour: 1, lambda hour: busy(hour) if (hour // 24) % 7 < 5 else 0],
    ids=["ordinary", "never any", "hardly any", "weekdays"],
)
def test_a_road_in_its_habits_is_not_quiet_for_long(reads: Callable[[int], int]) -> None:
    """Nights, empty roads and, once they are known, weekends are no fault."""
    assert [hour for hour in days(Road(HOUR, 20, 0), reads, range(60 * 24)) if hour > 15 * 24] == []


def test_one_fault_is_no_habit() -> None:
    """A camera that was covered for four days, and is covered again later, is named again as soon as before."""

    def reads(hour: int) -> int:
        return 0 if 10 * 24 <= hour < 14 * 24 or hour >= 20 * 24 else busy(hour)

    quiet = days(Road(HOUR, 20, 0), reads, range(26 * 24))
    first = quiet[0] - 10 * 24
    again = next(hour for hour in quiet if hour >= 20 * 24) - 20 * 24
    assert first == again


def test_moving_vehicles_within_their_hours_changes_nothing() -> None:
    """What is told goes by the number in each hour, above and below 20: no time within it enters."""
    road, other = Road(HOUR, 20, 0), Road(HOUR, 20, 0)
    chance, one, two = random.Random(7), 0, 0
    for hour in range(20 * 24):
        passed = busy(hour) if hour < 15 * 24 else 0
        for part in range(12):
            one += passed // 12
            two += passed // 12 if chance.random() < 0.5 else 0
            now = hour * HOUR + part * HOUR // 12
            road.turn(now, one, well=True)
            other.turn(now, two, well=True)
            assert part == 0 or road.quiet is other.quiet
        two = one


def test_hours_without_a_picture_are_not_held_against_the_road() -> None:
    """A camera that was offline for days has a state of its own; the road is not quiet for it."""
    road = Road(HOUR, 20, 0)
    days(road, busy, range(10 * 24))
    for hour in range(10 * 24, 16 * 24):
        road.turn((hour + 1) * HOUR, 10**6, well=False)
        assert not road.quiet
