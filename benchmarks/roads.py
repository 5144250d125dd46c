"""Roads on which forgetting is tried: the same traffic can be drawn with other plates of the same layout.

    people = cast(24, seed=1)                 # other=1: the same traffic, other plates on every non-hit
    scene = Scene(Road.STOPPED, people, seed=1, seconds=60)
    for picture, places in scene.frames(): ...

Everything but the characters on the unlisted plates is decided by the seed: the formats, colours, dirt and ways.
How a scene reaches the edge is in `benchmarks.feeds`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from itertools import count
from typing import Final

import cv2
import numpy as np

from benchmarks.canaries import FPS, HEIGHT, WIDTH, Box, Canary, draw_canaries
from benchmarks.drawing.plates import draw_plate
from edge.flow import Pixels

LISTED_EVERY: Final = 10
"""Canaries 0, 10, 20 ... are on the hot list."""
_FILLERS: Final = 40
"""Other plates, which take turns where traffic never pauses."""
FILLER: Final = 1_000_000
"""Numbers of canaries from here on are fillers'."""
_SHEET: Final = 12
_COLUMNS: Final = 4
_SHOWN: Final = 5
"""Frames that a sheet of plates is in view."""
_GAP: Final = 22
"""Empty frames after it: the tracker's gap is 2 s, so the next plate in the same place is another pass."""
_SPEED: Final = 24
"""Pixels a frame of what drives across."""
_HEADWAY: Final = 24
"""Frames between two vehicles of one lane."""
_STOP_S: Final = 20
_WHOLE: Final = 100
"""Percent of a body at which a plate's crop is kept whole, so that what the reader was given is known exactly."""
_BODY: Final = (150, 260)
_DARK: Final = 0.55


class Road(StrEnum):
    """What happens on a road."""

    SHEETS = "twelve plates at a time, then an empty road"
    STOPPED = "cars stop for 20 s and leave into traffic that never pauses"
    LIGHT = "the light changes while plates are in view, in traffic that never pauses"
    NEVER_QUIET = "traffic that never pauses, from the first frame on"
    ONE_CAR = "one car that is not listed, then stillness"


@dataclass(frozen=True, slots=True)
class Cast:
    """The plates of a scene: those that are looked for, and those that only keep the road busy."""

    canaries: tuple[Canary, ...]
    fillers: tuple[Canary, ...]

    @property
    def listed(self) -> list[Canary]:
        """The canaries on the hot list: the same in every drawing."""
        return list(self.canaries[::LISTED_EVERY])

    @property
    def unlisted(self) -> list[Canary]:
        """The canaries that must be forgotten."""
        return [canary for canary in self.canaries if canary.number % LISTED_EVERY]


def cast(plates: int, seed: int, *, other: int = 0) -> Cast:
    """Return the plates of a scene.

    Args:
        plates: how many canaries.
        seed: decides the formats, and all plates where `other` is 0.
        other: another number gives other characters, of the same format each, to all that are not listed.
    """
    drawn = draw_canaries(plates + _FILLERS, seed)
    taken = {canary.text for canary in drawn}
    rng = np.random.default_rng([seed, 77, other])
    cast_of = []
    for canary in drawn:
        number = canary.number if canary.number < plates else FILLER + canary.number
        listed = number < plates and number % LISTED_EVERY == 0
        groups = canary.groups
        while other and not listed and "".join(groups) in taken:
            groups = canary.form.number(rng)
        taken.add("".join(groups))
        cast_of.append(Canary(number, "".join(groups), canary.form, groups))
    return Cast(tuple(cast_of[:plates]), tuple(cast_of[plates:]))


@dataclass(frozen=True, slots=True)
class _Journey:
    """One vehicle's way: its left top corner at each frame, from `first` on."""

    canary: Canary
    first: int
    corners: Sequence[tuple[int, int]] = field(repr=False)
    size: int = 100

    def at(self, number: int) -> tuple[int, int] | None:
        place = number - self.first
        return self.corners[place] if 0 <= place < len(self.corners) else None


@dataclass(frozen=True)
class Scene:
    """A drawn road: `seconds` long, 1280 x 720, ten frames a second.

    Attributes:
        road: what happens.
        cast: who drives.
        seed: decides what is left to chance but the plates.
        seconds: its length; at least `shown_s`.
    """

    road: Road
    cast: Cast
    seed: int
    seconds: float

    @property
    def shown_s(self) -> float:
        """When the last canary has left the picture, seconds after the first frame."""
        return max(each.first + len(each.corners) for each in self._canary_journeys) / FPS

    def frames(self) -> Iterator[tuple[Pixels, list[tuple[Canary, Box]]]]:
        """Yield each picture, 720 x 1280 x 3 uint8 BGR, with the canaries whose plate is wholly in it."""
        for number in range(round(self.seconds * FPS)):
            picture = self._empty.copy()
            for journey in self._all:
                corner = journey.at(number)
                if corner is not None:
                    _paste(picture, self._sprite(journey), corner)
            yield self._lit(picture, number), self._places(number)

    def places(self) -> Iterator[list[tuple[Canary, Box]]]:
        """Yield of each frame the canaries whose plate is wholly in it, without drawing."""
        return (self._places(number) for number in range(round(self.seconds * FPS)))

    def _places(self, number: int) -> list[tuple[Canary, Box]]:
        found = []
        for journey in self._canary_journeys:
            corner = journey.at(number)
            if corner is None:
                continue
            left, top, right, bottom = _plate_box(journey.canary, journey.size)
            box = corner[0] + left, corner[1] + top, corner[0] + right, corner[1] + bottom
            if box[0] >= 0 and box[1] >= 0 and box[2] <= WIDTH and box[3] <= HEIGHT:
                found.append((journey.canary, box))
        return found

    def _lit(self, picture: Pixels, number: int) -> Pixels:
        if self.road is not Road.LIGHT or number >= self._light_frame:
            return picture
        return cv2.convertScaleAbs(picture, alpha=_DARK).astype(np.uint8)

    @cached_property
    def _empty(self) -> Pixels:
        rng = np.random.default_rng(self.seed)
        coarse = rng.integers(95, 125, (HEIGHT // 8, WIDTH // 8, 1), np.uint8).repeat(3, axis=2)
        return cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC).astype(np.uint8)

    @cached_property
    def _sprites(self) -> dict[tuple[int, int], Pixels]:
        return {}

    def _sprite(self, journey: _Journey) -> Pixels:
        key = journey.canary.number, journey.size
        if key not in self._sprites:
            self._sprites[key] = _vehicle(journey.canary, journey.size, self.seed)
        return self._sprites[key]

    @cached_property
    def _all(self) -> list[_Journey]:
        return self._canary_journeys + self._filler_journeys

    @cached_property
    def _canary_journeys(self) -> list[_Journey]:
        canaries = self.cast.canaries
        if self.road is Road.SHEETS:
            return _sheets(canaries)
        if self.road is Road.ONE_CAR:
            return [_across(canaries[0], 5, 300, 100), _across(canaries[1], 70, 300, 100)]
        if self.road is Road.STOPPED:
            stops = [_stopping(canary, 80, top) for canary, top in zip(canaries[1:3], _LANES, strict=False)]
            return [_across(canaries[0], 5, _LANES[0], 160), *stops]
        # A plate's way begins wholly in view where it is the first frame that is tried.
        first = -8 if self.road is Road.NEVER_QUIET else 5
        return [
            _across(canary, first + place // 2 * _HEADWAY, _LANES[place % 2], _WHOLE)
            for place, canary in enumerate(canaries)
        ]

    @property
    def _light_frame(self) -> int:
        """When the light comes: the last canaries are in the middle of the picture."""
        return self._canary_journeys[-1].first + 30

    @cached_property
    def _filler_journeys(self) -> list[_Journey]:
        """Traffic without a pause, in the lanes and right behind the last canaries."""
        if self.road in {Road.SHEETS, Road.ONE_CAR}:
            return []
        if self.road is Road.STOPPED:
            begin = 80 + _WAY_IN + _STOP_S * FPS + 6
        else:
            begin = self._canary_journeys[-1].first + _HEADWAY
        journeys: list[_Journey] = []
        for place in count():
            first = begin + place // 2 * _HEADWAY
            if first > self.seconds * FPS:
                return journeys
            filler = self.cast.fillers[place % len(self.cast.fillers)]
            top = _LANES[place % 2] + _LOWER.get(self.road, 0)
            journeys.append(_across(filler, first, top, _WHOLE))
        return journeys


_LANES: Final = (60, 400)
"""Tops of the bodies of the two lanes that are driven across."""
_LOWER: Final = {Road.STOPPED: 90, Road.LIGHT: 30}
"""Traffic behind the canaries drives so much lower: where their plates were, only bodies and road come again."""
_STAND: Final = 420
"""Left side of a body that has stopped."""
_WAY_IN: Final = (_STAND + 416) // _SPEED


def _sheets(canaries: Sequence[Canary]) -> list[_Journey]:
    return [
        _Journey(
            canary,
            place // _SHEET * (_SHOWN + _GAP),
            [_corner(place % _SHEET, step) for step in range(_SHOWN)],
        )
        for place, canary in enumerate(canaries)
    ]


def _corner(place: int, step: int) -> tuple[int, int]:
    return (
        place % _COLUMNS * (WIDTH // _COLUMNS) + 20 + 4 * step,
        place // _COLUMNS * (HEIGHT * _COLUMNS // _SHEET) + 30 + 6 * step,
    )


def _across(canary: Canary, first: int, top: int, size: int) -> _Journey:
    width = _BODY[1] * size // 100
    return _Journey(canary, first, [(left, top) for left in range(-width, WIDTH, _SPEED)], size)


def _stopping(canary: Canary, first: int, top: int) -> _Journey:
    way = list(range(-416, _STAND, _SPEED)) + [_STAND] * (_STOP_S * FPS) + list(range(_STAND, WIDTH, _SPEED))
    return _Journey(canary, first, [(left, top) for left in way], 160)


def _plate_box(canary: Canary, size: int) -> Box:
    width = (180 if canary.form.size[0] > 400 else 140) * size // 100
    height = round(canary.form.size[1] * width / canary.form.size[0])
    left, top = (_BODY[1] * size // 100 - width) // 2, 60 * size // 100
    return left, top, left + width, top + height


def _vehicle(canary: Canary, size: int, seed: int) -> Pixels:
    """Return a bumper with its plate; at a size of 100 it is 260 x 150 pixels."""
    rng = np.random.default_rng([seed, canary.number])
    colour = tuple(int(value) for value in rng.integers(20, 110, 3))
    body = np.full((*_BODY, 3), colour, np.uint8)
    cv2.rectangle(body, (0, 0), (259, 30), tuple(value // 2 for value in colour), -1)
    cv2.ellipse(body, (25, 60), (18, 12), 0, 0, 360, (60, 60, 200), -1)
    cv2.ellipse(body, (235, 60), (18, 12), 0, 0, 360, (60, 60, 200), -1)
    height, width = (side * size // 100 for side in _BODY)
    body = cv2.resize(body, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.uint8)
    left, top, right, bottom = _plate_box(canary, size)
    plate = draw_plate(canary.form, canary.groups, rng)
    body[top:bottom, left:right] = cv2.resize(
        plate, (right - left, bottom - top), interpolation=cv2.INTER_AREA
    )
    return body


def _paste(picture: Pixels, body: Pixels, corner: tuple[int, int]) -> None:
    left, top = corner
    height, width = body.shape[:2]
    first, last = max(0, left), min(WIDTH, left + width)
    if last > first:
        picture[top : top + height, first:last] = body[:, first - left : last - left]
